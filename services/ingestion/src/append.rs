//! The way from a decision to the log: append with what is known of the CRA, and on a conflict read its events
//! and decide again.
//!
//! Nothing is read first for a new CRA: it is the usual case and costs one append. Each decision runs in its own task,
//! so it goes on when its caller leaves and the drain waits for it. Does not decide anything itself, and does
//! not bound how many run; the caller's place does, held until the task ends. What is large waits in a box: tasks that
//! wait for the log are many, and are moved when they begin.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::event::record::{self, Header};
use cra_eventlog::{AppendError, EventLog, LogEntry, NewEvent, Position};
use cra_runtime::clock::Clock;
use jiff::Timestamp;
use prost::Message as _;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::decisions::{Attempt, History, Recorded, receipt};
use crate::refused::Refused;

/// One try each; after a conflict, the pause before the events are read and the decision is taken again. The first
/// is nothing: the event in the way is there. A conflict with what is still being written needs a moment.
const PAUSES_MS: [u64; 4] = [0, 20, 80, 0];

/// What follows from a decision.
#[must_use]
pub(crate) enum Next {
    /// Record this event; its receipt is the answer.
    Append(Box<v1::CraEvent>),
    /// Nothing to record: this is the answer.
    Answer(v1::Receipt),
    /// Nothing to record: this is why.
    Refuse(Refused),
}

/// What is known of a CRA before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Most probably nothing is recorded of it: decide so, and read only when that turns out wrong.
    IsNew,
    /// Something is to be changed: read it first.
    HasEvents,
}

/// Brings decisions to the log; clones share the log and the tasks.
#[derive(Clone)]
pub(crate) struct Recorder {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl Recorder {
    /// A recorder whose tasks `tasks` counts.
    pub(crate) fn new(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self { log, clock, tasks }
    }

    /// Now, by the clock that events are dated with.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Decides for one CRA, from what is `known` of it, and records what was decided, caused by `origin`. Begins at
    /// once; `place` is given back when that is done, even when the caller leaves before.
    pub(crate) fn record<P, D>(
        &self,
        cra_id: Uuid,
        known: Known,
        origin: v1::Origin,
        place: P,
        decide: D,
    ) -> impl Future<Output = Result<v1::Receipt, Refused>> + Send + use<P, D>
    where
        P: Send + 'static,
        D: Fn(&History, &Header) -> Next + Send + Sync + 'static,
    {
        let recorder = self.clone();
        let recording = async move {
            let _place = place;
            let receipt = recorder.decide_and_append(cra_id, known, &origin, &decide).await?;
            Ok(v1::Receipt { log: recorder.log.identity().0, ..receipt })
        };
        let recording = self.tasks.spawn(recording.in_current_span());
        async move {
            recording.await.unwrap_or_else(|error| {
                // Without the panic's own text, which may quote the CRA.
                tracing::error!(%cra_id, panicked = error.is_panic(), "recording ended without an outcome");
                Err(Refused::Fault)
            })
        }
    }

    async fn decide_and_append<D>(
        &self,
        cra_id: Uuid,
        known: Known,
        origin: &v1::Origin,
        decide: &D,
    ) -> Result<v1::Receipt, Refused>
    where
        D: Fn(&History, &Header) -> Next + Send + Sync,
    {
        if !self.log.is_available() {
            return Err(Refused::LogUnavailable);
        }
        let mut history = match known {
            Known::IsNew => History::default(),
            Known::HasEvents => self.history(cra_id).await?,
        };
        for pause_ms in PAUSES_MS {
            let event = match decide(&history, &self.header(cra_id, history.next_revision(), origin)) {
                Next::Append(event) => event,
                Next::Answer(receipt) => return Ok(receipt),
                Next::Refuse(refused) => return Err(refused),
            };
            let (new_event, receipt) = prepared(&event)?;
            drop(event);
            match self.log.append(new_event, history.expectation()).await {
                Ok(appended) => return Ok(recorded_at(appended.position(), receipt)),
                Err(AppendError::Conflict { .. }) => {
                    sleep(Duration::from_millis(pause_ms)).await;
                    history = self.history(cra_id).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!(%cra_id, tries = PAUSES_MS.len(), "others wrote at each try");
        Err(Refused::Contended { cra_id })
    }

    /// Every event of one CRA, oldest first, as the log holds them.
    pub(crate) async fn history(&self, cra_id: Uuid) -> Result<History, Refused> {
        let entries = self.log.history(cra_id).await?;
        entries.iter().map(recorded).collect::<Result<Vec<_>, _>>().map(History::new)
    }

    fn header(&self, cra_id: Uuid, revision: u64, origin: &v1::Origin) -> Header {
        let recorded_at = self.clock.now();
        let event_id = Uuid::new_v7(uuid_time(recorded_at));
        Header { event_id, cra_id, revision, recorded_at, origin: origin.clone() }
    }
}

/// An event as the log takes it, and its receipt, which lacks the position: all that is needed of it while it waits for
/// the log, as thousands may.
fn prepared(event: &v1::CraEvent) -> Result<(NewEvent, v1::Receipt), AppendError> {
    let new_event = NewEvent {
        cra_id: parsed(&event.cra_id)?,
        event_id: parsed(&event.event_id)?,
        payload: record::encode(event),
        trace: None,
    };
    Ok((new_event, receipt(event, Position::START, Attempt::First)))
}

fn recorded_at(position: Position, receipt: v1::Receipt) -> v1::Receipt {
    tracing::debug!(cra_id = receipt.cra_id, revision = receipt.revision, %position, "recorded");
    v1::Receipt { position: position.0, ..receipt }
}

fn recorded(entry: &LogEntry) -> Result<Recorded, Refused> {
    let event = v1::CraEvent::decode(entry.payload.clone()).map_err(|error| {
        tracing::error!(position = %entry.position, %error, "an event of the log cannot be read");
        Refused::Fault
    })?;
    Ok(Recorded { position: entry.position, event })
}

fn parsed(id: &str) -> Result<Uuid, AppendError> {
    Uuid::try_parse(id).map_err(|error| AppendError::Refused(format!("an id of ours is no UUID: {error}")))
}

fn uuid_time(instant: Timestamp) -> uuid::Timestamp {
    // Version 7 has no time before 1970; a clock that far off still makes unique ids.
    let seconds = u64::try_from(instant.as_second()).unwrap_or_default();
    let nanoseconds = u32::try_from(instant.subsec_nanosecond()).unwrap_or_default();
    uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_carry_the_clocks_time_and_differ_at_the_same_instant() {
        let instant: Timestamp = "2024-03-01T10:00:00.123Z".parse().unwrap();
        let (one, other) = (Uuid::new_v7(uuid_time(instant)), Uuid::new_v7(uuid_time(instant)));
        assert_ne!(one, other);
        assert_eq!(one.get_version_num(), 7);
        let (seconds, nanoseconds) = one.get_timestamp().unwrap().to_unix();
        assert_eq!((seconds, nanoseconds / 1_000_000), (1_709_287_200, 123));
    }

    #[test]
    fn a_clock_before_1970_still_makes_unique_ids() {
        let instant: Timestamp = "1969-12-31T23:59:59.5Z".parse().unwrap();
        assert_ne!(Uuid::new_v7(uuid_time(instant)), Uuid::new_v7(uuid_time(instant)));
    }
}
