//! When asked to stop, both services finish accepted work, exit in time whatever their callers do, and what they
//! acknowledged is in the log.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cra_contracts::v1 as pb;
use pb::submit_cras_response::Outcome;

use crate::harness::{
    Pair, Standalone, connected, cra_of, eventually, new_id, probed, record, recorded, service_pair,
    statistics_at, submission,
};

const DRAIN_DEADLINE: Duration = Duration::from_secs(5);
const SETTINGS: [(&str, &str); 1] = [("SERVER__DRAIN_DEADLINE_MS", "5000")];

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_holds_neither_service_and_both_leave_with_success() {
    let mut pair = Pair::start_with(&SETTINGS).await;
    let idle = (pair.ingestion().await, pair.statistics().await);

    let stopped_at = Instant::now();
    pair.ingestion.terminate();
    pair.projection.terminate();
    let (ingestion, projection) = tokio::join!(pair.ingestion.ended(), pair.projection.ended());
    assert!(stopped_at.elapsed() < DRAIN_DEADLINE, "{:?}", stopped_at.elapsed());
    assert!(ingestion.success(), "ingestion: {ingestion}");
    assert!(projection.success(), "projection: {projection}");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_logs_no_warning() {
    let mut pair = Pair::start_with(&SETTINGS).await;
    let receipt = record(&mut pair.ingestion().await, cra_of(1)).await;
    statistics_at(&mut pair.statistics().await, receipt.position).await;
    for service in [&mut pair.ingestion, &mut pair.projection] {
        let before = service.output().len();
        service.terminate();
        assert!(service.ended().await.success());
        let output = service.output().split_off(before);
        assert!(!output.contains("\"WARN\"") && !output.contains("\"ERROR\""), "{output}");
        assert!(!output.is_empty(), "it logs that it leaves");
    }
    let mut standalone = Standalone::start_with_sample().await;
    let before = standalone.stderr().len();
    assert!(standalone.terminated(DRAIN_DEADLINE * 6).is_some_and(|ended| ended.success()));
    let output = standalone.stderr().split_off(before);
    assert!(!output.contains("WARN") && !output.contains("ERROR"), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_taken_between_not_serving_and_the_closed_port() {
    let settings = [
        ("SERVER__DRAIN_DELAY_MS", "8000"),
        ("SERVER__DRAIN_DEADLINE_MS", "20000"),
        ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0"),
    ];
    let mut pair = Pair::start_with(&settings).await;
    let stopped_at = Instant::now();
    for service in [&pair.ingestion, &pair.projection] {
        service.terminate();
        eventually("readiness has gone, and liveness has not", async || {
            let (ready, _) = probed(service, "/readyz").await;
            let (live, _) = probed(service, "/livez").await;
            let is_leaving = ready.contains("503") && live.contains("200");
            is_leaving.then_some(()).ok_or_else(|| format!("{ready}, {live}"))
        })
        .await;
    }
    let receipt = pair.ingestion().await.submit_cra(submission(&new_id(), cra_of(1))).await.unwrap();
    let position = receipt.into_inner().receipt.unwrap().position;
    // Read models follow until the drain.
    statistics_at(&mut pair.statistics().await, position).await;
    let (ingestion, projection) = tokio::join!(pair.ingestion.ended(), pair.projection.ended());
    assert!(ingestion.success() && projection.success(), "{ingestion}, {projection}");
    assert!(stopped_at.elapsed() >= Duration::from_secs(8), "{:?}", stopped_at.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_holds_neither_service_past_the_deadline_and_no_other_is_taken_until_then() {
    let mut pair = Pair::start_with(&SETTINGS).await;
    let silent = [
        tokio::net::TcpStream::connect(pair.ingestion.address()).await.unwrap(),
        tokio::net::TcpStream::connect(pair.projection.address()).await.unwrap(),
    ];

    let stopped_at = Instant::now();
    pair.ingestion.terminate();
    pair.projection.terminate();
    for address in [pair.ingestion.address(), pair.projection.address()] {
        eventually("the port is closed", async || match connected(address).await {
            Ok(_) => Err("a connection was accepted".to_owned()),
            Err(_) => Ok(()),
        })
        .await;
    }
    let closed = stopped_at.elapsed();
    assert!(closed < DRAIN_DEADLINE, "the ports closed after {closed:?}");
    // Whether a drain cut at its deadline is a success is not judged here.
    let _ = tokio::join!(pair.ingestion.ended(), pair.projection.ended());
    let margin = Duration::from_secs(5);
    assert!(stopped_at.elapsed() < DRAIN_DEADLINE + margin, "{:?}", stopped_at.elapsed());
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ingestion_acknowledged_before_it_left_is_in_the_log_and_counts() {
    let mut pair = Pair::start_with(&SETTINGS).await;
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let endless = (0..).map(|number| pb::SubmitCrasRequest {
        item: u64::from(number) + 1,
        submission: Some(submission(&new_id(), cra_of(number))),
    });
    let mut ingestion = pair.ingestion().await;
    let receipts = Arc::clone(&acknowledged);
    let submitting = tokio::spawn(async move {
        let answers = ingestion.submit_cras(tokio_stream::iter(endless)).await.unwrap();
        let mut answers = answers.into_inner();
        while let Ok(Some(answer)) = answers.message().await {
            match answer.outcome.unwrap() {
                Outcome::Receipt(receipt) => receipts.lock().unwrap().push(receipt),
                Outcome::Refusal(refusal) => panic!("{refusal:?}"),
            }
        }
    });
    eventually("the load is under way", async || {
        let count = acknowledged.lock().unwrap().len();
        if count >= 200 { Ok(()) } else { Err(format!("{count}")) }
    })
    .await;

    pair.ingestion.terminate();
    let status = pair.ingestion.ended().await;
    assert!(status.success(), "{status}");
    submitting.await.unwrap();
    let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());

    pair.ingestion.start_and_serve().await;
    let mut ingestion = pair.ingestion().await;
    // From both ends: the last ones were in progress when the stop was requested.
    for receipt in acknowledged.iter().rev().take(100).chain(acknowledged.iter().take(20)) {
        let events = recorded(&mut ingestion, &receipt.cra_id).await.unwrap();
        assert_eq!(events.len(), 1, "{receipt:?}");
    }
    let last = acknowledged.iter().map(|receipt| receipt.position).max().unwrap();
    let statistics = statistics_at(&mut pair.statistics().await, last).await;
    assert!(
        statistics.cras >= acknowledged.len() as u64,
        "{} acknowledged, {} counted",
        acknowledged.len(),
        statistics.cras
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_waits_for_its_log_leaves_as_soon_as_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    // No server listens there; the services look for their log for half a minute.
    let (ingestion, projection) = service_pair(dir.path(), "nats://127.0.0.1:9", &[]);
    for mut service in [ingestion, projection] {
        service.start().await;
        service.terminate();
        let ended = service.ended().await;
        assert!(ended.success(), "{ended}: {}", service.output());
    }
}
