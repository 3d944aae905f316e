//! Fixtures of this crate's tests: events, a log of them, read models in a temporary folder, and their answers.

mod running;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use cra_domain::event::{record, timestamp_message};
use cra_eventlog::{LogEntry, LogIdentity, Position, StreamId};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use crate::generations::{DataFolder, Generation, Generations};
use crate::queries::{self, Consistency, Snapshot};
use crate::store::{Batch, Parked};

pub(crate) use cra_fixtures::{RECORDED_AT, cra, cra_id, place, workshop};
pub(crate) use running::{Running, SOON, eventually, last};

pub(crate) fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

pub(crate) fn event(n: u8, revision: u64, fact: Fact) -> v1::CraEvent {
    v1::CraEvent {
        event_id: Uuid::from_u128(u128::from(n) << 64 | u128::from(revision)).to_string(),
        cra_id: cra_id(n).to_string(),
        revision,
        recorded_at: Some(timestamp_message(at(RECORDED_AT))),
        origin: None,
        fact: Some(fact),
        moved: false,
        forgotten: None,
    }
}

pub(crate) fn submitted(n: u8, cra: v1::Cra) -> v1::CraEvent {
    event(n, 1, Fact::Submitted(v1::CraSubmitted { cra: Some(cra), defaulted_fields: vec![] }))
}

pub(crate) fn corrected(n: u8, revision: u64, cra: v1::Cra) -> v1::CraEvent {
    let reason = "erreur de saisie".to_owned();
    event(n, revision, Fact::Corrected(v1::CraCorrected { cra: Some(cra), reason, defaulted_fields: vec![] }))
}

pub(crate) fn withdrawn(n: u8, revision: u64) -> v1::CraEvent {
    event(n, revision, Fact::Withdrawn(v1::CraWithdrawn { reason: "doublon".into() }))
}

/// The event with another time of record.
pub(crate) fn recorded_at(mut event: v1::CraEvent, instant: &str) -> v1::CraEvent {
    event.recorded_at = Some(timestamp_message(at(instant)));
    event
}

/// The log entry of an event at a position.
pub(crate) fn entry(position: u64, event: &v1::CraEvent) -> LogEntry {
    LogEntry {
        position: Position(position),
        stream: event.cra_id.parse().ok().map(StreamId),
        event_id: event.event_id.parse().ok(),
        payload: record::encode(event),
        appended_at: at(RECORDED_AT),
        trace: None,
    }
}

/// A log entry that is not an event.
pub(crate) fn garbage(position: u64) -> LogEntry {
    LogEntry {
        position: Position(position),
        stream: None,
        event_id: None,
        payload: Bytes::from_static(b"\xffno event"),
        appended_at: at(RECORDED_AT),
        trace: None,
    }
}

/// Read models in a temporary folder.
pub(crate) struct ReadModels {
    folder: TempDir,
    pub(crate) generations: Arc<Generations>,
    applied: u64,
}

impl ReadModels {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { generations: open(folder.path()), folder, applied: 0 }
    }

    /// Read models with these events, applied in one batch.
    pub(crate) fn of(events: &[v1::CraEvent]) -> Self {
        let mut models = Self::new();
        models.apply(events);
        models
    }

    /// Applies the next events in one batch.
    pub(crate) fn apply(&mut self, events: &[v1::CraEvent]) {
        let entries: Vec<_> =
            (self.applied + 1..).zip(events).map(|(position, event)| entry(position, event)).collect();
        self.apply_entries(&entries);
    }

    /// Applies the next entries in one batch.
    pub(crate) fn apply_entries(&mut self, entries: &[LogEntry]) {
        self.serving().apply(entries, at(RECORDED_AT)).unwrap();
        self.applied += entries.len() as u64;
    }

    /// The same folder, reopened as after a restart.
    pub(crate) fn reopened(self) -> Self {
        let Self { folder, generations, applied } = self;
        let generation = generations.serving();
        generation.flush().unwrap();
        drop((generation, generations));
        Self { generations: open(folder.path()), folder, applied }
    }

    pub(crate) fn serving(&self) -> Arc<Generation> {
        self.generations.serving()
    }

    pub(crate) fn parked(&self, position: u64) -> Option<Parked> {
        self.serving().session().unwrap().parked(Position(position)).unwrap()
    }

    /// Replaces the parked entry at a position by an event, as if it had become readable.
    pub(crate) fn make_readable(&self, position: u64, event: &v1::CraEvent) {
        rewrite_parked(&self.serving(), position, event);
    }

    /// All figures at a position.
    pub(crate) async fn statistics_at(&self, position: u64) -> v1::Statistics {
        statistics_of(&self.serving(), position).await
    }

    /// All figures as of a time.
    pub(crate) async fn statistics_as_of(&self, instant: &str) -> v1::Statistics {
        let asked =
            v1::Consistency { as_of_time: Some(timestamp_message(at(instant))), ..Default::default() };
        let consistency = Consistency::parse(Some(&asked), Timestamp::MAX).unwrap();
        let snapshot = consistency.snapshot(&self.generations, tokio::time::Instant::now()).await.unwrap();
        queries::statistics(Arc::default(), snapshot).await.unwrap()
    }

    /// All current figures.
    pub(crate) async fn statistics(&self) -> v1::Statistics {
        self.statistics_at(self.applied).await
    }
}

/// All figures of a generation at a position.
pub(crate) async fn statistics_of(generation: &Arc<Generation>, position: u64) -> v1::Statistics {
    generation.columns().unwrap();
    let now = Snapshot::now(Arc::clone(generation)).unwrap();
    let snapshot = Snapshot { position: Position(position), ..now };
    queries::statistics(Arc::default(), snapshot).await.unwrap()
}

/// Replaces the parked entry at a position by an event, as if it had become readable.
pub(crate) fn rewrite_parked(generation: &Generation, position: u64, event: &v1::CraEvent) {
    let session = generation.session().unwrap();
    let parked = session.parked(Position(position)).unwrap().unwrap();
    let readable = Parked { payload: record::encode(event).to_vec(), ..parked };
    write(generation, |batch| batch.park(Position(position), &readable).unwrap());
}

/// Writes into read models without an event.
pub(crate) fn write(generation: &Generation, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::default();
    change(&mut batch);
    generation.tamper(batch);
}

fn open(folder: &Path) -> Arc<Generations> {
    Arc::new(
        Generations::open(DataFolder::open(folder).unwrap(), &LogIdentity("log".into()), at(RECORDED_AT))
            .unwrap(),
    )
}
