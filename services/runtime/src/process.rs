//! Runs a server process: settings, logs, signals, then the service that its `main` supplies.

use std::io::{self, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::ServerArgs;
use crate::config;
use crate::reload;
use crate::serve::DrainOutcome;
use crate::shutdown::Shutdown;
use crate::telemetry::{self, TelemetrySettings};

/// Runs a service until SIGTERM or SIGINT, with its files readable by its user only; a failure to start is reported on
/// one line.
///
/// The result of the drain is logged and does not change the exit code: either way everything acknowledged is recorded.
pub async fn run<S, R>(
    args: &ServerArgs,
    telemetry_of: impl FnOnce(&S) -> &TelemetrySettings,
    service: impl FnOnce(S, Shutdown) -> R,
) -> ExitCode
where
    S: DeserializeOwned + Serialize,
    R: Future<Output = anyhow::Result<DrainOutcome>>,
{
    cra_private::restrict_new_files();
    cra_private::descriptors::raise();
    match run_inner(args, telemetry_of, service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logs may not be set up yet.
            let _ = writeln!(io::stderr(), "error: {}", error_chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run_inner<S, R>(
    args: &ServerArgs,
    telemetry_of: impl FnOnce(&S) -> &TelemetrySettings,
    service: impl FnOnce(S, Shutdown) -> R,
) -> anyhow::Result<()>
where
    S: DeserializeOwned + Serialize,
    R: Future<Output = anyhow::Result<DrainOutcome>>,
{
    let settings: S = args.load()?;
    if args.print_config {
        io::stdout().write_all(config::print(&settings)?.as_bytes())?;
        return Ok(());
    }
    let telemetry = telemetry::init(telemetry_of(&settings))?;
    let links = config::service_links();
    if !links.is_empty() {
        tracing::info!(
            variables = links.join(" "),
            "ignored: variables that an orchestrator derived from its services; enableServiceLinks: false avoids them"
        );
    }
    reload::keep_running_at_hangup();
    let drained = service(settings, Shutdown::on_signal()?).await;
    telemetry.end().await;
    tracing::info!(drained = ?drained?, "left");
    Ok(())
}

/// An error and its causes on one line. Many errors include their cause: a cause that ends the text is not repeated.
#[must_use]
pub fn error_chain(error: &anyhow::Error) -> String {
    error.chain().skip(1).fold(error.to_string(), |reported, cause| {
        let cause = cause.to_string();
        if reported.ends_with(&cause) { reported } else { format!("{reported}: {cause}") }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("keys.json cannot be read: {source}")]
    struct Unreadable {
        source: io::Error,
    }

    #[test]
    fn each_cause_of_an_error_is_reported_once() {
        let source = io::Error::other("no such file");
        let error = Err::<(), _>(Unreadable { source }).context("identity cannot be set up").unwrap_err();
        assert_eq!(error_chain(&error), "identity cannot be set up: keys.json cannot be read: no such file");
    }
}
