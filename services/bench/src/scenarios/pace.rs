//! A steady load: submissions at a fixed rate, whether the ones before were answered or not.

use std::time::Duration;

use cra_contracts::v1;
use cra_contracts::v1::ingestion_service_client::IngestionServiceClient;
use tokio::time::{Instant, MissedTickBehavior, interval};

use cra_client::Calls;

/// Submissions a second.
pub(crate) const PER_SECOND: u64 = 500;
const EVERY: Duration = Duration::from_micros(1_000_000 / PER_SECOND);

/// Calls `begin` with each of the submissions and the moment when it is due, at the rate; returns when all have begun.
/// What is late is caught up, and counts as late: the time that callers see begins when they want to send.
pub(crate) async fn at_rate(
    requests: Vec<v1::SubmitCraRequest>,
    mut begin: impl FnMut(v1::SubmitCraRequest, Instant),
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for request in requests {
        let due = ticks.tick().await;
        begin(request, due);
    }
}

/// A caller's connection.
pub(crate) type Ingestion = IngestionServiceClient<Calls>;
