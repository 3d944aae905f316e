//! The gRPC shell of a service: its routes with health and reflection, limits on everything that callers can make grow,
//! and a bounded drain.
//!
//! Drain: health becomes `NOT_SERVING` (earlier by a delay, see [`crate::shutdown::Shutdown::after_notice`]), the port
//! closes, calls in flight finish, and at the deadline the rest is cut, including silent connections and endless
//! streams. A handler that must not be cut, such as an append, runs in a separate task, which the service awaits after
//! [`serve`].
//!
//! The port is bound in [`crate::listen`], signals are caught in [`crate::shutdown`]. Request sizes are limited here;
//! generated servers limit answers, with [`ServerSettings::max_message_bytes`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic_reflection::server::Builder as Reflection;

use crate::admission::{AuthLayer, AuthState};
use crate::audit::Audit;
use crate::audit::layer::Audited;
use crate::connections::Connections;
use crate::deadline_layer::DeadlineLayer;
use crate::files::document::Documented;
use crate::health::Health;
use crate::identity::access::{self, Method, Needs};
use crate::layer::CallLayer as _;
use crate::listen::{ListenError, Listener};
use crate::metrics::{Metrics, MetricsError, Rpcs};
use crate::protocols::Protocols;
use crate::refusals::Refusals;

pub use crate::settings::{
    BrowserSettings, ConnectionLimits, Origin, OriginError, ServerSettings, ServerSettingsError,
    WithoutTokenLimits,
};

/// After the cut, connections end almost at once; a handler that blocks its thread is not awaited.
const AFTER_CUT: Duration = Duration::from_millis(500);

/// Result of a drain.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainOutcome {
    /// Every call finished.
    InTime,
    /// The deadline passed, and what was left was cut.
    DeadlinePassed,
}

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The contract's descriptors cannot be served; a bug.
    #[error("the contract cannot be described by reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The metrics of calls cannot be registered; a bug.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The port was taken since it was bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// The API of a process.
pub struct Api {
    /// Routes of the services.
    pub routes: Routes,
    /// What each method needs; a method without a row is not served.
    pub methods: &'static [Method],
    /// Audit of the calls; the caller closes it after the last call.
    pub audit: Audit,
}

/// Serves `api` until `shutdown`, then drains. Returns once the port is closed and no call is left, at the latest
/// shortly after the drain's deadline. Calls and connections are measured in `metrics`.
pub async fn serve(
    listener: Listener,
    settings: &ServerSettings,
    api: Api,
    health: Health,
    metrics: &Metrics,
    shutdown: impl Future<Output = ()>,
) -> Result<DrainOutcome, ServeError> {
    let rpcs = Rpcs::new(metrics, health.names())?;
    let mut routes = api.routes.add_service(health.server());
    if settings.reflection {
        routes = with_reflection(routes, &health)?;
    }
    let address = listener.address();
    let (source, identity) = listener.into_source()?;
    let keys_usable = identity.keys_usable();
    watch_keys(metrics, keys_usable.as_ref())?;
    let with_tokens = services_with_tokens(&health, api.methods);
    let door = AuthState::new(identity, api.methods, settings, &source, metrics)?;
    let answered = DeadlineLayer { within: settings.request_timeout(), rpcs };
    let refusals = Refusals::new(metrics, api.audit.clone())?;
    let tables = access::tables(api.methods, settings.reflection);
    let protocols = Protocols::new(settings, source.callers, &tables, refusals);
    // From the outside in: the protocol of a call, the record of who called, an answer in any case, who may call.
    let admitted = AuthLayer(Arc::new(door)).layer(Documented.layer(routes));
    let service = protocols.layer(Audited(api.audit).layer(answered.layer(admitted)));
    let connections = Connections::new(service, settings, metrics)?;

    tracing::info!(%address, "serving");
    tokio::select! {
        () = connections.accept(&source) => {}
        () = follow_keys(&health, &with_tokens, keys_usable) => {}
        () = shutdown => {}
    }
    // Closes the port.
    drop(source);

    tracing::info!(%address, deadline_ms = settings.drain_deadline().as_millis(), "draining");
    health.drain().await;
    if timeout(settings.drain_deadline(), connections.drain()).await.is_ok() {
        tracing::info!(%address, "drained");
        return Ok(DrainOutcome::InTime);
    }
    let _ = timeout(AFTER_CUT, connections.cut()).await;
    tracing::warn!(%address, "the drain's deadline passed: the remaining calls were cut");
    Ok(DrainOutcome::DeadlinePassed)
}

/// The services that can only be used with a token.
fn services_with_tokens(health: &Health, methods: &[Method]) -> Vec<&'static str> {
    let is_closed = |name: &&'static str| {
        let mut own = methods.iter().filter(|method| {
            method
                .path
                .strip_prefix('/')
                .and_then(|path| path.split_once('/'))
                .is_some_and(|(of, _)| of == *name)
        });
        own.any(|method| method.needs != Needs::Nothing)
    };
    health.names().iter().copied().filter(is_closed).collect()
}

fn watch_keys(metrics: &Metrics, usable: Option<&watch::Receiver<bool>>) -> Result<(), MetricsError> {
    let help =
        "1 while the issuer's keys are known, so that tokens can be verified, else 0; 1 without tokens.";
    let usable = usable.cloned();
    metrics.computed_gauge("cra_token_keys_usable", help, move || {
        let is_usable = usable.as_ref().is_none_or(|usable| *usable.borrow());
        f64::from(u8::from(is_usable))
    })
}

/// Keeps services that need tokens `NOT_SERVING` while no token can be verified. Never ends.
async fn follow_keys(health: &Health, services: &[&'static str], usable: Option<watch::Receiver<bool>>) {
    if let Some(mut usable) = usable {
        loop {
            let is_held = !*usable.borrow_and_update();
            health.hold(services, is_held).await;
            if usable.changed().await.is_err() {
                break;
            }
        }
    }
    std::future::pending::<()>().await;
}

/// Both versions, because tools still use v1alpha. Lists only the services of this process, and describes the details
/// of errors.
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
