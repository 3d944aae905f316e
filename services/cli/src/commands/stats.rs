//! `cra stats`: the statistics of a selection, at one position of the log.

use super::{CommandResult, Outcome, compared, figures};
use crate::args::{EndpointArgs, StatsArgs};
use crate::client::{Connection, Service};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: StatsArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    if let Some(with) = args.compare {
        return compared::statistics(&args, with, &connection, output).await;
    }
    let selection = args.query.selection.to_message();
    let answer =
        figures::statistics(&connection, selection.clone(), args.query.consistency.to_message()).await?;
    output.answer(args.query.json, &answer, |style| render::statistics::page(&selection, &answer, style))?;
    Ok(Outcome::Done)
}
