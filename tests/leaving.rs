//! Services that are replaced one after the other under load: each exits with success under its deadline, nothing
//! acknowledged is lost, and clients continue with the next process.

use std::time::{Duration, Instant};

use crate::harness::{Load, Pair, Proxy, audit, either};

const CLIENTS: u32 = 4;
const CHANGES: u64 = 50;
const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_service_replaced_under_load_leaves_with_success_and_loses_nothing() {
    let mut pair = Pair::start_with(&[("SERVER__DRAIN_DEADLINE_MS", "5000")]).await;
    let proxy = Proxy::to(pair.ingestion.address()).await;
    let load = Load::begin(&[proxy.address()], CLIENTS);
    for _ in 0..either(3, 20) {
        load.goes_on(CHANGES).await;
        let stopped_at = Instant::now();
        pair.ingestion.terminate();
        pair.projection.terminate();
        let (ingestion, projection) = tokio::join!(pair.ingestion.ended(), pair.projection.ended());
        assert!(stopped_at.elapsed() < DRAIN_DEADLINE, "{:?}", stopped_at.elapsed());
        assert!(ingestion.success() && projection.success(), "{ingestion}, {projection}");
        tokio::join!(pair.ingestion.start_and_serve(), pair.projection.start_and_serve());
        proxy.lead_to(pair.ingestion.address());
    }
    load.goes_on(CHANGES).await;
    let acknowledged = load.end().await;
    let entries = audit::log_of(&pair.nats.url(), 1).await;
    let (mut ingestion, mut statistics) = (pair.ingestion().await, pair.statistics().await);
    audit::all_is_well(&mut ingestion, &mut statistics, &entries, &acknowledged).await;
}
