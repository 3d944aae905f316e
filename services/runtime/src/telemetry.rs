//! Logs of the process: one line per event on standard error, as text or JSON; and, if enabled, traces.
//!
//! Logs never contain content of a CRA: no payload, no field value, no request message; only ids, positions, reasons,
//! counts and durations. Spans are created in [`crate::traces`], metrics in [`crate::metrics`].

use std::env;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _};

use crate::terminal;
use crate::traces::{self, Sender, TracesError};

/// The first one that is set overrides the configured filter.
const FILTER_VARIABLES: [&str; 2] = ["CRA_LOG", "RUST_LOG"];

/// Settings of logs, metrics and traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Text for people, JSON for collectors.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `info,cra_ingestion=debug`.
    pub log_filter: String,
    /// Address of `GET /metrics` over HTTP; without it, metrics are off. With port 0 the system chooses a port.
    pub metrics_listen: Option<SocketAddr>,
    /// Collector of traces, OTLP over gRPC: `http://HOST:4317`. Without it, traces are off.
    #[serde(deserialize_with = "cra_private::url::read_anonymous")]
    pub traces_endpoint: Option<String>,
    /// How many of a thousand traces that begin here are recorded; for a caller's trace, the caller decides.
    pub traces_per_mille: u16,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            metrics_listen: None,
            traces_endpoint: None,
            traces_per_mille: 10,
        }
    }
}

/// Format of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    Text,
    /// One object per line.
    Json,
}

/// Why logs or traces cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is invalid.
    #[error(
        "the log filter `{filter}` in {origin} is not valid: {source}; expected, for example, `info,cra_ingestion=debug`"
    )]
    Filter {
        /// The filter as given.
        filter: String,
        /// Its source: a variable or the configuration.
        origin: &'static str,
        /// The parser's error.
        source: ParseError,
    },
    /// Traces cannot be sent to the endpoint.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Logs were set up before.
    #[error("logs are set up twice in one process: {0}")]
    SetUpTwice(#[from] TryInitError),
}

/// Logs and traces of the process.
#[must_use = "traces are sent until this is ended"]
pub struct Telemetry(Option<Sender>);

impl Telemetry {
    /// Sends the remaining traces, for a bounded time.
    pub async fn end(self) {
        if let Some(sender) = self.0 {
            // A panic there does not concern the caller.
            let _ = tokio::task::spawn_blocking(|| sender.end()).await;
        }
    }
}

/// Sets up the logs and traces of the whole process, within the tokio runtime. Call it once, in `main`; not in a
/// service's `run`, because two services may run in one process.
pub fn init(settings: &TelemetrySettings) -> Result<Telemetry, TelemetryError> {
    let filter = filter(settings, |name| env::var(name).ok())?;
    // If standard error is closed, reporting that on standard error would panic.
    let lines = tracing_subscriber::fmt::layer().log_internal_errors(false).with_writer(io::stderr);
    let lines = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => lines
            .with_ansi(io::stderr().is_terminal() && terminal::supports_colours())
            .with_filter(filter)
            .boxed(),
    };
    let endpoint = settings.traces_endpoint.as_deref();
    let sender = endpoint.map(|endpoint| Sender::begin(endpoint, settings.traces_per_mille)).transpose()?;
    let spans = sender.as_ref().map(|sender| {
        let ours = filter_fn(|metadata| metadata.is_span() && metadata.target() == traces::TARGET);
        tracing_opentelemetry::layer()
            .with_location(false)
            .with_threads(false)
            .with_tracer(sender.tracer())
            .with_filter(ours)
    });
    tracing_subscriber::registry().with(lines).with(spans).try_init()?;
    Ok(Telemetry(sender))
}

fn filter(
    settings: &TelemetrySettings,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<EnvFilter, TelemetryError> {
    let from_environment = FILTER_VARIABLES.iter().find_map(|&name| {
        let text = variable(name).filter(|text| !text.is_empty())?;
        Some((text, name))
    });
    let (filter, origin) =
        from_environment.unwrap_or_else(|| (settings.log_filter.clone(), "`telemetry.log_filter`"));
    EnvFilter::try_new(&filter).map_err(|source| TelemetryError::Filter { filter, origin, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter_with(variables: &[(&str, &str)]) -> Result<String, TelemetryError> {
        let settings = TelemetrySettings { log_filter: "warn".to_owned(), ..TelemetrySettings::default() };
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        filter(&settings, variable).map(|filter| filter.to_string())
    }

    #[test]
    fn the_environment_overrides_the_configured_filter() {
        assert_eq!(filter_with(&[]).unwrap(), "warn");
        assert_eq!(filter_with(&[("RUST_LOG", "debug")]).unwrap(), "debug");
        assert_eq!(filter_with(&[("RUST_LOG", "debug"), ("CRA_LOG", "trace")]).unwrap(), "trace");
        assert_eq!(filter_with(&[("CRA_LOG", "")]).unwrap(), "warn");
    }

    #[test]
    fn an_invalid_filter_is_refused_with_its_source() {
        let error = filter_with(&[("CRA_LOG", "info,cra=loud")]).unwrap_err().to_string();
        assert!(error.contains("CRA_LOG") && error.contains("info,cra=loud"), "{error}");
    }
}
