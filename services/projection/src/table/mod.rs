//! The facts of a generation in memory, as selections and tallies see them: what every figure is counted from. Made from
//! the store when a generation is opened, and kept equal to it by each batch.

mod block;
mod lists;
mod rollups;
mod view;

use std::ops::RangeInclusive;
use std::sync::mpsc;

use cra_eventlog::Position;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;
use std::hash::BuildHasher as _;
use uuid::Uuid;

use self::lists::Lists;
use self::rollups::ROLLED_UP_FROM;
pub use self::view::{Among, View};
use crate::store::{Applied, Session, Step, StoreError};
use crate::views::countable::{Beside, Countable, Seen};
use crate::views::day_tally::DayTally;
use crate::views::fact::Fact;
use crate::views::scope::Scope;

/// Positions that have a place: as many as 32 bits count. More than four billion events are refused.
pub const POSITIONS_MAX: u64 = u32::MAX as u64;

/// Steps that are read from the store while others are taken in.
const STEPS_READ_AHEAD: usize = 4_096;

/// The facts of a generation.
#[derive(Default)]
pub struct Table(RwLock<Facts>);

#[derive(Default)]
struct Facts {
    view: View,
    /// Position of the latest fact of each CRA, found by its id.
    latest: HashTable<u32>,
    hasher: DefaultHashBuilder,
    lists: Lists,
}

/// A fact as the table takes it in.
#[derive(Clone, Debug)]
pub struct Brought {
    cra_id: Uuid,
    fixed: Countable,
    /// Rarely anything.
    beside: Option<Box<Beside>>,
}

impl Brought {
    /// What the table keeps of a fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        let (fixed, beside) = Countable::of(fact);
        let beside = fixed.has_beside.then(|| Box::new(beside));
        Self { cra_id: fact.cra_id, fixed, beside }
    }
}

/// What the event at a position did, as the table takes it in.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The event's.
    pub position: Position,
    /// The fact that it began.
    pub began: Option<Brought>,
    /// Position of the fact that it ended.
    pub ended: Option<u64>,
}

impl Taken {
    /// What the table keeps of a step.
    #[must_use]
    pub fn of(position: Position, step: &Step) -> Self {
        Self { position, began: step.began.as_ref().map(Brought::of), ended: step.ended }
    }
}

impl Table {
    /// The table of what a store holds.
    pub fn load(session: Session) -> Result<Self, StoreError> {
        let applied = session.applied()?;
        let mut facts = Facts::default();
        let expected = applied.as_ref().map_or(0, |applied| applied.position.0.min(POSITIONS_MAX));
        facts.reserve(usize::try_from(expected).unwrap_or(0));
        std::thread::scope(|scope| {
            let (read, steps) = mpsc::sync_channel(4);
            let reading = scope.spawn(move || read_steps(&session, &read));
            for step in steps.into_iter().flatten() {
                facts.take(&step);
            }
            reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        facts.view.applied = applied;
        Ok(Self(RwLock::new(facts)))
    }

    /// Takes in what events did, each in its place: that of the next position, or that of an event that had done
    /// nothing so far; and where they bring the generation.
    pub fn apply(&self, steps: &[Taken], applied: Option<Applied>) {
        let mut facts = self.0.write();
        for step in steps {
            facts.take(step);
        }
        facts.view.applied = applied;
    }

    /// The facts now.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.read().view.clone()
    }

    /// Position of the latest fact of a CRA, in force or not.
    #[must_use]
    pub fn latest(&self, cra_id: Uuid) -> Option<u64> {
        self.0.read().latest(cra_id).map(u64::from)
    }

    /// Position of the latest fact of a CRA, and that of the event that ended it, if one did.
    #[must_use]
    pub fn standing(&self, cra_id: Uuid) -> Option<(u64, Option<u64>)> {
        let facts = self.0.read();
        let from = u64::from(facts.latest(cra_id)?);
        Some((from, facts.view.ended(from)))
    }

    /// The positions of the facts of scopes, up to one, ended ones included; `None` where one of them has no list, or
    /// where there are more than `most`.
    #[must_use]
    pub fn listed(&self, scopes: &[Scope], until: Position, most: usize) -> Option<Vec<u32>> {
        let facts = self.0.read();
        let lists: Option<Vec<&[u32]>> = scopes.iter().map(|scope| facts.lists.of(*scope)).collect();
        let lists = lists?;
        if lists.iter().map(|list| list.len()).sum::<usize>() > most {
            return None;
        }
        let until = u32::try_from(until.0).unwrap_or(u32::MAX);
        Some(lists.into_iter().flatten().copied().filter(|from| *from <= until).collect())
    }
}

impl View {
    /// The sums per day of scopes, of days in a range: whether every one of them has sums. Of the facts in force now.
    pub fn each_day(
        &self,
        scope: Scope,
        days: &RangeInclusive<i32>,
        mut take: impl FnMut(i32, &DayTally),
    ) -> bool {
        let rolled_up = self.rollups().of(scope);
        if let Some(sums) = rolled_up {
            sums.within(days).for_each(|(day, tally)| take(day, tally));
        }
        // What is always summed up and has no sums has no facts.
        rolled_up.is_some() || matches!(scope, Scope::Country | Scope::Region(_) | Scope::Department(_))
    }
}

impl Facts {
    fn reserve(&mut self, positions: usize) {
        let Self { view, latest, hasher, .. } = self;
        latest.reserve(positions, |from| hasher.hash_one(view.cra_id(u64::from(*from))));
    }

