//! From events to changes of the read models: one code path for live events and for replays. An event that cannot
//! be applied is parked by its position, with the reason, and the others go on.

use std::collections::{BTreeMap, HashMap};

use cra_domain::cra::{Cra, DecodeError};
use cra_domain::event::{Event, Fact as EventFact};
use cra_eventlog::{LogEntry, Position};
use jiff::Timestamp;
use parking_lot::RwLock;
use uuid::Uuid;

use crate::store::{Applied, Batch, Change, Current, Parked, Session, StoreError};
use crate::table::Brought;
use crate::views::dictionary::Dictionary;
use crate::views::fact::{Fact, FactKey, IN_FORCE, Provenance, day_number, instant, nanoseconds};

/// Why an event cannot be applied to the CRA as it stands.
#[derive(Debug, thiserror::Error)]
enum Misfit {
    #[error("{0}")]
    Unreadable(#[from] DecodeError),
    #[error("stored under CRA {subject:?}, but says it is about {event}")]
    ForeignSubject { subject: Option<Uuid>, event: Uuid },
    #[error("revision {found}, expected {expected}")]
    Revision { expected: u64, found: u64 },
    #[error("a first event, but the CRA stands at revision {0}")]
    NotFirst(u64),
    #[error("corrects or withdraws a CRA that has no event")]
    NoSuchCra,
    #[error("corrects or withdraws a CRA that was withdrawn")]
    Withdrawn,
    #[error("a later event of the CRA, at {0}, counts already; a replay takes both in their order")]
    Overtaken(u64),
}

/// What an event did.
struct Effect {
    recorded_at: Timestamp,
    ended: Option<FactKey>,
    began: Option<FactKey>,
}

impl Effect {
    /// The change to keep, with the time of the log there.
    fn change(&self, recorded_at: i64) -> Change {
        Change { recorded_at, ended: self.ended, began_on: self.began.map(|key| key.day) }
    }
}

/// What applying some events came to.
pub struct Finished {
    /// To be written in one.
    pub batch: Batch,
    /// Facts that began or ended, by position.
    pub brought: Vec<Brought>,
    /// Where it brings the generation.
    pub applied: Option<Applied>,
}

/// What became of an event that was parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It counts now.
    Applied,
    /// It still cannot be applied; the reason of today is kept.
    StillParked,
}

enum Failure {
    Misfit(Misfit),
    Store(StoreError),
}

impl From<Misfit> for Failure {
    fn from(misfit: Misfit) -> Self {
        Self::Misfit(misfit)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Events being applied: reads see what the batch holds already, then the store.
pub struct Application<'a> {
    store: Session,
    dictionary: &'a RwLock<Dictionary>,
    currents: HashMap<Uuid, Current>,
    facts: BTreeMap<FactKey, Fact>,
    batch: Batch,
    applied: Option<Applied>,
    now: Timestamp,
}

impl<'a> Application<'a> {
    /// An empty batch after what the store holds.
    pub fn begin(
        store: Session,
        dictionary: &'a RwLock<Dictionary>,
        applied: Option<Applied>,
        now: Timestamp,
    ) -> Self {
        let (currents, facts) = (HashMap::new(), BTreeMap::new());
        Self { store, dictionary, currents, facts, batch: Batch::default(), applied, now }
    }

    /// Applies one event, or parks it.
    ///
    /// # Panics
    ///
    /// When an entry is not the one that follows: going on would lose events without a trace.
    pub fn push(&mut self, entry: &LogEntry) -> Result<(), StoreError> {
        let expected = self.applied.as_ref().map_or(Position::START, |applied| applied.position).next();
        assert_eq!(entry.position, expected, "the log's reader gives every event once, in order");
        let former = self.applied.as_ref();
        let clock = former.map_or(i64::MIN, |applied| applied.recorded_at);
        let parked = former.map_or(0, |applied| applied.parked);
        let retried = former.map_or(0, |applied| applied.retried);
        let event = Event::decode(&entry.payload);
        // Also of what cannot be applied; where not even that can be read, the log's time stands still.
        let recorded_at = match &event {
            Ok(event) => Some(event.recorded_at),
            Err(_) => Event::recorded_at_of(&entry.payload),
        };
        let recorded_at = recorded_at.map(nanoseconds);
        let clock = recorded_at.map_or(clock, |recorded_at| clock.max(recorded_at));
        let (change, parked) = match self.apply(entry, event) {
            Ok(effect) => (effect.change(clock), parked),
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Misfit(misfit)) => {
                self.park(entry, &misfit)?;
                (Change { recorded_at: clock, ended: None, began_on: None }, parked + 1)
            }
        };
        let last_recorded_at = recorded_at.unwrap_or_else(|| nanoseconds(entry.appended_at));
        self.batch.put_change(entry.position, &change)?;
        self.applied = Some(Applied {
            position: entry.position,
            event_id: entry.event_id,
            recorded_at: change.recorded_at,
            last_recorded_at,
            applied_at: nanoseconds(self.now),
            parked,
            retried,
        });
        Ok(())
    }

