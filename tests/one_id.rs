//! One id is one CRA, however many callers submit it at once: all callers with the same content get the same receipt;
//! of several contents one is recorded and the others are refused.

use std::sync::Arc;

use cra_contracts::v1 as pb;
use tokio::sync::Barrier;
use tonic::{Code, Status};

use crate::harness::{Pair, new_id, recorded, statistics_at, submission, submitted, workshop};

const RACERS: u32 = 8;

/// All callers submit at the same moment, each over a separate connection.
async fn race(
    pair: &Pair,
    submission_of: impl Fn(u32) -> pb::SubmitCraRequest,
) -> Vec<Result<pb::Receipt, Status>> {
    let start = Arc::new(Barrier::new(RACERS as usize));
    let mut racers = Vec::new();
    for racer in 0..RACERS {
        let mut ingestion = pair.ingestion().await;
        let (start, request) = (Arc::clone(&start), submission_of(racer));
        racers.push(tokio::spawn(async move {
            start.wait().await;
            submitted(&mut ingestion, request).await
        }));
    }
    let mut outcomes = Vec::new();
    for racer in racers {
        outcomes.push(racer.await.unwrap());
    }
    outcomes
}

/// Asserts that the log has one event of this CRA, and that it counts once.
async fn recorded_once(pair: &Pair, cra_id: &str, position: u64) {
    let events = recorded(&mut pair.ingestion().await, cra_id).await.unwrap();
    assert_eq!(events.len(), 1);
    let statistics = statistics_at(&mut pair.statistics().await, position).await;
    assert_eq!(statistics.cras, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_sent_at_once_under_one_id_is_recorded_once_and_all_get_its_receipt() {
    let pair = Pair::start().await;
    let cra_id = new_id();
    let outcomes = race(&pair, |_| submission(&cra_id, workshop(5))).await;
    let receipts: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();

    let first: Vec<_> = receipts.iter().filter(|receipt| !receipt.duplicate).collect();
    assert_eq!(first.len(), 1, "{receipts:?}");
    for receipt in &receipts {
        let as_the_first = pb::Receipt { duplicate: false, ..receipt.clone() };
        assert_eq!(&as_the_first, first[0]);
    }
    recorded_once(&pair, &cra_id, first[0].position).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_contents_sent_at_once_under_one_id_one_is_recorded_and_the_others_are_refused() {
    let pair = Pair::start().await;
    let cra_id = new_id();
    let outcomes = race(&pair, |racer| submission(&cra_id, workshop(2 + racer))).await;

    let (receipts, refusals): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let receipts: Vec<_> = receipts.into_iter().map(Result::unwrap).collect();
    let codes: Vec<_> = refusals.into_iter().map(|refusal| refusal.unwrap_err().code()).collect();
    assert_eq!(receipts.len(), 1, "{receipts:?}");
    assert!(!receipts[0].duplicate);
    assert_eq!(codes, [Code::AlreadyExists; RACERS as usize - 1]);
    recorded_once(&pair, &cra_id, receipts[0].position).await;
}
