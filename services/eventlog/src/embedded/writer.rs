//! The only writer of the embedded log: collects pending appends, checks each expectation, writes one atomic batch,
//! flushes once, advances the head, then answers. Restored entries take the same path separately.
//!
//! It answers only after the flush, even for conflicts: the conflicting event may not be durable before. After a failed
//! write it accepts no more appends, because the state of the disk is unknown.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::keys::{Last, Record};
use super::store::{Store, WriteBatch};
use crate::port::{
    AppendError, Appended, Expectation, LogEntry, NewEvent, ReadError, RestoreError, StreamId,
};
use crate::position::Position;

/// Maximum number of pending appends; further ones are refused at once.
pub(super) const PENDING_APPENDS_MAX: usize = 4_096;
/// Maximum number of appends per flush.
const GROUP_APPENDS_MAX: usize = 1_024;
/// Size at which a group is closed.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

type Outcome = Result<Appended, AppendError>;

/// An append on its way to the writer.
pub(super) struct Pending {
    pub(super) event: NewEvent,
    pub(super) expectation: Expectation,
    /// If the caller has gone, the answer is dropped, but the event is written.
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// Validated, consecutive entries of a backup on their way to the writer.
pub(super) struct PendingRestore {
    pub(super) entries: Vec<LogEntry>,
    pub(super) answer: oneshot::Sender<Result<(), RestoreError>>,
}

pub(super) enum Work {
    Append(Pending),
    Restore(PendingRestore),
}

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) head: watch::Sender<Position>,
    pub(super) failed: Arc<AtomicBool>,
}

impl Writer {
    /// Runs until every sender is dropped.
    pub(super) fn run(self, mut work: mpsc::Receiver<Work>) {
        let mut held = None;
        while let Some(next) = held.take().or_else(|| work.blocking_recv()) {
            match next {
                Work::Append(first) => {
                    let group = gather(first, &mut held, &mut work);
                    if self.failed.load(Ordering::Acquire) {
                        refuse(group);
                    } else {
                        self.commit(group);
                    }
                }
                Work::Restore(PendingRestore { entries, answer }) => {
                    // The caller may have gone.
                    let _ = answer.send(self.restore(&entries));
                }
            }
        }
    }

    fn restore(&self, entries: &[LogEntry]) -> Result<(), RestoreError> {
        if self.failed.load(Ordering::Acquire) {
            return Err(RestoreError::Unavailable(FAILED_DISK.to_owned()));
        }
        let mut plan = Plan::new(&self.store, *self.head.borrow());
        for entry in entries {
            plan.restore(entry)?;
        }
        let head = plan.head;
        if let Err(error) = self.store.write(plan.batch) {
            tracing::error!(%error, entries = entries.len(), "the log could not be written: no more entries are accepted");
            self.failed.store(true, Ordering::Release);
            return Err(RestoreError::OutcomeUnknown(error.to_string()));
        }
        self.head.send_replace(head);
        Ok(())
    }

    fn commit(&self, group: Vec<Pending>) {
        let mut plan = Plan::new(&self.store, *self.head.borrow());
        let outcomes: Vec<Outcome> = group.iter().map(|pending| plan.decide(pending)).collect();
        let head = plan.head;
        let written = if plan.writes { self.store.write(plan.batch) } else { Ok(()) };
        match written {
            Ok(()) => {
                self.head.send_if_modified(|current| std::mem::replace(current, head) != head);
                for (pending, outcome) in group.into_iter().zip(outcomes) {
                    // The caller may have gone.
                    let _ = pending.answer.send(outcome);
                }
            }
            Err(error) => {
                tracing::error!(%error, appends = group.len(), "the log could not be written: no more appends are accepted");
                self.failed.store(true, Ordering::Release);
                for pending in group {
                    let _ = pending.answer.send(Err(AppendError::OutcomeUnknown(error.to_string())));
                }
            }
        }
    }
}

/// Collects pending appends, up to the limits of a group or to another kind of work, which is held.
fn gather(first: Pending, held: &mut Option<Work>, work: &mut mpsc::Receiver<Work>) -> Vec<Pending> {
    let mut bytes = first.event.payload.len();
    let mut group = vec![first];
    while group.len() < GROUP_APPENDS_MAX && bytes < GROUP_BYTES_MAX {
        match work.try_recv() {
            Ok(Work::Append(next)) => {
                bytes += next.event.payload.len();
                group.push(next);
            }
            Ok(other) => {
                *held = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    group
}

fn refuse(group: Vec<Pending>) {
    for pending in group {
        let _ = pending.answer.send(Err(AppendError::Unavailable(FAILED_DISK.to_owned())));
    }
}

/// The error of every append after a failed write.
pub(super) const FAILED_DISK: &str = "an earlier write failed; check the disk, then start again";

/// The decisions for a group so far: later appends of the group see the earlier ones.
struct Plan<'a> {
    store: &'a Store,
    head: Position,
    last: HashMap<StreamId, Option<Last>>,
    batch: WriteBatch,
    writes: bool,
    now: Timestamp,
}

impl<'a> Plan<'a> {
    fn new(store: &'a Store, head: Position) -> Self {
        Self {
            store,
            head,
            last: HashMap::new(),
            batch: WriteBatch::default(),
            writes: false,
            now: Timestamp::now(),
        }
    }

    /// Checks the expectation first, as a server does: the event id only distinguishes an own earlier try from a
    /// conflict.
    fn decide(&mut self, pending: &Pending) -> Outcome {
        let NewEvent { stream, event_id, .. } = pending.event;
        let last = self.last_of(stream).map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let actual = last.map(|last| last.position);
        let previous = actual.unwrap_or(Position::START);
        if previous != pending.expectation.position() {
            return match last {
                Some(last) if last.event_id == Some(event_id) => Ok(Appended::AlreadyApplied(last.position)),
                _ => Err(AppendError::Conflict { expected: pending.expectation, actual }),
            };
        }
        let position = self.head.next();
        let record = Record {
            appended_at: self.now,
            previous,
            stream: Some(stream),
            event_id: Some(event_id),
            payload: pending.event.payload.clone(),
            trace: pending.event.trace,
        };
        self.add(position, &record);
        Ok(Appended::Executed(position))
    }

    fn restore(&mut self, entry: &LogEntry) -> Result<(), RestoreError> {
        if entry.position != self.head.next() {
            return Err(RestoreError::Misplaced { first: entry.position, head: self.head });
        }
        let last = match entry.stream {
            Some(stream) => {
                self.last_of(stream).map_err(|error| RestoreError::Unavailable(error.to_string()))?
            }
            None => None,
        };
        let record = Record {
            appended_at: entry.appended_at,
            previous: last.map_or(Position::START, |last| last.position),
            stream: entry.stream,
            event_id: entry.event_id,
            payload: entry.payload.clone(),
            trace: entry.trace,
        };
        self.add(entry.position, &record);
        Ok(())
    }

    fn add(&mut self, position: Position, record: &Record) {
        self.batch.add(position, record);
        self.writes = true;
        self.head = position;
        if let Some(stream) = record.stream {
            self.last.insert(stream, Some(Last { position, event_id: record.event_id }));
        }
    }

    fn last_of(&mut self, stream: StreamId) -> Result<Option<Last>, ReadError> {
        if let Some(last) = self.last.get(&stream) {
            return Ok(*last);
        }
        let last = self.store.last(stream)?;
        self.last.insert(stream, last);
        Ok(last)
    }
}
