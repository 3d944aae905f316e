//! Turns the events of the log into read models and answers statistics over gRPC.
//!
//! The way of the data: `follow` reads the log, `apply` turns events into facts, `store` keeps them with the
//! position they came from in one atomic write, [`queries`] select and count them (`cra-analytics`) and write files of
//! them (`cra-exports`), [`services`] speak gRPC. [`generations`] say which read models serve. [`publications`]
//! are what anybody may see.

mod access;
mod apply;
mod batches;
#[cfg(test)]
mod fixtures;
mod follow;
pub mod generations;
mod metrics;
mod progress;
pub mod publications;
pub mod queries;
mod readiness;
mod replay;
pub mod services;
mod settings;
mod store;
mod traces;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use backon::{ConstantBuilder, Retryable as _};
use cra_analytics::public::Rounding;
use cra_contracts::v1::operations_service_server::OperationsServiceServer;
use cra_contracts::v1::statistics_service_server::StatisticsServiceServer;
use cra_eventlog::Read;
use cra_eventlog::nats::{BatchSize, NatsLog, READ_AHEAD_MAX};
use cra_private::SecretBytes;
use cra_runtime::audit::Audit;
use cra_runtime::background::Background;
use cra_runtime::clock::{Clock, SystemClock};
use cra_runtime::identity::Callers;
use cra_runtime::in_flight::InFlight;
use cra_runtime::listen::{Listener, Reach};
use cra_runtime::metrics::{Metrics, MetricsError};
use cra_runtime::probes::{Probes, ProbesError};
use cra_runtime::serve::{self, Api, DrainOutcome};
use cra_runtime::shutdown::Shutdown;
use tokio::time::Instant;
use tonic::server::NamedService;
use tonic::service::Routes;

pub use access::METHODS;
use follow::Follower;
use generations::{DataFolder, Generations};
use progress::Progress;
use publications::{Publications, Publisher};
use queries::page::Signer;
use readiness::HEAD_RETRY;
use replay::Replayer;
pub use settings::{Limits, PageTokenSettings, Settings};
pub use store::Description;

/// Open files and connections of the process, without those of callers: generations that serve, are kept, built and
/// compared, the log, the audit, the metrics and the runtime.
const DESCRIPTORS: u64 = 5 * store::DESCRIPTORS_PER_DATABASE + 64;

type StatisticsServer = StatisticsServiceServer<services::Statistics>;
type OperationsServer = OperationsServiceServer<services::Operations>;

/// Batch size of replays while queries arrive: the log's server sends a batch at once, and delays other work on its
/// core for that time.
const READ_AHEAD_WHILE_QUERIED: usize = 100;
/// Retry delay of a query without a permit.
const QUERY_RETRY_AFTER: Duration = Duration::from_millis(500);
/// Retry delay of an export without a permit; an export takes seconds.
const EXPORT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Runs the service on NATS until the shutdown. The data folder is locked and the address bound first, so that a wrong
/// one is reported at once; callers are refused until the read models are open, while health and metrics answer.
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
    let files = Files::open(&settings)?;
    let folder = folder(&settings).await?;
    let background = Background::start()?;
    // Two connections: live events do not queue behind those of a replay, which is read in the background.
    let opening = async {
        let listener = reach.bind().await?;
        let unopened = "the event log cannot be opened";
        let log = NatsLog::connect(settings.log.clone()).await.context(unopened)?;
        let log_apart = background.spawn(NatsLog::connect(settings.log.clone())).await?.context(unopened)?;
        anyhow::Ok((listener, Arc::new(log), log_apart))
    };
    let (listener, log, log_apart) = tokio::select! {
        opened = opening => opened?,
        () = shutdown.requested() => return Ok(DrainOutcome::InTime),
    };
    let queries = queries_in_flight(&settings);
    let asked = queries.clone();
    let batch_size: BatchSize =
        Arc::new(
            move || {
                if replay::are_expected(&asked) { READ_AHEAD_WHILE_QUERIED } else { READ_AHEAD_MAX }
            },
        );
    let parts = Parts {
        probes,
        files,
        folder,
        log_apart: Arc::new(log_apart.with_batch_size(batch_size)),
        background,
        queries,
    };
    serve_with(parts, listener, log, Arc::new(SystemClock), settings, shutdown).await
}

