//! Generations of the read models: `generations/<name>` under the data folder. One serves; another one may be filled
//! from the log beside it and take its place; the former one is kept for a way back. One that is damaged, or that
//! another log made, is set aside, and a new one is filled from the log.

mod folder;
mod generation;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cra_eventlog::LogIdentity;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use folder::Folder;
pub use generation::Generation;

use crate::store::{Description, StoreError};
use crate::views;
use crate::views::fact::nanoseconds;

/// Generations kept beside the serving one: a way back, and one more that was replayed to some position.
const OTHERS_MAX: usize = 2;

/// The generation that serves, and those on disk.
pub struct Generations {
    folder: Folder,
    serving: watch::Sender<Arc<Generation>>,
    /// Beside the serving one, oldest first.
    others: Mutex<Vec<Arc<Generation>>>,
    /// Held while events are applied to the serving generation, and while another one takes its place: so that the
    /// position that readers see never goes back.
    turn: tokio::sync::Mutex<()>,
}

/// Why a generation cannot take over.
#[derive(Debug, thiserror::Error)]
pub enum TakeOverError {
    /// There is none of this name.
    #[error("there is no generation {0}")]
    NoSuchGeneration(String),
    /// The disk failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Generations {
    /// Opens the generation that served last, and those beside it; begins a new one where there is none, or where it
    /// cannot be used. Blocks.
    pub fn open(data: PathBuf, log: &LogIdentity, now: Timestamp) -> Result<Self, StoreError> {
        let folder = Folder::open(data)?;
        let generation = match reopen(&folder, log) {
            Ok(Some(generation)) => generation,
            Ok(None) => begin_serving(&folder, log, now)?,
            Err(unusable) => {
                tracing::error!(reason = %unusable.reason, generation = %unusable.name, "generation set aside; rebuilding from the log");
                folder.set_aside(&unusable.name)?;
                begin_serving(&folder, log, now)?
            }
        };
        let others = reopen_others(&folder, &generation)?;
        let (serving, _) = watch::channel(Arc::new(generation));
        Ok(Self { folder, serving, others: Mutex::new(others), turn: tokio::sync::Mutex::new(()) })
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

    /// Every generation, the serving one first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Generation>> {
        let mut all = vec![self.serving()];
        all.extend(self.others.lock().iter().cloned());
        all
    }

    /// One of those beside the serving one.
    #[must_use]
    pub fn other(&self, name: &str) -> Option<Arc<Generation>> {
        self.others.lock().iter().find(|generation| generation.name() == name).cloned()
    }

    /// Waits for one's turn to bring the serving generation forward, or to put another one in its place.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The generation to fill from the log: the one that was being filled when the process was killed, else a new one.
    /// Blocks.
    pub fn begin_filling(&self, log: &LogIdentity, now: Timestamp) -> Result<Arc<Generation>, StoreError> {
        let unfinished = self.folder.filling().and_then(|name| self.other(&name));
        if let Some(unfinished) = unfinished {
            let description = unfinished.description();
            if description.log == *log && description.definitions == views::definitions() {
                tracing::info!(
                    generation = unfinished.name(),
                    position = unfinished.position().0,
                    "filling a generation, from where it was left"
                );
                return Ok(unfinished);
            }
            self.discard(&unfinished)?;
        }
        let generation = Arc::new(begin(&self.folder, log, now)?);
        self.folder.fill(generation.name())?;
        self.others.lock().push(Arc::clone(&generation));
        Ok(generation)
    }

    /// A generation that no other process or list knows, and that goes when it is dropped. Blocks.
    pub fn begin_passing(&self, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
        let generation = begin(&self.folder, log, now)?;
        generation.remove_when_dropped();
        Ok(generation)
    }

    /// Says that a generation holds what it was to be filled with. Blocks.
    pub fn finish_filling(&self) -> Result<(), StoreError> {
        self.folder.filled()?;
        self.drop_oldest();
        Ok(())
    }

