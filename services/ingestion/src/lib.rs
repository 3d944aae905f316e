//! The ingestion service: decides what becomes a fact, and appends it to the event log.
//!
//! Data flow: [`services`](self) reads a request and checks it with the domain's rules; `decisions` decides, purely,
//! what it means for the CRA; `append` brings the decision to the log; `refused` explains a refusal to the caller. [`run`] is
//! the process on NATS; [`serve`] is the same service on any log.
//!
//! It reads only the events of the CRA in question, and knows nothing of statistics.

mod access;
mod append;
mod decisions;
mod metrics;
mod readiness;
mod refused;
mod services;
mod settings;

use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use cra_contracts::v1::ingestion_service_server::IngestionServiceServer;
use cra_contracts::v1::reference_service_server::ReferenceServiceServer;
use cra_domain::territory;
use cra_eventlog::nats::NatsLog;
use cra_eventlog::{Append, Read};
use cra_runtime::audit::Audit;
use cra_runtime::clock::{Clock, SystemClock};
use cra_runtime::identity::Callers;
use cra_runtime::listen::{Listener, Reach};
use cra_runtime::metrics::{Metrics, MetricsError};
use cra_runtime::probes::{Probes, ProbesError};
use cra_runtime::serve::{self as shell, Api, DrainOutcome, ServerSettings};
use cra_runtime::shutdown::Shutdown;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tonic::server::NamedService as _;
use tonic::service::Routes;

use crate::append::CommandExecutor;
use crate::metrics::{Answers, Measured};
use crate::services::ingestion::IngestionApi;
use crate::services::reference::ReferenceApi;

pub use crate::access::METHODS;
pub use crate::settings::{Limits, Settings};

/// Open files and connections of the process, without those of callers: the log, the audit, the metrics, the runtime.
const DESCRIPTORS: u64 = 64;

type IngestionServer = IngestionServiceServer<IngestionApi>;
type ReferenceServer = ReferenceServiceServer<ReferenceApi>;

/// Runs the service on NATS until `shutdown`. The address is bound first, so that a wrong one is reported at once;
/// callers are refused until the log is available, while health and metrics answer.
pub async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<DrainOutcome> {
    let shared = settings.limits.shared();
    let reach = Reach {
        address: settings.listen,
        identity: &settings.identity,
        server: &settings.server,
        trusted_proxies: &settings.limits.trusted_proxies,
        shared: &shared,
    };
    reach.check(DESCRIPTORS)?;
    let probes = probes(&settings).await?;
    // Before the log, so that a file that cannot be written is an error at once.
    let audit = Audit::open(&settings.audit, "ingestion")?;
    let opening = async {
        let listener = reach.bind().await?;
        let log = NatsLog::connect(settings.log.clone()).await.context("the event log cannot be opened")?;
        anyhow::Ok((listener, log))
    };
    let (listener, log) = tokio::select! {
        opened = opening => opened?,
        () = shutdown.requested() => return Ok(DrainOutcome::InTime),
    };
    let log = Arc::new(log);
    let parts = Parts { probes, audit, appends: log.clone(), log, clock: Arc::new(SystemClock) };
    serve_with(parts, listener, &settings, shutdown).await
}

/// Serves on a bound address and an open log until `shutdown`, then drains: pending appends are finished, under the
/// deadline of `settings.server`. Only `server`, `limits` and the address of the metrics are used of the settings.
pub async fn serve(
    listener: Listener,
    log: Arc<impl Append + Read>,
    clock: Arc<dyn Clock>,
    settings: &Settings,
    shutdown: Shutdown,
) -> anyhow::Result<DrainOutcome> {
    let audit = Audit::open(&settings.audit, "ingestion")?;
    let parts = Parts { probes: probes(settings).await?, audit, appends: log.clone(), log, clock };
    serve_with(parts, listener, settings, shutdown).await
}

async fn probes(settings: &Settings) -> Result<Probes, ProbesError> {
    let names = [IngestionServer::NAME, ReferenceServer::NAME];
    let files = [settings.identity.expiring(), settings.log.expiring()].concat();
    Probes::open("ingestion", names, settings.telemetry.metrics_listen, files).await
}

/// Parts of the service before it is connected to callers.
struct Parts {
    probes: Probes,
    audit: Audit,
    appends: Arc<dyn Append>,
    log: Arc<dyn Read>,
    clock: Arc<dyn Clock>,
}

async fn serve_with(
    parts: Parts,
    listener: Listener,
    settings: &Settings,
    shutdown: Shutdown,
) -> anyhow::Result<DrainOutcome> {
    let Parts { probes, audit, appends, log, clock } = parts;
    // Read now, not during the first request.
    tokio::task::spawn_blocking(territory::communes).await.context("the communes cannot be read")?;
    let (metrics, health) = (&probes.metrics, probes.health.clone());
    let shutdown = shutdown.after_notice(health.clone(), settings.server.drain_delay());
    metrics::register(&log, metrics)?;
    let measured = Arc::new(Measured::new(appends, metrics)?);
    let appends = TaskTracker::new();
    let executor = CommandExecutor::new(measured, Arc::clone(&log), clock, appends.clone());
    let routes = routes(executor, settings, listener.callers(), metrics, &shutdown)?;
    let watch = tokio::spawn(readiness::follow(log, health.clone(), shutdown.clone()));

    let drain_began = Arc::new(OnceLock::new());
    let shutdown = {
        let drain_began = Arc::clone(&drain_began);
        async move {
            shutdown.into_requested().await;
            let _ = drain_began.set(Instant::now());
        }
    };
    let api = Api { routes, methods: METHODS, audit: audit.clone() };
    let served = shell::serve(listener, &settings.server, api, health, metrics, shutdown).await;
    watch.abort();
    audit.close().await;
    let finished = finish(&appends, &settings.server, drain_began.get().copied()).await;
    Ok(match (served?, finished) {
        (DrainOutcome::InTime, DrainOutcome::InTime) => DrainOutcome::InTime,
        (DrainOutcome::DeadlinePassed, _) | (_, DrainOutcome::DeadlinePassed) => DrainOutcome::DeadlinePassed,
    })
}

fn routes(
    executor: CommandExecutor,
    settings: &Settings,
    callers: Callers,
    metrics: &Metrics,
    shutdown: &Shutdown,
) -> Result<Routes, MetricsError> {
    let bytes_max = settings.server.max_message_bytes.get();
    let answers = Answers::new(metrics)?;
    let ingestion = IngestionApi::new(executor, answers, &settings.limits, callers, shutdown.clone());
    metrics.watch_permits(&ingestion.limits())?;
    let ingestion = IngestionServer::new(ingestion)
        .max_decoding_message_size(bytes_max)
        .max_encoding_message_size(bytes_max);
    let reference = ReferenceServer::new(ReferenceApi)
        .max_decoding_message_size(bytes_max)
        .max_encoding_message_size(bytes_max);
    Ok(Routes::new(ingestion).add_service(reference))
}

/// Waits for the appends of disconnected callers, for the rest of the drain's time.
async fn finish(
    appends: &TaskTracker,
    server: &ServerSettings,
    drain_began: Option<Instant>,
) -> DrainOutcome {
    appends.close();
    let spent = drain_began.map_or_else(Default::default, |began| began.elapsed());
    let left = server.drain_deadline().saturating_sub(spent);
    if timeout(left, appends.wait()).await.is_ok() {
        return DrainOutcome::InTime;
    }
    tracing::warn!(
        appends = appends.len(),
        "the drain's deadline passed: the outcome of pending appends is unknown"
    );
    DrainOutcome::DeadlinePassed
}
