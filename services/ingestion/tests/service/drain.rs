//! Drain: accepted work is finished.

use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::reason_of;
use cra_runtime::serve::DrainOutcome;
use futures::StreamExt as _;

use crate::fixtures::{service, submission};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_goes_on_when_its_caller_leaves_and_the_drain_waits_for_it() {
    let mut service = service().await;
    let closed = service.log.gate.acquire_many(1_000).await.unwrap();
    let mut client = service.ingestion().await;
    let impatient = tokio::time::timeout(Duration::from_millis(300), client.submit_cra(submission(1))).await;
    assert!(impatient.is_err(), "the gate is closed");
    service.shutdown.begin();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!service.outcome.is_finished(), "the append was not waited for");
    drop(closed);
    assert_eq!(service.drained().await, DrainOutcome::InTime);
    assert_eq!(service.events().await, 1);
}

#[tokio::test]
async fn at_the_drain_an_open_stream_ends_with_the_reason_after_its_answers() {
    let mut service = service().await;
    let first = pb::SubmitCrasRequest { item: 1, submission: Some(submission(1)) };
    let endless = futures::stream::iter([first]).chain(futures::stream::pending());
    let mut answers = service.ingestion().await.submit_cras(endless).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().item, 1);
    service.shutdown.begin();
    let end = answers.message().await.unwrap_err();
    assert_eq!(reason_of(&end).as_deref(), Some("DRAINING"));
    assert_eq!(service.drained().await, DrainOutcome::InTime);
}