    /// Removes a generation that does not serve; its files go with the last query that reads them. Blocks.
    pub fn discard(&self, generation: &Arc<Generation>) -> Result<(), StoreError> {
        if self.folder.filling().as_deref() == Some(generation.name()) {
            self.folder.filled()?;
        }
        self.others.lock().retain(|other| other.name() != generation.name());
        generation.remove_when_dropped();
        Ok(())
    }

    /// Puts a generation in the place of the serving one, which is kept. Call it in one's [`Generations::turn`], with a
    /// generation that is as far as the serving one. Blocks.
    pub fn take_over(&self, name: &str) -> Result<Arc<Generation>, TakeOverError> {
        let new = self.other(name).ok_or_else(|| TakeOverError::NoSuchGeneration(name.to_owned()))?;
        self.folder.serve(name).map_err(StoreError::from)?;
        if self.folder.filling().as_deref() == Some(name) {
            self.folder.filled().map_err(StoreError::from)?;
        }
        let former = self.serving();
        {
            let mut others = self.others.lock();
            others.retain(|other| other.name() != name);
            others.push(Arc::clone(&former));
        }
        self.serving.send_replace(new);
        self.drop_oldest();
        tracing::info!(generation = name, former = former.name(), "another generation serves");
        Ok(former)
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
        let new = begin_serving(&self.folder, log, now)?;
        self.serving.send_replace(Arc::new(new));
        let foreign: Vec<_> =
            self.all().into_iter().filter(|other| other.description().log != *log).collect();
        for other in foreign {
            self.discard(&other)?;
        }
        Ok(self.folder.set_aside(former.name())?)
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

    fn drop_oldest(&self) {
        let filling = self.folder.filling();
        let mut others = self.others.lock();
        while others.len() > OTHERS_MAX {
            let Some(oldest) = others.iter().position(|other| Some(other.name()) != filling.as_deref())
            else {
                return;
            };
            let oldest = others.remove(oldest);
            tracing::info!(generation = oldest.name(), "former generation removed");
            oldest.remove_when_dropped();
        }
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
    if !views::can_read(&description.definitions) {
        let (theirs, ours) = (&description.definitions, views::definitions());
        return Err(unusable(format!("kept in the form of the definitions {theirs}, these are {ours}")));
    }
    if description.log != *log {
        return Err(unusable(format!("computed from log {}, this is {}", description.log.0, log.0)));
    }
    Ok(Some(generation))
}

/// The generations beside the serving one; those that cannot be used are removed.
fn reopen_others(folder: &Folder, serving: &Generation) -> Result<Vec<Arc<Generation>>, StoreError> {
    let mut others = Vec::new();
    for name in folder.names()?.into_iter().filter(|name| name != serving.name()) {
        let path = folder.path_of(&name);
        let usable = Generation::open(name.clone(), &path).ok().filter(|other| {
            let description = other.description();
            description.log == serving.description().log && views::can_read(&description.definitions)
        });
        if let Some(other) = usable {
            others.push(Arc::new(other));
        } else {
            tracing::warn!(generation = name, "a generation that cannot be used is removed");
            std::fs::remove_dir_all(path)?;
        }
    }
    Ok(others)
}

/// A new generation that serves at once.
fn begin_serving(folder: &Folder, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
    let generation = begin(folder, log, now)?;
    folder.serve(generation.name())?;
    Ok(generation)
}

fn begin(folder: &Folder, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
    let name = folder.new_name(now);
    let description =
        Description { definitions: views::definitions(), log: log.clone(), created_at: nanoseconds(now) };
    let path = folder.path_of(&name);
    folder.check_room()?;
    let generation = Generation::create(name.clone(), &path, description).inspect_err(|_| {
        // What could not be begun must not fill the disk, try after try.
        let _ = std::fs::remove_dir_all(&path);
    })?;
    tracing::info!(generation = name, "generation begun");
    Ok(generation)
}
