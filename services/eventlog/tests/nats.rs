//! The log on NATS passes the conformance suite on a real server, and properties that only a server has: it is killed,
//! it restarts, it has another stream.

#![allow(clippy::unwrap_used, reason = "test code: helpers outside of test functions panic too")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use async_trait::async_trait;
use cra_eventlog::conformance::{Fixture, event, new_stream};
use cra_eventlog::nats::{NatsLog, NatsSettings, StartError};
use cra_eventlog::testing::{NatsServer, STORE_DIR};
use cra_eventlog::{
    Append as _, AppendError, Appended, Expectation, LogEntry, Position, Read as _, ReadError,
};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tempfile::TempDir;

/// A separate server for each test, so that any of them may kill it.
struct OnServer {
    server: NatsServer,
    log: Arc<NatsLog>,
    /// Dropped last, after the server has stopped.
    dir: TempDir,
}

impl OnServer {
    fn settings(&self) -> NatsSettings {
        NatsSettings { url: self.server.url(), ..NatsSettings::default() }
    }

    fn context(&self) -> impl Future<Output = jetstream::Context> {
        let url = self.server.url();
        async move { jetstream::new(async_nats::connect(url).await.unwrap()) }
    }
}

#[async_trait]
impl Fixture for OnServer {
    type Log = NatsLog;

    fn log(&self) -> Arc<NatsLog> {
        Arc::clone(&self.log)
    }

    /// Kills the server in between: acknowledged events must not only be in its memory.
    async fn reopen(&mut self) {
        self.server.restart().unwrap();
        self.log = Arc::new(NatsLog::connect(self.settings()).await.unwrap());
    }
}

async fn on_server() -> OnServer {
    let dir = tempfile::tempdir().unwrap();
    let server = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let settings = NatsSettings { url: server.url(), ..NatsSettings::default() };
    let log = Arc::new(NatsLog::connect(settings).await.unwrap());
    OnServer { server, log, dir }
}

mod suite {
    cra_eventlog::conformance_tests!(super::on_server);
}

type Reading = BoxStream<'static, Result<LogEntry, ReadError>>;

async fn next(stream: &mut Reading, patience: Duration) -> LogEntry {
    tokio::time::timeout(patience, stream.next()).await.expect("no event in time").unwrap().unwrap()
}

async fn append(log: &NatsLog, payload: &str) -> Position {
    log.append(event(new_stream(), payload), Expectation::NoEvent).await.unwrap().position()
}

