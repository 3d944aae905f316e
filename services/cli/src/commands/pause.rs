//! `cra pause` and `cra resume`: stop and resume the application of events. Queries are answered in both states.

use cra_contracts::v1;

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, PauseArgs, ResumeArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render::text::thousands;

pub(crate) async fn pause(args: PauseArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = within_deadline(v1::PauseRequest { reason: args.reason });
    let answer = connection.answer(connection.operations().pause(request).await)?;
    let position = thousands(answer.applied_position);
    let paused = format!("paused at position {position}; `cra resume` continues from there\n");
    output.answer(args.json, &answer, |_| paused)?;
    Ok(Outcome::Done)
}

pub(crate) async fn resume(args: ResumeArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = within_deadline(v1::ResumeRequest {});
    let answer = connection.answer(connection.operations().resume(request).await)?;
    let resumed = format!("resumed at position {}\n", thousands(answer.applied_position));
    output.answer(args.json, &answer, |_| resumed)?;
    Ok(Outcome::Done)
}
