//! `cra series`: the figures of each period of a selection.

use cra_contracts::v1;

use super::{CommandResult, Outcome, compared, figures};
use crate::args::{EndpointArgs, SeriesArgs};
use crate::client::{Connection, Service};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: SeriesArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    if let Some(with) = args.compare {
        let connection = Connection::to(Service::Projection, endpoints).await?;
        return compared::series(&args, with, &connection, output).await;
    }
    let selection = args.query.selection.to_message();
    check_days(&selection)?;
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let answer =
        figures::series(&connection, selection.clone(), args.by, args.query.consistency.to_message()).await?;
    output.answer(args.query.json, &answer, |style| {
        render::series::page(&selection, args.by, &answer, style)
    })?;
    Ok(Outcome::Done)
}

/// Checked before the service is called: a series is divided between its first and its last day.
pub(super) fn check_days(selection: &v1::Selection) -> anyhow::Result<()> {
    anyhow::ensure!(
        !selection.from.is_empty() && !selection.to.is_empty(),
        "a series needs both days: --from 2024-01-01 --to 2024-12-31, or a period such as --month 2024-03 or \
         --year 2024"
    );
    Ok(())
}
