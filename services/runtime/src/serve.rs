//! The gRPC shell of a service: its routes with health and reflection beside them, limits on everything a
//! caller can make grow, and a drain that ends.
//!
//! Drain: health goes `NOT_SERVING`, the port closes, calls in flight finish, and at the deadline what is left
//! is cut, be it a silent connection or a stream without end. A handler that must not be cut, such as an
//! append, runs in its own task, which the service waits for after [`serve`].
//!
//! Does not bind the port ([`crate::listen`]), does not catch signals ([`crate::shutdown`]), and does not
//! limit message sizes: generated servers do, with [`ServerSettings::max_message_bytes`].

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_reflection::server::Builder as Reflection;
use tower::layer::util::{Identity, Stack};

use crate::admission::{Admission, Door};
use crate::answered::Answered;
use crate::clients::{ClientLimits, Clients};
use crate::connections::incoming;
use crate::health::Health;
use crate::identity::access::Method;
use crate::listen::Listener;
use crate::metrics::{Metrics, MetricsError, Rpcs};

/// After the cut, connections end within moments; a handler that blocks its thread is not waited for.
const AFTER_CUT: Duration = Duration::from_millis(500);

/// Limits of a gRPC server. None can be zero, which would mean "nothing" or "for ever", depending on the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Connections at once; further ones are closed.
    pub concurrent_connections: NonZeroU32,
    /// Calls at once per connection; further ones wait at the caller's.
    pub concurrent_streams: NonZeroU32,
    /// Largest message, for the service to set on each generated server, both ways.
    pub max_message_bytes: NonZeroUsize,
    /// Largest set of request headers.
    pub max_header_bytes: NonZeroU32,
    /// From a request's first byte to its answer's first: a unary call, or the start of a stream. The
    /// caller's own deadline counts when it is shorter.
    pub request_timeout_ms: NonZeroU64,
    /// Silence after which a connection is probed.
    pub keepalive_interval_s: NonZeroU64,
    /// How long the probe's answer may take before the connection is closed.
    pub keepalive_timeout_s: NonZeroU64,
    /// Age at which a connection is asked to leave, so that callers spread over new instances.
    pub max_connection_age_s: NonZeroU64,
    /// What its calls get to finish before it is closed all the same: the longest a stream can live after that.
    pub max_connection_age_grace_s: NonZeroU64,
    /// How long one side of a stream may neither send nor take before it is ended: a client that is asked for its next
    /// message, a reader that has answers waiting.
    pub stalled_after_s: NonZeroU64,
    /// How long a drain may take.
    pub drain_deadline_ms: NonZeroU64,
    /// Limits of each client; counted where identity is configured.
    pub per_client: ClientLimits,
}

impl Default for ServerSettings {
    fn default() -> Self {
        const CONNECTIONS: NonZeroU32 = NonZeroU32::new(1_024).unwrap();
        const STREAMS: NonZeroU32 = NonZeroU32::new(256).unwrap();
        const MESSAGE_BYTES: NonZeroUsize = NonZeroUsize::new(4 * 1_024 * 1_024).unwrap();
        const HEADER_BYTES: NonZeroU32 = NonZeroU32::new(16 * 1_024).unwrap();
        const REQUEST_MS: NonZeroU64 = NonZeroU64::new(30_000).unwrap();
        const KEEPALIVE_S: NonZeroU64 = NonZeroU64::new(30).unwrap();
        const KEEPALIVE_TIMEOUT_S: NonZeroU64 = NonZeroU64::new(20).unwrap();
        const AGE_S: NonZeroU64 = NonZeroU64::new(3_600).unwrap();
        const GRACE_S: NonZeroU64 = NonZeroU64::new(600).unwrap();
        const STALLED_S: NonZeroU64 = NonZeroU64::new(120).unwrap();
        const DRAIN_MS: NonZeroU64 = NonZeroU64::new(10_000).unwrap();
        Self {
            concurrent_connections: CONNECTIONS,
            concurrent_streams: STREAMS,
            max_message_bytes: MESSAGE_BYTES,
            max_header_bytes: HEADER_BYTES,
            request_timeout_ms: REQUEST_MS,
            keepalive_interval_s: KEEPALIVE_S,
            keepalive_timeout_s: KEEPALIVE_TIMEOUT_S,
            max_connection_age_s: AGE_S,
            max_connection_age_grace_s: GRACE_S,
            stalled_after_s: STALLED_S,
            drain_deadline_ms: DRAIN_MS,
            per_client: ClientLimits::default(),
        }
    }
}

