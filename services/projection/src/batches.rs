//! The log's events in batches, and their way into a generation: what following and replaying have in common, so that
//! there is one code path for both.

use std::sync::Arc;

use cra_eventlog::{EventLog, Head, LogEntry, Position, ReadError};
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use crate::generations::Generation;
use crate::store::StoreError;
use crate::traces;

/// Events from which on a batch takes no more: large enough that the cost of a write is shared, small enough to stay in
/// memory.
pub const BATCH_EVENTS_MAX: usize = 5_000;
/// Batches that are read while one is applied.
const BATCHES_READ_AHEAD: usize = 8;

/// Why applying stopped.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The read models cannot be written.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The storage library, or an event's place, made it impossible to go on.
    #[error("applying events failed within the storage library")]
    Panicked,
}

/// Events in the log's order, then the failure that ended the reading.
pub type Batch = (Vec<LogEntry>, Option<ReadError>);
/// Batches, as they come.
pub type Batches = BoxStream<'static, Batch>;

/// Every event after a position, and then those to come, as they are there. They are read while others are applied,
/// until nobody takes them any more.
#[must_use]
pub fn batches(log: &Arc<dyn EventLog>, after: Position) -> Batches {
    let mut read = log.read(after);
    let (ahead, batches) = mpsc::channel(BATCHES_READ_AHEAD);
    tokio::spawn(async move {
        // Batches are about as long as the one before.
        let mut expected = 0;
        loop {
            let first = tokio::select! {
                first = read.next() => first,
                () = ahead.closed() => return,
            };
            let Some(first) = first else {
                return;
            };
            let batch = with_what_is_there(first, &mut read, expected).await;
            expected = batch.0.len();
            if ahead.send(batch).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(batches).boxed()
}

/// A batch of an event and those that are there already.
async fn with_what_is_there(
    first: Result<LogEntry, ReadError>,
    read: &mut (impl Stream<Item = Result<LogEntry, ReadError>> + Unpin),
    expected: usize,
) -> Batch {
    let mut entries = Vec::with_capacity(expected);
    let mut next = Some(first);
    while let Some(read_one) = next {
        match read_one {
            Ok(entry) => entries.push(entry),
            Err(failure) => return (entries, Some(failure)),
        }
        if entries.len() == BATCH_EVENTS_MAX {
            break;
        }
        next = is_there(read).await;
    }
    (entries, None)
}

/// The next event, if it is there. A task that goes on reading is made to give way to others though more is there:
/// without a second look, batches would be as short as that takes.
async fn is_there<T>(read: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    if let Some(next) = read.next().now_or_never() {
        return next;
    }
    tokio::task::yield_now().await;
    read.next().now_or_never().flatten()
}

/// Applies batches, one after the other, off the async workers and all on one thread: what the allocator gives a thread
/// for one batch, it gives it again for the next.
pub struct Applier {
    work: mpsc::Sender<Work>,
}

/// A batch to apply, and who waits for it.
struct Work {
    generation: Arc<Generation>,
    batch: Vec<LogEntry>,
    now: Timestamp,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Applier {
    /// Starts the thread, which ends when this is dropped.
    #[must_use]
    pub fn start() -> Self {
        let (work, mut waiting) = mpsc::channel::<Work>(1);
        tokio::task::spawn_blocking(move || {
            while let Some(Work { generation, batch, now, done }) = waiting.blocking_recv() {
                let applied = traces::of_batch(&batch).in_scope(|| generation.apply(&batch, now));
                // Before the answer: a generation that goes with its last user goes then.
                drop(generation);
                // Whoever has left does not undo it.
                let _ = done.send(applied);
            }
        });
        Self { work }
    }

    /// Applies a batch to a generation. A caller that leaves meanwhile does not end it.
    pub async fn apply(
        &self,
        generation: &Arc<Generation>,
        batch: Vec<LogEntry>,
        now: Timestamp,
    ) -> Result<(), ApplyError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (done, applied) = oneshot::channel();
        self.work
            .send(Work { generation: Arc::clone(generation), batch, now, done })
            .await
            .map_err(|_| ApplyError::Panicked)?;
        Ok(applied.await.map_err(|_| ApplyError::Panicked)??)
    }
}

/// What a generation and the log say of each other.
pub enum Kinship {
    /// The generation was computed from the beginning of this log.
    Same,
    /// It was computed from something else.
    Foreign {
        /// What does not fit.
        reason: String,
        /// The log's.
        head: Head,
    },
}

/// Whether a generation was computed from this log: the same stream, not shorter, with the same last event.
pub async fn kinship(log: &dyn EventLog, generation: &Generation) -> Result<Kinship, ReadError> {
    let head = log.head().await?;
    let foreign = |reason: String, head: Head| Ok(Kinship::Foreign { reason, head });
    let known = &generation.description().log;
    if head.identity != *known {
        return foreign(format!("the log was created anew: {}, was {}", head.identity.0, known.0), head);
    }
    let Some(applied) = generation.applied() else {
        return Ok(Kinship::Same);
    };
    if head.position < applied.position {
        return foreign(format!("the log ends at {}, before {}", head.position, applied.position), head);
    }
    match log.entry(applied.position).await? {
        Some(entry) if entry.event_id == applied.event_id => Ok(Kinship::Same),
        _ => foreign(format!("the log holds another event at {}", applied.position), head),
    }
}
