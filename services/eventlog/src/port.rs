//! The port: append with an expectation, read from a position and go on live, head, history of one CRA.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::lineage::{Origin, Predecessor};
use crate::trace::TraceParent;

/// Largest payload every adapter takes, in bytes; a larger one is [`AppendError::Refused`].
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// Most entries that [`EventLog::restore`] takes at once.
pub const RESTORE_EVENTS_MAX: usize = 1_000;

/// Sequence of an event in the log: 1 for the first, without gaps; 0 stands before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position before; that of the start is the start.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An event to append. The payload is kept byte for byte.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Names the subject: all events of one CRA share it.
    pub cra_id: Uuid,
    /// Unique per event; how the log knows its own earlier try again.
    pub event_id: Uuid,
    /// Encoded `cra.v1.CraEvent`; opaque here.
    pub payload: Bytes,
    /// The trace it is appended in, if that is recorded.
    pub trace: Option<TraceParent>,
}

/// What the writer knows of the CRA's events; an append that knows less is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The CRA has no event yet.
    NoEvent,
    /// The CRA's last event stands at this position.
    LastAt(Position),
}

impl Expectation {
    /// Where the CRA's last event has to stand; [`Position::START`] when it has none.
    pub(crate) fn position(self) -> Position {
        match self {
            Self::NoEvent => Position::START,
            Self::LastAt(position) => position,
        }
    }
}

/// How a successful append went.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The event was written now.
    Executed(Position),
    /// The same event (by event id) had been written by an earlier try.
    AlreadyApplied(Position),
}

impl Appended {
    /// Where the event stands.
    #[must_use]
    pub fn position(self) -> Position {
        match self {
            Self::Executed(position) | Self::AlreadyApplied(position) => position,
        }
    }
}

/// Why an append did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The CRA's last event is another than expected: read the history and decide again.
    #[error("the last event of the CRA stands at {actual:?}, expected {expected:?}")]
    Conflict {
        /// What the writer expected.
        expected: Expectation,
        /// Position of the CRA's last event; `None` when it has none.
        actual: Option<Position>,
    },
    /// Nothing was sent: safe to try again.
    #[error("the log cannot be reached: {0}")]
    Unavailable(String),
    /// Sent, but not acknowledged: the event may be in the log now, or later. Try again with the same event.
    #[error("the append was not acknowledged: {0}")]
    OutcomeUnknown(String),
    /// The log refused the event for good, for example because it is too large.
    #[error("the log refused the event: {0}")]
    Refused(String),
}

/// Why a read did not succeed; a reader that fails can be opened again at the last position it gave.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log cannot be reached, or did not answer in time.
    #[error("the log cannot be read: {0}")]
    Unavailable(String),
    /// The next event is not the one that follows: the log lost events or was created anew.
    #[error("the log goes on at {found}, expected {expected}")]
    Gap {
        /// The position that had to come.
        expected: Position,
        /// The position that came, or the log's end when it lies before.
        found: Position,
    },
    /// The stored form is damaged.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

/// Why entries of a backup were not put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log does not end right before the first entry; nothing was written.
    #[error("the log ends at {head}, so that an entry of position {first} would not stand where it stood")]
    Misplaced {
        /// Position of the first entry.
        first: Position,
        /// Where the log ends.
        head: Position,
    },
    /// Nothing was written: safe to try again.
    #[error("the log cannot be reached: {0}")]
    Unavailable(String),
    /// Sent, but not acknowledged: all of the entries or none may be in the log now, or later. The head tells.
    #[error("the entries were not acknowledged: {0}")]
    OutcomeUnknown(String),
    /// The log will never take these entries; nothing was written.
    #[error("the log refused the entries: {0}")]
    Refused(String),
}

impl RestoreError {
    /// The log holds a part of another backup.
    pub(crate) fn of_another_origin(log: &LogIdentity) -> Self {
        Self::Refused(format!(
            "a restore of the log {} was begun here and not finished: run `cra log import` with a backup of that log, or \
             make an empty log elsewhere",
            log.0
        ))
    }
}

