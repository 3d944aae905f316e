//! Brings what is written to the disk, regularly, and keeps a database that cannot be written from taking the process
//! with it: the library's own flusher would abort it, also when the database is closed. Does not decide what becomes
//! of such a database; whoever holds it asks [`Flushing::failure`].

use std::io::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::LEAF_FANOUT;

/// What is written and not flushed by hand is on disk after this.
const FLUSH_EVERY: Duration = Duration::from_millis(200);
/// For the library's own flusher: never, within the life of a process. Switched off instead, each of its handles would
/// flush when it is dropped, those of queries too.
pub(super) const LIBRARY_FLUSHES_EVERY_MS: usize = 1 << 40;

type Db = sled::Db<LEAF_FANOUT>;

/// What made a database useless, if anything did.
type Failure = Arc<OnceLock<(ErrorKind, String)>>;

/// The thread that flushes one database; it ends when this is dropped.
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
            // Whatever a handle that is dropped would find to flush: here a failure is an answer.
            let _ = flush(&db, &found);
        };
        let thread = thread::Builder::new().name("flush".to_owned()).spawn(flush_until_stopped)?;
        Ok(Self { failure, stop: Some(stop), thread: Some(thread) })
    }

    /// Flushes now.
    pub(super) fn flush(&self, db: &Db) -> Result<()> {
        flush(db, &self.failure)
    }

    /// What made the database useless, as far as was seen. The library notes what a reader found, too.
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
            // It catches what the library throws.
            let _ = thread.join();
        }
    }
}

fn flush(db: &Db, failure: &Failure) -> Result<()> {
    // After a failure the library would wait for ever for the flush that failed.
    if let Some((kind, reason)) = failure.get() {
        return Err(Error::new(*kind, reason.clone()));
    }
    let flushed = db.check_error().and_then(|()| {
        catch_unwind(AssertUnwindSafe(|| db.flush()))
            .unwrap_or_else(|_| Err(Error::other("the storage library failed to flush")))
    });
    flushed.map(drop).inspect_err(|error| keep_open(db, failure, error))
}

/// Notes the failure, and keeps a handle for the rest of the process's life: closing the database would flush it once
/// more, and a failure there aborts the process.
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
