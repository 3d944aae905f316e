//! The read models on disk; the only module that uses sled. One database per generation with one tree, so that a batch
//! and its position are one atomic write. Every call blocks: use a blocking thread.

mod batch;
mod chunks;
mod flushing;
mod keys;
mod loading;
mod records;
mod segments;
mod stored;

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cra_eventlog::Position;
use cra_private::LockError;
use parking_lot::{Mutex, RwLock};
use rayon::iter::Either;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use batch::Batch;
pub(crate) use chunks::{ChunkWriter, rewrite};
pub use records::Description;
pub(crate) use records::{Checkpoint, EventEffect, Parked};
pub(crate) use stored::StoredFact;

use chunks::{Effects, Place};
use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::Fact;
use flushing::{Flushing, LIBRARY_FLUSHES_EVERY_MS};
use segments::SegmentFiles;

/// Entries per leaf, which is read and written as a whole: few, because most values have some kilobytes.
const LEAF_FANOUT: usize = 16;
/// Maximum number of handles kept for later sessions.
const IDLE_HANDLES_MAX: usize = 64;
/// Size of the cache in bytes: figures are counted from memory, records are read singly.
const CACHE_BYTES: usize = 8 << 20;

/// Number of written bytes after which the database is reopened. The library keeps written data in memory until then,
/// beyond its cache: a changed leaf stays marked as unflushed.
const REOPENED_AFTER_BYTES: usize = 16 << 20;

/// A fast level, below zero: half of the data is ids, which do not compress. Level 1 stores 55 bytes per CRA instead of
/// 65, and makes a replay 5 % slower.
const COMPRESSION_LEVEL: i32 = -5;

/// How long to wait for a database that is still open, for example by a query of the previous handle.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// Files of an open database: 78 sizes of slots, its folder twice, its log, and some during writes.
pub(crate) const DESCRIPTORS_PER_DATABASE: u64 = 90;

/// Why the read models cannot be read or written. Damaged ones are quarantined and rebuilt from the log; system errors
/// leave them unchanged.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk failed, or is full.
    #[error("the read models cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// Stored data is invalid.
    #[error("the read models are damaged: {0}")]
    Damaged(String),
    /// The log has more events than the read models can hold.
    #[error("the read models are full ({positions} positions)")]
    Full {
        /// Maximum number of positions.
        positions: u64,
    },
    /// Another process uses the folder, or it is unusable.
    #[error(transparent)]
    Folder(#[from] LockError),
}

impl StoreError {
    /// Whether stored data may be damaged. Missing rights, descriptors or space, and locks are not damage: the same
    /// files can be read later.
    #[must_use]
    pub fn may_be_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Full { .. } | Self::Folder(_) => false,
            Self::Io(error) => matches!(
                error.kind(),
                ErrorKind::InvalidData
                    | ErrorKind::InvalidInput
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::Unsupported
                    | ErrorKind::NotFound
                    | ErrorKind::NotADirectory
                    | ErrorKind::IsADirectory
                    | ErrorKind::Other
            ),
        }
    }
}

/// One generation's database, shared between threads.
pub(crate) struct Store {
    folder: PathBuf,
    /// `None` while it cannot be reopened.
    open: RwLock<Option<Arc<Open>>>,
    segments: SegmentFiles,
    reopened_after_bytes: usize,
}

/// The database while it is open.
struct Open {
    writer: Mutex<Writer>,
    /// Unused handles. They are reused: a handle reports its use to the library's cache only after some dozens of uses,
    /// so that the data used by short-lived handles would never be evicted.
    idle: Mutex<Vec<Handle>>,
    flushing: Flushing,
}

struct Writer {
    db: Handle,
    /// Bytes of complete chunks since the database was opened.
    bytes_written: usize,
}

/// One thread's access to the database: use one per piece of work, not per read.
pub struct Session {
    /// `None` while it is dropped.
    db: Option<Handle>,
    open: Arc<Open>,
}

/// A handle of the library, for one thread at a time. Boxed, because it is too large to be moved on stacks.
type Handle = Box<Db>;

type Db = sled::Db<LEAF_FANOUT>;

/// A key and its value.
type Entry = (sled::InlineArray, sled::InlineArray);

