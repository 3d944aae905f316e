//! The facts of a generation in memory, as selections and tallies see them: what every figure is counted from. Made from
//! the store when a generation is opened, and kept equal to it by each batch.

mod block;
mod cra_index;
mod daily_rollups;
mod load;
mod posting_lists;
mod view;

use std::cmp::Ordering;

use cra_eventlog::Position;
use parking_lot::RwLock;
use uuid::Uuid;

use self::cra_index::{CraIndex, LatestFact};
use self::daily_rollups::{DailyRollups, Departments, ROLLED_UP_FROM};
use self::posting_lists::PostingLists;
pub use self::view::{Candidates, ScanRequest, View};
use crate::store::{Applied, Session, Step, Store, StoreError};
use crate::views::fact::Fact;
use crate::views::packed_fact::{Overflow, PackedFact};
use crate::views::scope::Scope;

/// Positions that have a place: as many as 32 bits count. More than four billion events are refused.
pub const POSITIONS_MAX: u64 = u32::MAX as u64;

/// The facts of a generation.
#[derive(Default)]
pub struct Table(RwLock<Facts>);

#[derive(Default)]
struct Facts {
    view: View,
    cra_index: CraIndex,
    /// `None` until somebody asks: a table that is being filled does without lists and sums, which are made of all facts
    /// at once for a fraction of the work.
    posting_lists: Option<PostingLists>,
}

/// A fact as the table takes it in.
#[derive(Clone, Debug)]
pub struct NewFact {
    cra_id: Uuid,
    fixed: PackedFact,
    /// Rarely anything.
    overflow: Option<Box<Overflow>>,
}

impl NewFact {
    /// What the table keeps of a fact.
    #[must_use]
    pub fn of(fact: &Fact) -> Self {
        let (fixed, overflow) = PackedFact::of(fact);
        let overflow = fixed.has_overflow.then(|| Box::new(overflow));
        Self { cra_id: fact.cra_id, fixed, overflow }
    }
}

/// What the event at a position did, as the table takes it in.
#[derive(Clone, Debug)]
pub struct FactDelta {
    /// The event's.
    pub position: Position,
    /// The fact that it began.
    pub began: Option<NewFact>,
    /// Position of the fact that it ended.
    pub ended: Option<u64>,
}

impl FactDelta {
    /// What the table keeps of a step.
    #[must_use]
    pub fn of(position: Position, step: &Step) -> Self {
        Self { position, began: step.began.as_ref().map(NewFact::of), ended: step.ended }
    }

    /// The fact that it began, as the latest of its CRA.
    fn latest(&self, cra_index: &CraIndex) -> Option<LatestFact> {
        let from = u32::try_from(self.position.0).ok()?;
        self.began.as_ref().map(|brought| cra_index.latest(brought.cra_id, from))
    }

    /// The fact that it ended, where it began the next one of the same CRA: it is the latest one no more.
    fn replaced(&self, cra_index: &CraIndex) -> Option<LatestFact> {
        let former = u32::try_from(self.ended?).ok()?;
        self.began.as_ref().map(|brought| cra_index.latest(brought.cra_id, former))
    }
}

