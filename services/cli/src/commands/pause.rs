//! `cra pause` and `cra resume`: stop and resume the application of events. Queries are answered in both states.

use cra_contracts::{json, v1};

use super::Outcome;
use crate::args::{EndpointArgs, PauseArgs, ResumeArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render::text::thousands;

pub(crate) async fn pause(
    args: PauseArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = within_deadline(v1::PauseRequest { reason: args.reason });
    let answer = connection.answer(connection.operations().pause(request).await)?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        let position = thousands(answer.applied_position);
        output.line(&format!("paused at position {position}; `cra resume` continues from there"))?;
    }
    Ok(Outcome::Done)
}

pub(crate) async fn resume(
    args: ResumeArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = within_deadline(v1::ResumeRequest {});
    let answer = connection.answer(connection.operations().resume(request).await)?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        output.line(&format!("resumed at position {}", thousands(answer.applied_position)))?;
    }
    Ok(Outcome::Done)
}
