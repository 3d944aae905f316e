//! The conformance suite of adapters: one function per guarantee of the port, each on a new log.
//!
//! An adapter implements [`Fixture`] and calls [`conformance_tests!`](crate::conformance_tests), which creates a test
//! for each guarantee. Properties of a single adapter (a killed server, a damaged file) are tested with that adapter.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "test code: a broken guarantee is a panic"
)]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::BoxStream;
use uuid::Uuid;

use crate::port::{
    Append, AppendError, Appended, Expectation, LogEntry, NewEvent, PAYLOAD_BYTES_MAX, Read as _, ReadError,
    Restore, StreamId,
};
use crate::position::Position;
use crate::trace::TraceParent;

mod restoring;

pub use restoring::*;

/// A log under test.
#[async_trait]
pub trait Fixture: Send {
    /// The adapter.
    type Log: Append + Restore;

    /// The log.
    fn log(&self) -> Arc<Self::Log>;

    /// Closes the log and opens it again over what it stored. Everything obtained from [`Self::log`] before becomes
    /// invalid.
    async fn reopen(&mut self);
}

/// Creates a test of each guarantee, in a separate module: `conformance_tests!(make)`, where `make` is an async
/// function without arguments that returns a [`Fixture`] over a new, empty log.
#[macro_export]
macro_rules! conformance_tests {
    ($make:path) => {
        $crate::conformance_tests!($make;
            positions_are_contiguous_from_one
            a_second_first_event_is_a_conflict
            an_outdated_expectation_is_a_conflict_that_says_where_the_stream_ends
            an_expectation_on_a_stream_without_events_is_a_conflict
            the_right_expectation_appends
            the_same_event_again_is_already_applied_where_it_stands
            of_racers_on_one_stream_exactly_one_wins
            the_history_of_a_stream_is_complete_and_in_order
            an_entry_is_what_was_appended
            an_entry_belongs_to_the_trace_it_was_appended_in
            the_head_follows_the_appends
            the_identity_stays_across_reopening
            acknowledged_events_survive_reopening
            a_reader_gets_what_is_there_and_then_what_comes
            a_reader_past_the_end_meets_a_gap
            readers_do_not_disturb_each_other
            an_append_goes_on_when_its_caller_leaves
            a_payload_too_large_is_refused_and_the_largest_is_taken
            concurrent_appends_all_land_once
            restored_entries_read_as_they_were_given_and_the_log_goes_on_from_them
            restored_entries_survive_reopening
            entries_that_do_not_follow_the_head_are_not_restored
            of_entries_that_do_not_follow_each_other_none_is_restored
        );
    };
    ($make:path; $($guarantee:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $guarantee() {
                $crate::conformance::$guarantee($make().await).await;
            }
        )*
    };
}

const RACERS: usize = 8;
const CONCURRENT_APPENDS: usize = 500;
/// Maximum wait for an expected event.
const PATIENCE: Duration = Duration::from_secs(20);

/// An event with new ids.
#[must_use]
pub fn event(stream: StreamId, payload: &str) -> NewEvent {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    NewEvent { stream, event_id: Uuid::new_v4(), payload, trace: None }
}

/// The id of a new stream.
#[must_use]
pub fn new_stream() -> StreamId {
    StreamId(Uuid::new_v4())
}

async fn append_first(log: &Arc<impl Append>, payload: &str) -> (NewEvent, Position) {
    let event = event(new_stream(), payload);
    let appended = log.append(event.clone(), Expectation::NoEvent).await;
    let position = appended.unwrap_or_else(|error| panic!("append: {error}")).position();
    (event, position)
}

async fn take(stream: &mut BoxStream<'static, Result<LogEntry, ReadError>>, count: usize) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    while entries.len() < count {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await;
        let entry = next.unwrap_or_else(|_| panic!("only {} of {count} events came", entries.len()));
        entries.push(
            entry.unwrap_or_else(|| panic!("the stream ended")).unwrap_or_else(|error| panic!("{error}")),
        );
    }
    entries
}

fn positions(entries: &[LogEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.position.0).collect()
}

