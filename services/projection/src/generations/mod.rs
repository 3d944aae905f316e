//! Generations of the read models: `generations/<name>` under the data folder. One serves; one that is damaged, or
//! that another log or other definitions made, is set aside, and a new one is filled from the log.

mod folder;
mod generation;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cra_eventlog::LogIdentity;
use jiff::Timestamp;
use tokio::sync::watch;

use folder::Folder;
pub use generation::Generation;

use crate::store::{Description, StoreError};
use crate::views;
use crate::views::fact::nanoseconds;

/// The generation that serves, and those on disk.
pub struct Generations {
    folder: Folder,
    serving: watch::Sender<Arc<Generation>>,
}

impl Generations {
    /// Opens the generation that served last; begins a new one where there is none, or where it cannot be used.
    /// Blocks.
    pub fn open(data: PathBuf, log: &LogIdentity, now: Timestamp) -> Result<Self, StoreError> {
        let folder = Folder::open(data)?;
        let generation = match reopen(&folder, log) {
            Ok(Some(generation)) => generation,
            Ok(None) => begin(&folder, log, now)?,
            Err(unusable) => {
                tracing::error!(reason = %unusable.reason, generation = %unusable.name, "generation set aside; rebuilding from the log");
                folder.set_aside(&unusable.name)?;
                begin(&folder, log, now)?
            }
        };
        let (serving, _) = watch::channel(Arc::new(generation));
        Ok(Self { folder, serving })
    }

    /// The generation that serves now.
    #[must_use]
    pub fn serving(&self) -> Arc<Generation> {
        self.serving.borrow().clone()
    }

    /// The generation that serves, and those that will.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Generation>> {
        self.serving.subscribe()
    }

    /// Sets the serving generation aside and begins a new one, from the start of the log. Blocks.
    pub fn start_over(&self, reason: &str, log: &LogIdentity, now: Timestamp) -> Result<(), StoreError> {
        let former = self.serving();
        tracing::error!(
            reason,
            generation = former.name(),
            position = former.position().0,
            "generation set aside; rebuilding from the log"
        );
        let new = begin(&self.folder, log, now)?;
        self.serving.send_replace(Arc::new(new));
        self.folder.set_aside(former.name())
    }

    /// The data folder: where the disk has room, for what is too long for memory.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.data()
    }

    /// Bytes on disk of a generation.
    pub fn bytes_on_disk(&self, generation: &Generation) -> u64 {
        self.folder.bytes_of(generation.name())
    }
}

/// A generation that cannot serve.
struct Unusable {
    name: String,
    reason: String,
}

/// The generation that served last, if it can go on.
fn reopen(folder: &Folder, log: &LogIdentity) -> Result<Option<Generation>, Unusable> {
    let Some(name) = folder.serving() else {
        return Ok(None);
    };
    let unusable = |reason: String| Unusable { name: name.clone(), reason };
    let generation = Generation::open(name.clone(), &folder.path_of(&name))
        .map_err(|error| unusable(error.to_string()))?;
    let description = generation.description();
    if description.definitions != views::definitions() {
        let (theirs, ours) = (&description.definitions, views::definitions());
        return Err(unusable(format!("computed by the definitions {theirs}, these are {ours}")));
    }
    if description.log != *log {
        return Err(unusable(format!("computed from log {}, this is {}", description.log.0, log.0)));
    }
    Ok(Some(generation))
}

fn begin(folder: &Folder, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
    let name = folder.new_name(now);
    let description =
        Description { definitions: views::definitions(), log: log.clone(), created_at: nanoseconds(now) };
    let generation = Generation::create(name.clone(), &folder.path_of(&name), description)?;
    folder.serve(&name)?;
    tracing::info!(generation = name, "generation begun");
    Ok(generation)
}
