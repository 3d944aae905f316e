//! Backups of a log: export to a folder and restore into an empty log, using only the port, so that any adapter can
//! read and any adapter can restore.
//!
//! A folder contains segments (`events-<first position>.zst`) and a manifest, which is written last: a file that the
//! manifest does not list is not part of the backup. Segments are never rewritten. Every inconsistency is an error that
//! names the fault and the location; nothing is repaired. Payloads are opaque: the caller of a verification supplies a
//! reader for them.

mod error;
mod export;
mod folder;
mod import;
mod manifest;
mod segment;
#[cfg(test)]
mod tests;
mod verify;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;

pub use self::error::BackupError;
pub use self::export::export;
pub use self::import::{batch_length, import, restore};
pub use self::manifest::{Manifest, Segment};
pub use self::verify::verify;
use cra_eventlog::{LogEntry, Position, ReadError};

/// How long the log may take to deliver the next event.
const ENTRY_WAIT: Duration = Duration::from_secs(30);

/// Progress of a backup, a restore or a verification; reported after each step and at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last event done.
    pub position: Position,
    /// Position of the last event to process.
    pub end: Position,
    /// Number of processed events that already existed, in the backup or in the log.
    pub skipped: u64,
}

impl Progress {
    /// Number of events that this run wrote or verified.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.position.0.saturating_sub(self.skipped)
    }
}

/// The valid manifest of the backup in a folder. Does not read the segments.
pub fn manifest(dir: &Path) -> Result<Manifest, BackupError> {
    folder::manifest(dir)?.ok_or_else(|| BackupError::NoBackup(dir.to_owned()))
}

/// Deletes the backup in a folder, and the folder if nothing else is in it. Blocks.
pub fn delete(dir: &Path) -> Result<(), BackupError> {
    folder::delete(dir, &manifest(dir)?)
}

/// The next event of a log, before its head, so that it must arrive.
pub async fn next_entry(
    entries: &mut BoxStream<'static, Result<LogEntry, ReadError>>,
    expected: Position,
) -> Result<LogEntry, BackupError> {
    let waited_s = ENTRY_WAIT.as_secs();
    let next = tokio::time::timeout(ENTRY_WAIT, entries.next()).await;
    let next = next.map_err(|_| BackupError::Silent { expected, waited_s })?;
    let entry = next.ok_or(BackupError::Silent { expected, waited_s: 0 })??;
    if entry.position == expected {
        Ok(entry)
    } else {
        Err(BackupError::Read(ReadError::Gap { expected, found: entry.position }))
    }
}

/// Reads a segment of a backup on a blocking thread.
async fn read_segment(dir: &Path, segment: &Segment) -> Result<Vec<LogEntry>, BackupError> {
    let (path, segment) = (dir.join(segment.file_name()), segment.clone());
    blocking(move || segment::read(&path, &segment)).await
}

/// Runs compression, hashing and syncing on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(BackupError::Panicked(error.to_string())),
    }
}

/// Adds the file to a system error.
fn at(path: &Path) -> impl Fn(std::io::Error) -> BackupError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| BackupError::Io { path: path.clone(), source }
}
