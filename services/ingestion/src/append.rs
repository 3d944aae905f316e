//! From a decision to the log: append with the expectation that the decision is based on; after a conflict, read the
//! CRA's events and decide again.
//!
//! For a new CRA nothing is read first: that is the usual case, and it costs one append. Each decision runs in a
//! separate task, so it continues if its caller disconnects, and the drain waits for it. The number of concurrent tasks
//! is bounded by the caller's permit, which the task holds until it ends. Large values are boxed, because many tasks
//! wait for the log and are moved when they start.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::event::record::{self, Header};
use cra_eventlog::{Append, AppendError, LogEntry, NewEvent, Position, Read, StreamId};
use cra_runtime::clock::Clock;
use jiff::Timestamp;
use prost::Message as _;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::decisions::{Attempt, Decision, History, Recorded, receipt};
use crate::refused::Refused;

/// Pauses before each try. After a conflict the events are read and the decision is taken again: the first time at
/// once, because the conflicting event exists; later with a delay, because a conflicting write may still be in
/// progress.
const PAUSES_MS: [u64; 4] = [0, 20, 80, 0];

/// What is known of a CRA before anything is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Most probably new: decide without reading, and read only after a conflict.
    New,
    /// To be changed: read its events first.
    Existing,
}

/// Executes decisions against the log; clones share the log and the tasks.
#[derive(Clone)]
pub(crate) struct CommandExecutor {
    appends: Arc<dyn Append>,
    log: Arc<dyn Read>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl CommandExecutor {
    /// An executor on one log, given as its two parts, whose tasks are counted by `tasks`.
    pub(crate) fn new(
        appends: Arc<dyn Append>,
        log: Arc<dyn Read>,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
    ) -> Self {
        Self { appends, log, clock, tasks }
    }

    /// Current time, by the clock that dates events.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Decides for one CRA, from what is `expect` of it, and records the decision, caused by `origin`. Starts at once;
    /// `permit` is held until the work is done, even if the caller disconnects.
    pub(crate) fn record<P, D>(
        &self,
        cra_id: Uuid,
        expect: Expect,
        origin: v1::Origin,
        permit: P,
        decide: D,
    ) -> impl Future<Output = Result<v1::Receipt, Refused>> + Send + use<P, D>
    where
        P: Send + 'static,
        D: Fn(&History, &Header) -> Decision<Refused> + Send + Sync + 'static,
    {
        let executor = self.clone();
        let recording = async move {
            let _permit = permit;
            let receipt = executor.decide_and_append(cra_id, expect, &origin, &decide).await?;
            Ok(v1::Receipt { log: executor.log.identity().0, ..receipt })
        };
        let recording = self.tasks.spawn(recording.in_current_span());
        async move {
            recording.await.unwrap_or_else(|error| {
                // Without the panic's text, which may quote the CRA.
                tracing::error!(%cra_id, panicked = error.is_panic(), "recording ended without an outcome");
                Err(Refused::Fault)
            })
        }
    }

    async fn decide_and_append<D>(
        &self,
        cra_id: Uuid,
        expect: Expect,
        origin: &v1::Origin,
        decide: &D,
    ) -> Result<v1::Receipt, Refused>
    where
        D: Fn(&History, &Header) -> Decision<Refused> + Send + Sync,
    {
        if !self.log.is_readable() {
            return Err(Refused::LogUnavailable);
        }
        let mut history = match expect {
            Expect::New => History::default(),
            Expect::Existing => self.history(cra_id).await?,
        };
        for pause_ms in PAUSES_MS {
            let event = match decide(&history, &self.header(cra_id, history.next_revision(), origin)) {
                Decision::Append(event) => event,
                Decision::AlreadyRecorded(receipt) => return Ok(receipt),
                Decision::Refuse(refused) => return Err(refused),
            };
            let (new_event, receipt) = prepared(&event)?;
            drop(event);
            match self.appends.append(new_event, history.expectation()).await {
                Ok(appended) => return Ok(recorded_at(appended.position(), receipt)),
                Err(AppendError::Conflict { .. }) => {
                    sleep(Duration::from_millis(pause_ms)).await;
                    history = self.history(cra_id).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!(%cra_id, tries = PAUSES_MS.len(), "every try met a conflicting write");
        Err(Refused::Contended { cra_id })
    }

    /// All events of one CRA, oldest first, as stored.
    pub(crate) async fn history(&self, cra_id: Uuid) -> Result<History, Refused> {
        let entries = self.log.history(StreamId(cra_id)).await?;
        entries.iter().map(recorded).collect::<Result<Vec<_>, _>>().map(History::new)
    }

    fn header(&self, cra_id: Uuid, revision: u64, origin: &v1::Origin) -> Header {
        let recorded_at = self.clock.now();
        let event_id = Uuid::new_v7(uuid_time(recorded_at));
        Header { event_id, cra_id, revision, recorded_at, origin: origin.clone() }
    }
}

/// The event in the log's form, and its receipt without the position: all that is kept of it while it waits for the
/// log, because thousands may wait.
fn prepared(event: &v1::CraEvent) -> Result<(NewEvent, v1::Receipt), AppendError> {
    let new_event = NewEvent {
        stream: StreamId(parsed(&event.cra_id)?),
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
    Uuid::try_parse(id)
        .map_err(|error| AppendError::Refused(format!("internal error: an id is not a UUID: {error}")))
}

fn uuid_time(instant: Timestamp) -> uuid::Timestamp {
    // UUID version 7 has no time before 1970; a clock that far off still gives unique ids.
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
