//! The log can be replayed at any time while the read models serve: under load, across a kill, with the same figures to
//! the last digit. Events that cannot be applied are parked and reported, and block nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cra_contracts::v1 as pb;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_eventlog::{Append as _, Appended, Expectation, NewEvent, Position, StreamId};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tonic::Streaming;
use uuid::Uuid;

use crate::harness::{
    Operations, Pair, cra_of, eventually, new_id, record, statistics_at, submission, submit_stream, workshop,
};

const CRAS: u32 = 60_000;
/// Longer than the interval at which data is flushed.
const FLUSHED_WITHIN: Duration = Duration::from_secs(3);

/// Records some CRAs: the position of the last one.
async fn recorded(pair: &Pair, number: u32) -> u64 {
    let submissions = (0..number).map(|number| submission(&new_id(), cra_of(number)));
    let submissions = tokio_stream::iter(submissions.collect::<Vec<_>>());
    let receipts = submit_stream(&mut pair.ingestion().await, submissions).await;
    receipts.iter().map(|receipt| receipt.position).max().unwrap()
}

/// Submits continuously until `end` is set; returns the number of submissions.
async fn submissions(pair: &Pair, end: Arc<AtomicBool>) -> JoinHandle<u64> {
    let mut ingestion = pair.ingestion().await;
    tokio::spawn(async move {
        let mut number = 0;
        while !end.load(Ordering::SeqCst) {
            record(&mut ingestion, workshop(5)).await;
            number += 1;
        }
        number
    })
}

async fn rebuild(operations: &mut Operations, promote: bool) -> Streaming<pb::RebuildResponse> {
    let request = pb::RebuildRequest { until_position: 0, promote };
    operations.rebuild(request).await.unwrap().into_inner()
}

async fn last<T>(mut answers: Streaming<T>) -> T {
    let mut last = None;
    while let Some(answer) = answers.message().await.unwrap() {
        last = Some(answer);
    }
    last.unwrap()
}

/// The status of the projection, retried: on a busy machine the log may not answer in time.
async fn status(pair: &Pair) -> pb::GetStatusResponse {
    let answer = eventually("the status is answered", async || {
        let answer = pair.operations().await.get_status(pb::GetStatusRequest::default()).await;
        answer.map_err(|status| status.to_string())
    });
    answer.await.into_inner()
}