/// Retries until the outcome is known, as clients must.
async fn append_stubbornly(log: &NatsLog, event: cra_eventlog::NewEvent) -> Appended {
    loop {
        match log.append(event.clone(), Expectation::NoEvent).await {
            Ok(appended) => return appended,
            Err(AppendError::Unavailable(_) | AppendError::OutcomeUnknown(_)) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_after_the_server_was_killed_and_nothing_is_lost_or_doubled() {
    let mut fixture = on_server().await;
    let log = Arc::clone(&fixture.log);
    let mut stream = log.read(Position::START);
    for expected in 1..=20 {
        append(&log, "before").await;
        assert_eq!(next(&mut stream, Duration::from_secs(5)).await.position, Position(expected));
    }
    fixture.server.kill();
    tokio::time::sleep(Duration::from_secs(1)).await;
    fixture.server.restart().unwrap();
    let restarted = Instant::now();
    let appended = append_stubbornly(&log, event(new_stream(), "after")).await;
    assert_eq!(appended.position(), Position(21));
    assert_eq!(next(&mut stream, Duration::from_secs(10)).await.position, Position(21));
    assert!(restarted.elapsed() < Duration::from_secs(10), "took {:?}", restarted.elapsed());
    for expected in 22..=40 {
        append(&log, "later").await;
        assert_eq!(next(&mut stream, Duration::from_secs(5)).await.position, Position(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_while_the_server_dies_land_exactly_once_when_tried_again() {
    let mut fixture = on_server().await;
    let writers: Vec<_> = (0..40)
        .map(|_| {
            let log = Arc::clone(&fixture.log);
            tokio::spawn(async move {
                let mut written = Vec::new();
                for _ in 0..10 {
                    let event = event(new_stream(), "written while the server dies");
                    let position = append_stubbornly(&log, event.clone()).await.position();
                    written.push((position, event.event_id));
                }
                written
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        fixture.server.restart().unwrap();
    }
    let mut written = Vec::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    written.sort_unstable_by_key(|(position, _)| *position);
    let mut stream = fixture.log.read(Position::START);
    for (position, event_id) in &written {
        let entry = next(&mut stream, Duration::from_secs(5)).await;
        assert_eq!((entry.position, entry.event_id), (*position, Some(*event_id)));
    }
    assert_eq!(fixture.log.head().await.unwrap().position, Position(400));
}

#[tokio::test]
async fn an_append_without_a_server_is_unavailable_at_once() {
    let mut fixture = on_server().await;
    append(&fixture.log, "before").await;
    fixture.server.kill();
    while fixture.log.is_available() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    let outcome = fixture.log.append(event(new_stream(), "without a server"), Expectation::NoEvent).await;
    assert!(matches!(outcome, Err(AppendError::Unavailable(_))), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_millis(200));
    fixture.server.restart().unwrap();
    let appended = append_stubbornly(&fixture.log, event(new_stream(), "after")).await;
    assert_eq!(appended, Appended::Executed(Position(2)), "the refused event must not have been sent");
}

#[tokio::test]
async fn a_stream_of_another_configuration_is_an_error_that_names_each_difference() {
    let fixture = on_server().await;
    let other =
        Config { name: "OTHER".to_owned(), subjects: vec!["other.>".to_owned()], ..Config::default() };
    fixture.context().await.create_stream(other).await.unwrap();
    let settings =
        NatsSettings { stream: "OTHER".to_owned(), subject_prefix: "other".to_owned(), ..fixture.settings() };
    let error = NatsLog::connect(settings).await.err().unwrap();
    let StartError::StreamDiffers { differences, .. } = &error else { panic!("{error}") };
    for name in ["subjects", "discard", "deny_delete", "deny_purge", "allow_direct", "allow_atomic"] {
        assert!(differences.iter().any(|text| text.starts_with(name)), "{name} is not among {differences:?}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_an_error_after_the_start_timeout() {
    let settings = NatsSettings {
        url: "nats://127.0.0.1:9".to_owned(),
        start_timeout_ms: 600,
        ..NatsSettings::default()
    };
    let error = NatsLog::connect(settings).await.err().unwrap();
    assert!(matches!(error, StartError::Unreachable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_log_created_anew_meets_a_gap_and_the_new_log_can_be_read() {
    let mut fixture = on_server().await;
    let mut stream = fixture.log.read(Position::START);
    for _ in 0..3 {
        append(&fixture.log, "of the first log").await;
        next(&mut stream, Duration::from_secs(5)).await;
    }
    let before = fixture.log.head().await.unwrap();
    fixture.server.kill();
    std::fs::remove_dir_all(fixture.dir.path().join(STORE_DIR)).unwrap();
    fixture.server.restart().unwrap();
    let second = NatsLog::connect(fixture.settings()).await.unwrap();
    for _ in 0..5 {
        append(&second, "of the second log").await;
    }
    match tokio::time::timeout(Duration::from_secs(15), stream.next()).await.unwrap() {
        Some(Err(ReadError::Gap { expected, found })) => {
            assert_eq!((expected, found), (Position(4), Position::START));
        }
        other => panic!("expected a gap, got {other:?}"),
    }
    assert!(stream.next().await.is_none());
    let after = fixture.log.head().await.unwrap();
    assert_ne!(before.identity, after.identity);
    let mut anew = fixture.log.read(Position::START);
    assert_eq!(next(&mut anew, Duration::from_secs(5)).await.position, Position(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_sends_as_many_events_at_a_time_as_the_reader_is_told_to_take_just_then() {
    let fixture = on_server().await;
    for _ in 0..50 {
        append(&fixture.log, "one of many").await;
    }
    let batch = Arc::new(AtomicUsize::new(10));
    let reported = Arc::clone(&batch);
    let log = NatsLog::connect(fixture.settings()).await.unwrap();
    let log = log.with_batch_size(Arc::new(move || reported.load(Ordering::Relaxed)));
    let mut stream = log.read(Position::START);
    next(&mut stream, Duration::from_secs(5)).await;
    assert_eq!(consumer(&fixture).await.num_pending, 40, "ten of fifty were sent");
    batch.store(30, Ordering::Relaxed);
    for _ in 2..=5 {
        next(&mut stream, Duration::from_secs(5)).await;
    }
    assert_eq!(consumer(&fixture).await.num_pending, 40, "half of the batch is still to come");
    next(&mut stream, Duration::from_secs(5)).await;
    assert_eq!(consumer(&fixture).await.num_pending, 10, "the next batch is on its way, and is larger");
    for expected in 7..=50 {
        assert_eq!(next(&mut stream, Duration::from_secs(5)).await.position, Position(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_waits_longer_than_a_request_lives_asks_again_on_the_same_consumer() {
    let (fixture, mut stream, before) = one_event_read().await;
    let idle = tokio::time::timeout(Duration::from_secs(13), stream.next()).await;
    assert!(idle.is_err(), "nothing was appended");
    append(&fixture.log, "after").await;
    assert_eq!(next(&mut stream, Duration::from_secs(1)).await.position, Position(2));
    assert_eq!(consumer(&fixture).await.name, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_whose_consumer_was_deleted_makes_another_one() {
    let (fixture, mut stream, name) = one_event_read().await;
    let log = fixture.context().await.get_stream("CRA").await.unwrap();
    log.delete_consumer(&name).await.unwrap();
    append(&fixture.log, "after").await;
    assert_eq!(next(&mut stream, Duration::from_secs(15)).await.position, Position(2));
    assert_ne!(consumer(&fixture).await.name, name);
}

/// A reader that has delivered one event, and the name of its consumer.
async fn one_event_read() -> (OnServer, BoxStream<'static, Result<LogEntry, ReadError>>, String) {
    let fixture = on_server().await;
    let mut stream = fixture.log.read(Position::START);
    append(&fixture.log, "before").await;
    next(&mut stream, Duration::from_secs(5)).await;
    let name = consumer(&fixture).await.name;
    (fixture, stream, name)
}

/// The server's information on the only consumer.
async fn consumer(fixture: &OnServer) -> jetstream::consumer::Info {
    let stream = fixture.context().await.get_stream("CRA").await.unwrap();
    let consumers: Vec<_> = stream.consumers().map(Result::unwrap).collect().await;
    let [consumer] = consumers.try_into().unwrap();
    consumer
}

#[tokio::test]
async fn a_message_of_another_program_is_an_entry_without_ids() {
    let fixture = on_server().await;
    let context = fixture.context().await;
    context.publish("cra.event.not-a-stream", "foreign".into()).await.unwrap().await.unwrap();
    let mut stream = fixture.log.read(Position::START);
    let entry = next(&mut stream, Duration::from_secs(5)).await;
    assert_eq!((entry.stream, entry.event_id), (None, None));
    assert_eq!(entry.payload.as_ref(), b"foreign");
}

#[tokio::test]
async fn nobody_can_delete_or_purge_events() {
    let fixture = on_server().await;
    append(&fixture.log, "stays").await;
    let stream = fixture.context().await.get_stream("CRA").await.unwrap();
    assert!(stream.delete_message(1).await.is_err());
    assert!(stream.purge().await.is_err());
    assert!(fixture.log.entry(Position(1)).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_beside_each_other_share_batches() {
    let fixture = on_server().await;
    let appends =
        (0..500).map(|_| fixture.log.append(event(new_stream(), "concurrent"), Expectation::NoEvent));
    for outcome in futures::future::join_all(appends).await {
        assert!(matches!(outcome, Ok(Appended::Executed(_))), "{outcome:?}");
    }
    let stream = fixture.context().await.get_stream("CRA").await.unwrap();
    let mut in_batches = 0;
    for sequence in 1..=500 {
        let message = stream.get_raw_message(sequence).await.unwrap();
        in_batches += usize::from(message.headers.get("Nats-Batch-Id").is_some());
    }
    assert!(in_batches > 400, "only {in_batches} of 500 shared a batch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_to_a_server_that_hangs_has_an_unknown_outcome_and_lands_once() {
    let fixture = on_server().await;
    let settings = NatsSettings { append_timeout_ms: 1_000, ..fixture.settings() };
    let log = NatsLog::connect(settings).await.unwrap();
    let pid = fixture.server.pid().unwrap();
    signal(pid, "STOP");
    wait_until_stopped(pid).await;
    let hanging: Vec<_> = (0..20).map(|_| event(new_stream(), "hanging")).collect();
    let began = Instant::now();
    let outcomes = futures::future::join_all(
        hanging.iter().map(|event| log.append(event.clone(), Expectation::NoEvent)),
    )
    .await;
    let took = began.elapsed();
    signal(pid, "CONT");
    // Those that were sent; the others were still pending.
    let mut unknown = 0;
    for outcome in outcomes {
        match outcome {
            Err(AppendError::OutcomeUnknown(_)) => unknown += 1,
            Err(AppendError::Unavailable(_)) => {}
            other => panic!("a stopped server answered {other:?}"),
        }
    }
    assert!(unknown > 0, "none was sent");
    assert!(took < Duration::from_secs(4), "took {took:?}");
    for event in hanging {
        let _ = append_stubbornly(&log, event.clone()).await;
        assert_eq!(log.history(event.stream).await.unwrap().len(), 1);
    }
    assert_eq!(log.head().await.unwrap().position, Position(20));
}

/// The signal may still be in delivery when `kill` returns: on a busy machine some threads run on for a moment.
async fn wait_until_stopped(pid: u32) {
    let state = |stat: String| stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let states =
            tasks.map(|task| state(std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap()));
        if states.into_iter().all(|state| state == Some('T')) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn signal(pid: u32, name: &str) {
    let status =
        std::process::Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap();
    assert!(status.success());
}