impl ServerSettings {
    /// How long a drain may take.
    #[must_use]
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_millis(self.drain_deadline_ms.get())
    }

    /// How long one side of a stream may stand still.
    #[must_use]
    pub fn stalled_after(&self) -> Duration {
        Duration::from_secs(self.stalled_after_s.get())
    }

    /// How long an answer may take.
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms.get())
    }
}

/// How a drain ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every call finished.
    InTime,
    /// The deadline passed, and what was left was cut.
    DeadlinePassed,
}

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The contract's descriptors cannot be served; a mistake in the build.
    #[error("the contract cannot be described by reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The calls cannot be measured; likewise.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The transport failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// The calls that a process answers.
pub struct Api {
    /// What answers them.
    pub routes: Routes,
    /// What each needs: a row for every method, for one without is not served.
    pub methods: &'static [Method],
}

/// Serves `api` until `shutdown`, then drains. Returns once the port is closed and no call is left, at the
/// latest shortly after the drain's deadline. Calls and health are measured in `metrics`.
pub async fn serve(
    listener: Listener,
    settings: &ServerSettings,
    api: Api,
    health: Health,
    metrics: &Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<Drained, ServeError> {
    metrics.watch_health(&health)?;
    let rpcs = Rpcs::new(metrics, health.names())?;
    let routes = with_reflection(api.routes, &health)?.add_service(health.server());
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let address = listener.address();
    let tls = listener.identity.tls.clone();
    let connections = incoming(listener.socket, settings.concurrent_connections, cut.clone(), tls);
    let door = Door {
        identity: listener.identity,
        methods: api.methods,
        clients: Clients::new(settings.per_client.clone()),
        stalled_after: settings.stalled_after(),
        message_bytes_max: settings.max_message_bytes.get(),
    };
    let mut server = limited(settings, rpcs, door);
    let serving = server.add_routes(routes).serve_with_incoming_shutdown(connections, stop.cancelled());
    let mut serving = pin!(serving);

    tracing::info!(%address, "serving");
    tokio::select! {
        // Connections never end by themselves, so this is a failure of the transport.
        ended = &mut serving => {
            ended?;
            return Ok(Drained::InTime);
        }
        () = shutdown => {}
    }

    tracing::info!(%address, deadline_ms = settings.drain_deadline_ms, "draining");
    health.drain().await;
    stop.cancel();
    let drained = if let Ok(ended) = timeout(settings.drain_deadline(), &mut serving).await {
        ended?;
        Drained::InTime
    } else {
        cut.cancel();
        let _ = timeout(AFTER_CUT, &mut serving).await;
        Drained::DeadlinePassed
    };
    match drained {
        Drained::InTime => tracing::info!(%address, "drained"),
        Drained::DeadlinePassed => tracing::warn!(%address, "the drain's deadline passed: cut what was left"),
    }
    Ok(drained)
}

fn limited(
    settings: &ServerSettings,
    rpcs: Rpcs,
    door: Door,
) -> Server<Stack<Admission, Stack<Answered, Identity>>> {
    let seconds = |count: NonZeroU64| Duration::from_secs(count.get());
    Server::builder()
        .layer(Answered { within: settings.request_timeout(), rpcs })
        .layer(Admission(Arc::new(door)))
        .max_concurrent_streams(settings.concurrent_streams.get())
        .http2_max_header_list_size(settings.max_header_bytes.get())
        .http2_keepalive_interval(Some(seconds(settings.keepalive_interval_s)))
        .http2_keepalive_timeout(Some(seconds(settings.keepalive_timeout_s)))
        .max_connection_age(seconds(settings.max_connection_age_s))
        .max_connection_age_grace(seconds(settings.max_connection_age_grace_s))
        .trace_fn(|request| tracing::debug_span!("call", path = request.uri().path()))
}

/// Both versions: tools still ask for v1alpha. Lists the services of this process only, though the contract
/// describes those of the pair, and describes the details that errors carry.
fn with_reflection(routes: Routes, health: &Health) -> Result<Routes, tonic_reflection::server::Error> {
    let described = |reflection_name: &str| {
        let described = Reflection::configure()
            .register_encoded_file_descriptor_set(cra_contracts::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name(reflection_name);
        health.names().iter().fold(described, |described, name| described.with_service_name(*name))
    };
    let v1 = described("grpc.reflection.v1.ServerReflection").build_v1()?;
    let v1alpha = described("grpc.reflection.v1alpha.ServerReflection").build_v1alpha()?;
    Ok(routes.add_service(v1).add_service(v1alpha))
}
