//! The port on sled, in one process: for the standalone command, development and integration tests.
//!
//! Same conflicts and durability as the server; one process and one machine. Concurrent appends share one flush.

mod keys;
mod restoring;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::{mpsc, oneshot, watch};

use self::store::{Lineage, Store};
use self::writer::{FAILED_DISK, Pending, Work, Writer};
use crate::lineage::LogIdentity;
use crate::port::{
    Append, AppendError, Appended, Expectation, Head, LogEntry, NewEvent, PAYLOAD_BYTES_MAX, Read, ReadError,
    StreamId,
};
use crate::position::Position;

pub use self::store::OpenError;

/// Maximum number of events that a reader loads at once.
const READ_EVENTS_MAX: usize = 1_024;
/// Error of requests after the writer has ended.
const WRITER_GONE: &str = "the writer is gone";
/// Approximate maximum payload that a reader loads at once.
const READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The embedded log. Dropping it finishes the pending appends, and releases the directory.
pub struct EmbeddedLog {
    identity: LogIdentity,
    shared: Arc<Shared>,
    head: watch::Receiver<Position>,
    failed: Arc<AtomicBool>,
    lineage: Mutex<Lineage>,
    /// The lineage before a restore was started here.
    former_lineage: Mutex<Option<Lineage>>,
    /// `None` once the log is closed.
    writer: Mutex<Option<WriterHandle>>,
}

/// State shared with readers. They hold it only while they read, so that closing releases the directory.
struct Shared {
    /// A sled tree is `Send` but not `Sync`: each read clones it.
    store: Mutex<Store>,
}

struct WriterHandle {
    work: mpsc::Sender<Work>,
    thread: thread::JoinHandle<()>,
}

impl EmbeddedLog {
    /// Opens or creates the log in `dir`. Blocks: call it at start-up, or on a blocking thread.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let opened = store::open(dir)?;
        match opened.lineage.restored.clone() {
            Some(of) => Err(OpenError::BeingRestored { dir: dir.to_owned(), of }),
            None => Self::run(opened, dir),
        }
    }

    /// Like [`EmbeddedLog::open`], but also accepts a log with an unfinished restore.
    pub fn open_to_restore(dir: &Path) -> Result<Self, OpenError> {
        Self::run(store::open(dir)?, dir)
    }

    fn run(opened: store::Opened, dir: &Path) -> Result<Self, OpenError> {
        let (head_sender, head) = watch::channel(opened.head);
        let (work, receiver) = mpsc::channel(writer::PENDING_APPENDS_MAX);
        let failed = Arc::new(AtomicBool::new(false));
        let writer = Writer { store: opened.store.clone(), head: head_sender, failed: Arc::clone(&failed) };
        let thread = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|source| OpenError::Io { dir: dir.to_owned(), source })?;
        tracing::info!(dir = %dir.display(), head = opened.head.0, identity = %opened.identity.0, "embedded log open");
        Ok(Self {
            identity: opened.identity,
            shared: Arc::new(Shared { store: Mutex::new(opened.store) }),
            head,
            failed,
            lineage: Mutex::new(opened.lineage),
            former_lineage: Mutex::default(),
            writer: Mutex::new(Some(WriterHandle { work, thread })),
        })
    }

    /// Finishes the pending appends and accepts no more; readers end. The directory is released when the log itself is
    /// dropped.
    pub async fn close(&self) {
        let Some(handle) = self.take_writer() else { return };
        // A panic of the writer has been reported already; there is nothing left to finish.
        let _ = tokio::task::spawn_blocking(move || finish(handle)).await;
    }

    fn take_writer(&self) -> Option<WriterHandle> {
        lock(&self.writer).take()
    }

    fn sender(&self) -> Option<mpsc::Sender<Work>> {
        lock(&self.writer).as_ref().map(|handle| handle.work.clone())
    }

    /// Sends work to the writer, or returns why it cannot be accepted. The sender must not be kept: closing waits for
    /// all of them to be dropped.
    fn hand_over(&self, work: Work) -> Result<(), String> {
        if self.failed.load(Ordering::Acquire) {
            return Err(FAILED_DISK.to_owned());
        }
        let sender = self.sender().ok_or("the log is closed")?;
        sender.try_send(work).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => "too many appends are pending".to_owned(),
            mpsc::error::TrySendError::Closed(_) => WRITER_GONE.to_owned(),
        })
    }

    async fn blocking<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, ReadError> + Send + 'static,
    {
        self.shared.blocking(read).await
    }
}

