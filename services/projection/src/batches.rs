//! Batches of events and their application to a generation: shared by following and replaying, so that there is one
//! code path.

use std::sync::Arc;

use cra_eventlog::{Head, LogEntry, Position, Read, ReadError};
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;

use crate::generations::Generation;
use crate::store::StoreError;
use crate::traces;

/// Maximum number of events of a batch: many enough to share the cost of a write, few enough for memory.
pub(crate) const BATCH_EVENTS_MAX: usize = 1_000;
/// Number of batches read ahead.
const BATCHES_READ_AHEAD: usize = 8;

/// Why applying stopped.
#[derive(Debug, thiserror::Error)]
pub enum ApplierError {
    /// The read models cannot be written.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The storage library, or a wrong position, made it impossible to continue.
    #[error("applying events failed within the storage library")]
    Panicked,
}

/// Events in the log's order, then the error that ended the reading.
pub(crate) type Batch = (Vec<LogEntry>, Option<ReadError>);
pub(crate) type Batches = BoxStream<'static, Batch>;

/// All events after a position, then new ones, in batches of what is available. They are read ahead until the stream is
/// dropped.
#[must_use]
pub(crate) fn batches(log: &Arc<dyn Read>, after: Position) -> Batches {
    let mut read = log.read(after);
    let (ahead, batches) = mpsc::channel(BATCHES_READ_AHEAD);
    tokio::spawn(async move {
        // Batches are usually about as long as the previous one.
        let mut expected = 0;
        loop {
            let first = tokio::select! {
                first = read.next() => first,
                () = ahead.closed() => return,
            };
            let Some(first) = first else {
                return;
            };
            let batch = collect_ready(first, &mut read, expected).await;
            expected = batch.0.len();
            if ahead.send(batch).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(batches).boxed()
}

/// A batch of an event and those already available.
async fn collect_ready(
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
        next = next_if_ready(read).await;
    }
    (entries, None)
}

/// The next event, if it is available. The runtime makes a busy task yield although more is available: without a second
/// poll, batches would end there.
async fn next_if_ready<T>(read: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    if let Some(next) = read.next().now_or_never() {
        return next;
    }
    tokio::task::yield_now().await;
    read.next().now_or_never().flatten()
}

/// Applies batches sequentially on one dedicated thread, so that the allocator can reuse a thread's memory from batch
/// to batch.
pub(crate) struct Applier {
    work: mpsc::Sender<Work>,
}

/// A batch to apply, and the channel for its result.
struct Work {
    generation: Arc<Generation>,
    batch: Vec<LogEntry>,
    now: Timestamp,
    done: oneshot::Sender<Result<(), StoreError>>,
}

impl Applier {
    /// Starts the thread, which ends when this is dropped.
    #[must_use]
    pub(crate) fn start() -> Self {
        let (work, mut waiting) = mpsc::channel::<Work>(1);
        tokio::task::spawn_blocking(move || {
            while let Some(Work { generation, batch, now, done }) = waiting.blocking_recv() {
                let applied = traces::of_batch(&batch).in_scope(|| generation.apply(&batch, now));
                // Before the answer: if this was the generation's last use, it is closed now.
                drop(generation);
                // If the caller has gone, the batch is still applied.
                let _ = done.send(applied);
            }
        });
        Self { work }
    }

    /// Applies a batch to a generation. It is applied even if the caller is cancelled.
    pub(crate) async fn apply(
        &self,
        generation: &Arc<Generation>,
        batch: Vec<LogEntry>,
        now: Timestamp,
    ) -> Result<(), ApplierError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (done, applied) = oneshot::channel();
        self.work
            .send(Work { generation: Arc::clone(generation), batch, now, done })
            .await
            .map_err(|_| ApplierError::Panicked)?;
        Ok(applied.await.map_err(|_| ApplierError::Panicked)??)
    }
}

/// Whether a generation was built from a log.
pub(crate) enum LogContinuity {
    /// The generation was built from the beginning of this log.
    Same,
    /// It was built from something else.
    Foreign {
        /// The difference.
        reason: String,
        /// Head of the log.
        head: Head,
    },
}

/// Compares a generation with the log: same stream, not shorter, same last event.
pub(crate) async fn log_continuity(
    log: &dyn Read,
    generation: &Generation,
) -> Result<LogContinuity, ReadError> {
    let head = log.head().await?;
    let foreign = |reason: String, head: Head| Ok(LogContinuity::Foreign { reason, head });
    let known = &generation.description().log;
    if head.identity != *known {
        return foreign(format!("the log was created again: {}, was {}", head.identity.0, known.0), head);
    }
    let Some(applied) = generation.checkpoint() else {
        return Ok(LogContinuity::Same);
    };
    if head.position < applied.position {
        return foreign(format!("the log ends at {}, before {}", head.position, applied.position), head);
    }
    match log.entry(applied.position).await? {
        Some(entry) if entry.event_id == applied.event_id => Ok(LogContinuity::Same),
        _ => foreign(format!("the log holds another event at {}", applied.position), head),
    }
}
