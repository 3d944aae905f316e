//! The read models on disk: the one module that knows sled. One database per generation, one tree, so that a batch
//! and its position are one atomic write. Every call blocks: keep it off the async workers.

mod batch;
mod flushing;
mod keys;
mod records;
mod runs;

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use cra_eventlog::Position;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use batch::Batch;
pub use records::{Applied, Description, Parked, Step};
pub use runs::{Appending, rewrite};

use crate::views::dictionary::Dictionary;
use crate::views::fact::Fact;
use flushing::{Flushing, LIBRARY_FLUSHES_EVERY_MS};
use runs::{Place, Steps};

/// Entries of a leaf, which is read and written whole: few, for most values are runs of some kilobytes.
const LEAF_FANOUT: usize = 16;
/// Bytes that the cache may hold: figures are counted from the facts in memory, records are read one by one.
const CACHE_BYTES: usize = 8 << 20;

/// The fastest of the usual ones: half of what is kept is ids, which no level makes smaller.
const COMPRESSION_LEVEL: i32 = 1;

/// How long a database that is still open elsewhere, as by a process that is leaving, is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Why the read models cannot be read or written. They are a cache: set aside, they are rebuilt from the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk failed, or is full.
    #[error("the read models cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// What is stored cannot be understood.
    #[error("the read models are damaged: {0}")]
    Damaged(String),
    /// The log has more events than the read models have places for.
    #[error("the read models hold {positions} events, not one more")]
    Full {
        /// Places.
        positions: u64,
    },
}

/// One generation's database, shared between threads.
pub struct Store {
    /// The library's handle serves one thread at a time; each session gets a copy of it. This one writes: a handle tells
    /// the library's cache what it used only after some dozens of uses, so that nothing that passing ones write would
    /// ever leave the memory.
    db: Mutex<sled::Db<LEAF_FANOUT>>,
    flushing: Flushing,
}

/// One thread's access to the database: take one per piece of work, not per read.
pub struct Session {
    db: sled::Db<LEAF_FANOUT>,
}

/// A key and its value.
type Entry = (sled::InlineArray, sled::InlineArray);

impl Store {
    /// Opens the database of a folder, which is made if it is not there.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity_bytes(CACHE_BYTES)
            .zstd_compression_level(COMPRESSION_LEVEL)
            .flush_every_ms(Some(LIBRARY_FLUSHES_EVERY_MS));
        let until = Instant::now() + LOCK_WAIT;
        let db = loop {
            // A damaged file can make the library panic: that is an answer here, not a crash.
            let opened = catch_unwind(AssertUnwindSafe(|| config.open::<LEAF_FANOUT>()));
            match opened.map_err(|_| StoreError::Damaged("it does not open".to_owned()))? {
                // Whoever had it open is about to let go.
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                    std::thread::sleep(LOCK_RETRY);
                }
                opened => break opened?,
            }
        };
        let flushing = Flushing::of(db.clone())?;
        Ok(Self { db: Mutex::new(db), flushing })
    }

    /// Access for one thread.
    #[must_use]
    pub fn session(&self) -> Session {
        Session { db: self.db.lock().clone() }
    }

    /// Writes a batch, whole or not at all; durable at the next [`Store::flush`] or shortly after by itself.
    pub fn write(&self, batch: Batch) -> Result<(), StoreError> {
        Ok(self.db.lock().apply_batch(batch.into_writes())?)
    }

    /// Waits until everything written is on disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        Ok(self.flushing.flush(&self.session().db)?)
    }

    /// Tells when a write or a read has failed for good: the library answers nothing reliable from then on.
    pub fn check(&self) -> Result<(), StoreError> {
        match self.flushing.failure(&self.session().db) {
            Some(reason) => Err(StoreError::Io(std::io::Error::other(reason.to_owned()))),
            None => Ok(()),
        }
    }
}

impl Session {
    /// What the generation is; `None` in a new one.
    pub fn description(&self) -> Result<Option<Description>, StoreError> {
        self.read(&keys::DESCRIPTION)
    }

    /// Where it stands; `None` before the first event.
    pub fn applied(&self) -> Result<Option<Applied>, StoreError> {
        self.read(&keys::APPLIED)
    }

