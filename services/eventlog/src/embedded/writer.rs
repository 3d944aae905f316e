//! The one writer of the embedded log: takes all waiting appends, checks each expectation, writes one
//! atomic batch, flushes once, moves the head, then answers.
//!
//! It never answers before the flush, not even a conflict: the event that causes it may not be a fact yet.
//! After a failed write it takes no more appends, since what is on the disk is not known any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::keys::{Last, Record};
use super::store::{Store, WriteBatch};
use crate::port::{AppendError, Appended, Expectation, NewEvent, Position, ReadError};

/// Appends that may wait for the writer; one more is refused at once.
pub(super) const PENDING_APPENDS_MAX: usize = 4_096;
/// Appends flushed together.
const GROUP_APPENDS_MAX: usize = 1_024;
/// A group is closed when it holds this much.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

type Outcome = Result<Appended, AppendError>;

/// An append on its way to the writer.
pub(super) struct Pending {
    pub(super) event: NewEvent,
    pub(super) expectation: Expectation,
    /// The caller may have left: the answer is then dropped, the event is not.
    pub(super) answer: oneshot::Sender<Outcome>,
}

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) head: watch::Sender<Position>,
    pub(super) failed: Arc<AtomicBool>,
}

impl Writer {
    /// Serves until every sender is gone.
    pub(super) fn run(self, mut pending: mpsc::Receiver<Pending>) {
        while let Some(first) = pending.blocking_recv() {
            let group = gather(first, &mut pending);
            if self.failed.load(Ordering::Acquire) {
                refuse(group);
            } else {
                self.commit(group);
            }
        }
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
                    // The caller may have left.
                    let _ = pending.answer.send(outcome);
                }
            }
            Err(error) => {
                tracing::error!(%error, appends = group.len(), "the log could not be written: no more appends are taken");
                self.failed.store(true, Ordering::Release);
                for pending in group {
                    let _ = pending.answer.send(Err(AppendError::OutcomeUnknown(error.to_string())));
                }
            }
        }
    }
}

fn gather(first: Pending, pending: &mut mpsc::Receiver<Pending>) -> Vec<Pending> {
    let mut bytes = first.event.payload.len();
    let mut group = vec![first];
    while group.len() < GROUP_APPENDS_MAX && bytes < GROUP_BYTES_MAX {
        let Ok(next) = pending.try_recv() else { break };
        bytes += next.event.payload.len();
        group.push(next);
    }
    group
}

fn refuse(group: Vec<Pending>) {
    for pending in group {
        let _ = pending.answer.send(Err(failed_disk()));
    }
}

/// What every append gets after a failed write.
pub(super) fn failed_disk() -> AppendError {
    AppendError::Unavailable("an earlier write failed; check the disk, then start again".to_owned())
}

/// The group as decided so far: later appends of the group see the earlier ones.
struct Plan<'a> {
    store: &'a Store,
    head: Position,
    last: HashMap<Uuid, Option<Last>>,
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

    /// The expectation comes first, as on a server: the event id only tells an own earlier try from a conflict.
    fn decide(&mut self, pending: &Pending) -> Outcome {
        let NewEvent { cra_id, event_id, .. } = pending.event;
        let last = self.last_of(cra_id).map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let actual = last.map(|last| last.position);
        let previous = actual.unwrap_or(Position::START);
        if previous != pending.expectation.position() {
            return match last {
                Some(last) if last.event_id == event_id => Ok(Appended::AlreadyApplied(last.position)),
                _ => Err(AppendError::Conflict { expected: pending.expectation, actual }),
            };
        }
        let position = self.head.next();
        let record = Record {
            appended_at: self.now,
            previous,
            cra_id,
            event_id,
            payload: pending.event.payload.clone(),
        };
        self.batch.add(position, &record);
        self.writes = true;
        self.head = position;
        self.last.insert(cra_id, Some(Last { position, event_id }));
        Ok(Appended::Executed(position))
    }

    fn last_of(&mut self, cra_id: Uuid) -> Result<Option<Last>, ReadError> {
        if let Some(last) = self.last.get(&cra_id) {
            return Ok(*last);
        }
        let last = self.store.last(cra_id)?;
        self.last.insert(cra_id, last);
        Ok(last)
    }
}
