//! Logs of the process: one line per event on standard error, as text or JSON; and, where it is asked for, traces.
//!
//! Logs never carry what a CRA holds: no payload, no field value, no request message; ids, positions,
//! reasons, counts and durations only. Spans are made elsewhere ([`crate::traces`]), metrics
//! counted elsewhere: [`crate::metrics`].

use std::env;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{ParseError, filter_fn};
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _};

use crate::terminal;
use crate::traces::{self, Sender};

/// The first that is set wins over the configuration's filter.
const FILTER_VARIABLES: [&str; 2] = ["CRA_LOG", "RUST_LOG"];

/// How logs are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// Text for people, JSON for collectors.
    pub log_format: LogFormat,
    /// What is logged, such as `info` or `info,cra_ingestion=debug`.
    pub log_filter: String,
    /// Where `GET /metrics` is answered over HTTP; without it, nowhere. Port 0 lets the system choose one.
    pub metrics_listen: Option<SocketAddr>,
    /// Collector that traces are sent to, OTLP over gRPC: `http://HOST:4317`. Without it there are none.
    #[serde(deserialize_with = "cra_private::url::read_anonymous")]
    pub traces_endpoint: Option<String>,
    /// Of the traces that begin here, how many in a thousand are recorded; one that a caller began is when the caller says so.
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

/// Form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    Text,
    /// One object per line.
    Json,
}

/// Why logs cannot be written as asked.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error(
        "the log filter `{filter}` in {origin} is not valid: {source}; expected, for example, `info,cra_ingestion=debug`"
    )]
    Filter {
        /// The filter as it was given.
        filter: String,
        /// Where: a variable or the configuration.
        origin: &'static str,
        /// What the parser said.
        source: ParseError,
    },
    /// Traces cannot be sent there.
    #[error("traces cannot be sent to `{endpoint}` of `telemetry.traces_endpoint`: {reason}")]
    Traces {
        /// As it was given.
        endpoint: String,
        /// What does not do.
        reason: String,
    },
    /// Logs were set up before.
    #[error("logs are set up twice in one process: {0}")]
    SetUpTwice(#[from] TryInitError),
}

/// Logs and traces of the process, as they were set up.
#[must_use = "traces are sent until this is ended"]
pub struct Telemetry(Option<Sender>);

impl Telemetry {
    /// Sends the traces that are left, for a bounded time.
    pub async fn end(self) {
        if let Some(sender) = self.0 {
            // A panic there concerns nobody who waits here.
            let _ = tokio::task::spawn_blocking(|| sender.end()).await;
        }
    }
}

/// Sets the logs and traces of the whole process up, within the tokio runtime. For `main`, once; not for a service's `run`, which may run beside
/// another in one process.
pub fn init(settings: &TelemetrySettings) -> Result<Telemetry, TelemetryError> {
    let filter = filter(settings, |name| env::var(name).ok())?;
    // Where standard error is gone, telling so on standard error would panic in whatever logged.
    let lines = tracing_subscriber::fmt::layer().log_internal_errors(false).with_writer(io::stderr);
    let lines = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => lines
            .with_ansi(io::stderr().is_terminal() && terminal::takes_colours())
            .with_filter(filter)
            .boxed(),
    };
    let sender = Sender::begin(settings)?;
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
    fn the_environment_wins_over_the_configured_filter() {
        assert_eq!(filter_with(&[]).unwrap(), "warn");
        assert_eq!(filter_with(&[("RUST_LOG", "debug")]).unwrap(), "debug");
        assert_eq!(filter_with(&[("RUST_LOG", "debug"), ("CRA_LOG", "trace")]).unwrap(), "trace");
        assert_eq!(filter_with(&[("CRA_LOG", "")]).unwrap(), "warn");
    }

    #[test]
    fn a_filter_that_is_not_one_is_refused_with_where_it_was_given() {
        let error = filter_with(&[("CRA_LOG", "info,cra=loud")]).unwrap_err().to_string();
        assert!(error.contains("CRA_LOG") && error.contains("info,cra=loud"), "{error}");
    }
}
