//! Errors of a backup, or between a backup and a log: each names the fault, the location and the remedy.

use std::io;
use std::path::PathBuf;

use cra_eventlog::{LogIdentity, Position, ReadError, RestoreError};

/// Why a backup could not be made, verified or restored completely.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// An error of the file system.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another export or import uses the folder.
    #[error("the backup {dir} is in use by another export, {holder}: wait for its end")]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process, as described in its lock file.
        holder: String,
    },
    /// The folder contains no backup.
    #[error("{0} contains no backup: it has no manifest")]
    NoBackup(PathBuf),
    /// The manifest is invalid.
    #[error("the manifest {path} is invalid: {reason}; restore it from another copy of the backup")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is invalid.
        reason: String,
    },
    /// A segment is missing, damaged, or does not match the manifest.
    #[error(
        "the segment {path} (positions {first} to {last}) is damaged: {reason}; restore it from another copy of the \
         backup"
    )]
    Segment {
        /// The file.
        path: PathBuf,
        /// First position that it must contain.
        first: Position,
        /// Last position that it must contain.
        last: Position,
        /// What is invalid.
        reason: String,
    },
    /// A segment that the manifest does not list.
    #[error(
        "the manifest does not list {path}: the manifest is older, or the file belongs to another backup; restore the right \
         one, or export to an empty folder"
    )]
    Unlisted {
        /// The file.
        path: PathBuf,
    },
    /// The backup belongs to another log.
    #[error("the backup is of the log {}, this is {}: export to another folder", backup.0, log.0)]
    OtherLog {
        /// The log of the backup.
        backup: LogIdentity,
        /// The log at hand.
        log: LogIdentity,
    },
    /// The log ends before its backup.
    #[error(
        "the log ends at {log}, its backup at {backup}: the log lost its end; keep the backup, and restore from it"
    )]
    LogLostItsEnd {
        /// End of the log.
        log: Position,
        /// End of the backup.
        backup: Position,
    },
    /// The target log contains more than the backup.
    #[error("the log ends at {log}, the backup at {backup}: a backup can only be restored to an empty log")]
    LogGoesOn {
        /// End of the log.
        log: Position,
        /// End of the backup.
        backup: Position,
    },
    /// The log and the backup contain different events.
    #[error(
        "at position {position} the log and the backup differ in {what}: this is not the log that was backed up"
    )]
    Differs {
        /// Position of the difference.
        position: Position,
        /// The first field that differs.
        what: &'static str,
    },
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log delivered no event, although it has more.
    #[error(
        "the log did not deliver position {expected} within {waited_s} s: run the command again; it resumes"
    )]
    Silent {
        /// The expected position.
        expected: Position,
        /// How long the event was awaited.
        waited_s: u64,
    },
    /// Events could not be restored; the preceding ones are.
    #[error("positions {first} to {last} could not be restored: {source}")]
    Restore {
        /// The first of them.
        first: Position,
        /// The last of them.
        last: Position,
        /// Why.
        source: RestoreError,
    },
    /// The log could not be closed to other writers; nothing was written.
    #[error(
        "the log could not be closed for the import: {0}; on NATS this needs the rights of the log's operator"
    )]
    NotClosed(RestoreError),
    /// Every event is restored, but the log is still closed.
    #[error(
        "every event is restored, but the log could not be opened to the services: {0}; run the command again"
    )]
    NotOpened(RestoreError),
    /// A panic in this program.
    #[error("internal error: {0}")]
    Panicked(String),
}