    fn latest(&self, cra_id: Uuid) -> Option<u32> {
        let is_it = |from: &u32| self.view.cra_id(u64::from(*from)) == cra_id;
        self.latest.find(self.hasher.hash_one(cra_id), is_it).copied()
    }

    fn take(&mut self, step: &Taken) {
        let Taken { position, began, ended } = step;
        if let Some(ended) = ended {
            self.end(*ended);
        }
        self.view.take(position.0, began.as_ref(), *ended);
        // The store refuses more.
        if let (Some(brought), Ok(from)) = (began, u32::try_from(position.0)) {
            self.begin(from, brought);
        }
    }

    fn end(&mut self, ended: u64) {
        let View { blocks, rollups, .. } = &mut self.view;
        let place = view::Place::of(ended);
        let fact = place.and_then(|place| blocks.get(place.block)?.fact(place.index));
        if let Some(seen) = fact {
            let scopes = Scope::large(seen.fixed()).into_iter().chain(Scope::small(seen.fixed()));
            rollups.remove(&seen, scopes.flatten());
        }
    }

    fn begin(&mut self, from: u32, brought: &Brought) {
        let nothing = Beside::default();
        let seen = Seen::of(&brought.fixed, brought.beside.as_deref().unwrap_or(&nothing));
        let small = self.lists.add(from, &brought.fixed).into_iter().flatten();
        let mut rolled_up = Vec::new();
        for (scope, facts) in small {
            match facts.cmp(&ROLLED_UP_FROM) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.roll_up(scope),
                std::cmp::Ordering::Greater => rolled_up.push(scope),
            }
        }
        let scopes = Scope::large(&brought.fixed).into_iter().flatten().chain(rolled_up);
        self.view.rollups.add(&seen, scopes);
        self.point_to(from, brought.cra_id);
    }

    /// Sums up the facts of a scope that has become large, the last one included.
    fn roll_up(&mut self, scope: Scope) {
        let View { blocks, rollups, .. } = &mut self.view;
        for from in self.lists.of(scope).unwrap_or_default() {
            let Some(place) = view::Place::of(u64::from(*from)) else {
                continue;
            };
            let block = &blocks[place.block];
            if block.counts(place.index, block::AsOf::Now)
                && let Some(seen) = block.fact(place.index)
            {
                rollups.add(&seen, [scope]);
            }
        }
    }

    /// The latest fact of a CRA is this one.
    fn point_to(&mut self, from: u32, cra_id: Uuid) {
        let Self { view, latest, hasher, .. } = self;
        let is_it = |other: &u32| view.cra_id(u64::from(*other)) == cra_id;
        let hash_of = |other: &u32| hasher.hash_one(view.cra_id(u64::from(*other)));
        match latest.entry(hasher.hash_one(cra_id), is_it, hash_of) {
            hashbrown::hash_table::Entry::Occupied(mut entry) => *entry.get_mut() = from,
            hashbrown::hash_table::Entry::Vacant(entry) => {
                entry.insert(from);
            }
        }
    }
}

/// Reads the steps of a store in their order, some at a time, until nobody takes them.
fn read_steps(session: &Session, read: &mpsc::SyncSender<Vec<Taken>>) -> Result<(), StoreError> {
    let mut some = Vec::with_capacity(STEPS_READ_AHEAD);
    for entry in session.steps(Position(1)..=Position(u64::MAX)) {
        let (position, step) = entry?;
        some.push(Taken::of(position, &step));
        if some.len() == STEPS_READ_AHEAD {
            let full = std::mem::replace(&mut some, Vec::with_capacity(STEPS_READ_AHEAD));
            if read.send(full).is_err() {
                return Ok(());
            }
        }
    }
    // Nobody takes them only when the other side failed.
    let _ = read.send(some);
    Ok(())
}

#[cfg(test)]
mod tests;
