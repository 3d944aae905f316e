//! Health of the two services: ingestion serves while the log can accept appends, reference always.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::Read;
use cra_runtime::health::{Health, Readiness};
use cra_runtime::shutdown::Shutdown;
use tokio::time::sleep;

use crate::{IngestionServer, ReferenceServer};

/// Maximum delay of health; polling is cheap, because the log answers from local state.
const INTERVAL: Duration = Duration::from_millis(250);

/// Updates health from the log until `shutdown`.
pub(crate) async fn follow(log: Arc<dyn Read>, health: Health, shutdown: Shutdown) {
    health.set::<ReferenceServer>(Readiness::Serving).await;
    let mut reported = None;
    loop {
        let readiness = if log.is_available() { Readiness::Serving } else { Readiness::NotServing };
        if reported != Some(readiness) {
            tracing::info!(?readiness, "ingestion");
            health.set::<IngestionServer>(readiness).await;
            reported = Some(readiness);
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = shutdown.requested() => return,
        }
    }
}