    /// Applies an event that was parked, where it stands in the log: the read models are then what a replay with today's
    /// upcasters makes of the log. Begin an application for each event.
    pub fn retry(&mut self, position: Position, parked: &Parked) -> Result<Retried, StoreError> {
        let entry = LogEntry {
            position,
            cra_id: parked.cra_id,
            event_id: None,
            payload: parked.payload.clone().into(),
            appended_at: self.now,
            trace: None,
        };
        let effect = match self.apply(&entry, Event::decode(&entry.payload)) {
            Ok(effect) => effect,
            Err(Failure::Store(error)) => return Err(error),
            Err(Failure::Misfit(misfit)) => {
                self.park(&entry, &misfit)?;
                return Ok(Retried::StillParked);
            }
        };
        let recorded_at = nanoseconds(effect.recorded_at);
        self.batch.unpark(position);
        if let Some(applied) = &mut self.applied {
            applied.parked = applied.parked.saturating_sub(1);
            applied.retried += 1;
            applied.recorded_at = applied.recorded_at.max(recorded_at);
            let last = applied.position;
            self.put_clock_forward(position, last, &effect, recorded_at)?;
        }
        Ok(Retried::Applied)
    }

    /// Says what a retried event did, and brings the log's time forward from there on as far as it did.
    fn put_clock_forward(
        &mut self,
        position: Position,
        last: Position,
        effect: &Effect,
        recorded_at: i64,
    ) -> Result<(), StoreError> {
        for entry in self.store.changes(position..=last) {
            let (at, change) = entry?;
            let is_it = at == position;
            if !is_it && change.recorded_at >= recorded_at {
                break;
            }
            let clock = change.recorded_at.max(recorded_at);
            let change = if is_it { effect.change(clock) } else { Change { recorded_at: clock, ..change } };
            self.batch.put_change(at, &change)?;
        }
        Ok(())
    }

    /// Everything pushed, as what is to be written and what is to be counted.
    pub fn finish(mut self) -> Result<Finished, StoreError> {
        for (key, fact) in &self.facts {
            self.batch.put_fact(*key, fact)?;
        }
        for (cra_id, current) in &self.currents {
            self.batch.put_current(*cra_id, current)?;
        }
        for (kind, code, text) in self.dictionary.write().take_new() {
            self.batch.put_word(kind, code, &text);
        }
        if let Some(applied) = &self.applied {
            self.batch.put_applied(applied)?;
        }
        let mut brought: Vec<_> = self.facts.iter().map(|(key, fact)| Brought::of(*key, fact)).collect();
        brought.sort_unstable_by_key(Brought::position);
        Ok(Finished { batch: self.batch, brought, applied: self.applied })
    }

    fn apply(&mut self, entry: &LogEntry, event: Result<Event, DecodeError>) -> Result<Effect, Failure> {
        let event = event.map_err(Misfit::from)?;
        if entry.cra_id != Some(event.cra_id) {
            return Err(Misfit::ForeignSubject { subject: entry.cra_id, event: event.cra_id }.into());
        }
        let current = self.current(event.cra_id)?;
        let (ended, began) = match &event.fact {
            EventFact::Submitted { cra, defaulted_participants } => {
                let provenance = first(&event, *defaulted_participants);
                (None, Some(self.record(entry.position, &event, current, provenance, cra)?))
            }
            EventFact::Imported { form_version, cra, created_at } => {
                let form_version = u8::try_from(form_version.number()).unwrap_or_default();
                let provenance =
                    Provenance { created_at: Some(*created_at), form_version, ..first(&event, false) };
                (None, Some(self.record(entry.position, &event, current, provenance, cra)?))
            }
            EventFact::Corrected { cra, defaulted_participants, .. } => {
                let (_, former_key, former) = self.in_force(entry.position, &event, current)?;
                let provenance = Provenance {
                    recorded_at: instant(former.recorded_at),
                    corrected_at: Some(event.recorded_at),
                    created_at: former.created_at.map(instant),
                    form_version: former.form_version,
                    ..first(&event, *defaulted_participants)
                };
                self.end(former_key, former, entry.position);
                let began = self.open(entry.position, &event, provenance, cra, Some(former_key));
                (Some(former_key), Some(began))
            }
            EventFact::Withdrawn { .. } => {
                let (current, key, fact) = self.in_force(entry.position, &event, current)?;
                self.end(key, fact, entry.position);
                let withdrawn = Current { revision: event.revision, withdrawn: true, ..current };
                self.currents.insert(event.cra_id, withdrawn);
                (Some(key), None)
            }
        };
        Ok(Effect { recorded_at: event.recorded_at, ended, began })
    }

