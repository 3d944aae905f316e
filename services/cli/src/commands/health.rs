//! `cra health`: whether the services are ready, for container probes and for people.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, HealthArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;

const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) async fn run(args: HealthArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    if let Some(url) = args.probe {
        let status = tokio::task::spawn_blocking(move || probed(&url)).await??;
        return shown(output, "probe", status, args.json);
    }
    let mut outcome = Outcome::Done;
    for service in args.service.map_or(vec![Service::Ingestion, Service::Projection], |one| vec![one]) {
        let connection = Connection::to(service, endpoints).await?;
        let request = within_deadline(HealthCheckRequest::default());
        let status = match connection.health().check(request).await {
            Ok(answer) => answer.into_inner().status(),
            // The service is shutting down: it has already removed its services.
            Err(status) if status.code() == Code::NotFound => ServingStatus::NotServing,
            Err(status) => return Err(connection.failure(status).into()),
        };
        if let Outcome::NotServing = shown(output, service.name(), status, args.json)? {
            outcome = Outcome::NotServing;
        }
    }
    Ok(outcome)
}

/// Requests `/readyz` of a process, which answers 200 or 503.
fn probed(url: &str) -> anyhow::Result<ServingStatus> {
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(PROBE_TIMEOUT))
        .build()
        .into();
    let answer = agent.get(&url).call().with_context(|| format!("{url} does not answer"))?;
    match answer.status().as_u16() {
        200 => Ok(ServingStatus::Serving),
        503 => Ok(ServingStatus::NotServing),
        other => {
            anyhow::bail!("{url} answers {other}, expected 200 or 503: is this the port of the metrics?")
        }
    }
}

/// Writes the health of a service or process.
fn shown(output: &mut Output, name: &str, status: ServingStatus, in_json: bool) -> CommandResult {
    let outcome = if status == ServingStatus::Serving { Outcome::Done } else { Outcome::NotServing };
    let status = status.as_str_name();
    let json = || json!({ "service": name, "status": status });
    output.either(in_json, json, |_| format!("{name:<11} {status}\n"))?;
    Ok(outcome)
}