impl Store {
    /// Opens the database in a folder, which is created if it is missing.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let open = RwLock::new(Some(Arc::new(Open::at(folder)?)));
        Ok(Self {
            folder: folder.to_owned(),
            open,
            segments: SegmentFiles::of(folder),
            reopened_after_bytes: REOPENED_AFTER_BYTES,
        })
    }

    /// The sealed segments of its facts.
    pub(crate) fn segments(&self) -> &SegmentFiles {
        &self.segments
    }

    /// Access for one thread.
    pub(crate) fn session(&self) -> Result<Session, StoreError> {
        let open = self.opened()?;
        let idle = open.idle.lock().pop();
        let db = Some(idle.unwrap_or_else(|| open.writer.lock().db.clone()));
        Ok(Session { db, open })
    }

    /// Writes a batch atomically; durable at the next [`Store::flush`] or shortly afterwards.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        let written = self.opened()?.write(batch)?;
        if written >= self.reopened_after_bytes { self.release_write_buffers() } else { Ok(()) }
    }

    /// Waits until everything written is on disk.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let session = self.session()?;
        Ok(session.open.flushing.flush(session.db())?)
    }

    /// Fails if a write or a read has failed permanently: the library is unreliable from then on.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let session = self.session()?;
        match session.open.flushing.failure(session.db()) {
            Some(failure) => Err(StoreError::Io(failure)),
            None => Ok(()),
        }
    }

    /// The database; reopened if that failed before, for example for lack of descriptors.
    fn opened(&self) -> Result<Arc<Open>, StoreError> {
        if let Some(open) = &*self.open.read() {
            return Ok(Arc::clone(open));
        }
        let mut open = self.open.write();
        if let Some(open) = &*open {
            return Ok(Arc::clone(open));
        }
        Ok(Arc::clone(open.insert(Arc::new(Open::at(&self.folder)?))))
    }

    /// Releases the memory of written data: closes and reopens the database, unless it is being read.
    pub(crate) fn release_write_buffers(&self) -> Result<(), StoreError> {
        let is_read = |open: &Option<Arc<Open>>| open.as_ref().is_none_or(|open| Arc::strong_count(open) > 1);
        let wrote =
            |open: &Option<Arc<Open>>| open.as_ref().is_some_and(|open| open.writer.lock().bytes_written > 0);
        if is_read(&self.open.read()) || !wrote(&self.open.read()) {
            return Ok(());
        }
        // Before readers must wait.
        self.flush()?;
        let mut open = self.open.write();
        if !is_read(&open) {
            let begun = Instant::now();
            *open = None;
            *open = Some(Arc::new(Open::at(&self.folder)?));
            tracing::debug!(elapsed_us = begun.elapsed().as_micros(), "database reopened");
        }
        Ok(())
    }
}

impl Open {
    fn at(folder: &Path) -> Result<Self, StoreError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity_bytes(CACHE_BYTES)
            .zstd_compression_level(COMPRESSION_LEVEL)
            .flush_every_ms(Some(LIBRARY_FLUSHES_EVERY_MS));
        let until = Instant::now() + LOCK_WAIT;
        let db = loop {
            // A damaged file can make the library panic: that is an error here, not a crash.
            let opened = catch_unwind(AssertUnwindSafe(|| config.open::<LEAF_FANOUT>()));
            match opened.map_err(|_| StoreError::Damaged("it does not open".to_owned()))? {
                // The previous owner is about to close it.
                Err(error) if error.kind() == ErrorKind::WouldBlock && Instant::now() < until => {
                    std::thread::sleep(LOCK_RETRY);
                }
                opened => break opened?,
            }
        };
        let flushing = Flushing::of(db.clone())?;
        let writer = Mutex::new(Writer { db: Box::new(db), bytes_written: 0 });
        Ok(Self { writer, idle: Mutex::default(), flushing })
    }

    /// Returns the number of bytes of complete chunks written so far.
    fn write(&self, batch: Batch) -> Result<usize, StoreError> {
        let mut writer = self.writer.lock();
        writer.bytes_written += batch.full_chunks_bytes();
        writer.db.apply_batch(batch.into_writes())?;
        Ok(writer.bytes_written)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut idle = self.open.idle.lock();
        if idle.len() < IDLE_HANDLES_MAX {
            idle.extend(self.db.take());
        }
    }
}

impl Session {
    fn db(&self) -> &Db {
        self.db.as_deref().unwrap_or_else(|| unreachable!("a session has its handle until it is dropped"))
    }

    /// Description of the generation; `None` in a new one.
    pub fn description(&self) -> Result<Option<Description>, StoreError> {
        self.read(&keys::DESCRIPTION)
    }

