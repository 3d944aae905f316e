//! The only module that uses sled: opens the log, looks up events, writes atomic durable batches.
//!
//! Every call blocks: call it on a blocking thread. Events are never removed, which also avoids the leaf merges of this
//! sled version.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cra_private::{LockError, LockedDir};
use jiff::Timestamp;
use uuid::Uuid;

use super::keys::{self, Last, Record};
use crate::lineage::{self, LogIdentity, Predecessor};
use crate::port::{LogEntry, ReadError, StreamId};
use crate::position::Position;

/// Entries per leaf. A leaf is the unit of writing: small ones keep a single append cheap. Part of the stored form: a
/// log can only be opened with the value it was created with.
const LEAF_FANOUT: usize = 64;
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Compression of leaves dominates the time of an append: the lowest level writes half as fast again as the default.
const COMPRESSION_LEVEL: i32 = 1;
/// How long opening waits for the previous owner of the directory to exit.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Name of the lock file, which describes its holder.
const LOCK: &str = "lock";
/// Interval of the library's own flusher: effectively never. It aborts the process on a failing disk, and every append
/// flushes anyway. If it were disabled instead, each handle would flush when dropped, and block forever after a failed
/// flush.
const LIBRARY_FLUSHES_EVERY_MS: usize = 1 << 40;

/// Why the embedded log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has the log open.
    #[error(
        "the log in {dir} is open in another process{}: stop it, or choose another directory",
        named(holder)
    )]
    InUse {
        /// Directory of the log.
        dir: PathBuf,
        /// The process that has it open, as described in its lock file; empty if it is not described.
        holder: String,
    },
    /// The directory cannot be read or written.
    #[error(
        "the log in {dir} cannot be opened: {source}; check that the directory can be written and the disk has room"
    )]
    Io {
        /// Directory of the log.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A restore was started and not finished.
    #[error(
        "the log in {dir} holds a part of a backup of the log {}: run `cra log import` with that backup again; it resumes",
        of.0
    )]
    BeingRestored {
        /// Directory of the log.
        dir: PathBuf,
        /// The log of the backup.
        of: LogIdentity,
    },
    /// The files exist, but are not a valid log.
    #[error("the log in {dir} is damaged: {reason}; set the directory aside and restore it from a copy")]
    Damaged {
        /// Directory of the log.
        dir: PathBuf,
        /// What is invalid.
        reason: String,
    },
}

fn named(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(", {holder}") }
}

/// An open log. Cheap to clone; dropping the last clone releases the directory.
#[derive(Clone)]
pub(super) struct Store {
    tree: sled::Tree<LEAF_FANOUT>,
    open: Arc<Open>,
}

/// Owner of the open files and the directory.
struct Open {
    /// A sled database is `Send` but not `Sync`.
    db: Mutex<sled::Db<LEAF_FANOUT>>,
    /// Whether a flush has failed.
    failed: AtomicBool,
    /// Dropped last: the library must close its files before the directory is released.
    _dir: LockedDir,
}

impl Drop for Open {
    fn drop(&mut self) {
        // Closing would flush again: after a failure the library aborts the process, or blocks forever. The exit of the
        // process closes the files instead.
        let db = self.db.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.failed.load(Ordering::Acquire) || db.check_error().is_err() {
            std::mem::forget(db.clone());
        }
    }
}

/// State of the log when it was opened.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) identity: LogIdentity,
    pub(super) head: Position,
    pub(super) lineage: Lineage,
}

/// Origin of the log's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lineage {
    pub(super) predecessors: Vec<Predecessor>,
    /// The log that is being restored to this one.
    pub(super) restored: Option<LogIdentity>,
}

/// The writes of one group of appends.
#[derive(Default)]
pub(super) struct WriteBatch(sled::Batch);

