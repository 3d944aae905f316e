//! Starts both services in this process, over the embedded log: the one place of the command line that knows
//! them as crates. Everything else reaches them over gRPC, as any client does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use cra_eventlog::EventLog;
use cra_eventlog::embedded::EmbeddedLog;
use cra_runtime::clock::SystemClock;
use cra_runtime::identity::Identity;
use cra_runtime::listen;
use cra_runtime::shutdown::Shutdown;
use tokio::task::JoinHandle;

use crate::args::{CredentialArgs, EndpointArgs};

/// Folder of the event log below the data folder: what must be kept.
pub(super) const LOG: &str = "log";
/// Folder of the read models below the data folder: a cache of the log.
const READ_MODELS: &str = "projection";

/// Both services, listening.
pub(super) struct Pair {
    /// Where they really listen: with port 0, the ports that the system chose.
    pub(super) endpoints: EndpointArgs,
    /// Ends when both have drained after the shutdown, or when one has failed.
    pub(super) served: JoinHandle<anyhow::Result<()>>,
}

/// Opens the log in `data`, binds both addresses, and serves until `shutdown`. Once it returns, connections are
/// accepted.
pub(super) async fn start_pair(
    data: &Path,
    ingestion: SocketAddr,
    projection: SocketAddr,
    shutdown: Shutdown,
) -> anyhow::Result<Pair> {
    let ingestion = listen::bind(ingestion, Identity::not_configured()).await?;
    let projection = listen::bind(projection, Identity::not_configured()).await?;
    let endpoints = EndpointArgs {
        ingestion_url: format!("http://{}", ingestion.address()),
        projection_url: format!("http://{}", projection.address()),
        // A pair of its own knows nobody.
        credentials: CredentialArgs::default(),
    };
    let folder = data.join(LOG);
    let embedded = tokio::task::spawn_blocking(move || EmbeddedLog::open(&folder))
        .await?
        .with_context(|| format!("the event log cannot be opened in {}", data.display()))?;
    let embedded = Arc::new(embedded);
    let settings = cra_projection::Settings { data: data.join(READ_MODELS), ..Default::default() };

    let served = tokio::spawn(async move {
        let log: Arc<dyn EventLog> = embedded.clone();
        let clock = Arc::new(SystemClock);
        let ingestion_settings = cra_ingestion::Settings::default();
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
        let (ingested, projected) = tokio::join!(ingesting, projecting);
        embedded.close().await;
        for drained in [ingested?, projected?] {
            tracing::debug!(?drained, "service ended");
        }
        Ok(())
    });
    Ok(Pair { endpoints, served })
}
