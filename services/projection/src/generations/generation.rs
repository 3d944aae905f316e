//! One generation of the read models: its store, its dictionary, and how far it is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use cra_eventlog::{LogEntry, Position};
use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::apply::{Application, Finished, Retried};
use crate::store::{Applied, Batch, Description, Session, Store, StoreError};
use crate::table::Table;
use crate::views::dictionary::Dictionary;

/// Read models computed from one log by one set of definitions.
pub struct Generation {
    name: String,
    description: Description,
    store: Store,
    dictionary: RwLock<Dictionary>,
    table: Table,
    /// What queries may show: sent after the batch that brings it is written.
    applied: watch::Sender<Option<Applied>>,
    /// Last: the files go after what reads them.
    files: Files,
}

/// The folder of a generation.
struct Files {
    path: PathBuf,
    remove_when_dropped: AtomicBool,
}

impl Drop for Files {
    fn drop(&mut self) {
        if self.remove_when_dropped.load(Ordering::Relaxed)
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(path = %self.path.display(), error = %error, "a generation's files could not be removed");
        }
    }
}

impl Generation {
    /// Begins a generation in a new folder.
    pub(super) fn create(name: String, path: &Path, description: Description) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        let mut batch = Batch::default();
        batch.put_description(&description)?;
        store.write(batch)?;
        store.flush()?;
        Self::of(name, path, description, store)
    }

    /// Opens a generation.
    pub(super) fn open(name: String, path: &Path) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        let description = store
            .session()
            .description()?
            .ok_or_else(|| StoreError::Damaged("it does not say what it is".into()))?;
        Self::of(name, path, description, store)
    }

    fn of(name: String, path: &Path, description: Description, store: Store) -> Result<Self, StoreError> {
        let dictionary = RwLock::new(store.session().dictionary()?);
        let table = Table::load(store.session())?;
        let (applied, _) = watch::channel(store.session().applied()?);
        let files = Files { path: path.to_owned(), remove_when_dropped: AtomicBool::new(false) };
        Ok(Self { name, description, store, dictionary, table, applied, files })
    }

    /// Makes its files go with it.
    pub(super) fn remove_when_dropped(&self) {
        self.files.remove_when_dropped.store(true, Ordering::Relaxed);
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Access to its store, for one thread.
    #[must_use]
    pub fn session(&self) -> Session {
        self.store.session()
    }

    /// Writes what no event wrote.
    #[cfg(test)]
    pub(crate) fn tamper(&self, batch: Batch) {
        self.store.write(batch).unwrap();
    }

    /// Waits until everything applied is on disk. Blocks.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }

    /// Tells when its files have failed.
    pub fn check(&self) -> Result<(), StoreError> {
        self.store.check()
    }

    /// Its dictionary, for queries: hold it shortly, new facts wait for it.
    #[must_use]
    pub fn dictionary(&self) -> &RwLock<Dictionary> {
        &self.dictionary
    }

    /// Its facts in memory, for counting.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Where it stands.
    #[must_use]
    pub fn applied(&self) -> Option<Applied> {
        self.applied.borrow().clone()
    }

    /// The last position applied.
    #[must_use]
    pub fn position(&self) -> Position {
        self.applied.borrow().as_ref().map_or(Position::START, |applied| applied.position)
    }

    /// Events that were set aside once and count now: each changed what it had told of the past.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.applied.borrow().as_ref().map_or(0, |applied| applied.retried)
    }

    /// Where it stands, and will.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Applied>> {
        self.applied.subscribe()
    }

    /// Applies the event that was set aside at a position, if it can be now; `None` where none is. Blocks.
    pub fn retry(&self, position: Position, now: Timestamp) -> Result<Option<Retried>, StoreError> {
        let Some(parked) = self.session().parked(position)? else {
            return Ok(None);
        };
        let (retried, finished) = self.application(now).retry(position, &parked)?;
        self.write(finished)?;
        Ok(Some(retried))
    }

    /// Applies events, in one atomic write with their position. Blocks.
    pub fn apply(&self, entries: &[LogEntry], now: Timestamp) -> Result<(), StoreError> {
        let mut application = self.application(now);
        for entry in entries {
            application.push(entry)?;
        }
        self.write(application.finish()?)
    }

    fn application(&self, now: Timestamp) -> Application<'_> {
        Application::begin(self.session(), &self.dictionary, &self.table, self.applied(), now)
    }

    fn write(&self, finished: Finished) -> Result<(), StoreError> {
        let Finished { batch, taken, applied } = finished;
        self.store.write(batch)?;
        self.table.apply(&taken, applied.clone());
        self.applied.send_replace(applied);
        Ok(())
    }
}