    /// A CRA's first event.
    fn record(
        &mut self,
        position: Position,
        event: &Event,
        current: Option<Current>,
        provenance: Provenance,
        cra: &Cra,
    ) -> Result<FactKey, Failure> {
        if let Some(current) = current {
            return Err(Misfit::NotFirst(current.revision).into());
        }
        expect_revision(1, event)?;
        Ok(self.open(position, event, provenance, cra, None))
    }

    /// The CRA's fact in force, for an event that ends it.
    fn in_force(
        &mut self,
        position: Position,
        event: &Event,
        current: Option<Current>,
    ) -> Result<(Current, FactKey, Fact), Failure> {
        let current = current.ok_or(Misfit::NoSuchCra)?;
        if current.withdrawn {
            return Err(Misfit::Withdrawn.into());
        }
        // Of events that are retried only: the log's order is the one that counts.
        if current.fact.from > position.0 {
            return Err(Misfit::Overtaken(current.fact.from).into());
        }
        expect_revision(current.revision + 1, event)?;
        let key = current.fact;
        let fact = match self.facts.get(&key) {
            Some(fact) => Some(fact.clone()),
            None => self.store.fact(key)?,
        };
        let fact = fact.ok_or_else(|| StoreError::Damaged("a CRA without its fact".into()))?;
        Ok((current, key, fact))
    }

    fn end(&mut self, key: FactKey, mut fact: Fact, position: Position) {
        debug_assert_eq!(fact.until, IN_FORCE, "a fact ends once");
        fact.until = position.0;
        self.facts.insert(key, fact);
    }

    fn open(
        &mut self,
        position: Position,
        event: &Event,
        provenance: Provenance,
        cra: &Cra,
        former: Option<FactKey>,
    ) -> FactKey {
        // Held for one fact only: queries read the dictionary meanwhile.
        let fact = Fact::new(provenance, cra, former, &mut self.dictionary.write());
        let key = FactKey { day: day_number(cra.date), from: position.0 };
        let current = Current { revision: event.revision, fact: key, withdrawn: false };
        self.facts.insert(key, fact);
        self.currents.insert(event.cra_id, current);
        key
    }

    fn current(&self, cra_id: Uuid) -> Result<Option<Current>, StoreError> {
        match self.currents.get(&cra_id) {
            Some(current) => Ok(Some(current.clone())),
            None => self.store.current(cra_id),
        }
    }

    fn park(&mut self, entry: &LogEntry, misfit: &Misfit) -> Result<(), StoreError> {
        tracing::error!(position = entry.position.0, cra_id = ?entry.cra_id, error = %misfit, "event parked");
        let parked =
            Parked { cra_id: entry.cra_id, error: misfit.to_string(), payload: entry.payload.to_vec() };
        self.batch.park(entry.position, &parked)
    }
}

fn first(event: &Event, defaulted_participants: bool) -> Provenance {
    Provenance {
        cra_id: event.cra_id,
        revision: event.revision,
        recorded_at: event.recorded_at,
        corrected_at: None,
        created_at: None,
        form_version: 0,
        defaulted_participants,
    }
}

fn expect_revision(expected: u64, event: &Event) -> Result<(), Misfit> {
    if event.revision == expected {
        Ok(())
    } else {
        Err(Misfit::Revision { expected, found: event.revision })
    }
}

#[cfg(test)]
mod retry_tests;
#[cfg(test)]
mod tests;
