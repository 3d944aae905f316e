//! Logs of the process: one line per event on standard error, as text or JSON.
//!
//! Logs never carry what a CRA holds: no payload, no field value, no request message; ids, positions,
//! reasons, counts and durations only. Metrics are counted elsewhere: [`crate::metrics`].

use std::env;
use std::io::{self, IsTerminal as _};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

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
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { log_format: LogFormat::Text, log_filter: "info".to_owned(), metrics_listen: None }
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
    /// Logs were set up before.
    #[error("logs are set up twice in one process: {0}")]
    SetUpTwice(#[from] TryInitError),
}

/// Sets the logs of the whole process up. For `main`, once; not for a service's `run`, which may run beside
/// another in one process.
pub fn init(settings: &TelemetrySettings) -> Result<(), TelemetryError> {
    let filter = filter(settings, |name| env::var(name).ok())?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Where standard error is gone, telling so on standard error would panic in whatever logged.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).finish().try_init()?,
    }
    Ok(())
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