async fn being_built(pair: &Pair) -> Option<pb::Generation> {
    status(pair).await.generations.into_iter().find(|generation| !generation.serving)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_a_kill_interrupts_resumes_and_takes_over_under_load() {
    let mut pair = Pair::start().await;
    let head = recorded(&pair, CRAS).await;
    let before = statistics_at(&mut pair.statistics().await, head).await;
    let serving = status(&pair).await.generation;

    let mut operations = pair.operations().await;
    let replay = rebuild(&mut operations, true).await;
    eventually("the replay is under way", async || match being_built(&pair).await {
        Some(generation) if generation.position > 0 => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    pair.signal_log("-STOP");
    sleep(FLUSHED_WITHIN).await;
    pair.projection.kill();
    pair.signal_log("-CONT");
    drop((replay, operations));

    pair.projection.start_and_serve().await;
    let cut = being_built(&pair).await.unwrap();
    assert!(cut.position > 0 && cut.position < head, "cut at {} of {head}", cut.position);
    assert_eq!(status(&pair).await.generation, serving);
    assert_eq!(statistics_at(&mut pair.statistics().await, head).await, before);

    let end = Arc::new(AtomicBool::new(false));
    let load = submissions(&pair, Arc::clone(&end)).await;
    let ended = last(rebuild(&mut pair.operations().await, true).await).await;
    assert_eq!(ended.generation, cut.name, "it resumes where it was cut");
    assert!(ended.promoted && ended.position >= head, "{ended:?}");
    assert_eq!(status(&pair).await.generation, cut.name);
    let promote = pb::PromoteRequest { generation: serving.clone() };
    let former = pair.operations().await.promote(promote).await.unwrap().into_inner();
    assert_eq!(former.former_generation, cut.name);
    let checked =
        last(pair.operations().await.verify(pb::VerifyRequest {}).await.unwrap().into_inner()).await;
    assert_eq!((checked.same, checked.differences.len()), (Some(true), 0));
    end.store(true, Ordering::SeqCst);
    let more = load.await.unwrap();
    assert!(more > 0);

    let after = statistics_at(&mut pair.statistics().await, head + more).await;
    assert_eq!((after.cras, after.acts), (before.cras + more, before.acts + 5 * more));
    assert_eq!(status(&pair).await.generation, serving);
}

/// Publishes payloads that are not events, each with another CRA id.
async fn published(pair: &Pair, payloads: &[&'static [u8]]) -> Vec<Position> {
    let settings = NatsSettings { url: pair.nats.url(), ..NatsSettings::default() };
    let log = NatsLog::connect(settings).await.unwrap();
    let mut positions = Vec::new();
    for payload in payloads {
        let (cra_id, event_id) = (Uuid::new_v4(), Uuid::new_v4());
        let event = NewEvent {
            stream: StreamId(cra_id),
            event_id,
            payload: Bytes::from_static(payload),
            trace: None,
        };
        let appended: Appended = log.append(event, Expectation::NoEvent).await.unwrap();
        positions.push(appended.position());
    }
    positions
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_event_is_parked_and_reported_and_the_rest_counts() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    record(&mut ingestion, workshop(5)).await;
    let garbage: [&[u8]; 3] = [b"\xff\xff\xff", b"", b"{\"json\": true}"];
    let positions = published(&pair, &garbage).await;
    let receipt = record(&mut ingestion, workshop(7)).await;

    let counted = statistics_at(&mut pair.statistics().await, receipt.position).await;
    assert_eq!((counted.cras, counted.acts), (2, 12));
    let status = status(&pair).await;
    assert_eq!((status.parked_events, status.applied_position), (3, receipt.position));
    let mut operations = pair.operations().await;
    let listed = operations.list_parked_events(pb::ListParkedEventsRequest::default());
    let listed = listed.await.unwrap().into_inner().events;
    let parked: Vec<_> = listed.iter().map(|event| (Position(event.position), &event.payload[..])).collect();
    assert_eq!(parked, positions.into_iter().zip(garbage).collect::<Vec<_>>());
    assert!(listed.iter().all(|event| !event.error.is_empty() && !event.cra_id.is_empty()));
    let retried = operations.retry_parked_events(pb::RetryParkedEventsRequest::default());
    let retried = retried.await.unwrap().into_inner();
    assert_eq!((retried.applied, retried.still_parked), (0, 3));
    let checked =
        last(pair.operations().await.verify(pb::VerifyRequest {}).await.unwrap().into_inner()).await;
    assert_eq!(checked.same, Some(true), "a replay parks the same events");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_replays_promotes_verifies_and_lists_what_is_parked() {
    let pair = Pair::start().await;
    let receipt = record(&mut pair.ingestion().await, workshop(5)).await;
    published(&pair, &[b"\xff"]).await;
    statistics_at(&mut pair.statistics().await, receipt.position + 1).await;
    let first = status(&pair).await.generation;

    let replayed = pair.cra(&["replay", "--json"]).succeeded();
    let made = replayed.json_lines().last().unwrap()["generation"].as_str().unwrap().to_owned();
    pair.cra(&["promote", &made]).shows(&format!("cra promote {first}"));
    assert_eq!(status(&pair).await.generation, made);
    pair.cra(&["replay", "--promote"]).shows("it serves now").reports("2 of 2 events");
    pair.cra(&["replay", "--until", "1"]).shows("up to position 1");

    let verified = pair.cra(&["verify"]);
    assert!(verified.status.success() && verified.stdout.starts_with("same: "), "{}", verified.stdout);
    let parked = pair.cra(&["parked"]);
    assert_eq!(parked.stdout.lines().count(), 2, "{}", parked.stdout);
    assert_eq!(pair.cra(&["parked", "--json"]).json_lines()[0]["position"], "2");
    pair.cra(&["parked", "--retry", "2"]).exited(1).shows("1 still parked");
    pair.cra(&["status"]).shows(&made);
    assert_eq!(status(&pair).await.generations.len(), 3, "the one that served first went");

    for refused in
        [&["promote", "nothing"][..], &["replay", "--until", "9"], &["replay", "--until", "1", "--promote"]]
    {
        pair.cra(refused).exited(2).reports("error: ");
    }
}
