//! Generations of the read models: `generations/<name>` in the data folder. One serves; another one may be built from
//! the log and promoted; the previous one is kept for a rollback. A damaged generation, or one of another log, is
//! quarantined, and a new one is built from the log.

mod folder;
mod generation;
mod pause;

use std::path::Path;
use std::sync::Arc;

use cra_eventlog::{Forgetting, Head, LogIdentity, Position, Predecessor};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, watch};

pub use folder::DataFolder;
pub use generation::Generation;
pub use pause::Pause;

use crate::store::{Description, StoreError};
use cra_analytics::fact::nanoseconds;

/// Maximum number of generations kept besides the serving one: a rollback, and one that was replayed to some position.
const OTHERS_MAX: usize = 2;

/// The serving generation, and the others on disk.
pub struct Generations {
    folder: DataFolder,
    serving: watch::Sender<Arc<Generation>>,
    /// The others, oldest first. Locked while a generation is created, removed or promoted, including its files, so
    /// that concurrent calls see a consistent state.
    others: Mutex<Vec<Arc<Generation>>>,
    /// Last known lineage of the log.
    lineage: watch::Sender<Lineage>,
    /// Held while events are applied to the serving generation, and while another one is promoted, so that the position
    /// that readers see never decreases.
    apply_lock: Arc<tokio::sync::Mutex<()>>,
    paused: watch::Sender<Option<Pause>>,
    /// Since when the read models follow their log.
    followed_since: Mutex<Timestamp>,
    /// The generation that a system error made unusable for this process; its files may be valid.
    left: Mutex<Option<String>>,
}

/// A log and the logs whose positions it continues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    log: Option<LogIdentity>,
    predecessors: Vec<Predecessor>,
}

impl Lineage {
    /// The logs that the log replaced in order to forget, latest first.
    pub fn forgettings(&self) -> impl Iterator<Item = (&Predecessor, &Forgetting)> {
        self.predecessors.iter().filter_map(|it| Some((it, it.forgetting.as_ref()?)))
    }

    /// The last position that a log has in common with another one; `None` if they have none in common.
    #[must_use]
    pub fn common_position(&self, log: &LogIdentity, other: &LogIdentity) -> Option<Position> {
        if log == other {
            return Some(Position(u64::MAX));
        }
        let is_known = self.log.as_ref() == Some(log);
        is_known.then(|| cra_eventlog::common_position(&self.predecessors, other)).flatten()
    }
}

