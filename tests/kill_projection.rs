//! A projection killed at any moment loses nothing and counts nothing twice, and read models rebuilt from the log are
//! equal to the last figure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cra_contracts::v1 as pb;
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};
use tokio_stream::wrappers::ReceiverStream;

use crate::harness::{
    Pair, Service, Statistics, connected, cra_of, new_id, statistics_at, submission, submit_stream,
};

const CRAS: u32 = 3_000;
/// The load is spread over some seconds, so that it spans many lives of the projection.
const BURST: u32 = 10;
const BURST_INTERVAL: Duration = Duration::from_millis(12);
/// Lifetimes of the projection after it has bound its port: while it opens its files, reads the log, catches up,
/// follows.
const LIVES_MS: [u64; 8] = [40, 300, 0, 450, 250, 700, 120, 350];
const KILLS_MIN: usize = 3;

/// A steady load; counts each item when it is sent.
fn load(sent: Arc<AtomicU32>) -> ReceiverStream<pb::SubmitCraRequest> {
    let (sender, receiver) = mpsc::channel(BURST as usize);
    tokio::spawn(async move {
        let mut pace = interval(BURST_INTERVAL);
        for number in 0..CRAS {
            if number % BURST == 0 {
                pace.tick().await;
            }
            sender.send(submission(&new_id(), cra_of(number))).await.unwrap();
            sent.store(number + 1, Ordering::SeqCst);
        }
    });
    ReceiverStream::new(receiver)
}

/// Kills the projection repeatedly, after varying lifetimes, while `goes_on`; returns the number of kills.
async fn kill_repeatedly(projection: &mut Service, goes_on: impl Fn(usize) -> bool) -> usize {
    let mut kills = 0;
    for life in LIVES_MS.into_iter().cycle() {
        if !goes_on(kills) {
            break;
        }
        projection.kill();
        kills += 1;
        projection.start().await;
        sleep(Duration::from_millis(life)).await;
    }
    kills
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_killed_at_any_moment_loses_nothing_and_counts_nothing_twice() {
    let mut pair = Pair::start().await;
    let sent = Arc::new(AtomicU32::new(0));
    let mut ingestion = pair.ingestion().await;
    let submissions = load(Arc::clone(&sent));
    let submitting = tokio::spawn(async move { submit_stream(&mut ingestion, submissions).await });

    let under_load = |_| sent.load(Ordering::SeqCst) < CRAS;
    let kills = kill_repeatedly(&mut pair.projection, under_load).await;
    assert!(kills >= KILLS_MIN, "only {kills} kills under load");
    let receipts = submitting.await.unwrap();

    let total = u64::from(CRAS);
    assert_eq!(receipts.len() as u64, total);
    assert!(receipts.iter().all(|receipt| !receipt.duplicate));
    let last_position = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    assert_eq!(last_position, total, "the log holds what was acknowledged and nothing else");

    let acts: u64 = (0..CRAS).map(|number| u64::from(cra_of(number).participants.unwrap())).sum();
    pair.projection.serving().await;
    let counted = statistics_at(&mut pair.statistics().await, last_position).await;
    assert_eq!((counted.cras, counted.acts), (total, acts));

    // Read models built anew, and killed during the build.
    let mut another = pair.another_projection();
    another.start().await;
    kill_repeatedly(&mut another, |kills| kills < LIVES_MS.len()).await;
    another.serving().await;
    let mut statistics = Statistics::new(connected(another.address()).await.unwrap());
    assert_eq!(statistics_at(&mut statistics, last_position).await, counted);
}
