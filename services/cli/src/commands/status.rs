//! `cra status`: where the projection stands in the log.

use cra_contracts::{json, v1};

use super::Outcome;
use crate::args::{EndpointArgs, StatusArgs};
use crate::client::{ClientError, Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(
    args: StatusArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let connection = Connection::open(Service::Projection, &endpoints.projection_url).await?;
    let answer = ask(&connection).await?;
    if args.json {
        output.json(&json::to_value(&answer))?;
    } else {
        output.write(&render::status::page(&answer, output.look()))?;
    }
    Ok(Outcome::Done)
}

/// Where the projection stands.
pub(crate) async fn ask(connection: &Connection) -> Result<v1::GetStatusResponse, ClientError> {
    let request = within_deadline(v1::GetStatusRequest {});
    connection.answer(connection.operations().get_status(request).await)
}