/// One event as the log holds it.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Where it stands.
    pub position: Position,
    /// The CRA its subject names; `None` when something else wrote under a foreign subject.
    pub cra_id: Option<Uuid>,
    /// The id it was appended with; `None` when something else wrote it.
    pub event_id: Option<Uuid>,
    /// The bytes, as they were appended.
    pub payload: Bytes,
    /// When the log took it, by the log's clock; of a restored entry, when the first log took it.
    pub appended_at: Timestamp,
    /// The trace it was appended in; `None` also where something else wrote it.
    pub trace: Option<TraceParent>,
}

/// Which log this is: two logs of the same name, one created after the other was lost, differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIdentity(pub String);

/// Where the log ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log it is.
    pub identity: LogIdentity,
    /// Position of the last event; [`Position::START`] when there is none.
    pub position: Position,
    /// The logs whose positions it goes on with, the latest first.
    pub predecessors: Vec<Predecessor>,
}

/// The event log. Every method may be called from many tasks at once.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Appends one event, durably, if the CRA stands as expected. Success means: in the log, exactly once,
    /// and it survives a power cut. The append goes on when the caller's future is dropped.
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError>;

    /// Puts entries of a backup at the positions they name, durably, all of them or none: to restore a log, never to
    /// record a fact. They follow the head and each other without a gap, at most [`RESTORE_EVENTS_MAX`] of them; that
    /// the whole log stands right before them is the expectation, which implies that of each CRA. An entry reads
    /// afterwards as it was given: bytes, ids, absence of ids, and `appended_at`, the time of the log it came from.
    async fn restore(&self, entries: Vec<LogEntry>) -> Result<(), RestoreError>;

    /// Every event after `after`, in order, without gaps, and then those to come: the stream ends only with an
    /// error, or when the log is closed. It resumes by itself while the log is away for a short time.
    fn read(&self, after: Position) -> BoxStream<'static, Result<LogEntry, ReadError>>;

    /// The log's identity and end, as of a moment during the call.
    async fn head(&self) -> Result<Head, ReadError>;

    /// The event at a position; `None` past the end.
    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError>;

    /// Every event of one CRA, oldest first, including each one acknowledged before the call; empty when it has none.
    async fn history(&self, cra_id: Uuid) -> Result<Vec<LogEntry>, ReadError>;

    /// Which log this is, as far as this process knows without asking.
    fn identity(&self) -> LogIdentity;

    /// Whether the log can take an append now, as far as this process knows without asking.
    fn is_available(&self) -> bool;
}

/// A log while a backup is restored to it: an exclusive operation. From its beginning to its end the log takes no
/// append of anything else, also while the process that restores is not there: it may be killed, and begin again.
#[async_trait]
pub trait Restoring: EventLog {
    /// Closes the log to appends, and notes what is restored. Begun again with the same origin, it goes on.
    /// [`RestoreError::Refused`] while the log holds a part of another origin. A log that reaches as far as the origin
    /// needs no event, and stays open.
    async fn begin(&self, origin: &Origin) -> Result<(), RestoreError>;

    /// Notes the log's predecessors and opens it to appends. To be called once every event was compared.
    async fn finish(&self, origin: &Origin) -> Result<(), RestoreError>;

    /// Opens the log again as this process found it. To be called only where nothing was restored.
    async fn abandon(&self) -> Result<(), RestoreError>;
}

/// First and last position of entries to restore, after checking what every adapter asks of them.
pub(crate) fn restored_range(entries: &[LogEntry]) -> Result<(Position, Position), RestoreError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(RestoreError::Refused("there are none".to_owned()));
    };
    if entries.len() > RESTORE_EVENTS_MAX {
        let number = entries.len();
        return Err(RestoreError::Refused(format!(
            "{number} at once, at most {RESTORE_EVENTS_MAX} are taken"
        )));
    }
    let mut expected = first.position;
    for entry in entries {
        if entry.position == Position::START || entry.position != expected {
            let found = entry.position;
            return Err(RestoreError::Refused(format!("position {found} where {expected} has to come")));
        }
        expected = expected.next();
    }
    Ok((first.position, last.position))
}
