//! Settings of the service. Every value has a default; unknown keys are errors, in every table.
//!
//! They are read by the runtime's configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU16, NonZeroU32};

use cra_eventlog::nats::NatsSettings;
use cra_runtime::addresses::TrustedProxies;
use cra_runtime::audit::AuditSettings;
use cra_runtime::clients::{Bound, BoundKind};
use cra_runtime::identity::IdentitySettings;
use cra_runtime::serve::ServerSettings;
use cra_runtime::telemetry::TelemetrySettings;
use serde::{Deserialize, Serialize};

/// All settings of the process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address to listen on; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Authentication of callers; without it, the service listens on loopback only.
    pub identity: IdentitySettings,
    /// Limits of the gRPC server.
    pub server: ServerSettings,
    /// Limits of this service.
    pub limits: Limits,
    /// The event log.
    pub log: NatsSettings,
    /// Audit of reads, corrections and withdrawals.
    pub audit: AuditSettings,
    /// Logs, metrics and traces.
    pub telemetry: TelemetrySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 50_051).into(),
            identity: IdentitySettings::default(),
            server: ServerSettings::default(),
            limits: Limits::default(),
            log: NatsSettings::default(),
            audit: AuditSettings::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

/// Limits of concurrency. Single calls and streams have separate limits, so that a bulk load does not block single
/// calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Maximum concurrent single calls that use the log, per process; further ones are refused with a retry delay.
    pub calls_in_flight: NonZeroU32,
    /// Maximum concurrent streams of submissions or imports, per process; further ones are refused with a retry delay.
    pub streams_in_flight: NonZeroU32,
    /// Maximum items in progress per stream; the stream is not read further until one is answered.
    pub stream_items_in_flight: NonZeroU16,
    /// Networks of reverse proxies, such as `10.0.3.0/24`: at most 100. Limits per address do not apply to them.
    pub trusted_proxies: TrustedProxies,
}

impl Limits {
    /// The limits that clients share.
    pub(crate) fn shared(&self) -> [Bound; 2] {
        [
            Bound { name: "limits.calls_in_flight", limit: self.calls_in_flight, kind: BoundKind::Calls },
            Bound {
                name: "limits.streams_in_flight",
                limit: self.streams_in_flight,
                kind: BoundKind::Streams,
            },
        ]
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_in_flight: const { NonZeroU32::new(1_024).unwrap() },
            streams_in_flight: const { NonZeroU32::new(32).unwrap() },
            stream_items_in_flight: const { NonZeroU16::new(512).unwrap() },
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_the_defaults_apply_and_the_service_listens_on_loopback() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:50051");
        assert_eq!(settings.limits, Limits::default());
    }

    #[test]
    fn an_unknown_key_is_an_error_in_every_table() {
        for unknown in [
            r#"{"port": 1}"#,
            r#"{"limits": {"calls": 1}}"#,
            r#"{"server": {"port": 1}}"#,
            r#"{"log": {"replica": 1}}"#,
            r#"{"telemetry": {"level": "info"}}"#,
        ] {
            assert!(serde_json::from_str::<Settings>(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn no_limit_can_be_zero() {
        for key in ["calls_in_flight", "streams_in_flight", "stream_items_in_flight"] {
            let zero = format!(r#"{{"limits": {{"{key}": 0}}}}"#);
            assert!(serde_json::from_str::<Settings>(&zero).is_err(), "{zero}");
        }
    }
}