impl WriteBatch {
    pub(super) fn set_lineage(&mut self, lineage: &Lineage) {
        self.0.insert(keys::PREDECESSORS_KEY, lineage::encode(&lineage.predecessors).into_bytes());
        let restored = lineage.restored.as_ref().map_or("", |log| &log.0);
        self.0.insert(keys::RESTORED_KEY, restored.as_bytes());
    }

    /// Adds an event and updates the last event of its stream.
    pub(super) fn add(&mut self, position: Position, record: &Record) {
        let last = Last { position, event_id: record.event_id };
        self.0.insert(keys::entry_key(position), record.encode());
        if let Some(stream) = record.stream {
            self.0.insert(keys::last_key(stream), last.encode());
        }
        self.0.insert(keys::HEAD_KEY, position.0.to_be_bytes());
    }
}

/// Opens the log, or creates it.
pub(super) fn open(dir: &Path) -> Result<Opened, OpenError> {
    let io = |source| OpenError::Io { dir: dir.to_owned(), source };
    cra_private::own_dir(dir).map_err(io)?;
    let locked = LockedDir::open_within(LOCK_WAIT, dir, LOCK).map_err(|error| match error {
        LockError::InUse { dir, holder } => OpenError::InUse { dir, holder },
        LockError::Io(_, source) => io(source),
    })?;
    let damaged = |reason: String| OpenError::Damaged { dir: dir.to_owned(), reason };
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity_bytes(CACHE_BYTES)
        .flush_every_ms(Some(LIBRARY_FLUSHES_EVERY_MS))
        .zstd_compression_level(COMPRESSION_LEVEL);
    // This sled version panics on damaged files instead of returning an error.
    let db = catch_unwind(AssertUnwindSafe(|| config.open::<LEAF_FANOUT>()))
        .map_err(|_| damaged("its files cannot be recovered".to_owned()))?
        .map_err(|source| open_error(dir, source))?;
    let store = Store {
        tree: (*db).clone(),
        open: Arc::new(Open { db: Mutex::new(db), failed: AtomicBool::new(false), _dir: locked }),
    };
    let unsound = |error: ReadError| match error {
        ReadError::Unavailable(reason) => io(io::Error::other(reason)),
        damage => damaged(damage.to_string()),
    };
    let identity = store.identity_or_create().map_err(unsound)?;
    let head = store.checked_head().map_err(unsound)?;
    let lineage = store.lineage().map_err(unsound)?;
    Ok(Opened { store, identity, head, lineage })
}

fn open_error(dir: &Path, source: io::Error) -> OpenError {
    let dir = dir.to_owned();
    match source.kind() {
        io::ErrorKind::WouldBlock => OpenError::InUse { dir, holder: String::new() },
        io::ErrorKind::InvalidData => OpenError::Damaged { dir, reason: source.to_string() },
        _ => OpenError::Io { dir, source },
    }
}

impl Store {
    /// Applies the batch atomically; it is durable when this returns.
    pub(super) fn write(&self, batch: WriteBatch) -> io::Result<()> {
        self.tree.apply_batch(batch.0)?;
        self.flush()
    }