fn assert_conflict(outcome: Result<Appended, AppendError>, on: Expectation, at: Option<Position>) {
    match outcome {
        Err(AppendError::Conflict { expected, actual }) => assert_eq!((expected, actual), (on, at)),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Positions start at 1 and have no gaps.
pub async fn positions_are_contiguous_from_one(fixture: impl Fixture) {
    let log = fixture.log();
    for expected in 1..=5 {
        assert_eq!(append_first(&log, "event").await.1, Position(expected));
    }
}

/// `NoEvent` on a stream that has events.
pub async fn a_second_first_event_is_a_conflict(fixture: impl Fixture) {
    let log = fixture.log();
    let (first, position) = append_first(&log, "first").await;
    let outcome = log.append(event(first.stream, "again"), Expectation::NoEvent).await;
    assert_conflict(outcome, Expectation::NoEvent, Some(position));
    assert_eq!(log.head().await.unwrap().position, position);
}

/// `LastAt` a position that is no longer the last.
pub async fn an_outdated_expectation_is_a_conflict_that_says_where_the_stream_ends(fixture: impl Fixture) {
    let log = fixture.log();
    let (first, at_first) = append_first(&log, "first").await;
    append_first(&log, "of another stream").await;
    let second = log.append(event(first.stream, "second"), Expectation::LastAt(at_first)).await.unwrap();
    let outcome = log.append(event(first.stream, "late"), Expectation::LastAt(at_first)).await;
    assert_conflict(outcome, Expectation::LastAt(at_first), Some(second.position()));
}

/// `LastAt` on a stream without events.
pub async fn an_expectation_on_a_stream_without_events_is_a_conflict(fixture: impl Fixture) {
    let log = fixture.log();
    let (_, position) = append_first(&log, "of another stream").await;
    let expectation = Expectation::LastAt(position);
    assert_conflict(log.append(event(new_stream(), "x"), expectation).await, expectation, None);
}

/// `LastAt` the last position.
pub async fn the_right_expectation_appends(fixture: impl Fixture) {
    let log = fixture.log();
    let (first, at_first) = append_first(&log, "first").await;
    append_first(&log, "of another stream").await;
    let second = log.append(event(first.stream, "second"), Expectation::LastAt(at_first)).await.unwrap();
    assert_eq!(second, Appended::Executed(Position(3)));
}

/// A second try of the same event writes nothing.
pub async fn the_same_event_again_is_already_applied_where_it_stands(fixture: impl Fixture) {
    let log = fixture.log();
    let (first, at_first) = append_first(&log, "first").await;
    let again = log.append(first.clone(), Expectation::NoEvent).await.unwrap();
    assert_eq!(again, Appended::AlreadyApplied(at_first));

    let second = event(first.stream, "second");
    let expectation = Expectation::LastAt(at_first);
    let written = log.append(second.clone(), expectation).await.unwrap();
    let again = log.append(second, expectation).await.unwrap();
    assert_eq!(again, Appended::AlreadyApplied(written.position()));
    assert_eq!(log.head().await.unwrap().position, written.position());
}

/// Concurrent writers with the same expectation and different events.
pub async fn of_racers_on_one_stream_exactly_one_wins(fixture: impl Fixture) {
    let log = fixture.log();
    let stream = new_stream();
    let mut expectation = Expectation::NoEvent;
    for round in 1..=3_u64 {
        let racers = (0..RACERS).map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(event(stream, "racer"), expectation).await })
        });
        let mut won = Vec::new();
        for outcome in join_all(racers).await {
            match outcome.unwrap() {
                Ok(appended) => won.push(appended.position()),
                Err(AppendError::Conflict { expected, actual }) => {
                    assert_eq!(expected, expectation);
                    assert_eq!(actual, Some(Position(round)));
                }
                Err(other) => panic!("a racer got {other}"),
            }
        }
        assert_eq!(won, [Position(round)], "round {round}");
        expectation = Expectation::LastAt(Position(round));
    }
    assert_eq!(log.history(stream).await.unwrap().len(), 3);
}

/// All events of one stream, oldest first, and no others.
pub async fn the_history_of_a_stream_is_complete_and_in_order(fixture: impl Fixture) {
    let log = fixture.log();
    let (first, mut last) = append_first(&log, "0").await;
    let mut expected = vec![last.0];
    for revision in 1..5 {
        append_first(&log, "of another stream").await;
        let next = event(first.stream, &revision.to_string());
        last = log.append(next, Expectation::LastAt(last)).await.unwrap().position();
        expected.push(last.0);
    }
    let history = log.history(first.stream).await.unwrap();
    assert_eq!(positions(&history), expected);
    let payloads: Vec<_> = history.iter().map(|entry| entry.payload.as_ref()).collect();
    assert_eq!(payloads, [b"0", b"1", b"2", b"3", b"4"]);
    assert!(log.history(new_stream()).await.unwrap().is_empty());
}

