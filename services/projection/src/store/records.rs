//! Stored data other than facts.

use cra_eventlog::{LogIdentity, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use cra_analytics::columns::Watermark;
use cra_analytics::fact::Fact;

/// Description of a generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The definitions it was built with.
    pub definitions: String,
    /// The log it was built from.
    pub log: LogIdentity,
    /// Time of creation, in nanoseconds since 1970.
    pub created_at: i64,
}

/// Position of a generation in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last event applied or parked.
    pub position: Position,
    /// Its id in the log: distinguishes a replaced log from one that has grown.
    pub event_id: Option<Uuid>,
    /// The log's time there: the latest record so far, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Time of record of that event, in nanoseconds since 1970.
    pub last_recorded_at: i64,
    /// When it was applied, in nanoseconds since 1970.
    pub applied_at: i64,
    /// Number of parked events.
    pub parked: u64,
    /// Number of parked events that were retried with success: each changed the answers at its position.
    pub retried: u64,
}

impl Checkpoint {
    /// The same, as the columns store it.
    #[must_use]
    pub fn watermark(&self) -> Watermark {
        Watermark { position: self.position.0, recorded_at: self.recorded_at, retried: self.retried }
    }
}

/// The effect of the event at a position: which fact it ended and which it began. A parked event has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventEffect {
    /// The log's time there: the latest record so far, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Position of the fact that it ended.
    pub ended: Option<u64>,
    /// The fact that it began.
    pub began: Option<Fact>,
}

/// An event that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The CRA of its subject.
    pub cra_id: Option<Uuid>,
    /// The reason.
    pub error: String,
    /// The event's bytes.
    pub payload: Vec<u8>,
}
