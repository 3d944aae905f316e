//! Health of the two services: ingestion serves while the log can take appends, reference always.
//!
//! Does not mend the log; its adapter does.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::EventLog;
use cra_runtime::health::{Health, Readiness};
use cra_runtime::shutdown::Shutdown;
use tokio::time::sleep;

use crate::{IngestionServer, ReferenceServer};

/// How late health may be; asking costs nothing, the log answers from what it knows.
const INTERVAL: Duration = Duration::from_millis(250);

/// Follows the log until `shutdown`.
pub(crate) async fn follow(log: Arc<dyn EventLog>, health: Health, shutdown: Shutdown) {
    health.set::<ReferenceServer>(Readiness::Serving).await;
    let mut told = None;
    loop {
        let readiness = if log.is_available() { Readiness::Serving } else { Readiness::NotServing };
        if told != Some(readiness) {
            tracing::info!(?readiness, "ingestion");
            health.set::<IngestionServer>(readiness).await;
            told = Some(readiness);
        }
        tokio::select! {
            () = sleep(INTERVAL) => {}
            () = shutdown.begun() => return,
        }
    }
}
