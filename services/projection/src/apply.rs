//! Converts events into changes of the read models: one code path for live events and replays. An event that cannot be
//! applied is parked with its position and the reason; the others are applied.

use cra_domain::cra::{Cra, DecodeError};
use cra_domain::event::{Event, Fact as EventFact, Forgotten};
use cra_eventlog::{LogEntry, Position};
use hashbrown::HashMap;
use jiff::Timestamp;
use parking_lot::RwLock;
use uuid::Uuid;

use crate::store::{Batch, Checkpoint, ChunkWriter, EventEffect, Parked, Session, StoreError, rewrite};
use cra_analytics::columns::{Columns, FactDelta, POSITIONS_MAX};
use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::{Client, Fact, Provenance, instant, nanoseconds};
use cra_analytics::succession::{Current, StateConflict};

/// Why an event cannot be applied to the current CRA.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error("{0}")]
    Unreadable(#[from] DecodeError),
    #[error("stored under CRA {subject:?}, but says it is about {event}")]
    ForeignSubject { subject: Option<Uuid>, event: Uuid },
    #[error(transparent)]
    Conflict(#[from] StateConflict),
}

/// An event of a CRA, whatever its fact.
#[derive(Clone, Copy)]
struct Occurrence<'a> {
    position: Position,
    cra_id: Uuid,
    revision: u64,
    recorded_at: Timestamp,
    client_id: &'a str,
    forgotten: &'a Forgotten,
}

/// The effect of an event.
struct Change {
    recorded_at: Timestamp,
    /// Position of the fact that it ended.
    ended: Option<u64>,
    began: Option<Fact>,
}

impl Change {
    /// The step to store, with the log's time.
    #[inline]
    fn into_effect(self, recorded_at: i64) -> EventEffect {
        EventEffect { recorded_at, ended: self.ended, began: self.began }
    }
}

/// Result of applying events.
pub(crate) struct Finished {
    /// To be written atomically.
    pub batch: Batch,
    /// Effects of the events, for the columns.
    pub deltas: Vec<FactDelta>,
    /// The new state of the generation.
    pub applied: Option<Checkpoint>,
}

/// Result of retrying a parked event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It was applied.
    Applied,
    /// It still cannot be applied; its reason is updated.
    StillParked,
}

enum Failure {
    Event(ApplyError),
    Store(StoreError),
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        Self::Event(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An application in progress: reads see the batch first, then the store.
pub(crate) struct Application<'a> {
    store: Session,
    dictionary: &'a RwLock<Dictionary>,
    columns: &'a Columns,
    currents: HashMap<Uuid, Current>,
    /// Per event of the batch: whether its CRA may have had a fact before the batch; empty if unknown.
    may_have_former: Vec<bool>,
    /// The last fact read from the store, with its position: an event that ends it needs it twice.
    read: Option<(u64, Fact)>,
    /// Position before the batch.
    after: Position,
    /// Effects of the batch's events, in order.
    effects: Vec<EventEffect>,
    batch: Batch,
    applied: Option<Checkpoint>,
    now: Timestamp,
}

impl<'a> Application<'a> {
    /// An empty batch on top of the store and the columns.
    pub(crate) fn begin(
        store: Session,
        dictionary: &'a RwLock<Dictionary>,
        columns: &'a Columns,
        applied: Option<Checkpoint>,
        now: Timestamp,
    ) -> Self {
        let after = applied.as_ref().map_or(Position::START, |applied| applied.position);
        Self {
            store,
            dictionary,
            columns,
            currents: HashMap::new(),
            may_have_former: Vec::new(),
            read: None,
            after,
            effects: Vec::new(),
            batch: Batch::default(),
            applied,
            now,
        }
    }

