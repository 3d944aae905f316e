//! Settings of the projection: from a file, `CRA_*` variables and flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use cra_eventlog::nats::NatsSettings;
use cra_runtime::addresses::TrustedProxies;
use cra_runtime::audit::AuditSettings;
use cra_runtime::clients::{Bound, BoundKind};
use cra_runtime::identity::IdentitySettings;
use cra_runtime::serve::ServerSettings;
use cra_runtime::telemetry::TelemetrySettings;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::publications::PublicationSettings;
use crate::queries::page::{Signer, SignerError};
use cra_analytics::public::Base;

/// Settings of the projection service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Folder of the read models: a cache, rebuilt from the log if it is lost.
    pub data: PathBuf,
    /// Authentication of callers; without it, the service listens on loopback only.
    pub identity: IdentitySettings,
    /// Limits of the gRPC server.
    pub server: ServerSettings,
    /// The event log.
    pub log: NatsSettings,
    /// Limits of this service.
    pub limits: Limits,
    /// Callers with only `statistics:public` see sums of counts that are rounded to multiples of this number; 3 to 100.
    pub small_count_base: Base,
    /// When those figures are published, and their secret.
    pub publications: PublicationSettings,
    /// Page tokens.
    pub page_tokens: PageTokenSettings,
    /// Audit of reads of lists and figures, and of operations.
    pub audit: AuditSettings,
    /// Logs, metrics and traces.
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
            small_count_base: Base::default(),
            publications: PublicationSettings::default(),
            page_tokens: PageTokenSettings::default(),
            audit: AuditSettings::default(),
            telemetry: TelemetrySettings::default(),
        }
    }
}

/// Settings of page tokens: the table `[page_tokens]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageTokenSettings {
    /// File of the secret that signs them, at least 32 bytes, identical on all replicas. If absent, a random secret is
    /// used, so that a listing ends with its process.
    pub secret_file: Option<PathBuf>,
    /// Validity of a token; the next page has a new one.
    pub lifetime_s: NonZeroU32,
}

impl Default for PageTokenSettings {
    fn default() -> Self {
        Self { secret_file: None, lifetime_s: const { NonZeroU32::new(3_600).unwrap() } }
    }
}

impl PageTokenSettings {
    pub(crate) fn signer(&self) -> Result<Signer, SignerError> {
        let lifetime = SignedDuration::from_secs(self.lifetime_s.get().into());
        if let Some(path) = &self.secret_file {
            return Signer::with_secret_of(path, lifetime);
        }
        tracing::info!(
            "page tokens are signed with a secret drawn at start: set `page_tokens.secret_file` where replicas answer \
             each other's listings"
        );
        Signer::with_random_secret(lifetime)
    }
}

/// Limits of the projection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Maximum concurrent queries; further ones are refused with a retry delay.
    pub queries_in_flight: NonZeroU32,
    /// Maximum number of queries that wait for a position; they hold no query permit.
    pub questions_waiting: NonZeroU32,
    /// Maximum concurrent watchers and followers; further ones are refused with a retry delay.
    pub streams_open: NonZeroU32,
    /// Maximum concurrent exports; each uses a thread, some memory, and disk space for a workbook's rows.
    pub exports_in_flight: NonZeroU32,
    /// How long the read models may make no progress while events wait before health is affected.
    pub standstill_ms: NonZeroU64,
    /// Maximum size of a file; a larger export ends with a status.
    pub export_bytes_max: NonZeroU64,
    /// Networks of reverse proxies, such as `10.0.3.0/24`: at most 100. Limits per address do not apply to them.
    pub trusted_proxies: TrustedProxies,
}

impl Limits {
    /// The limits that clients share.
    #[must_use]
    pub fn shared(&self) -> [Bound; 4] {
        let bound = |name, limit, kind| Bound { name, limit, kind };
        [
            bound("limits.queries_in_flight", self.queries_in_flight, BoundKind::Calls),
            bound("limits.questions_waiting", self.questions_waiting, BoundKind::Calls),
            bound("limits.streams_open", self.streams_open, BoundKind::Streams),
            bound("limits.exports_in_flight", self.exports_in_flight, BoundKind::OwnShare),
        ]
    }

    /// How long the read models may make no progress while events wait.
    #[must_use]
    pub fn standstill(&self) -> Duration {
        Duration::from_millis(self.standstill_ms.get())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queries_in_flight: NonZeroU32::MIN.saturating_add(255),
            questions_waiting: NonZeroU32::MIN.saturating_add(1_023),
            streams_open: NonZeroU32::MIN.saturating_add(999),
            exports_in_flight: NonZeroU32::MIN.saturating_add(7),
            standstill_ms: NonZeroU64::MIN.saturating_add(29_999),
            export_bytes_max: NonZeroU64::MIN.saturating_add((4 << 30) - 1),
            trusted_proxies: TrustedProxies::default(),
        }
    }
}
