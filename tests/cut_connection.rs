//! A submission whose answer is lost can be sent again: whenever the connection is cut, the CRA is recorded once.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{
    Ingestion, Pair, Proxy, connected, eventually, new_id, recorded, statistics_at, submission, submitted,
    workshop,
};

/// A connection through the proxy that has answered once.
async fn through(proxy: &Proxy) -> Ingestion {
    let mut ingestion = Ingestion::new(connected(proxy.address()).await.unwrap());
    let mut check = submission(&new_id(), workshop(5));
    check.validate_only = true;
    submitted(&mut ingestion, check).await.unwrap();
    ingestion
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_recorded_while_its_answer_was_lost_is_a_duplicate_when_sent_again() {
    let pair = Pair::start().await;
    let proxy = Proxy::to(pair.ingestion.address()).await;
    let cra_id = new_id();

    let mut cut_off = through(&proxy).await;
    proxy.keep_answers_back();
    let request = submission(&cra_id, workshop(5));
    let lost = tokio::spawn(async move { submitted(&mut cut_off, request).await });
    let mut direct = pair.ingestion().await;
    eventually("the request is recorded", async || {
        recorded(&mut direct, &cra_id).await.map_err(|status| status.to_string())
    })
    .await;
    assert!(!lost.is_finished(), "its answer came back");
    proxy.cut();
    assert!(lost.await.unwrap().is_err());

    let receipt = submitted(&mut through(&proxy).await, submission(&cra_id, workshop(5))).await.unwrap();
    assert!(receipt.duplicate);
    assert_eq!(recorded(&mut direct, &cra_id).await.unwrap().len(), 1);
    let statistics = statistics_at(&mut pair.statistics().await, receipt.position).await;
    assert_eq!((statistics.cras, statistics.acts), (1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_at_any_moment_and_sent_again_a_submission_is_recorded_once() {
    // Before, during and after the append, which takes a few milliseconds.
    const CUT_AFTER_MICROSECONDS: [u64; 12] =
        [0, 100, 200, 400, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 8_000, 20_000];
    let pair = Pair::start().await;
    let proxy = Proxy::to(pair.ingestion.address()).await;
    let mut direct = pair.ingestion().await;
    let mut last_position = 0;

    for pause in CUT_AFTER_MICROSECONDS.map(Duration::from_micros) {
        let cra_id = new_id();
        let mut cut_off = through(&proxy).await;
        let request = submission(&cra_id, workshop(5));
        let first_try = tokio::spawn(async move { submitted(&mut cut_off, request).await });
        sleep(pause).await;
        proxy.cut();
        let first_try = first_try.await.unwrap();

        let receipt = submitted(&mut through(&proxy).await, submission(&cra_id, workshop(5))).await.unwrap();
        if let Ok(first_try) = first_try {
            assert!(receipt.duplicate, "it was acknowledged before");
            assert_eq!(receipt.position, first_try.position);
        }
        assert_eq!(recorded(&mut direct, &cra_id).await.unwrap().len(), 1, "after {pause:?}");
        last_position = last_position.max(receipt.position);
    }

    let ids = CUT_AFTER_MICROSECONDS.len() as u64;
    assert_eq!(last_position, ids, "the log holds nothing else");
    let statistics = statistics_at(&mut pair.statistics().await, last_position).await;
    assert_eq!(statistics.cras, ids);
}
