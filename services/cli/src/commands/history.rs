//! `cra history`: the events of one CRA, read from the log.

use cra_contracts::{json, v1};

use super::Outcome;
use crate::args::{EndpointArgs, HistoryArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(
    args: HistoryArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let request = v1::GetCraHistoryRequest { cra_id: args.cra_id.clone() };
    let answer = connection.answer(connection.ingestion().get_cra_history(within_deadline(request)).await)?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        output.write(&render::history::page(&args.cra_id, &answer.events, output.style()))?;
    }
    Ok(Outcome::Done)
}