    /// State of the generation; `None` before the first event.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.read(&keys::CHECKPOINT)
    }

    /// All texts with their codes.
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

    /// The effect of the event at a position; `None` past the end.
    pub fn effect(&self, position: Position) -> Result<Option<EventEffect>, StoreError> {
        let Some(Place { chunk, index }) = Place::of(position) else {
            return Ok(None);
        };
        self.chunk(chunk)?.and_then(|bytes| Effects::of(&bytes).nth(index)).transpose()
    }

    /// The fact that the event at a position began.
    pub fn fact(&self, from: u64) -> Result<Fact, StoreError> {
        let effect = self.effect(Position(from))?;
        effect
            .and_then(|effect| effect.began)
            .ok_or_else(|| StoreError::Damaged(format!("the fact from position {from} is not there")))
    }

    /// The effects of the events at some positions, in the log's order, up to the first missing one.
    pub fn effects(
        &self,
        positions: RangeInclusive<Position>,
    ) -> impl Iterator<Item = Result<(Position, EventEffect), StoreError>> {
        // Before the first position there is nothing.
        let (first, last) = ((*positions.start()).max(Position(1)), *positions.end());
        let chunk_of = |position| Place::of(position).map_or(0, |place| place.chunk);
        // Not a range of the library, which would take a separate handle.
        let chunks = (chunk_of(first)..=chunk_of(last))
            .map_while(|number| Some((number, self.chunk(number).transpose()?)));
        let effects = chunks.flat_map(|(number, chunk)| match chunk {
            Ok(chunk) => Either::Left(effects_of(number, chunk)),
            Err(error) => Either::Right(std::iter::once(Err(error))),
        });
        effects.filter(
            move |effect| !matches!(effect, Ok((position, _)) if *position < first || *position > last),
        )
    }

    /// The parked event at a position.
    pub fn parked(&self, position: Position) -> Result<Option<Parked>, StoreError> {
        self.read(&keys::parked(position))
    }

    /// The parked events at some positions, in the log's order.
    pub fn parked_events(
        &self,
        positions: RangeInclusive<Position>,
    ) -> impl Iterator<Item = Result<(Position, Parked), StoreError>> {
        let (first, last) = (keys::parked(*positions.start()), keys::parked(*positions.end()));
        self.between(first, last).map(|entry| {
            let (key, value) = entry?;
            let position = keys::read_parked(&key)
                .ok_or_else(|| StoreError::Damaged("the key of a parked event".into()))?;
            Ok((position, decode(&value)?))
        })
    }

    /// The bytes of a chunk.
    fn chunk(&self, number: u64) -> Result<Option<sled::InlineArray>, StoreError> {
        Ok(self.db().get(keys::chunk(number))?)
    }

    /// Entries between two keys, both included. The library's bounded range reads on to the end of the tree after its
    /// last entry; this one stops at the first entry past it.
    fn between<const N: usize>(
        &self,
        first: [u8; N],
        last: [u8; N],
    ) -> impl Iterator<Item = std::io::Result<Entry>> {
        let is_past = move |entry: &std::io::Result<Entry>| matches!(entry, Ok((key, _)) if **key > last[..]);
        self.db().range(first..).take_while(move |entry| !is_past(entry))
    }

    fn read<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.db().get(key)?.map(|value| decode(&value)).transpose()
    }
}

/// The effects of a chunk, each with its position.
fn effects_of(
    number: u64,
    chunk: sled::InlineArray,
) -> impl Iterator<Item = Result<(Position, EventEffect), StoreError>> {
    let positions = (Place::first_of(number).0..).map(Position);
    positions.zip(Effects::of(chunk)).map(|(position, effect)| Ok((position, effect?)))
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

    /// Writes a chunk after a position; returns whether the database was reopened.
    fn write_chunk(store: &Store, after: u64) -> bool {
        let before = Arc::as_ptr(&store.opened().unwrap());
        let mut batch = Batch::default();
        let mut chunks = ChunkWriter::after(Position(after), &store.session().unwrap()).unwrap();
        for recorded_at in 1..=64 {
            chunks.push(&EventEffect { recorded_at, ended: None, began: None }, &mut batch).unwrap();
        }
        chunks.finish(&mut batch);
        // Held, so that a new one has another address.
        let held = Arc::downgrade(&store.opened().unwrap());
        store.write(batch).unwrap();
        held.upgrade().is_none_or(|open| Arc::as_ptr(&open) != before)
    }

    #[test]
    fn a_database_is_reopened_after_many_writes_once_it_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { reopened_after_bytes: 300, ..Store::open(folder.path()).unwrap() };
        assert!(!write_chunk(&store, 0), "few bytes were written");
        let reader = store.session().unwrap();
        assert!(!write_chunk(&store, 64), "a reader has it");
        assert_eq!(reader.effect(Position(65)).unwrap().unwrap().recorded_at, 1);
        drop(reader);
        assert!(write_chunk(&store, 128));
        assert!(!write_chunk(&store, 192), "it was just opened");
        let effects = store.session().unwrap();
        let kept: Vec<_> =
            effects.effects(Position(1)..=Position(1_000)).map(|effect| effect.unwrap().0.0).collect();
        assert_eq!(kept, (1..=256).collect::<Vec<_>>());
        assert_eq!(store.check().ok(), Some(()));
    }

    #[test]
    fn a_database_that_is_about_to_be_closed_is_waited_for() {
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