impl Table {
    /// The table of what a store holds. Blocks.
    pub fn load(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(RwLock::new(load::facts(store)?)))
    }

    /// Takes in what events did, each in its place: that of the next position, or that of an event that had done
    /// nothing so far; and where they bring the generation.
    pub fn apply(&self, steps: &[FactDelta], applied: Option<Applied>) {
        let mut facts = self.0.write();
        for step in steps {
            facts.take(step);
        }
        // One right after the other: each waits for memory, which gives several at a time where little stands between.
        for step in steps {
            facts.find_by_id(step);
        }
        facts.view.applied = applied;
    }

    /// Makes what questions are answered from, unless it is there. Takes a second per ten million facts; blocks.
    pub fn get_ready(&self) {
        let mut facts = self.0.write();
        if facts.posting_lists.is_none() {
            facts.list_and_sum_up();
        }
    }

    /// The facts now.
    #[must_use]
    pub fn view(&self) -> View {
        let facts = self.0.read();
        if facts.posting_lists.is_some() {
            return facts.view.clone();
        }
        drop(facts);
        self.get_ready();
        self.0.read().view.clone()
    }

    /// Where the latest fact of a CRA may stand: rarely more than one position. The fact there tells whether it is of that
    /// CRA.
    #[must_use]
    pub fn candidates(&self, cra_id: Uuid) -> Vec<u64> {
        self.0.read().cra_index.candidates(cra_id).map(u64::from).collect()
    }

    /// Whether each of some CRAs may have a fact: `false` is certain. One look at all of them, each of which waits for
    /// memory, takes a fraction of as many looks between other work.
    #[must_use]
    pub fn may_hold(&self, cra_ids: impl Iterator<Item = Uuid>) -> Vec<bool> {
        let facts = self.0.read();
        cra_ids.map(|cra_id| facts.cra_index.may_hold(cra_id)).collect()
    }

    /// The latest fact of a CRA, in force or not, and its position; `None` where the CRA has none.
    pub fn latest(&self, cra_id: Uuid, store: &Session) -> Result<Option<(u64, Fact)>, StoreError> {
        for from in self.candidates(cra_id) {
            let fact = store.fact(from)?;
            if fact.cra_id == cra_id {
                return Ok(Some((from, fact)));
            }
        }
        Ok(None)
    }

    /// Position of the event that ended the fact from a position, if one did.
    #[must_use]
    pub fn ended(&self, from: u64) -> Option<u64> {
        self.0.read().view.ended(from)
    }

    /// The positions of the facts of scopes, up to one, ended ones included; `None` where one of them has no list, or
    /// where there are more than `most`.
    #[must_use]
    pub fn listed(&self, scopes: &[Scope], until: Position, most: usize) -> Option<Vec<u32>> {
        let facts = self.0.read();
        let posting_lists: Option<Vec<&[u32]>> =
            scopes.iter().map(|scope| facts.posting_lists.as_ref()?.of_scope(*scope)).collect();
        let posting_lists = posting_lists?;
        if posting_lists.iter().map(|list| list.len()).sum::<usize>() > most {
            return None;
        }
        let until = u32::try_from(until.0).unwrap_or(u32::MAX);
        Some(posting_lists.into_iter().flatten().copied().filter(|from| *from <= until).collect())
    }
}

impl Facts {
    fn take(&mut self, step: &FactDelta) {
        let FactDelta { position, began, ended } = step;
        // The store refuses positions that have no place.
        let (from, ended) = (u32::try_from(position.0).ok(), ended.and_then(|at| u32::try_from(at).ok()));
        if let Some(ended) = ended {
            self.end(ended);
        }
        self.view.take(position.0, began.as_ref(), ended.map(u64::from));
        if let Some((from, brought)) = from.zip(began.as_ref()) {
            self.begin(from, brought);
        }
    }

    fn find_by_id(&mut self, step: &FactDelta) {
        if let Some(former) = step.replaced(&self.cra_index) {
            self.cra_index.remove(former);
        }
        if let Some(latest) = step.latest(&self.cra_index) {
            self.cra_index.insert(latest);
        }
    }

    fn list_and_sum_up(&mut self) {
        let blocks = &self.view.blocks;
        let (posting_lists, departments) =
            rayon::join(|| PostingLists::of(blocks), || Departments::of(blocks));
        self.view.daily_rollups = DailyRollups::of(blocks, &posting_lists, &departments);
        self.posting_lists = Some(posting_lists);
    }

    fn end(&mut self, ended: u32) {
        let View { blocks, daily_rollups, .. } = &mut self.view;
        if self.posting_lists.is_some()
            && let Some(seen) = view::fact(blocks, ended)
        {
            let scopes = Scope::small(seen.fixed()).into_iter().chain(Scope::large(seen.fixed()));
            daily_rollups.remove(blocks, ended, scopes.flatten());
        }
    }

    fn begin(&mut self, from: u32, brought: &NewFact) {
        let View { blocks, daily_rollups, .. } = &mut self.view;
        let Some(posting_lists) = &mut self.posting_lists else {
            return;
        };
        let mut rolled_up = [None; 3];
        let small = posting_lists.add(from, &brought.fixed);
        for ((scope, facts), rolled_up) in small.into_iter().flatten().zip(&mut rolled_up) {
            match facts.cmp(&ROLLED_UP_FROM) {
                Ordering::Less => {}
                Ordering::Equal => daily_rollups.roll_up(blocks, scope, posting_lists),
                Ordering::Greater => *rolled_up = Some(scope),
            }
        }
        let scopes = Scope::large(&brought.fixed).into_iter().chain(rolled_up);
        daily_rollups.add(blocks, from, scopes.flatten());
    }
}

#[cfg(test)]
mod tests;
