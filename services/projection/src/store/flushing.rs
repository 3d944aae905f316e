//! Flushes writes to disk at intervals, and prevents a failing database from ending the process: the library's own
//! flusher would abort it, even when the database is closed. The owner of the database queries [`Flushing::failure`]
//! and decides what to do.

use std::io::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::LEAF_FANOUT;

/// Interval after which writes are durable without an explicit flush.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// Interval of the library's own flusher: effectively never. If it were disabled instead, each handle would flush when
/// dropped, including those of queries.
pub(super) const LIBRARY_FLUSHES_EVERY_MS: usize = 1 << 40;

type Db = sled::Db<LEAF_FANOUT>;

/// The failure of a database, if any.
type Failure = Arc<OnceLock<(ErrorKind, String)>>;

/// The flushing thread of one database; it ends when this is dropped.
pub(super) struct Flushing {
    failure: Failure,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Flushing {
    pub(super) fn of(db: Db) -> Result<Self> {
        let failure = Failure::default();
        let (stop, stopped) = mpsc::channel();
        let found = Arc::clone(&failure);
        let flush_until_stopped = move || {
            while stopped.recv_timeout(FLUSH_EVERY) == Err(RecvTimeoutError::Timeout) {
                if flush(&db, &found).is_err() {
                    return;
                }
            }
            // Flushes what dropped handles would flush, because a failure can be handled here.
            let _ = flush(&db, &found);
        };
        let thread = thread::Builder::new().name("flush".to_owned()).spawn(flush_until_stopped)?;
        Ok(Self { failure, stop: Some(stop), thread: Some(thread) })
    }

    /// Flushes now.
    pub(super) fn flush(&self, db: &Db) -> Result<()> {
        flush(db, &self.failure)
    }

    /// The failure of the database, if detected. The library also records failures of readers.
    pub(super) fn failure(&self, db: &Db) -> Option<Error> {
        if let Err(error) = db.check_error() {
            keep_open(db, &self.failure, &error);
        }
        self.failure.get().map(|(kind, reason)| Error::new(*kind, reason.clone()))
    }
}

impl Drop for Flushing {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It catches the library's panics.
            let _ = thread.join();
        }
    }
}

fn flush(db: &Db, failure: &Failure) -> Result<()> {
    // After a failure the library would block forever.
    if let Some((kind, reason)) = failure.get() {
        return Err(Error::new(*kind, reason.clone()));
    }
    let flushed = db.check_error().and_then(|()| {
        catch_unwind(AssertUnwindSafe(|| db.flush()))
            .unwrap_or_else(|_| Err(Error::other("the storage library failed to flush")))
    });
    flushed.map(drop).inspect_err(|error| keep_open(db, failure, error))
}

/// Records the failure, and leaks a handle: closing the database would flush it again, and a failure there aborts the
/// process.
fn keep_open(db: &Db, failure: &Failure, error: &Error) {
    let mut is_first = false;
    failure.get_or_init(|| {
        is_first = true;
        (error.kind(), error.to_string())
    });
    if is_first {
        std::mem::forget(db.clone());
    }
}
