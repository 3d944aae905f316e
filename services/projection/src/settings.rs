//! What a projection can be told: a file, `CRA_*` variables, flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use cra_eventlog::nats::NatsSettings;
use cra_runtime::identity::IdentitySettings;
use cra_runtime::serve::ServerSettings;
use cra_runtime::telemetry::TelemetrySettings;
use serde::{Deserialize, Serialize};

/// Settings of the projection service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where gRPC is served.
    pub listen: SocketAddr,
    /// Folder of the read models: a cache, rebuilt from the log when it is lost.
    pub data: PathBuf,
    /// How callers prove who they are; without, the service listens on loopback only.
    pub identity: IdentitySettings,
    /// Limits of the gRPC server.
    pub server: ServerSettings,
    /// The event log.
    pub log: NatsSettings,
    /// Bounds of this service.
    pub limits: Limits,
    /// Logs.
    pub telemetry: TelemetrySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 50052)),
            data: PathBuf::from("data/projection"),
            identity: IdentitySettings::default(),
            server: ServerSettings::default(),
            log: NatsSettings::default(),
            limits: Limits::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

/// Bounds of the projection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Queries answered at once; one more is told to come back.
    pub queries_in_flight: NonZeroU32,
    /// Watchers and followers at once; one more is told to come back.
    pub streams_open: NonZeroU32,
    /// Files written at once; each takes a thread, some memory, and the disk's room for a workbook's rows.
    pub exports_in_flight: NonZeroU32,
    /// How long the read models may stand still while events wait in the log before health says so.
    pub standstill_ms: NonZeroU64,
    /// Largest file; the export of a larger one ends with a status.
    pub export_bytes_max: NonZeroU64,
}

impl Limits {
    /// How long the read models may stand still while events wait.
    #[must_use]
    pub fn standstill(&self) -> Duration {
        Duration::from_millis(self.standstill_ms.get())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queries_in_flight: NonZeroU32::MIN.saturating_add(255),
            streams_open: NonZeroU32::MIN.saturating_add(999),
            exports_in_flight: NonZeroU32::MIN.saturating_add(3),
            standstill_ms: NonZeroU64::MIN.saturating_add(29_999),
            export_bytes_max: NonZeroU64::MIN.saturating_add((4 << 30) - 1),
        }
    }
}