/// By position: ids, bytes and time; `None` outside the log.
pub async fn an_entry_is_what_was_appended(fixture: impl Fixture) {
    let log = fixture.log();
    let before = jiff::Timestamp::now();
    let (_, _) = append_first(&log, "one").await;
    let (second, position) = append_first(&log, "\u{0}\u{ff} é\r\n").await;
    let entry = log.entry(position).await.unwrap().unwrap();
    assert_eq!(entry.position, position);
    assert_eq!((entry.stream, entry.event_id), (Some(second.stream), Some(second.event_id)));
    assert_eq!(entry.payload, second.payload);
    let age_seconds = entry.appended_at.duration_since(before).as_secs();
    assert!((-1..60).contains(&age_seconds), "appended {age_seconds} s after the append began");
    assert!(log.entry(position.next()).await.unwrap().is_none());
    assert!(log.entry(Position::START).await.unwrap().is_none());
}

/// At the start if empty, then at the last acknowledged event.
pub async fn the_head_follows_the_appends(fixture: impl Fixture) {
    let log = fixture.log();
    assert!(log.is_available());
    assert_eq!(log.identity(), log.head().await.unwrap().identity);
    assert_eq!(log.head().await.unwrap().position, Position::START);
    for _ in 0..3 {
        let (_, position) = append_first(&log, "event").await;
        assert_eq!(log.head().await.unwrap().position, position);
    }
}

/// A reopened log has the same identity.
pub async fn the_identity_stays_across_reopening(mut fixture: impl Fixture) {
    let before = fixture.log().head().await.unwrap();
    append_first(&fixture.log(), "event").await;
    fixture.reopen().await;
    let after = fixture.log().head().await.unwrap();
    assert!(!before.identity.0.is_empty());
    assert_eq!(before.identity, after.identity);
    assert_eq!(after.position, Position(1));
}

/// Acknowledged events are kept, and the log continues after them.
pub async fn acknowledged_events_survive_reopening(mut fixture: impl Fixture) {
    let (first, at_first) = append_first(&fixture.log(), "first").await;
    let second = event(first.stream, "second");
    let at_second =
        fixture.log().append(second.clone(), Expectation::LastAt(at_first)).await.unwrap().position();
    fixture.reopen().await;

    let log = fixture.log();
    let history = log.history(first.stream).await.unwrap();
    assert_eq!(positions(&history), [at_first.0, at_second.0]);
    assert_eq!(history[1].payload, second.payload);
    let again = log.append(second, Expectation::LastAt(at_first)).await.unwrap();
    assert_eq!(again, Appended::AlreadyApplied(at_second));
    assert_eq!(append_first(&log, "third").await.1, Position(3));
    assert_eq!(positions(&take(&mut log.read(Position::START), 3).await), [1, 2, 3]);
}

/// From any position, through stored to live events, in order.
pub async fn a_reader_gets_what_is_there_and_then_what_comes(fixture: impl Fixture) {
    let log = fixture.log();
    let mut from_start = log.read(Position::START);
    for _ in 0..10 {
        append_first(&log, "there").await;
    }
    let mut from_seven = log.read(Position(7));
    assert_eq!(positions(&take(&mut from_start, 10).await), (1..=10).collect::<Vec<_>>());
    assert_eq!(positions(&take(&mut from_seven, 3).await), [8, 9, 10]);
    for expected in 11..=13 {
        let (event, _) = append_first(&log, "coming").await;
        for stream in [&mut from_start, &mut from_seven] {
            let entries = take(stream, 1).await;
            assert_eq!(positions(&entries), [expected]);
            assert_eq!(entries[0].event_id, Some(event.event_id));
            assert_eq!(entries[0].payload, event.payload);
        }
    }
}

/// A position beyond the end means that it is not the log the reader knew.
pub async fn a_reader_past_the_end_meets_a_gap(fixture: impl Fixture) {
    let log = fixture.log();
    let (_, head) = append_first(&log, "event").await;
    let mut stream = log.read(Position(5));
    match tokio::time::timeout(PATIENCE, stream.next()).await.unwrap() {
        Some(Err(ReadError::Gap { expected, found })) => assert_eq!((expected, found), (Position(6), head)),
        other => panic!("expected a gap, got {other:?}"),
    }
    assert!(stream.next().await.is_none(), "an error ends the stream");
}

/// Each reader has its own position; dropping one does not affect the others.
pub async fn readers_do_not_disturb_each_other(fixture: impl Fixture) {
    let log = fixture.log();
    let readers: Vec<_> = (0..4)
        .map(|index| {
            let mut stream = log.read(Position::START);
            let count = if index == 0 { 20 } else { 100 };
            tokio::spawn(async move { positions(&take(&mut stream, count).await) })
        })
        .collect();
    for _ in 0..100 {
        append_first(&log, "event").await;
    }
    for reader in readers {
        let seen = reader.await.unwrap();
        assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    }
}

