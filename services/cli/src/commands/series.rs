//! `cra series`: the figures of each period of a selection.

use cra_contracts::{json, v1};

use super::Outcome;
use crate::args::{EndpointArgs, SeriesArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(
    args: SeriesArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let selection = args.selection.to_message();
    anyhow::ensure!(
        !selection.from.is_empty() && !selection.to.is_empty(),
        "a series needs both days: --from 2024-01-01 --to 2024-12-31, or --month 2024-03"
    );
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = v1::GetTimeSeriesRequest {
        selection: Some(selection.clone()),
        granularity: args.by.into(),
        consistency: Some(args.consistency.to_message()),
    };
    let answer =
        connection.answer(connection.statistics().get_time_series(within_deadline(request)).await)?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        output.write(&render::series::page(&selection, args.by, &answer, output.look()))?;
    }
    Ok(Outcome::Done)
}
