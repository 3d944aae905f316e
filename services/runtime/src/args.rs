//! The flags that all servers share, and their place in the configuration.
//!
//! Flags set the keys `listen`, `telemetry.log_format` and `telemetry.metrics_listen` of the settings type, which must
//! have them. Secrets are not flags, because other users of the machine can see the command line of a process.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::config::{self, ConfigError};
use crate::telemetry::LogFormat;

/// Flags of a server; flatten into the binary's arguments.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// TOML file with the settings; CRA_* variables and flags take precedence
    #[arg(long, env = "CRA_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on; with port 0 the system chooses a port
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Format of log lines on standard error
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Address of the metrics (GET /metrics); without it, metrics are off
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// Print the effective settings as TOML without secrets, and exit
    #[arg(long)]
    pub print_config: bool,
}

impl ServerArgs {
    /// The settings: defaults, file, environment, then these flags.
    pub fn load<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        config::load(self.config.as_deref(), self.overrides())
    }

    /// The flags in the shape of a settings type, to nest in a larger one.
    #[must_use]
    pub fn overrides(&self) -> impl Serialize + use<> {
        let telemetry = json!({"log_format": self.log_format, "metrics_listen": self.metrics_listen});
        json!({"listen": self.listen, "telemetry": telemetry})
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde::Deserialize;

    use super::*;
    use crate::telemetry::TelemetrySettings;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        server: ServerArgs,
    }

    #[derive(Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        listen: Option<SocketAddr>,
        telemetry: TelemetrySettings,
    }

    #[test]
    fn flags_override_the_settings_and_absent_flags_do_not() {
        let command = Command::parse_from(["cra", "--listen", "127.0.0.1:7", "--log-format", "json"]);
        assert!(!command.server.print_config);
        let settings: Settings = config::load(None, command.server.overrides()).unwrap();
        assert_eq!(settings.listen, Some("127.0.0.1:7".parse().unwrap()));
        assert_eq!(settings.telemetry.log_format, LogFormat::Json);

        let command = Command::parse_from(["cra", "--print-config"]);
        assert!(command.server.print_config);
        let settings: Settings = config::load(None, command.server.overrides()).unwrap();
        assert_eq!(settings.listen, None);
        assert_eq!(settings.telemetry, TelemetrySettings::default());
    }
}
