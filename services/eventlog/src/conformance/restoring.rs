//! The suite's part on backups: restored entries have their original positions and content.

use bytes::Bytes;
use uuid::Uuid;

use super::{Fixture, append_first, assert_conflict, event, new_stream, positions, take};
use crate::port::{
    Append as _, Appended, Expectation, LogEntry, NewEvent, RESTORE_EVENTS_MAX, Read as _, Restore as _,
    RestoreError, StreamId,
};
use crate::position::Position;

/// An entry of a backup.
#[must_use]
pub fn entry(position: u64, stream: Option<StreamId>, payload: &str) -> LogEntry {
    LogEntry {
        position: Position(position),
        stream,
        event_id: Some(Uuid::new_v4()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        appended_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        trace: None,
    }
}

fn assert_same(given: &[LogEntry], read: &[LogEntry]) {
    assert_eq!(given.len(), read.len());
    for (given, read) in given.iter().zip(read) {
        assert_eq!(format!("{given:?}"), format!("{read:?}"));
    }
}

/// Ids, their absence, bytes and times; histories; and what writers expect afterwards.
pub async fn restored_entries_read_as_they_were_given_and_the_log_goes_on_from_them(fixture: impl Fixture) {
    let log = fixture.log();
    let (one, other) = (new_stream(), new_stream());
    let entries = vec![
        entry(1, Some(one), "first"),
        LogEntry { event_id: None, ..entry(2, None, "foreign") },
        entry(3, None, "foreign with an id"),
        entry(4, Some(one), "second \u{0}"),
        LogEntry { event_id: None, ..entry(5, Some(other), "without an id") },
    ];
    log.restore(entries[..2].to_vec()).await.unwrap();
    log.restore(entries[2..].to_vec()).await.unwrap();
    assert_same(&entries, &take(&mut log.read(Position::START), 5).await);
    assert_same(&entries[1..2], &[log.entry(Position(2)).await.unwrap().unwrap()]);
    assert_eq!(positions(&log.history(one).await.unwrap()), [1, 4]);
    assert_eq!(positions(&log.history(other).await.unwrap()), [5]);

    let anew = log.append(event(one, "anew"), Expectation::NoEvent).await;
    assert_conflict(anew, Expectation::NoEvent, Some(Position(4)));
    let event_id = entries[3].event_id.unwrap();
    let again = NewEvent { stream: one, event_id, payload: entries[3].payload.clone(), trace: None };
    let again = log.append(again, Expectation::LastAt(Position(1))).await.unwrap();
    assert_eq!(again, Appended::AlreadyApplied(Position(4)));
    let third = log.append(event(one, "third"), Expectation::LastAt(Position(4))).await.unwrap();
    assert_eq!(third, Appended::Executed(Position(6)));
    let next = log.append(event(other, "next"), Expectation::LastAt(Position(5))).await.unwrap();
    assert_eq!(next, Appended::Executed(Position(7)));
}

/// A full batch, durable once acknowledged.
pub async fn restored_entries_survive_reopening(mut fixture: impl Fixture) {
    let count = RESTORE_EVENTS_MAX as u64;
    let streams: Vec<_> = (0..7).map(|_| new_stream()).collect();
    let entries: Vec<_> = (1..=count)
        .map(|position| entry(position, streams.get((position % 8) as usize).copied(), "restored"))
        .collect();
    fixture.log().restore(entries.clone()).await.unwrap();
    fixture.reopen().await;
    let log = fixture.log();
    assert_same(&entries, &take(&mut log.read(Position::START), entries.len()).await);
    assert_eq!(append_first(&log, "next").await.1, Position(count + 1));
}

/// Neither beyond the end nor over existing entries; the error gives the end of the log.
pub async fn entries_that_do_not_follow_the_head_are_not_restored(fixture: impl Fixture) {
    let log = fixture.log();
    let assert_misplaced = async |first: u64, at: u64| {
        let entries = (first..first + 3).map(|position| entry(position, Some(new_stream()), "x")).collect();
        match log.restore(entries).await {
            Err(RestoreError::Misplaced { first: reported, head }) => {
                assert_eq!((reported.0, head.0), (first, at));
            }
            other => panic!("expected a misplaced entry, got {other:?}"),
        }
        assert_eq!(log.head().await.unwrap().position, Position(at));
    };
    assert_misplaced(2, 0).await;
    append_first(&log, "event").await;
    assert_misplaced(1, 1).await;
    assert_misplaced(3, 1).await;
}

/// A gap, a repetition, too many, none at all.
pub async fn of_entries_that_do_not_follow_each_other_none_is_restored(fixture: impl Fixture) {
    let log = fixture.log();
    let of = |positions: &mut dyn Iterator<Item = u64>| {
        positions.map(|position| entry(position, Some(new_stream()), "x")).collect::<Vec<_>>()
    };
    let too_many = RESTORE_EVENTS_MAX as u64 + 1;
    for positions in [vec![1, 3], vec![1, 1], vec![2, 1], vec![0, 1], vec![], (1..=too_many).collect()] {
        let outcome = log.restore(of(&mut positions.iter().copied())).await;
        assert!(matches!(outcome, Err(RestoreError::Refused(_))), "{positions:?}: {outcome:?}");
    }
    assert_eq!(log.head().await.unwrap().position, Position::START);
}
