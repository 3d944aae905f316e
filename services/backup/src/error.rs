//! What can be wrong with a backup, or between a backup and a log: says what, where, and what to do.

use std::io;
use std::path::PathBuf;

use cra_eventlog::{LogIdentity, Position, ReadError, RestoreError};

/// Why a backup was not made, not checked or not restored to its end.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The system would not.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Another export or import uses the folder.
    #[error("the backup {dir} is in use by another export, {holder}: wait for its end")]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process, as its lock file says.
        holder: String,
    },
    /// There is nothing to read.
    #[error("{0} holds no backup: there is no manifest in it")]
    NoBackup(PathBuf),
    /// The manifest does not hold.
    #[error("the manifest {path} is not sound: {reason}; bring it back from another copy of the backup")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What does not hold.
        reason: String,
    },
    /// A segment is missing, damaged, or another than the manifest says.
    #[error(
        "the segment {path} (positions {first} to {last}) is not sound: {reason}; bring it back from another copy of \
         the backup"
    )]
    Segment {
        /// The file.
        path: PathBuf,
        /// First position it has to hold.
        first: Position,
        /// Last position it has to hold.
        last: Position,
        /// What does not hold.
        reason: String,
    },
    /// A segment that the manifest does not name.
    #[error(
        "{path} is not in the manifest: the manifest is of an earlier time, or the file of another backup; bring the \
         right one back, or export to an empty folder"
    )]
    Unlisted {
        /// The file.
        path: PathBuf,
    },
    /// The backup is of another log.
    #[error("the backup is of the log {}, this is {}: export to another folder", backup.0, log.0)]
    OtherLog {
        /// The log that the backup is of.
        backup: LogIdentity,
        /// The log at hand.
        log: LogIdentity,
    },
    /// The log does not reach as far as its backup.
    #[error(
        "the log ends at {log}, its backup at {backup}: the log lost its end; keep the backup, and restore from it"
    )]
    LogLostItsEnd {
        /// Where the log ends.
        log: Position,
        /// Where the backup ends.
        backup: Position,
    },
    /// The log to restore to holds more than the backup.
    #[error("the log ends at {log}, the backup at {backup}: a backup is restored to an empty log only")]
    LogGoesOn {
        /// Where the log ends.
        log: Position,
        /// Where the backup ends.
        backup: Position,
    },
    /// The log holds another event than the backup.
    #[error(
        "at position {position} the log and the backup differ in {what}: it is not the log that was backed up"
    )]
    Differs {
        /// Where.
        position: Position,
        /// The first field that differs.
        what: &'static str,
    },
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log gave nothing more, although it goes on.
    #[error(
        "the log did not give position {expected} within {waited_s} s: run the command again, it goes on"
    )]
    Silent {
        /// What had to come.
        expected: Position,
        /// For how long it was waited for.
        waited_s: u64,
    },
    /// Events could not be put back; those before them are.
    #[error("positions {first} to {last} could not be restored: {source}")]
    Restore {
        /// The first of them.
        first: Position,
        /// The last of them.
        last: Position,
        /// Why.
        source: RestoreError,
    },
    /// The log could not be closed to everything else; nothing was written.
    #[error(
        "the log could not be closed for the import: {0}; on NATS this needs the rights of the log's operator"
    )]
    NotClosed(RestoreError),
    /// Every event is there, but the log is still closed.
    #[error(
        "every event is restored, but the log could not be opened to the services: {0}; run the command again"
    )]
    NotOpened(RestoreError),
    /// A mistake of this program.
    #[error("the work ended without an answer: {0}")]
    Panicked(String),
}