    /// Every text that was given a code.
    pub fn dictionary(&self) -> Result<Dictionary, StoreError> {
        let mut dictionary = Dictionary::default();
        for entry in self.between(keys::WORDS_FIRST, keys::WORDS_LAST) {
            let (key, value) = entry?;
            let text = std::str::from_utf8(&value).ok();
            let restored = keys::read_word(&key)
                .zip(text)
                .is_some_and(|((kind, code), text)| dictionary.restore(kind, code, text));
            if !restored {
                return Err(StoreError::Damaged("a word of the dictionary".into()));
            }
        }
        Ok(dictionary)
    }

    /// What the event at a position did; `None` past the end.
    pub fn step(&self, position: Position) -> Result<Option<Step>, StoreError> {
        let Some(Place { run, index }) = Place::of(position) else {
            return Ok(None);
        };
        self.db.get(keys::run(run))?.and_then(|bytes| Steps::of(&bytes).nth(index)).transpose()
    }

    /// The fact that the event at a position began.
    pub fn fact(&self, from: u64) -> Result<Fact, StoreError> {
        let step = self.step(Position(from))?;
        step.and_then(|step| step.began)
            .ok_or_else(|| StoreError::Damaged(format!("the fact from position {from} is not there")))
    }

    /// What the events of some positions did, in the log's order.
    pub fn steps(
        &self,
        positions: RangeInclusive<Position>,
    ) -> impl Iterator<Item = Result<(Position, Step), StoreError>> + use<> {
        // Before the first position there is nothing.
        let (first, last) = ((*positions.start()).max(Position(1)), *positions.end());
        let run_of = |position| Place::of(position).map_or(0, |place| place.run);
        let runs = self.between(keys::run(run_of(first)), keys::run(run_of(last)));
        runs.flat_map(steps_of)
            .filter(move |step| !matches!(step, Ok((position, _)) if *position < first || *position > last))
    }

    /// The event set aside at a position.
    pub fn parked(&self, position: Position) -> Result<Option<Parked>, StoreError> {
        self.read(&keys::parked(position))
    }

    /// The events set aside at some positions, in the log's order.
    pub fn parked_events(
        &self,
        positions: RangeInclusive<Position>,
    ) -> impl Iterator<Item = Result<(Position, Parked), StoreError>> + use<> {
        let (first, last) = (keys::parked(*positions.start()), keys::parked(*positions.end()));
        self.between(first, last).map(|entry| {
            let (key, value) = entry?;
            let position = keys::read_parked(&key)
                .ok_or_else(|| StoreError::Damaged("the key of a parked event".into()))?;
            Ok((position, decode(&value)?))
        })
    }

    /// The bytes of a run.
    fn run(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get(keys::run(number))?.map(|bytes| bytes.to_vec()))
    }

    /// Entries between two keys, both included. The library's own bounded range reads on to the end of the tree when
    /// its last entry was taken; this one stops at the first entry past it.
    fn between<const N: usize>(
        &self,
        first: [u8; N],
        last: [u8; N],
    ) -> impl Iterator<Item = std::io::Result<Entry>> + use<N> {
        let is_past = move |entry: &std::io::Result<Entry>| matches!(entry, Ok((key, _)) if **key > last[..]);
        self.db.range(first..).take_while(move |entry| !is_past(entry))
    }

    fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.db.get(key)?.map(|value| decode(&value)).transpose()
    }
}

/// The steps of a run, each with its position.
fn steps_of(run: std::io::Result<Entry>) -> Vec<Result<(Position, Step), StoreError>> {
    let (key, bytes) = match run {
        Ok(run) => run,
        Err(error) => return vec![Err(error.into())],
    };
    let Some(number) = keys::read_run(&key) else {
        return vec![Err(StoreError::Damaged("the key of a run".into()))];
    };
    let positions = (Place::first_of(number).0..).map(Position);
    positions.zip(Steps::of(&bytes)).map(|(position, step)| Ok((position, step?))).collect()
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_stdvec(value).map_err(|error| StoreError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_about_to_be_let_go_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let held = Store::open(folder.path()).unwrap();
        let letting_go = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(held);
        });
        assert!(Store::open(folder.path()).is_ok());
        letting_go.join().unwrap();
    }
}