/// Serves on a listener over any log.
pub async fn serve(
    listener: Listener,
    log: Arc<dyn Read>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    shutdown: Shutdown,
) -> anyhow::Result<DrainOutcome> {
    let parts = Parts {
        probes: probes(&settings).await?,
        files: Files::open(&settings)?,
        folder: folder(&settings).await?,
        log_apart: Arc::clone(&log),
        background: Background::start()?,
        queries: queries_in_flight(&settings),
    };
    serve_with(parts, listener, log, clock, settings, shutdown).await
}

/// Parts of the service before it is connected to callers.
struct Parts {
    probes: Probes,
    files: Files,
    folder: DataFolder,
    /// The log connection and runtime of replays.
    log_apart: Arc<dyn Read>,
    background: Background,
    queries: InFlight,
}

/// The files that the settings name, except those of identity and the log. They are opened before the log, so that a wrong one is an
/// error at once.
struct Files {
    audit: Audit,
    signer: Signer,
    /// Of public figures, where they are configured.
    secret: Option<SecretBytes>,
}

impl Files {
    fn open(settings: &Settings) -> anyhow::Result<Self> {
        let (signer, secret) = (settings.page_tokens.signer()?, settings.publications.secret()?);
        Ok(Self { audit: Audit::open(&settings.audit, "projection")?, signer, secret })
    }
}

async fn probes(settings: &Settings) -> Result<Probes, ProbesError> {
    let names = [StatisticsServer::NAME, OperationsServer::NAME];
    let files = [settings.identity.expiring(), settings.log.expiring()].concat();
    Probes::open("projection", names, settings.telemetry.metrics_listen, files).await
}

async fn folder(settings: &Settings) -> anyhow::Result<DataFolder> {
    let (data, shown) = (settings.data.clone(), settings.data.display());
    let taken = tokio::task::spawn_blocking(move || DataFolder::open(&data)).await?;
    taken.with_context(|| format!("the read models cannot be kept in {shown}"))
}

fn queries_in_flight(settings: &Settings) -> InFlight {
    InFlight::new("queries", settings.limits.queries_in_flight, QUERY_RETRY_AFTER)
}

async fn serve_with(
    parts: Parts,
    listener: Listener,
    log: Arc<dyn Read>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    shutdown: Shutdown,
) -> anyhow::Result<DrainOutcome> {
    let Parts { probes, files, folder, log_apart, background, queries } = parts;
    let Files { audit, signer, secret } = files;
    let generations = tokio::select! {
        opened = open(folder, &log, &*clock, &settings) => opened?,
        () = shutdown.requested() => return Ok(DrainOutcome::InTime),
    };
    let replayer = Replayer {
        log: log_apart,
        generations: Arc::clone(&generations),
        clock: Arc::clone(&clock),
        permit: Arc::default(),
        filling: Arc::default(),
        background: background.handle().clone(),
        questions: queries.clone(),
    };
    let (metrics, health) = (&probes.metrics, probes.health.clone());
    let shutdown = shutdown.after_notice(health.clone(), settings.server.drain_delay());
    let progress = Arc::<Progress>::default();
    metrics::register(metrics, &log, &generations, &progress, &replayer.filling)?;
    let (publications, publisher) = publisher(secret.as_ref(), &settings, &log, &generations, &clock);
    let asked = QueryParts { queries, signer, publications, callers: listener.callers() };
    let routes = routes(&settings, asked, &log, &replayer, metrics, &shutdown)?;
    let stalled_for = progress.stalled_for();
    let looking = progress.look(
        Arc::clone(&log),
        Arc::clone(&generations),
        Arc::clone(&clock),
        settings.limits.standstill(),
    );
    let looking = tokio::spawn(looking);
    let follower = Follower { log: Arc::clone(&log), generations: Arc::clone(&generations), clock };
    let following = tokio::spawn(follower.run(shutdown.clone()));
    let publishing = publisher.map(|publisher| background.spawn(publisher.run(shutdown.clone())));
    let recomputing = background.spawn(replayer.rebuild_if_outdated(shutdown.clone()));
    let ready = tokio::spawn(readiness::report(log, Arc::clone(&generations), health.clone(), stalled_for));

    let begun = shutdown.clone().into_requested();
    let api = Api { routes, methods: METHODS, audit: audit.clone() };
    let drained = serve::serve(listener, &settings.server, api, health, metrics, begun).await;
    ready.abort();
    looking.abort();
    audit.close().await;
    // Also if serving failed: the follower must not outlive the service.
    shutdown.begin();
    following.await.context("following the log failed")?;
    recomputing.await.context("rebuilding the read models failed")?;
    if let Some(publishing) = publishing {
        publishing.await.context("publishing failed")?;
    }
    let closing = generations.serving();
    let flushed = tokio::task::spawn_blocking(move || closing.flush()).await?;
    if let Err(error) = flushed {
        // They are a cache: missing events are read from the log at the next start.
        tracing::error!(%error, "the read models could not be flushed");
    }
    Ok(drained?)
}

