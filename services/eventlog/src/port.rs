//! The port, in the three parts that users need: [`Append`] with an expectation, [`Read`] from a position into live
//! events, [`Restore`] of another log's entries. What an event is about is its users' business.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use uuid::Uuid;

use crate::lineage::{LogIdentity, Origin, Predecessor};
use crate::position::Position;
use crate::trace::TraceParent;

/// Maximum payload that every adapter accepts, in bytes; a larger one is [`AppendError::Refused`].
pub const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// Maximum number of entries per [`Restore::restore`].
pub const RESTORE_EVENTS_MAX: usize = 1_000;

/// Names a stream: the events of the log that share one history, and an [`Expectation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub Uuid);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// An event to append. The payload is stored byte for byte.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The stream that it continues.
    pub stream: StreamId,
    /// Unique per event; identifies an own earlier try.
    pub event_id: Uuid,
    /// Opaque.
    pub payload: Bytes,
    /// The trace it is appended in, if sampled.
    pub trace: Option<TraceParent>,
}

/// The stream's last event as known to the writer; an append with an outdated expectation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The stream has no event yet.
    NoEvent,
    /// The stream's last event is at this position.
    LastAt(Position),
}

impl Expectation {
    /// Expected position of the stream's last event; [`Position::START`] if it has none.
    pub(crate) fn position(self) -> Position {
        match self {
            Self::NoEvent => Position::START,
            Self::LastAt(position) => position,
        }
    }
}

/// Result of a successful append.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// The event was written now.
    Executed(Position),
    /// The same event (by event id) was written by an earlier try.
    AlreadyApplied(Position),
}

impl Appended {
    /// Position of the event.
    #[must_use]
    pub fn position(self) -> Position {
        match self {
            Self::Executed(position) | Self::AlreadyApplied(position) => position,
        }
    }
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The stream's last event is not the expected one: read the history and decide again.
    #[error("the last event of the stream is at {actual:?}, expected {expected:?}")]
    Conflict {
        /// The writer's expectation.
        expected: Expectation,
        /// Position of the stream's last event; `None` if it has none.
        actual: Option<Position>,
    },
    /// Nothing was sent: safe to retry.
    #[error("the log cannot be reached: {0}")]
    Unavailable(String),
    /// Sent but not acknowledged: the event may be in the log, now or later. Retry with the same event.
    #[error("the append was not acknowledged: {0}")]
    OutcomeUnknown(String),
    /// The log refuses the event permanently, for example because it is too large.
    #[error("the log refused the event: {0}")]
    Refused(String),
}

/// Why a read failed; a failed reader can be reopened at the last position it delivered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log cannot be reached, or did not answer in time.
    #[error("the log cannot be read: {0}")]
    Unavailable(String),
    /// The next event is not the following one: the log lost events or was created again.
    #[error("the log continues at {found}, expected {expected}")]
    Gap {
        /// The expected position.
        expected: Position,
        /// The position found, or the log's end if it is earlier.
        found: Position,
    },
    /// The stored form is damaged.
    #[error("the log is damaged: {0}")]
    Damaged(String),
}

/// Why entries of a backup could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The log does not end right before the first entry; nothing was written.
    #[error(
        "the log ends at {head}, so that an entry of position {first} cannot be restored to its position"
    )]
    Misplaced {
        /// Position of the first entry.
        first: Position,
        /// End of the log.
        head: Position,
    },
    /// Nothing was written: safe to retry.
    #[error("the log cannot be reached: {0}")]
    Unavailable(String),
    /// Sent but not acknowledged: all entries or none may be in the log, now or later. The head shows which.
    #[error("the entries were not acknowledged: {0}")]
    OutcomeUnknown(String),
    /// The log will never accept these entries; nothing was written.
    #[error("the log refused the entries: {0}")]
    Refused(String),
}

impl RestoreError {
    /// The log contains a part of another backup.
    pub(crate) fn of_another_origin(log: &LogIdentity) -> Self {
        Self::Refused(format!(
            "a restore of the log {} was begun here and not finished: run `cra log import` with a backup of that log, or \
             make an empty log elsewhere",
            log.0
        ))
    }
}

/// A stored event.
#[derive(Clone, Debug)]
pub struct LogEntry {
    /// Position in the log.
    pub position: Position,
    /// The stream that it continues; `None` if another program wrote it under a foreign subject.
    pub stream: Option<StreamId>,
    /// The id it was appended with; `None` if another program wrote it.
    pub event_id: Option<Uuid>,
    /// The appended bytes.
    pub payload: Bytes,
    /// Time of the append, by the log's clock; for a restored entry, by the original log's clock.
    pub appended_at: Timestamp,
    /// The trace it was appended in; `None` also if another program wrote it.
    pub trace: Option<TraceParent>,
}

