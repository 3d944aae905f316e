//! What the read models keep beside the facts.

use cra_eventlog::{LogIdentity, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use cra_analytics::columns::Watermark;
use cra_analytics::fact::Fact;

/// What a generation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The definitions it was computed by.
    pub definitions: String,
    /// The log it was computed from.
    pub log: LogIdentity,
    /// When it was begun, in nanoseconds since 1970.
    pub created_at: i64,
}

/// Where a generation stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The last event applied, or parked.
    pub position: Position,
    /// Its id, as the log gives it: how a log that was replaced is told from one that goes on.
    pub event_id: Option<Uuid>,
    /// The time of the log there: the latest record so far, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Record of that very event, likewise.
    pub last_recorded_at: i64,
    /// When it was applied, likewise.
    pub applied_at: i64,
    /// Events parked so far and not retried with success.
    pub parked: u64,
    /// Events parked once and retried with success: each changed what had been told of its position.
    pub retried: u64,
}

impl Applied {
    /// The same, as the columns keep it.
    #[must_use]
    pub fn watermark(&self) -> Watermark {
        Watermark { position: self.position.0, recorded_at: self.recorded_at, retried: self.retried }
    }
}

/// What the event at a position did: which fact it ended and which it began. Of a parked event, nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The time of the log there: the latest record so far, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Position of the fact in force until then.
    pub ended: Option<u64>,
    /// The fact in force from then on.
    pub began: Option<Fact>,
}

/// An event that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The CRA its subject names.
    pub cra_id: Option<Uuid>,
    /// Why.
    pub error: String,
    /// The event's bytes.
    pub payload: Vec<u8>,
}