    /// Prepares for these events.
    #[must_use]
    pub(crate) fn for_events(mut self, entries: &[LogEntry]) -> Self {
        self.effects.reserve(entries.len());
        self.currents.reserve(entries.len());
        let ids = entries.iter().map(|entry| entry.stream.map_or_else(Uuid::nil, |stream| stream.0));
        self.may_have_former = self.columns.may_hold(ids);
        self
    }

    /// Applies one event, or parks it.
    ///
    /// # Panics
    ///
    /// If an entry is not the following one: continuing would silently lose events.
    pub(crate) fn push(&mut self, entry: &LogEntry) -> Result<(), StoreError> {
        let expected = self.applied.as_ref().map_or(Position::START, |applied| applied.position).next();
        assert_eq!(entry.position, expected, "the log's reader gives every event once, in order");
        if entry.position.0 > POSITIONS_MAX {
            return Err(StoreError::Full { positions: POSITIONS_MAX });
        }
        let former = self.applied.as_ref();
        let clock = former.map_or(i64::MIN, |applied| applied.recorded_at);
        let parked = former.map_or(0, |checkpoint| checkpoint.parked);
        let retried = former.map_or(0, |checkpoint| checkpoint.retried);
        let event = Event::decode(&entry.payload);
        // Also of an event that cannot be applied; if its time is unreadable, the log's time does not change.
        let recorded_at = match &event {
            Ok(event) => Some(event.recorded_at),
            Err(_) => Event::recorded_at_of(&entry.payload),
        };
        let recorded_at = recorded_at.map(nanoseconds);
        let clock = recorded_at.map_or(clock, |recorded_at| clock.max(recorded_at));
        let cra_id = entry.stream.map(|stream| stream.0);
        let (effect, parked) = match self.apply(entry.position, cra_id, event) {
            Ok(change) => (change.into_effect(clock), parked),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Event(error)) => {
                self.park(entry.position, cra_id, &entry.payload, &error)?;
                (EventEffect { recorded_at: clock, ended: None, began: None }, parked + 1)
            }
        };
        let last_recorded_at = recorded_at.unwrap_or_else(|| nanoseconds(entry.appended_at));
        self.effects.push(effect);
        self.applied = Some(Checkpoint {
            position: entry.position,
            event_id: entry.event_id,
            recorded_at: clock,
            last_recorded_at,
            applied_at: nanoseconds(self.now),
            parked,
            retried,
        });
        Ok(())
    }

