//! One generation of the read models: its store, its dictionary, and its position.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_eventlog::{LogEntry, Position};
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::folder::name_log;
use crate::apply::{Application, Finished, Retried};
use crate::store::{Batch, Checkpoint, Description, Session, Store, StoreError};
use cra_analytics::columns::Columns;
use cra_analytics::dictionary::Dictionary;

/// Read models built from one log with one set of definitions.
pub struct Generation {
    name: String,
    description: Description,
    store: Store,
    dictionary: RwLock<Dictionary>,
    /// Whether a batch was applied partially: the dictionary may have words that were never written.
    is_unsettled: AtomicBool,
    /// Its facts in memory, while it serves or is built: they use most of the memory, and are loaded from the store
    /// when needed.
    columns: Mutex<Option<Arc<Columns>>>,
    /// The state that queries may show: sent after its batch was written.
    applied: watch::Sender<Option<Checkpoint>>,
    /// Dropped last: files are removed after their readers.
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
    /// Creates a generation in a new folder.
    pub(super) fn create(name: String, path: &Path, description: Description) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        name_log(path, &description.log)?;
        let mut batch = Batch::default();
        batch.put_description(&description)?;
        store.write(batch)?;
        store.flush()?;
        let generation = Self::of(name, path, description, store)?;
        *generation.columns.lock() = Some(Arc::default());
        Ok(generation)
    }

    /// Opens a generation; its facts stay on disk until they are needed.
    pub(super) fn open(name: String, path: &Path) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        let description = store
            .session()?
            .description()?
            .ok_or_else(|| StoreError::Damaged("it has no description".into()))?;
        Self::of(name, path, description, store)
    }

    fn of(name: String, path: &Path, description: Description, store: Store) -> Result<Self, StoreError> {
        let dictionary = RwLock::new(store.session()?.dictionary()?);
        let columns = Mutex::new(None);
        let (applied, _) = watch::channel(store.session()?.checkpoint()?);
        let files = Files { path: path.to_owned(), remove_when_dropped: AtomicBool::new(false) };
        let is_unsettled = AtomicBool::new(false);
        Ok(Self { name, description, store, dictionary, is_unsettled, columns, applied, files })
    }

    /// Removes its files when it is dropped.
    pub(super) fn remove_when_dropped(&self) {
        self.files.remove_when_dropped.store(true, Ordering::Relaxed);
    }

    /// Name of the folder.
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
    pub fn session(&self) -> Result<Session, StoreError> {
        self.store.session()
    }

    /// Writes without an event; for tests.
    #[cfg(test)]
    pub(crate) fn tamper(&self, batch: Batch) {
        self.store.write(batch).unwrap();
    }

    /// Waits until everything applied is on disk. Blocks.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }

    /// Fails if its files have failed.
    pub fn check(&self) -> Result<(), StoreError> {
        self.store.check()
    }

    /// Its dictionary, for queries: lock it briefly, because new facts wait for it.
    #[must_use]
    pub fn dictionary(&self) -> &RwLock<Dictionary> {
        &self.dictionary
    }

    /// Its facts in memory, for counting; loaded from the store if necessary. Blocks.
    pub fn columns(&self) -> Result<Arc<Columns>, StoreError> {
        let mut columns = self.columns.lock();
        if let Some(columns) = &*columns {
            return Ok(Arc::clone(columns));
        }
        let loaded = Arc::new(self.store.columns()?);
        *columns = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Loads its facts and releases the write buffers: then it can answer. Blocks.
    pub fn load(&self) -> Result<(), StoreError> {
        self.columns()?;
        self.store.release_write_buffers()
    }

    /// Builds the sums, without which every figure is counted fact by fact. Takes about two seconds per ten million
    /// facts on two cores, while queries are answered and events are applied; blocks.
    pub fn warm_up(&self) -> Result<(), StoreError> {
        self.columns()?.warm_up();
        Ok(())
    }

    /// Its facts in memory; `None` if they are only on disk, as those of a generation that no longer serves.
    #[must_use]
    pub fn columns_in_memory(&self) -> Option<Arc<Columns>> {
        // Does not wait for a load in progress: they are not in memory yet.
        self.columns.try_lock()?.clone()
    }

    /// Releases its facts from memory until they are needed again. Queries that use them continue.
    pub(super) fn unload(&self) {
        *self.columns.lock() = None;
    }

    /// Its current state.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.applied.borrow().clone()
    }

    /// The last position applied.
    #[must_use]
    pub fn position(&self) -> Position {
        self.applied.borrow().as_ref().map_or(Position::START, |applied| applied.position)
    }

    /// Number of parked events that were applied later: each changed earlier answers.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.applied.borrow().as_ref().map_or(0, |checkpoint| checkpoint.retried)
    }

    /// Its current and future states.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Checkpoint>> {
        self.applied.subscribe()
    }

    /// Applies the parked event at a position, if possible; `None` if there is none. Blocks.
    pub fn retry(&self, position: Position, now: Timestamp) -> Result<Option<Retried>, StoreError> {
        let Some(parked) = self.session()?.parked(position)? else {
            return Ok(None);
        };
        let columns = self.columns()?;
        let (retried, finished) = self.application(&columns, now)?.retry(position, &parked)?;
        if retried == Retried::Applied {
            self.store.segments().remove(Columns::segment_of(position.0))?;
        }
        self.write(&columns, finished)?;
        Ok(Some(retried))
    }

    /// Applies events, in one atomic write with their position. Blocks.
    pub fn apply(&self, entries: &[LogEntry], now: Timestamp) -> Result<(), StoreError> {
        let columns = self.columns()?;
        let mut application = self.application(&columns, now)?.for_events(entries);
        for entry in entries {
            application.push(entry)?;
        }
        self.write(&columns, application.finish()?)
    }

    fn application<'a>(
        &'a self,
        columns: &'a Columns,
        now: Timestamp,
    ) -> Result<Application<'a>, StoreError> {
        if self.is_unsettled.swap(true, Ordering::AcqRel) {
            let written = self.session()?.dictionary()?;
            *self.dictionary.write() = written;
        }
        Ok(Application::begin(self.session()?, &self.dictionary, columns, self.checkpoint(), now))
    }

    fn write(&self, columns: &Columns, finished: Finished) -> Result<(), StoreError> {
        let Finished { batch, deltas, applied } = finished;
        self.store.write(batch)?;
        self.is_unsettled.store(false, Ordering::Release);
        columns.apply(&deltas, applied.as_ref().map(Checkpoint::watermark), self.store.segments());
        self.applied.send_replace(applied);
        Ok(())
    }
}
