//! Backups of a log: its way out into a folder, and back into an empty log, over the port alone, so that any adapter
//! reads and any adapter restores.
//!
//! A folder holds segments (`events-<first position>.zst`) and a manifest, written last: what the manifest does not
//! name is not part of the backup. A segment is never written again. Whatever does not hold is an error that says what
//! and where; nothing is mended. Payloads are opaque here too: who verifies a backup says how to read one.

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
pub use self::import::import;
pub use self::manifest::{Manifest, Segment};
pub use self::verify::verify;
use cra_eventlog::{LogEntry, Position, ReadError};

/// How long the log may take to give the next event.
const ENTRY_WAIT: Duration = Duration::from_secs(30);

/// How far a backup, a restore or a check is; told after each step, and at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The last event done.
    pub position: Position,
    /// The last event there is to do.
    pub end: Position,
    /// Those of them that were there before: in the backup, or in the log.
    pub skipped: u64,
}

impl Progress {
    /// Events that this run wrote, or checked.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.position.0.saturating_sub(self.skipped)
    }
}

/// The manifest of the backup in a folder, sound in itself. Does not look at the segments.
pub fn manifest(dir: &Path) -> Result<Manifest, BackupError> {
    folder::manifest(dir)?.ok_or_else(|| BackupError::NoBackup(dir.to_owned()))
}

/// The next event of a log, which has to come: the reader stands before its head.
async fn next_entry(
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

/// Reads the segments of a backup one after the other, off the async workers.
async fn read_segment(dir: &Path, segment: &Segment) -> Result<Vec<LogEntry>, BackupError> {
    let (path, segment) = (dir.join(segment.file_name()), segment.clone());
    blocking(move || segment::read(&path, &segment)).await
}

/// Compressing, hashing and syncing take their time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(BackupError::Panicked(error.to_string())),
    }
}

/// An error of the system, with the file it is about.
fn at(path: &Path) -> impl Fn(std::io::Error) -> BackupError + use<> {
    let path: PathBuf = path.to_owned();
    move |source| BackupError::Io { path: path.clone(), source }
}