/// The caller's future is dropped right after its first poll.
pub async fn an_append_goes_on_when_its_caller_leaves(fixture: impl Fixture) {
    let log = fixture.log();
    let abandoned = event(new_stream(), "abandoned");
    {
        let append = log.append(abandoned.clone(), Expectation::NoEvent);
        tokio::select! {
            biased;
            outcome = append => drop(outcome),
            () = std::future::ready(()) => {}
        }
    }
    let entries = take(&mut log.read(Position::START), 1).await;
    assert_eq!(entries[0].event_id, Some(abandoned.event_id));
    let again = log.append(abandoned, Expectation::NoEvent).await.unwrap();
    assert_eq!(again, Appended::AlreadyApplied(Position(1)));
}

/// All adapters have the same payload limit.
pub async fn a_payload_too_large_is_refused_and_the_largest_is_taken(fixture: impl Fixture) {
    let log = fixture.log();
    let sized = |size_bytes: usize| NewEvent {
        stream: new_stream(),
        event_id: Uuid::new_v4(),
        payload: Bytes::from(vec![7; size_bytes]),
        trace: None,
    };
    match log.append(sized(PAYLOAD_BYTES_MAX + 1), Expectation::NoEvent).await {
        Err(AppendError::Refused(_)) => {}
        other => panic!("expected a refusal, got {other:?}"),
    }
    let largest = sized(PAYLOAD_BYTES_MAX);
    let position = log.append(largest.clone(), Expectation::NoEvent).await.unwrap().position();
    assert_eq!(position, Position(1));
    assert_eq!(log.entry(position).await.unwrap().unwrap().payload, largest.payload);
    assert_eq!(take(&mut log.read(Position::START), 1).await[0].payload, largest.payload);
}

/// Many writers on different streams, with conflicts: each acknowledged event once, nothing else.
pub async fn concurrent_appends_all_land_once(fixture: impl Fixture) {
    let log = fixture.log();
    let (taken, _) = append_first(&log, "taken").await;
    let appends = (0..CONCURRENT_APPENDS).map(|index| {
        let log = Arc::clone(&log);
        // A few conflicts, which must not affect their neighbours.
        let stream = if index % 100 == 50 { taken.stream } else { new_stream() };
        let event = event(stream, "concurrent");
        tokio::spawn(async move { (event.event_id, log.append(event, Expectation::NoEvent).await) })
    });
    let mut acknowledged = HashSet::from([taken.event_id]);
    let mut conflicts = 0;
    for outcome in join_all(appends).await {
        match outcome.unwrap() {
            (event_id, Ok(appended)) => {
                let entry = log.entry(appended.position()).await.unwrap().unwrap();
                assert_eq!(entry.event_id, Some(event_id), "acknowledged at a wrong position");
                assert!(acknowledged.insert(event_id));
            }
            (_, Err(AppendError::Conflict { .. })) => conflicts += 1,
            (_, Err(error)) => panic!("append: {error}"),
        }
    }
    assert_eq!(conflicts, CONCURRENT_APPENDS / 100);
    assert_eq!(log.head().await.unwrap().position.0, acknowledged.len() as u64);
    let entries = take(&mut log.read(Position::START), acknowledged.len()).await;
    let stored: HashSet<_> = entries.iter().filter_map(|entry| entry.event_id).collect();
    assert_eq!(stored, acknowledged);
}

/// Appended alone and in a group, read and looked up.
pub async fn an_entry_belongs_to_the_trace_it_was_appended_in(fixture: impl Fixture) {
    let log = fixture.log();
    let traces = (0..40).map(|n: u8| TraceParent::new([n; 16], [n; 8], n.is_multiple_of(2)));
    let events: Vec<_> = traces.map(|trace| NewEvent { trace, ..event(new_stream(), "traced") }).collect();
    let appends = events.iter().map(|event| log.append(event.clone(), Expectation::NoEvent));
    for appended in futures::future::join_all(appends).await {
        let _ = appended.unwrap();
    }
    for entry in take(&mut log.read(Position::START), events.len()).await {
        let appended = events.iter().find(|event| Some(event.event_id) == entry.event_id).unwrap();
        assert_eq!(entry.trace, appended.trace);
        let looked_up = log.entry(entry.position).await.unwrap().unwrap();
        assert_eq!(looked_up.trace, appended.trace);
    }
}
