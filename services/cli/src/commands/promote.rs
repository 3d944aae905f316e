//! `cra promote`: serves another generation of the read models.

use cra_contracts::v1;

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, PromoteArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: PromoteArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = v1::PromoteRequest { generation: args.generation.clone() };
    let answer = connection.answer(connection.operations().promote(within_deadline(request)).await)?;
    output.answer(args.json, &answer, |style| render::replay::promoted(&args.generation, &answer, style))?;
    Ok(Outcome::Done)
}