    /// Refuses after a failure, because the library would wait for the failed flush forever.
    fn flush(&self) -> io::Result<()> {
        self.tree.check_error()?;
        if self.open.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier flush failed"));
        }
        let flushed = catch_unwind(AssertUnwindSafe(|| self.tree.flush()))
            .unwrap_or_else(|_| Err(io::Error::other("the storage library failed to flush")));
        self.open.failed.fetch_or(flushed.is_err(), Ordering::AcqRel);
        flushed.map(drop)
    }

    pub(super) fn last(&self, stream: StreamId) -> Result<Option<Last>, ReadError> {
        self.get(&keys::last_key(stream))?.map(|value| Last::decode(&value)).transpose()
    }

    pub(super) fn record(&self, position: Position) -> Result<Option<Record>, ReadError> {
        self.get(&keys::entry_key(position))?.map(|value| Record::decode(&value)).transpose()
    }

    /// Events after `after` up to `head`, at most `count` and about `bytes` of them.
    pub(super) fn batch(
        &self,
        after: Position,
        head: Position,
        count: usize,
        bytes: usize,
    ) -> Result<Vec<LogEntry>, ReadError> {
        let range = keys::entry_key(after.next())..=keys::entry_key(head);
        let mut entries = Vec::new();
        let mut expected = after.next();
        let mut taken_bytes = 0;
        for item in self.tree.range(range).take(count) {
            let (key, value) = item.map_err(|error| read_error(&error))?;
            let position = keys::decode_position(&key[1..])?;
            if position != expected {
                return Err(ReadError::Gap { expected, found: position });
            }
            taken_bytes += value.len();
            entries.push(Record::decode(&value)?.into_entry(position));
            expected = position.next();
            if taken_bytes >= bytes {
                break;
            }
        }
        Ok(entries)
    }

    /// Follows the linked list of one stream's events from its last; returns them oldest first.
    pub(super) fn history(&self, stream: StreamId, head: Position) -> Result<Vec<LogEntry>, ReadError> {
        let mut entries = Vec::new();
        let mut next = self.last(stream)?.map_or(Position::START, |last| last.position);
        while next != Position::START {
            let position = next;
            let record =
                self.record(position)?.filter(|record| record.stream == Some(stream)).ok_or_else(|| {
                    ReadError::Damaged(format!(
                        "position {position} does not hold the event of {stream} it should"
                    ))
                })?;
            if record.previous >= position {
                return Err(ReadError::Damaged(format!(
                    "the chain of {stream} does not go back at {position}"
                )));
            }
            next = record.previous;
            // Written but not yet durable events are not facts.
            if position <= head {
                entries.push(record.into_entry(position));
            }
        }
        entries.reverse();
        Ok(entries)
    }

    fn identity_or_create(&self) -> Result<LogIdentity, ReadError> {
        if let Some(value) = self.get(&keys::IDENTITY_KEY)? {
            let text =
                String::from_utf8(value.to_vec()).map_err(|error| ReadError::Damaged(error.to_string()))?;
            return Ok(LogIdentity(text));
        }
        let identity = format!("embedded/{}/{}", Uuid::new_v4(), Timestamp::now());
        self.tree.insert(keys::IDENTITY_KEY, identity.as_bytes()).map_err(|error| read_error(&error))?;
        self.flush().map_err(|error| read_error(&error))?;
        Ok(LogIdentity(identity))
    }

    fn lineage(&self) -> Result<Lineage, ReadError> {
        let text = |key: &[u8]| -> Result<Option<String>, ReadError> {
            let value = self.get(key)?.map(|value| String::from_utf8(value.to_vec())).transpose();
            let value = value.map_err(|error| ReadError::Damaged(error.to_string()))?;
            Ok(value.filter(|text| !text.is_empty()))
        };
        let predecessors = text(&keys::PREDECESSORS_KEY)?;
        let predecessors = predecessors.map(|text| lineage::decode(&text)).unwrap_or_default();
        Ok(Lineage { predecessors, restored: text(&keys::RESTORED_KEY)?.map(LogIdentity) })
    }

    /// The head, after checking that it is the last event.
    fn checked_head(&self) -> Result<Position, ReadError> {
        let head = match self.get(&keys::HEAD_KEY)? {
            Some(value) => keys::decode_position(&value)?,
            None => Position::START,
        };
        if head != Position::START && self.record(head)?.is_none() {
            return Err(ReadError::Damaged(format!("its last event, at {head}, is missing")));
        }
        if self.record(head.next())?.is_some() {
            return Err(ReadError::Damaged(format!("there is an event after its end at {head}")));
        }
        Ok(head)
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::InlineArray>, ReadError> {
        self.tree.get(key).map_err(|error| read_error(&error))
    }
}

fn read_error(error: &io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::InvalidData => ReadError::Damaged(error.to_string()),
        _ => ReadError::Unavailable(error.to_string()),
    }
}
