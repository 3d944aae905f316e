//! `cra stats`: the statistics of a selection, at one position of the log.

use cra_contracts::json;

use super::{Outcome, compared, figures};
use crate::args::{EndpointArgs, StatsArgs};
use crate::client::{Connection, Service};
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
    let answer = figures::statistics(&connection, selection.clone(), args.consistency.to_message()).await?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        output.write(&render::statistics::page(&selection, &answer, output.style()))?;
    }
    Ok(Outcome::Done)
}
