//! What a projection can be told: a file, `CRA_*` variables, flags.

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
    /// Callers of `statistics:public` alone see sums of counts that were rounded to multiples of this; 3 to 100.
    pub small_count_base: Base,
    /// When those figures are published, and the secret that they need.
    pub publications: PublicationSettings,
    /// The tokens that lead from page to page.
    pub page_tokens: PageTokenSettings,
    /// Where it is recorded who read which lists and figures, and who operated the service.
    pub audit: AuditSettings,
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
    /// File of the secret that signs them, of 32 bytes or more, the same on every replica. Absent: drawn at start, so
    /// that a listing ends with the process that began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// How long a token leads to the next page, which comes with a new one.
    pub lifetime_s: NonZeroU32,
}

impl Default for PageTokenSettings {
    fn default() -> Self {
        const LIFETIME_S: NonZeroU32 = NonZeroU32::new(3_600).unwrap();
        Self { secret_file: None, lifetime_s: LIFETIME_S }
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

/// Bounds of the projection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Queries answered at once; one more is told to come back.
    pub queries_in_flight: NonZeroU32,
    /// Questions that wait at once until the read models hold a position; they are no queries while they wait.
    pub questions_waiting: NonZeroU32,
    /// Watchers and followers at once; one more is told to come back.
    pub streams_open: NonZeroU32,
    /// Files written at once; each takes a thread, some memory, and the disk's room for a workbook's rows.
    pub exports_in_flight: NonZeroU32,
    /// How long the read models may stand still while events wait in the log before health says so.
    pub standstill_ms: NonZeroU64,
    /// Largest file; the export of a larger one ends with a status.
    pub export_bytes_max: NonZeroU64,
    /// Networks of the proxies in front, such as `10.0.3.0/24`: at most 100. Bounds per address leave them out.
    pub trusted_proxies: TrustedProxies,
}

impl Limits {
    /// The bounds that clients share.
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
            questions_waiting: NonZeroU32::MIN.saturating_add(1_023),
            streams_open: NonZeroU32::MIN.saturating_add(999),
            exports_in_flight: NonZeroU32::MIN.saturating_add(7),
            standstill_ms: NonZeroU64::MIN.saturating_add(29_999),
            export_bytes_max: NonZeroU64::MIN.saturating_add((4 << 30) - 1),
            trusted_proxies: TrustedProxies::default(),
        }
    }
}
