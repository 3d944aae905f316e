//! Starts both services and the web pages in this process, with the embedded log. Only this module links the services
//! as crates; all other commands use gRPC, as any client does.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use cra_eventlog::embedded::EmbeddedLog;
use cra_private::{AtomicFile, Existing};
use cra_projection::publications::PublicationSettings;
use cra_runtime::audit::{AuditSettings, Target};
use cra_runtime::clock::SystemClock;
use cra_runtime::identity::Identity;
use cra_runtime::listen;
use cra_runtime::serve::DrainOutcome;
use cra_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::args::{CredentialArgs, EndpointArgs};

/// Folder of the event log in the data folder. It is the only data that must be preserved.
pub(super) const LOG: &str = "log";
/// Folder of the read models in the data folder: a cache of the log.
pub(super) const READ_MODELS: &str = "projection";
/// File of the secret for rounding public figures, in the data folder. It is preserved with the log, because another
/// secret gives other figures.
pub(super) const PUBLICATION_SECRET: &str = "publication-secret";

/// Both services, and the web pages if enabled, listening.
pub(super) struct Pair {
    /// Actual address of the web pages.
    pub(super) pages: Option<SocketAddr>,
    /// Actual addresses of the services: with port 0, the ports that the system chose.
    pub(super) endpoints: EndpointArgs,
    /// Completes when both services have drained after the shutdown, or when one has failed.
    pub(super) served: JoinHandle<anyhow::Result<()>>,
}

/// The file of the secret for rounding public figures: created at the first start, readable only by its owner.
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

/// Binds the address of the web pages before anything else is started.
async fn bind_pages(web: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(listen) = web else { return Ok(None) };
    let settings = cra_web::Settings { listen, ..Default::default() };
    let bound = cra_web::bind(&settings).await;
    Ok(Some(bound.context("the pages cannot be served: choose another address with --web, or --no-web")?))
}

/// Settings of the web pages of this pair.
fn pages_settings(endpoints: &EndpointArgs) -> cra_web::Settings {
    let EndpointArgs { ingestion_url, projection_url, .. } = endpoints.clone();
    let services = cra_web::ServicesSettings { ingestion_url, projection_url, ..Default::default() };
    cra_web::Settings { services, ..Default::default() }
}

/// Opens the log in `data`, binds the addresses, and serves until `shutdown`. When it returns, connections are
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
        // The services of this process run without identity.
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
    // There are no identities to audit, and the terminal is used for the figures.
    let audit = AuditSettings { to: Target::None, ..AuditSettings::default() };
    let data = data.join(READ_MODELS);
    let settings =
        cra_projection::Settings { data, publications, audit: audit.clone(), ..Default::default() };

    let pages_settings = pages_settings(&endpoints);
    let served = tokio::spawn(async move {
        let clock = Arc::new(SystemClock);
        let ingestion_settings = cra_ingestion::Settings { audit, ..Default::default() };
        let ended = shutdown.clone();
        let ingesting = async {
            let (log, clock) = (Arc::clone(&embedded), clock.clone());
            let served =
                cra_ingestion::serve(ingestion, log, clock, &ingestion_settings, shutdown.clone()).await;
            // The services are only useful together: if one ends, the other is stopped.
            ended.begin();
            served
        };
        let projecting = async {
            let (log, clock) = (Arc::clone(&embedded), clock.clone());
            let served = cra_projection::serve(projection, log, clock, settings, shutdown.clone()).await;
            ended.begin();
            served
        };
        let showing = async {
            let Some(pages) = pages else { return Ok(DrainOutcome::InTime) };
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