/// Why a generation cannot be promoted.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// There is no generation of this name.
    #[error("there is no generation {0}")]
    NoSuchGeneration(String),
    /// The disk failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Generations {
    /// Opens the generation that served last, and the others; creates a new one if there is none, or if it is unusable.
    /// Fails without changes if the system does not allow reading and writing them. Blocks.
    pub fn open(folder: DataFolder, log: &LogIdentity, now: Timestamp) -> Result<Self, StoreError> {
        let generation = match reopen(&folder, log) {
            Ok(Some(generation)) => generation,
            Ok(None) => begin_serving(&folder, log, now)?,
            Err(Unusable::Refused(error)) => return Err(error),
            Err(Unusable::Unfit { name, reason }) => {
                tracing::error!(%reason, generation = %name, "generation quarantined; rebuilding from the log");
                folder.quarantine(&name)?;
                begin_serving(&folder, log, now)?
            }
        };
        let others = Mutex::new(reopen_others(&folder, &generation)?);
        let (serving, _) = watch::channel(Arc::new(generation));
        let pause = Pause::load(folder.data())?;
        if let Some(Pause { reason, since, .. }) = &pause {
            tracing::warn!(reason, %since, "events are not applied: the projection is paused");
        }
        let paused = watch::Sender::new(pause);
        let lineage = watch::Sender::default();
        let followed_since = Mutex::new(folder.follow(log, now)?);
        Ok(Self {
            folder,
            serving,
            others,
            lineage,
            apply_lock: Arc::default(),
            paused,
            left: Mutex::default(),
            followed_since,
        })
    }

    /// Since when the read models follow the log of the serving generation.
    #[must_use]
    pub fn followed_since(&self) -> Timestamp {
        *self.followed_since.lock()
    }

    /// The serving generation.
    #[must_use]
    pub fn serving(&self) -> Arc<Generation> {
        self.serving.borrow().clone()
    }

    /// The serving generation, and future ones.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Generation>> {
        self.serving.subscribe()
    }

    /// Updates the lineage of the log.
    pub fn update_lineage(&self, head: &Head) {
        let lineage = Lineage { log: Some(head.identity.clone()), predecessors: head.predecessors.clone() };
        let is_news = self.lineage.send_if_modified(|known| {
            let is_news = *known != lineage;
            *known = lineage;
            is_news
        });
        // Those of a predecessor may hold what the log was made to forget.
        if is_news && !head.predecessors.is_empty() {
            match self.folder.drop_quarantined_of_others(&head.identity) {
                Ok(0) => {}
                Ok(count) => {
                    tracing::info!(count, "quarantined generations of predecessors of the log removed");
                }
                Err(error) => {
                    tracing::error!(%error, "quarantined generations of predecessors cannot be removed");
                }
            }
        }
    }

    /// The lineage of the log, and its updates.
    #[must_use]
    pub fn lineage(&self) -> watch::Receiver<Lineage> {
        self.lineage.subscribe()
    }

    /// All generations, the serving one first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Generation>> {
        let others = self.others.lock();
        std::iter::once(self.serving()).chain(others.iter().cloned()).collect()
    }

    /// One of the others, by name.
    #[must_use]
    pub fn other(&self, name: &str) -> Option<Arc<Generation>> {
        self.others.lock().iter().find(|generation| generation.name() == name).cloned()
    }

    /// Waits for the exclusive right to change or replace the serving generation. The guard belongs to the work and
    /// ends with it, even if the caller is cancelled.
    pub async fn apply_lock(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.apply_lock).lock_owned().await
    }

    /// The current pause, if any, and future changes.
    #[must_use]
    pub fn paused(&self) -> watch::Receiver<Option<Pause>> {
        self.paused.subscribe()
    }

    /// Pauses the application of events, also across restarts. An existing pause keeps its start and gets the new
    /// reason. Call it with the guard of [`Generations::apply_lock`]: the batch in progress is then finished. Blocks.
    pub fn pause(&self, pause: Pause) -> Result<Pause, StoreError> {
        let since = self.paused.borrow().as_ref().map_or(pause.since, |former| former.since);
        let pause = Pause { since, ..pause };
        pause.keep(self.folder.data())?;
        tracing::warn!(reason = pause.reason, client = pause.client_id, "the projection is paused");
        self.paused.send_replace(Some(pause.clone()));
        Ok(pause)
    }

    /// Resumes the application of events. Blocks.
    pub fn resume(&self) -> Result<(), StoreError> {
        Pause::end(self.folder.data())?;
        if self.paused.send_replace(None).is_some() {
            tracing::info!("the projection applies events again");
        }
        Ok(())
    }

    /// The generation to build from the log: the one that was being built when the process was killed, unless it is
    /// past the requested end, otherwise a new one. Blocks.
    pub fn start_build(
        &self,
        log: &LogIdentity,
        until: Option<Position>,
        now: Timestamp,
    ) -> Result<Arc<Generation>, StoreError> {
        let mut others = self.others.lock();
        let unfinished = self.folder.filling()?.and_then(|name| take(&mut others, &name));
        if let Some(unfinished) = unfinished {
            let description = unfinished.description();
            let is_past = until.is_some_and(|until| unfinished.position() > until);
            if description.log == *log && description.definitions == cra_analytics::definitions() && !is_past
            {
                tracing::info!(
                    generation = unfinished.name(),
                    position = unfinished.position().0,
                    "resuming the build of a generation"
                );
                others.push(Arc::clone(&unfinished));
                return Ok(unfinished);
            }
            self.folder.filled()?;
            unfinished.remove_when_dropped();
        }
        let generation = Arc::new(begin(&self.folder, log, now)?);
        self.folder.fill(generation.name())?;
        others.push(Arc::clone(&generation));
        Ok(generation)
    }

    /// A scratch generation, which is not listed, and is removed when it is dropped, or at the next start. Blocks.
    pub fn start_scratch(&self, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
        let name = self.folder.new_name(now)?;
        let generation = Generation::create(name.clone(), &self.folder.passing(&name), of_today(log, now))?;
        generation.remove_when_dropped();
        Ok(generation)
    }

    /// Records that the build of a generation is complete. Blocks.
    pub fn finish_filling(&self, generation: &Generation) -> Result<(), StoreError> {
        generation.flush()?;
        let mut others = self.others.lock();
        self.folder.filled()?;
        self.drop_oldest(&mut others);
        generation.unload();
        Ok(())
    }

    /// Removes a generation; its files are removed after the last query that reads them. One that has started to serve
    /// is kept. Blocks.
    pub fn discard(&self, generation: &Generation) -> Result<(), StoreError> {
        self.discard_among(&mut self.others.lock(), generation.name())
    }

    fn discard_among(&self, others: &mut Vec<Arc<Generation>>, name: &str) -> Result<(), StoreError> {
        let Some(discarded) = take(others, name) else {
            return Ok(());
        };
        discarded.remove_when_dropped();
        if self.folder.filling()?.as_deref() == Some(name) {
            self.folder.filled()?;
        }
        Ok(())
    }

    /// Promotes a generation; the previous one is kept. Call it with the guard of [`Generations::apply_lock`], with a
    /// generation that has reached the serving one's position. Blocks.
    pub fn promote(&self, name: &str) -> Result<Arc<Generation>, PromoteError> {
        let mut others = self.others.lock();
        let Some(new) = others.iter().find(|other| other.name() == name) else {
            return Err(PromoteError::NoSuchGeneration(name.to_owned()));
        };
        // Before it serves, so that queries do not wait for it.
        new.load()?;
        new.warm_up()?;
        self.folder.serve(name).map_err(StoreError::from)?;
        if self.folder.filling().map_err(StoreError::from)?.as_deref() == Some(name) {
            self.folder.filled().map_err(StoreError::from)?;
        }
        let former = self.serving();
        if let Some(new) = take(&mut others, name) {
            self.serving.send_replace(new);
            others.push(Arc::clone(&former));
            former.unload();
        }
        self.drop_oldest(&mut others);
        tracing::info!(generation = name, former = former.name(), "another generation serves");
        Ok(former)
    }

    /// Quarantines the serving generation and creates a new one, from the start of the log. Blocks.
    pub fn start_over(&self, reason: &str, log: &LogIdentity, now: Timestamp) -> Result<(), StoreError> {
        let former = self.replace(log, now)?;
        let of = &former.description().log;
        if of != log && self.lineage.borrow().common_position(log, of).is_some() {
            former.remove_when_dropped();
            tracing::error!(
                reason,
                generation = former.name(),
                position = former.position().0,
                "generation of a predecessor of the log removed; rebuilding from the log"
            );
            return Ok(());
        }
        self.folder.quarantine(former.name())?;
        // Logged afterwards, so that the new one serves when the line appears.
        tracing::error!(
            reason,
            generation = former.name(),
            position = former.position().0,
            "generation quarantined; rebuilding from the log"
        );
        Ok(())
    }

    /// Recovers from a failure of the serving generation. A damaged one is quarantined and built again from the log.
    /// After a system error it is kept unchanged and retried; if the storage library has given up on it, it is built
    /// again once the system allows, and its files are kept until the next such failure. Blocks.
    pub fn recover(&self, failure: &StoreError, log: &LogIdentity, now: Timestamp) -> Result<(), StoreError> {
        let failed = self.serving();
        let obstacle = self.folder.obstacle(failed.name());
        if failure.may_be_damage() && obstacle.is_none() {
            return self.start_over(&failure.to_string(), log, now);
        }
        if let Some(obstacle) = obstacle {
            return Err(obstacle.into());
        }
        if failed.check().is_ok() {
            return Ok(());
        }
        let former = self.replace(log, now)?;
        if let Some(earlier) = self.left.lock().replace(former.name().to_owned()) {
            self.folder.remove(&earlier)?;
        }
        tracing::error!(
            reason = %failure,
            generation = former.name(),
            position = former.position().0,
            "the storage library has given up on the read models; rebuilding from the log, the files are kept"
        );
        Ok(())
    }

    /// Makes a new generation serve, from the start of the log; returns the previous one.
    fn replace(&self, log: &LogIdentity, now: Timestamp) -> Result<Arc<Generation>, StoreError> {
        let former = self.serving();
        let mut others = self.others.lock();
        let new = begin_serving(&self.folder, log, now)?;
        *self.followed_since.lock() = self.folder.follow(log, now)?;
        self.serving.send_replace(Arc::new(new));
        let foreign: Vec<_> =
            others.iter().filter(|other| other.description().log != *log).cloned().collect();
        for other in foreign {
            self.discard_among(&mut others, other.name())?;
        }
        Ok(former)
    }

    /// The data folder, for buffers that are too large for memory.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.data()
    }

    /// Size of a generation on disk, in bytes.
    pub fn bytes_on_disk(&self, generation: &Generation) -> u64 {
        self.folder.bytes_of(generation.name())
    }

    fn drop_oldest(&self, others: &mut Vec<Arc<Generation>>) {
        // If it is unreadable, none is removed, because it could be any of them.
        let Ok(filling) = self.folder.filling() else { return };
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

fn take(others: &mut Vec<Arc<Generation>>, name: &str) -> Option<Arc<Generation>> {
    let place = others.iter().position(|other| other.name() == name)?;
    Some(others.remove(place))
}

/// Why the generation that served last is unusable.
enum Unusable {
    /// It is damaged, or of another form or log.
    Unfit { name: String, reason: String },
    /// The system does not allow reading and writing it.
    Refused(StoreError),
}

impl From<std::io::Error> for Unusable {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// The generation that served last, if it is usable.
fn reopen(folder: &DataFolder, log: &LogIdentity) -> Result<Option<Generation>, Unusable> {
    let Some(name) = folder.serving()? else {
        return Ok(None);
    };
    let unfit = |reason: String| Unusable::Unfit { name: name.clone(), reason };
    let failed = |error: StoreError| match judge(folder, &name, error) {
        Verdict::Damaged(error) => unfit(error.to_string()),
        Verdict::Refused(error) => Unusable::Refused(error),
    };
    let generation = Generation::open(name.clone(), &folder.path_of(&name)).map_err(&failed)?;
    let description = generation.description();
    if !cra_analytics::can_read(&description.definitions) {
        let (theirs, ours) = (&description.definitions, cra_analytics::definitions());
        return Err(unfit(format!("stored with the definitions {theirs}, expected {ours}")));
    }
    if description.log != *log {
        return Err(unfit(format!("computed from log {}, this is {}", description.log.0, log.0)));
    }
    generation.load().map_err(failed)?;
    Ok(Some(generation))
}

/// Diagnosis of a failure.
enum Verdict {
    Damaged(StoreError),
    Refused(StoreError),
}

/// The storage library panics without a cause: the files are tested too.
fn judge(folder: &DataFolder, name: &str, error: StoreError) -> Verdict {
    if !error.may_be_damage() {
        return Verdict::Refused(error);
    }
    match folder.obstacle(name) {
        Some(obstacle) => Verdict::Refused(obstacle.into()),
        None => Verdict::Damaged(error),
    }
}

/// The other generations; unusable ones are removed.
fn reopen_others(folder: &DataFolder, serving: &Generation) -> Result<Vec<Arc<Generation>>, StoreError> {
    let mut others = Vec::new();
    for name in folder.names()?.into_iter().filter(|name| name != serving.name()) {
        let usable = match Generation::open(name.clone(), &folder.path_of(&name)) {
            Ok(other) => {
                let description = other.description();
                let fits = description.log == serving.description().log;
                (fits && cra_analytics::can_read(&description.definitions)).then_some(other)
            }
            Err(error) => match judge(folder, &name, error) {
                Verdict::Damaged(_) => None,
                Verdict::Refused(error) => return Err(error),
            },
        };
        if let Some(other) = usable {
            others.push(Arc::new(other));
        } else {
            tracing::warn!(generation = name, "a generation that cannot be used is removed");
            folder.remove(&name)?;
        }
    }
    Ok(others)
}

/// A new generation that serves at once.
fn begin_serving(folder: &DataFolder, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
    let generation = begin(folder, log, now)?;
    folder.serve(generation.name())?;
    Ok(generation)
}

fn begin(folder: &DataFolder, log: &LogIdentity, now: Timestamp) -> Result<Generation, StoreError> {
    let name = folder.new_name(now)?;
    let path = folder.path_of(&name);
    folder.check_room()?;
    let generation = Generation::create(name.clone(), &path, of_today(log, now)).inspect_err(|_| {
        // Failed attempts must not fill the disk.
        let _ = std::fs::remove_dir_all(&path);
    })?;
    tracing::info!(generation = name, "generation begun");
    Ok(generation)
}

/// Description of a generation created now.
fn of_today(log: &LogIdentity, now: Timestamp) -> Description {
    Description { definitions: cra_analytics::definitions(), log: log.clone(), created_at: nanoseconds(now) }
}
