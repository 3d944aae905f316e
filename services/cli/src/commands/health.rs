//! `cra health`: whether the services say that they can be asked, for probes of containers and for people.

use serde_json::json;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::Outcome;
use crate::args::{EndpointArgs, HealthArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;

pub(crate) async fn run(
    args: HealthArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::Done;
    for service in args.service.map_or(vec![Service::Ingestion, Service::Projection], |one| vec![one.into()])
    {
        let connection = Connection::to(service, endpoints).await?;
        let request = within_deadline(HealthCheckRequest::default());
        let status = match connection.health().check(request).await {
            Ok(answer) => answer.into_inner().status(),
            // It leaves: by then it knows no service any more.
            Err(status) if status.code() == Code::NotFound => ServingStatus::NotServing,
            Err(status) => return Err(connection.failure(status).into()),
        };
        if status != ServingStatus::Serving {
            outcome = Outcome::NotServing;
        }
        let status = status.as_str_name();
        if args.json {
            output.json(&json!({ "service": service.name(), "status": status }))?;
        } else {
            output.line(&format!("{:<11} {status}", service.name()))?;
        }
    }
    Ok(outcome)
}