/// The source of public answers, and its publisher if the service has a secret.
fn publisher(
    secret: Option<&SecretBytes>,
    settings: &Settings,
    log: &Arc<dyn Read>,
    generations: &Arc<Generations>,
    clock: &Arc<dyn Clock>,
) -> (Publications, Option<Publisher>) {
    let Some(secret) = secret else {
        return (Publications::not_configured(), None);
    };
    let publications = Publications::pending();
    let publisher = Publisher {
        publications: publications.clone(),
        log: Arc::clone(log),
        generations: Arc::clone(generations),
        clock: Arc::clone(clock),
        settings: settings.publications.clone(),
        rounding: Arc::new(Rounding::new(secret.expose(), settings.small_count_base)),
    };
    (publications, Some(publisher))
}

async fn open(
    folder: DataFolder,
    log: &Arc<dyn Read>,
    clock: &dyn Clock,
    settings: &Settings,
) -> anyhow::Result<Arc<Generations>> {
    // A log that was just reached may be briefly unavailable.
    let until = Instant::now() + Duration::from_millis(settings.log.start_timeout_ms);
    let head = (|| log.head())
        .retry(ConstantBuilder::new().with_delay(HEAD_RETRY).without_max_times())
        .when(|_| Instant::now() < until)
        .notify(|error, _| tracing::warn!(%error, "the event log cannot be read yet"))
        .await
        .context("the event log cannot be read at start")?;
    let (shown, now, identity) = (settings.data.display(), clock.now(), head.identity.clone());
    let opened = tokio::task::spawn_blocking(move || Generations::open(folder, &identity, now)).await?;
    let opened = opened.with_context(|| {
        format!("the read models in {shown} cannot be read or written; they are unchanged")
    })?;
    opened.update_lineage(&head);
    Ok(Arc::new(opened))
}

/// Permits, callers, page signer and public figures for the query services.
struct QueryParts {
    queries: InFlight,
    signer: Signer,
    publications: Publications,
    callers: Callers,
}

fn routes(
    settings: &Settings,
    asked: QueryParts,
    log: &Arc<dyn Read>,
    replayer: &Replayer,
    metrics: &Metrics,
    shutdown: &Shutdown,
) -> Result<Routes, MetricsError> {
    let Replayer { generations, clock, .. } = replayer;
    let QueryParts { queries: in_flight, signer, publications, callers } = asked;
    let bytes_max = settings.server.max_message_bytes.get();
    let exports = InFlight::new("exports", settings.limits.exports_in_flight, EXPORT_RETRY_AFTER);
    let streams = InFlight::new("streams", settings.limits.streams_open, QUERY_RETRY_AFTER);
    let waiting = InFlight::new("waiting questions", settings.limits.questions_waiting, QUERY_RETRY_AFTER);
    metrics.watch_permits(&[&in_flight, &waiting, &exports, &streams])?;
    let statistics = services::Statistics {
        admission: services::Admission {
            generations: Arc::clone(generations),
            log_head: queries::LogHead::of(Arc::clone(log)),
            clock: Arc::clone(clock),
            callers,
            waiting,
            signer: signer.clone(),
        },
        in_flight,
        exports,
        export_bytes_max: settings.limits.export_bytes_max,
        streams,
        publications,
        shutdown: shutdown.clone(),
    };
    let operations =
        services::Operations { replayer: replayer.clone(), callers, signer, shutdown: shutdown.clone() };
    Ok(Routes::new(StatisticsServer::new(statistics).max_decoding_message_size(bytes_max))
        .add_service(OperationsServer::new(operations).max_decoding_message_size(bytes_max)))
}
