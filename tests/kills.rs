//! Whatever is killed at whatever moment under load (ingestion, the projection, the log's server), every acknowledged
//! change is in the log exactly once, and every statistic equals the log.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::sleep;

use crate::harness::{Load, Pair, Proxy, audit, chance, either};

const CLIENTS: u32 = 4;
/// Maximum time between two kills, from the restart of the last killed process.
const LIFE_MS_MAX: u64 = 900;
/// Number of changes acknowledged before the first kill, and after the last.
const CHANGES: u64 = 50;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_under_load_what_was_acknowledged_counts_exactly_once() {
    let mut chance = chance();
    let mut pair = Pair::start().await;
    let proxy = Proxy::to(pair.ingestion.address()).await;
    let load = Load::begin(&[proxy.address()], CLIENTS);
    load.goes_on(CHANGES).await;
    for kill in 0..either(6, 50) {
        sleep(Duration::from_millis(chance.random_range(0..LIFE_MS_MAX))).await;
        match kill % 3 {
            0 => {
                pair.ingestion.kill();
                pair.ingestion.start().await;
                proxy.lead_to(pair.ingestion.address());
            }
            1 => {
                pair.projection.kill();
                pair.projection.start().await;
            }
            _ => pair.nats.restart().unwrap(),
        }
    }
    load.goes_on(CHANGES).await;
    let acknowledged = load.end().await;
    pair.ingestion.serving().await;
    pair.projection.serving().await;

    let entries = audit::log_of(&pair.nats.url(), 1).await;
    let (mut ingestion, mut statistics) = (pair.ingestion().await, pair.statistics().await);
    audit::all_is_well(&mut ingestion, &mut statistics, &entries, &acknowledged).await;
    eprintln!("{} changes acknowledged", acknowledged.len());
}
