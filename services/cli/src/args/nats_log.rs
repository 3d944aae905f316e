//! Which log on NATS a command opens.

use std::path::PathBuf;

use clap::Args;
use cra_eventlog::nats::NatsSettings;
use cra_runtime::config::{self, ConfigError};
use serde::Deserialize;
use serde_json::json;

/// Which log on NATS.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct NatsLogArgs {
    /// NATS server, or several separated by commas [default: that of the services' settings]
    #[arg(long, value_name = "URL")]
    pub(crate) nats_url: Option<String>,
    /// Name of the stream [default: that of the services' settings]
    #[arg(long, value_name = "NAME")]
    pub(crate) nats_stream: Option<String>,
    /// TOML file with the settings of a service, of which `[log]` counts
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What counts here of a service's settings; the rest of its file is its own.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    log: NatsSettings,
}

impl NatsLogArgs {
    /// Where the log is on NATS: defaults, file, environment, then these flags.
    pub(crate) fn settings(&self) -> Result<NatsSettings, ConfigError> {
        let flags = json!({"log": {"url": self.nats_url, "stream": self.nats_stream}});
        let Settings { log } = config::load(self.config.as_deref(), flags)?;
        // A stream that is named here is not that of the settings' slot.
        let slot = log.slot.filter(|_| self.nats_stream.is_none());
        Ok(NatsSettings { slot, ..log }.of_slot())
    }
}