impl Shared {
    async fn blocking<T, F>(&self, read: F) -> Result<T, ReadError>
    where
        T: Send + 'static,
        F: FnOnce(&Store) -> Result<T, ReadError> + Send + 'static,
    {
        let store = lock(&self.store).clone();
        tokio::task::spawn_blocking(move || read(&store))
            .await
            .map_err(|error| ReadError::Damaged(format!("reading failed: {error}")))?
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        if let Some(handle) = self.take_writer() {
            finish(handle);
        }
    }
}

fn finish(handle: WriterHandle) {
    drop(handle.work);
    let _ = handle.thread.join();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Append for EmbeddedLog {
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError> {
        let size_bytes = event.payload.len();
        if size_bytes > PAYLOAD_BYTES_MAX {
            return Err(AppendError::Refused(format!(
                "{size_bytes} bytes, expected at most {PAYLOAD_BYTES_MAX}"
            )));
        }
        let (answer, outcome) = oneshot::channel();
        self.hand_over(Work::Append(Pending { event, expectation, answer }))
            .map_err(AppendError::Unavailable)?;
        outcome.await.unwrap_or_else(|_| Err(AppendError::OutcomeUnknown(WRITER_GONE.to_owned())))
    }
}

#[async_trait]
impl Read for EmbeddedLog {
    fn read(&self, after: Position) -> BoxStream<'static, Result<LogEntry, ReadError>> {
        let reader = Reader { shared: Arc::downgrade(&self.shared), head: self.head.clone(), after };
        stream::try_unfold(reader, Reader::next_batch)
            .map(|batch| match batch {
                Ok(entries) => stream::iter(entries).map(Ok).left_stream(),
                Err(error) => stream::once(async { Err(error) }).right_stream(),
            })
            .flatten()
            .boxed()
    }

    async fn head(&self) -> Result<Head, ReadError> {
        let predecessors = lock(&self.lineage).predecessors.clone();
        Ok(Head { identity: self.identity.clone(), position: *self.head.borrow(), predecessors })
    }

    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError> {
        if position > *self.head.borrow() {
            return Ok(None);
        }
        self.blocking(move |store| Ok(store.record(position)?.map(|record| record.into_entry(position))))
            .await
    }

    async fn history(&self, stream: StreamId) -> Result<Vec<LogEntry>, ReadError> {
        let head = *self.head.borrow();
        self.blocking(move |store| store.history(stream, head)).await
    }

    fn identity(&self) -> LogIdentity {
        self.identity.clone()
    }

    fn is_available(&self) -> bool {
        !self.failed.load(Ordering::Acquire) && self.sender().is_some_and(|sender| !sender.is_closed())
    }
}

/// A reader: loads batches up to the head, then waits for the head to advance.
struct Reader {
    shared: Weak<Shared>,
    head: watch::Receiver<Position>,
    after: Position,
}

impl Reader {
    async fn next_batch(mut self) -> Result<Option<(Vec<LogEntry>, Self)>, ReadError> {
        let after = self.after;
        let known = *self.head.borrow();
        if known < after {
            return Err(ReadError::Gap { expected: after.next(), found: known });
        }
        // An error means that the writer has ended, so the head will not advance again.
        let Ok(head) = self.head.wait_for(|head| *head > after).await.map(|head| *head) else {
            return Ok(None);
        };
        let Some(shared) = self.shared.upgrade() else {
            return Ok(None);
        };
        let entries =
            shared.blocking(move |store| store.batch(after, head, READ_EVENTS_MAX, READ_BYTES_MAX)).await?;
        drop(shared);
        let Some(last) = entries.last() else {
            return Err(ReadError::Gap { expected: after.next(), found: after });
        };
        self.after = last.position;
        Ok(Some((entries, self)))
    }
}