    /// Applies a parked event at its position in the log: the read models are then what a replay with today's upcasters
    /// gives. Use a new application for each event.
    pub(crate) fn retry(
        mut self,
        position: Position,
        parked: &Parked,
    ) -> Result<(Retried, Finished), StoreError> {
        let change = match self.apply(position, parked.cra_id, Event::decode(&parked.payload)) {
            Ok(change) => change,
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Event(error)) => {
                self.park(position, parked.cra_id, &parked.payload, &error)?;
                return Ok((Retried::StillParked, self.finish()?));
            }
        };
        let recorded_at = nanoseconds(change.recorded_at);
        let effect = change.into_effect(recorded_at);
        let deltas = delta(position, &effect);
        self.batch.unpark(position);
        if let Some(applied) = &mut self.applied {
            applied.parked = applied.parked.saturating_sub(1);
            applied.retried += 1;
            applied.recorded_at = applied.recorded_at.max(recorded_at);
        }
        let rewritten = self.put_clock_forward(position, &effect)?;
        rewrite(rewritten, &self.store, &mut self.batch)?;
        let finished = self.finish()?;
        Ok((Retried::Applied, Finished { deltas: vec![deltas], ..finished }))
    }

    /// The step of a retried event, and those after it whose log time it advances.
    fn put_clock_forward(
        &self,
        position: Position,
        effect: &EventEffect,
    ) -> Result<Vec<(Position, EventEffect)>, StoreError> {
        let recorded_at = effect.recorded_at;
        let mut rewritten = Vec::new();
        for entry in self.store.effects(position..=self.after) {
            let (at, former) = entry?;
            let clock = former.recorded_at.max(recorded_at);
            if at == position {
                rewritten.push((at, EventEffect { recorded_at: clock, ..effect.clone() }));
            } else if former.recorded_at < recorded_at {
                rewritten.push((at, EventEffect { recorded_at: clock, ..former }));
            } else {
                break;
            }
        }
        Ok(rewritten)
    }

    /// Everything pushed, as writes and effects.
    pub(crate) fn finish(mut self) -> Result<Finished, StoreError> {
        let mut chunks = ChunkWriter::after(self.after, &self.store)?;
        for effect in &self.effects {
            chunks.push(effect, &mut self.batch)?;
        }
        chunks.finish(&mut self.batch);
        for (kind, code, text) in self.dictionary.write().take_new() {
            self.batch.put_word(kind, code, &text);
        }
        if let Some(applied) = &self.applied {
            self.batch.put_checkpoint(applied)?;
        }
        let positions = (self.after.next().0..).map(Position);
        let deltas = positions.zip(&self.effects).map(|(position, effect)| delta(position, effect)).collect();
        Ok(Finished { batch: self.batch, deltas, applied: self.applied })
    }

    /// The effect of an event of a subject at a position.
    fn apply(
        &mut self,
        position: Position,
        subject: Option<Uuid>,
        event: Result<Event<'_>, DecodeError>,
    ) -> Result<Change, Failure> {
        let Event { cra_id, revision, recorded_at, client_id, forgotten, fact, .. } =
            event.map_err(ApplyError::from)?;
        let event = Occurrence { position, cra_id, revision, recorded_at, client_id, forgotten: &forgotten };
        if subject != Some(event.cra_id) {
            return Err(ApplyError::ForeignSubject { subject, event: event.cra_id }.into());
        }
        let current = self.current(event)?;
        let (ended, began) = match fact {
            EventFact::Submitted { cra, defaulted_participants } => {
                let provenance = first(event, defaulted_participants);
                (None, Some(self.record(event, current, provenance, &cra)?))
            }
            EventFact::Imported { form_version, cra, created_at, .. } => {
                let form_version = u8::try_from(form_version.number()).unwrap_or_default();
                let provenance =
                    Provenance { created_at: Some(created_at), form_version, ..first(event, false) };
                if event.revision == 1 {
                    (None, Some(self.record(event, current, provenance, &cra)?))
                } else {
                    let (ended, began) = self.replace(event, current, &cra, |_| provenance)?;
                    (Some(ended), Some(began))
                }
            }
            EventFact::Corrected { cra, defaulted_participants, .. } => {
                let (ended, began) = self.replace(event, current, &cra, |former| Provenance {
                    created_at: former.created_at.map(instant),
                    form_version: former.form_version,
                    ..first(event, defaulted_participants)
                })?;
                (Some(ended), Some(began))
            }
            EventFact::Withdrawn { .. } => {
                let (current, _) = self.in_force(event, current)?;
                self.currents.insert(event.cra_id, current.withdrawn(event.revision));
                (Some(current.fact), None)
            }
        };
        Ok(Change { recorded_at: event.recorded_at, ended, began })
    }

    /// Applies a CRA's first event.
    #[inline]
    fn record<T: AsRef<str>>(
        &mut self,
        event: Occurrence<'_>,
        current: Option<Current>,
        provenance: Provenance<'_>,
        cra: &Cra<T>,
    ) -> Result<Fact, Failure> {
        let next = Current::first(current, event.position.0, event.revision).map_err(ApplyError::from)?;
        Ok(self.open(event, next, provenance, cra, None))
    }

    /// Applies a CRA's next content: the position of the fact that it ends, and the new fact, with what `provenance`
    /// derives from the previous one.
    fn replace<'e, T: AsRef<str>>(
        &mut self,
        event: Occurrence<'e>,
        current: Option<Current>,
        cra: &Cra<T>,
        provenance: impl FnOnce(&Fact) -> Provenance<'e>,
    ) -> Result<(u64, Fact), Failure> {
        let (current, former) = self.in_force(event, current)?;
        let provenance = Provenance {
            recorded_at: instant(former.recorded_at),
            corrected_at: Some(event.recorded_at),
            client: Client::Coded(former.client),
            ..provenance(&former)
        };
        let next = Current::replaced(event.position.0, event.revision);
        Ok((current.fact, self.open(event, next, provenance, cra, Some(current.fact))))
    }

    /// The CRA's fact in force, for an event that ends it.
    fn in_force(
        &mut self,
        event: Occurrence<'_>,
        current: Option<Current>,
    ) -> Result<(Current, Fact), Failure> {
        let current =
            Current::in_force(current, event.position.0, event.revision).map_err(ApplyError::from)?;
        Ok((current, self.fact(current.fact)?))
    }

    #[inline]
    fn open<T: AsRef<str>>(
        &mut self,
        event: Occurrence<'_>,
        next: Current,
        provenance: Provenance<'_>,
        cra: &Cra<T>,
        former: Option<u64>,
    ) -> Fact {
        // Locked for one fact only, because queries read the dictionary too.
        let fact = Fact::new(provenance, cra, former, &mut self.dictionary.write());
        self.currents.insert(event.cra_id, next);
        fact
    }

    /// The current state of an event's CRA; the event's subject names the same CRA.
    fn current(&mut self, event: Occurrence<'_>) -> Result<Option<Current>, StoreError> {
        let cra_id = event.cra_id;
        if let Some(current) = self.currents.get(&cra_id) {
            return Ok(Some(*current));
        }
        let may_have_former =
            self.in_batch(event.position.0).and_then(|index| self.may_have_former.get(index));
        if may_have_former == Some(&false) {
            return Ok(None);
        }
        let Some((from, fact)) = self.store.latest(self.columns, cra_id)? else {
            return Ok(None);
        };
        // The last fact of a CRA was ended without a successor: it was withdrawn.
        let withdrawn = self.columns.ended(from).is_some();
        let revision = fact.revision + u64::from(withdrawn);
        self.read = Some((from, fact));
        Ok(Some(Current { revision, fact: from, withdrawn }))
    }

    /// The fact of a position, from the batch or the store.
    fn fact(&mut self, from: u64) -> Result<Fact, StoreError> {
        if let Some((_, fact)) = self.read.take_if(|(position, _)| *position == from) {
            return Ok(fact);
        }
        match self.in_batch(from).and_then(|index| self.effects.get(index)?.began.clone()) {
            Some(fact) => Ok(fact),
            None => self.store.fact(from),
        }
    }

    /// Index of a position in the batch, from 0; `None` before the batch.
    fn in_batch(&self, position: u64) -> Option<usize> {
        position.checked_sub(self.after.next().0).and_then(|index| usize::try_from(index).ok())
    }

    fn park(
        &mut self,
        position: Position,
        cra_id: Option<Uuid>,
        payload: &[u8],
        error: &ApplyError,
    ) -> Result<(), StoreError> {
        tracing::error!(position = position.0, ?cra_id, %error, "event parked");
        self.batch.park(position, &Parked { cra_id, error: error.to_string(), payload: payload.to_vec() })
    }
}

fn delta(position: Position, effect: &EventEffect) -> FactDelta {
    FactDelta::of(position.0, effect.began.as_ref(), effect.ended)
}

fn first(event: Occurrence<'_>, defaulted_participants: bool) -> Provenance<'_> {
    Provenance {
        cra_id: event.cra_id,
        revision: event.revision,
        recorded_at: event.recorded_at,
        corrected_at: None,
        created_at: None,
        form_version: 0,
        client: Client::Named(event.client_id),
        defaulted_participants,
        forgotten: Some(event.forgotten),
    }
}

#[cfg(test)]
mod retry_tests;
#[cfg(test)]
mod tests;
