//! `cra stats`: the statistics of a selection, at one position of the log.

use cra_contracts::{json, v1};

use super::{Outcome, compared};
use crate::args::{EndpointArgs, StatsArgs};
use crate::client::{ClientError, Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(
    args: StatsArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    if let Some(with) = args.compare {
        return compared::statistics(&args, with, &connection, output).await;
    }
    let selection = args.selection.to_message();
    let answer = ask(&connection, selection.clone(), args.consistency.to_message()).await?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        output.write(&render::statistics::page(&selection, &answer, output.style()))?;
    }
    Ok(Outcome::Done)
}

/// The statistics of a selection.
pub(crate) async fn ask(
    connection: &Connection,
    selection: v1::Selection,
    consistency: v1::Consistency,
) -> Result<v1::GetStatisticsResponse, ClientError> {
    let request = v1::GetStatisticsRequest { selection: Some(selection), consistency: Some(consistency) };
    connection.answer(connection.statistics().get_statistics(within_deadline(request)).await)
}
