//! The flags that every server of the pair takes, and how they enter the configuration.
//!
//! Flags write the keys `listen`, `telemetry.log_format` and `telemetry.metrics_listen` of the settings type, which must have them.
//! Secrets are no flags: other users of the machine see a process's command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{self, ConfigError};
use crate::telemetry::LogFormat;

/// Flags of a server; flatten into the binary's own.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerArgs {
    /// TOML file with the settings; CRA_* variables and flags win over it
    #[arg(long, env = "CRA_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address to listen on; port 0 lets the system choose one
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// How log lines are written to standard error
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// Address of the metrics (GET /metrics); without it there are none
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// Print the resulting settings as TOML, secrets hidden, and leave
    #[arg(long)]
    pub print_config: bool,
}

/// What the flags ask the process to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run the service.
    Serve,
    /// Print the settings and leave.
    PrintConfig,
}

impl ServerArgs {
    /// What to do.
    #[must_use]
    pub fn action(&self) -> Action {
        if self.print_config { Action::PrintConfig } else { Action::Serve }
    }

    /// The settings: defaults, file, environment, then these flags.
    pub fn load<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        config::load(self.config.as_deref(), self.overrides())
    }

    /// The flags in the shape of a settings type; to nest in a larger one.
    #[must_use]
    pub fn overrides(&self) -> impl Serialize + use<> {
        Overrides {
            listen: self.listen,
            telemetry: TelemetryOverrides {
                log_format: self.log_format,
                metrics_listen: self.metrics_listen,
            },
        }
    }
}

#[derive(Serialize)]
struct Overrides {
    listen: Option<SocketAddr>,
    telemetry: TelemetryOverrides,
}

#[derive(Serialize)]
struct TelemetryOverrides {
    log_format: Option<LogFormat>,
    metrics_listen: Option<SocketAddr>,
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
    fn flags_reach_the_settings_and_flags_not_given_say_nothing() {
        let command = Command::parse_from(["cra", "--listen", "127.0.0.1:7", "--log-format", "json"]);
        assert_eq!(command.server.action(), Action::Serve);
        let settings: Settings = config::load(None, command.server.overrides()).unwrap();
        assert_eq!(settings.listen, Some("127.0.0.1:7".parse().unwrap()));
        assert_eq!(settings.telemetry.log_format, LogFormat::Json);

        let command = Command::parse_from(["cra", "--print-config"]);
        assert_eq!(command.server.action(), Action::PrintConfig);
        let settings: Settings = config::load(None, command.server.overrides()).unwrap();
        assert_eq!(settings.listen, None);
        assert_eq!(settings.telemetry, TelemetrySettings::default());
    }
}
