//! `cra history`: the events of one CRA, read from the log.

use cra_contracts::v1;

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, HistoryArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: HistoryArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let request = v1::GetCraHistoryRequest { cra_id: args.cra_id.clone() };
    let answer = connection.answer(connection.ingestion().get_cra_history(within_deadline(request)).await)?;
    output.answer(args.json, &answer, |style| render::history::page(&args.cra_id, &answer.events, style))?;
    Ok(Outcome::Done)
}
