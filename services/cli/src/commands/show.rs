//! `cra show`: one CRA, as it is now or as of a position of the log.

use cra_contracts::v1;

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, ShowArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: ShowArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = v1::GetCraRequest { cra_id: args.cra_id, consistency: Some(args.consistency.to_message()) };
    let answer = connection.answer(connection.statistics().get_cra(within_deadline(request)).await)?;
    output.answer(args.json, &answer, |style| render::records::page(&answer, style))?;
    Ok(Outcome::Done)
}
