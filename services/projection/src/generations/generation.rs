//! One generation of the read models: its store, its dictionary, and how far it is.

use std::path::Path;

use cra_eventlog::{LogEntry, Position};
use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::apply::Application;
use crate::store::{Applied, Batch, Description, Session, Store, StoreError};
use crate::views::dictionary::Dictionary;

/// Read models computed from one log by one set of definitions.
pub struct Generation {
    name: String,
    description: Description,
    store: Store,
    dictionary: RwLock<Dictionary>,
    /// What queries may show: sent after the batch that brings it is written.
    applied: watch::Sender<Option<Applied>>,
}

impl Generation {
    /// Begins a generation in a new folder.
    pub(super) fn create(name: String, path: &Path, description: Description) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        let mut batch = Batch::default();
        batch.put_description(&description)?;
        store.session().write(batch)?;
        store.session().flush()?;
        Self::of(name, description, store)
    }

    /// Opens a generation.
    pub(super) fn open(name: String, path: &Path) -> Result<Self, StoreError> {
        let store = Store::open(path)?;
        let description = store
            .session()
            .description()?
            .ok_or_else(|| StoreError::Damaged("it does not say what it is".into()))?;
        Self::of(name, description, store)
    }

    fn of(name: String, description: Description, store: Store) -> Result<Self, StoreError> {
        let dictionary = RwLock::new(store.session().dictionary()?);
        let (applied, _) = watch::channel(store.session().applied()?);
        Ok(Self { name, description, store, dictionary, applied })
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

    /// Its dictionary, for queries: hold it shortly, new facts wait for it.
    #[must_use]
    pub fn dictionary(&self) -> &RwLock<Dictionary> {
        &self.dictionary
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

    /// Where it stands, and will.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Applied>> {
        self.applied.subscribe()
    }

    /// Applies events, in one atomic write with their position. Blocks.
    pub fn apply(&self, entries: &[LogEntry], now: Timestamp) -> Result<(), StoreError> {
        let mut application = Application::begin(self.session(), &self.dictionary, self.applied(), now);
        for entry in entries {
            application.push(entry)?;
        }
        let (batch, applied) = application.finish()?;
        self.session().write(batch)?;
        self.applied.send_replace(applied);
        Ok(())
    }
}
