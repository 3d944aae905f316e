//! Starts both services and the pages in this process, over the embedded log: the one place of the command line that
//! knows them as crates. Everything else reaches them over gRPC, as any client does.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use cra_eventlog::EventLog;
use cra_eventlog::embedded::EmbeddedLog;
use cra_private::{AtomicFile, Existing};
use cra_projection::publications::PublicationSettings;
use cra_runtime::audit::{AuditSettings, Target};
use cra_runtime::clock::SystemClock;
use cra_runtime::identity::Identity;
use cra_runtime::listen;
use cra_runtime::serve::Drained;
use cra_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::args::{CredentialArgs, EndpointArgs};

/// Folder of the event log below the data folder: what must be kept.
pub(super) const LOG: &str = "log";
/// Folder of the read models below the data folder: a cache of the log.
const READ_MODELS: &str = "projection";
/// File of the secret that public figures are drawn from, below the data folder: kept with the log, for another secret
/// shows other numbers.
const PUBLICATION_SECRET: &str = "publication-secret";

/// Both services, and the pages where they are asked for, listening.
pub(super) struct Pair {
    /// Where the pages really listen.
    pub(super) pages: Option<SocketAddr>,
    /// Where they really listen: with port 0, the ports that the system chose.
    pub(super) endpoints: EndpointArgs,
    /// Ends when both have drained after the shutdown, or when one has failed.
    pub(super) served: JoinHandle<anyhow::Result<()>>,
}

/// The file of the secret that public figures are drawn from: drawn at the first start, and read by its owner alone.
fn secret_of(data: &Path) -> anyhow::Result<PathBuf> {
    let path = data.join(PUBLICATION_SECRET);
    if path.try_exists()? {
        return Ok(path);
    }
    let mut secret = String::new();
    for byte in rand::random::<[u8; 32]>() {
        write!(secret, "{byte:02x}")?;
    }
    match AtomicFile::write_whole(&path, secret.as_bytes(), Existing::Keep) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(path),
    }
}

/// Binds the address of the pages, before anything else is started.
async fn bind_pages(web: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(listen) = web else { return Ok(None) };
    let settings = cra_web::Settings { listen, ..Default::default() };
    let bound = cra_web::bind(&settings).await;
    Ok(Some(bound.context("the pages cannot be served: choose another address with --web, or --no-web")?))
}

/// Of the pages of this pair.
fn pages_settings(endpoints: &EndpointArgs) -> cra_web::Settings {
    let services =
        cra_web::ServicesSettings { projection_url: endpoints.projection_url.clone(), ..Default::default() };
    cra_web::Settings { services, ..Default::default() }
}

/// Opens the log in `data`, binds the addresses, and serves until `shutdown`. Once it returns, connections are
/// accepted.
pub(super) async fn start_pair(
    data: &Path,
    ingestion: SocketAddr,
    projection: SocketAddr,
    web: Option<SocketAddr>,
    shutdown: Shutdown,
) -> anyhow::Result<Pair> {
    let pages = bind_pages(web).await?;
    let ingestion = listen::bind(ingestion, Identity::not_configured())?;
    let projection = listen::bind(projection, Identity::not_configured())?;
    let endpoints = EndpointArgs {
        ingestion_url: format!("http://{}", ingestion.address()),
        projection_url: format!("http://{}", projection.address()),
        // A pair of its own knows nobody.
        credentials: CredentialArgs::default(),
    };
    let pages_address = pages.as_ref().map(TcpListener::local_addr).transpose()?;
    let folder = data.join(LOG);
    let embedded = tokio::task::spawn_blocking(move || EmbeddedLog::open(&folder))
        .await?
        .with_context(|| format!("the event log cannot be opened in {}", data.display()))?;
    let embedded = Arc::new(embedded);
    let (ingestion, projection) = (ingestion.open()?, projection.open()?);
    let publications = PublicationSettings {
        secret_file: Some(secret_of(data).context("the secret of public figures cannot be kept")?),
        ..PublicationSettings::default()
    };
    // Nobody is known here, and the figures share the terminal.
    let audit = AuditSettings { to: Target::None, ..AuditSettings::default() };
    let data = data.join(READ_MODELS);
    let settings =
        cra_projection::Settings { data, publications, audit: audit.clone(), ..Default::default() };

    let pages_settings = pages_settings(&endpoints);
    let served = tokio::spawn(async move {
        let log: Arc<dyn EventLog> = embedded.clone();
        let clock = Arc::new(SystemClock);
        let ingestion_settings = cra_ingestion::Settings { audit, ..Default::default() };
        let ended = shutdown.clone();
        let ingesting = async {
            let (log, clock) = (Arc::clone(&log), clock.clone());
            let served =
                cra_ingestion::serve(ingestion, log, clock, &ingestion_settings, shutdown.clone()).await;
            // One service alone is no pair: when it ends, so does the other.
            ended.begin();
            served
        };
        let projecting = async {
            let (log, clock) = (Arc::clone(&log), clock.clone());
            let served = cra_projection::serve(projection, log, clock, settings, shutdown.clone()).await;
            ended.begin();
            served
        };
        let showing = async {
            let Some(pages) = pages else { return Ok(Drained::InTime) };
            let served = cra_web::serve(pages, &pages_settings, shutdown.clone()).await;
            ended.begin();
            served
        };
        let (ingested, projected, shown) = tokio::join!(ingesting, projecting, showing);
        embedded.close().await;
        for drained in [ingested?, projected?, shown?] {
            tracing::debug!(?drained, "service ended");
        }
        Ok(())
    });
    Ok(Pair { pages: pages_address, endpoints, served })
}