/// End of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log it is.
    pub identity: LogIdentity,
    /// Position of the last event; [`Position::START`] when there is none.
    pub position: Position,
    /// The logs whose positions it continues, latest first.
    pub predecessors: Vec<Predecessor>,
}

/// How full the log is, as of the last look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Bytes that its events take.
    pub bytes: u64,
    /// Bytes that they may take; `None` where no limit is known.
    pub bytes_limit: Option<u64>,
    /// Number of its events.
    pub events: u64,
    /// Events that it may hold; `None` where no limit is known.
    pub events_limit: Option<u64>,
    /// Position of its first event: 1, or more where it lost events.
    pub first: Position,
}

/// Writing to a log.
#[async_trait]
pub trait Append: Send + Sync + 'static {
    /// Appends one event durably, if the last event of its stream is as expected. Success means that the event is in
    /// the log exactly once, and survives a power cut. The append continues if the caller's future is dropped.
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError>;
}

/// Reading a log, and its state.
#[async_trait]
pub trait Read: Send + Sync + 'static {
    /// Every event after `after`, in order, without gaps, followed by new ones: the reader ends only with an error, or
    /// when the log is closed. It resumes automatically after short outages of the log.
    fn read(&self, after: Position) -> BoxStream<'static, Result<LogEntry, ReadError>>;

    /// The log's identity and end, at a moment during the call.
    async fn head(&self) -> Result<Head, ReadError>;

    /// The event at a position; `None` past the end.
    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError>;

    /// Every event of one stream, oldest first, including all acknowledged before the call; empty if it has none.
    async fn history(&self, stream: StreamId) -> Result<Vec<LogEntry>, ReadError>;

    /// The log's identity, as known locally.
    fn identity(&self) -> LogIdentity;

    /// Whether the log can currently accept an append, as known locally.
    fn is_available(&self) -> bool;

    /// Whether the log answers, and may take an append: one that has no room is readable, and an append finds out now and
    /// then if there is room again.
    fn is_readable(&self) -> bool {
        self.is_available()
    }

    /// How full it is; `None` of a log that has no limits. Once asked, it is looked at regularly.
    fn fill(&self) -> Option<Fill> {
        None
    }
}

/// Exclusive restore of a log from entries of another one. From its beginning to its end the log accepts no append,
/// even while the restoring process is not running: it may be killed, and start again.
#[async_trait]
pub trait Restore: Read {
    /// Closes the log to appends, and records the origin. Called again with the same origin, it resumes.
    /// [`RestoreError::Refused`] if the log contains a part of another origin. A log that already reaches the end of
    /// the origin stays open.
    async fn begin(&self, origin: &Origin) -> Result<(), RestoreError>;

    /// Restores entries of a backup at their positions, durably, all or none: for restoring a log, never for recording
    /// a fact. They must follow the head and each other without a gap, at most [`RESTORE_EVENTS_MAX`] of them. The
    /// expectation is the end of the whole log, which implies that of each stream. An entry is later read as it was
    /// given: bytes, ids, missing ids, and `appended_at`, the time of the original log.
    async fn restore(&self, entries: Vec<LogEntry>) -> Result<(), RestoreError>;

    /// Records the log's predecessors and opens it to appends. Call it after every event was compared.
    async fn finish(&self, origin: &Origin) -> Result<(), RestoreError>;

    /// Reopens the log as this process found it. Call it only if nothing was restored.
    async fn abandon(&self) -> Result<(), RestoreError>;
}

/// First and last position of entries to restore, after the checks that all adapters share.
pub(crate) fn restored_range(entries: &[LogEntry]) -> Result<(Position, Position), RestoreError> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Err(RestoreError::Refused("there are no entries".to_owned()));
    };
    if entries.len() > RESTORE_EVENTS_MAX {
        let number = entries.len();
        return Err(RestoreError::Refused(format!(
            "{number} entries at once, expected at most {RESTORE_EVENTS_MAX}"
        )));
    }
    let mut expected = first.position;
    for entry in entries {
        if entry.position == Position::START || entry.position != expected {
            let found = entry.position;
            return Err(RestoreError::Refused(format!("position {found}, expected {expected}")));
        }
        expected = expected.next();
    }
    Ok((first.position, last.position))
}
