//! The facts of a generation in memory, as selections and tallies see them: what every figure is counted from. Made from
//! the store when a generation is opened, and kept equal to it by each batch.

mod block;
mod lists;
mod rollups;
mod view;

use std::cmp::Ordering;
use std::hash::BuildHasher as _;
use std::sync::mpsc;

use cra_eventlog::Position;
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;
use uuid::Uuid;

use self::lists::Lists;
use self::rollups::ROLLED_UP_FROM;
pub use self::view::{Among, Question, View};
use crate::store::{Applied, Session, Step, StoreError};
use crate::views::countable::{Beside, Countable};
use crate::views::fact::Fact;
use crate::views::scope::Scope;

/// Positions that have a place: as many as 32 bits count. More than four billion events are refused.
pub const POSITIONS_MAX: u64 = u32::MAX as u64;

/// Steps that are read from the store at once, and how many times as many while others are taken in.
const STEPS_READ_AT_ONCE: usize = 4_096;
const CHUNKS_READ_AHEAD: usize = 4;

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
        facts.lists = std::thread::scope(|scope| {
            let (read, steps) = mpsc::sync_channel(CHUNKS_READ_AHEAD);
            let reading = scope.spawn(move || read_steps(&session, &read));
            for step in steps.into_iter().flatten() {
                facts.take(&step, Sums::Later);
            }
            reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        facts.sum_up();
        facts.view.applied = applied;
        Ok(Self(RwLock::new(facts)))
    }

    /// Takes in what events did, each in its place: that of the next position, or that of an event that had done
    /// nothing so far; and where they bring the generation.
    pub fn apply(&self, steps: &[Taken], applied: Option<Applied>) {
        let mut facts = self.0.write();
        for step in steps {
            facts.take(step, Sums::Now);
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

impl Facts {
    fn reserve(&mut self, positions: usize) {
        let Self { view, latest, hasher, .. } = self;
        latest.reserve(positions, |from| hasher.hash_one(view.cra_id(u64::from(*from))));
    }

    fn latest(&self, cra_id: Uuid) -> Option<u32> {
        let is_it = |from: &u32| self.view.cra_id(u64::from(*from)) == cra_id;
        self.latest.find(self.hasher.hash_one(cra_id), is_it).copied()
    }

    fn take(&mut self, step: &Taken, sums: Sums) {
        let Taken { position, began, ended } = step;
        // The store refuses positions that have no place.
        let (from, ended) = (u32::try_from(position.0).ok(), ended.and_then(|at| u32::try_from(at).ok()));
        if let Some(ended) = ended {
            self.end(ended, sums);
        }
        self.view.take(position.0, began.as_ref(), ended.map(u64::from));
        if let Some((from, brought)) = from.zip(began.as_ref()) {
            self.begin(from, brought, sums);
        }
    }

    fn end(&mut self, ended: u32, sums: Sums) {
        let View { blocks, rollups, .. } = &mut self.view;
        if let Some(seen) = view::fact(blocks, ended) {
            let scopes = Scope::small(seen.fixed()).into_iter().chain(sums.large_scopes(seen.fixed()));
            rollups.remove(blocks, ended, scopes.flatten());
        }
    }

    fn begin(&mut self, from: u32, brought: &Brought, sums: Sums) {
        let mut rolled_up = [None; 3];
        if sums == Sums::Now {
            let small = self.lists.add(from, &brought.fixed);
            for ((scope, facts), rolled_up) in small.into_iter().flatten().zip(&mut rolled_up) {
                match facts.cmp(&ROLLED_UP_FROM) {
                    Ordering::Less => {}
                    Ordering::Equal => self.roll_up(scope),
                    Ordering::Greater => *rolled_up = Some(scope),
                }
            }
        }
        let scopes = sums.large_scopes(&brought.fixed).into_iter().chain(rolled_up).flatten();
        let View { blocks, rollups, .. } = &mut self.view;
        rollups.add(blocks, from, scopes);
        self.point_to(from, brought.cra_id);
    }

    /// Makes the sums that were left for later.
    fn sum_up(&mut self) {
        let View { blocks, rollups, .. } = &mut self.view;
        rollups.sum_departments_up(blocks);
        for scope in self.lists.longer_than(ROLLED_UP_FROM - 1) {
            self.roll_up(scope);
        }
    }

    /// Sums up the facts of a scope that has become large, the last one included.
    fn roll_up(&mut self, scope: Scope) {
        let View { blocks, rollups, .. } = &mut self.view;
        for from in self.lists.of(scope).unwrap_or_default() {
            let place = view::Place::of(u64::from(*from));
            if place.is_some_and(|place| blocks[place.block].counts(place.index, block::AsOf::Now)) {
                rollups.add(blocks, *from, [scope]);
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

/// When the sums that can be made of other sums are made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sums {
    /// With each fact.
    Now,
    /// All at once, by [`Facts::sum_up`]: a fraction of the work, where many facts come at once.
    Later,
}

impl Sums {
    /// The large scopes that a fact is counted in.
    fn large_scopes(self, fact: &Countable) -> [Option<Scope>; 3] {
        let is_for_now = |scope: &Scope| self == Self::Now || matches!(scope, Scope::Department(_));
        Scope::large(fact).map(|scope| scope.filter(is_for_now))
    }
}

/// Reads the steps of a store in their order, some at a time, until nobody takes them; gives the lists of their facts.
fn read_steps(session: &Session, read: &mpsc::SyncSender<Vec<Taken>>) -> Result<Lists, StoreError> {
    let (mut some, mut lists) = (Vec::with_capacity(STEPS_READ_AT_ONCE), Lists::default());
    for entry in session.steps(Position(1)..=Position(u64::MAX)) {
        let (position, step) = entry?;
        let taken = Taken::of(position, &step);
        if let (Some(brought), Ok(from)) = (&taken.began, u32::try_from(position.0)) {
            lists.add(from, &brought.fixed);
        }
        some.push(taken);
        if some.len() == STEPS_READ_AT_ONCE {
            let full = std::mem::replace(&mut some, Vec::with_capacity(STEPS_READ_AT_ONCE));
            if read.send(full).is_err() {
                break;
            }
        }
    }
    // Nobody takes them only when the other side failed.
    let _ = read.send(some);
    Ok(lists)
}

#[cfg(test)]
mod tests;
