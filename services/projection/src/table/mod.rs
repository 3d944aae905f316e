//! The facts of a generation in memory, as selections and tallies see them: what every figure is counted from. Made from
//! the store when a generation is opened, and kept equal to it by each batch.

mod block;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cra_eventlog::Position;
use parking_lot::RwLock;

use block::Block;

use crate::store::{Session, StoreError};
use crate::views::countable::{Beside, Countable, Seen};
use crate::views::fact::{Fact, FactKey, IN_FORCE};
use crate::views::filter::Filter;

/// Blocks that one thread looks at before another one is worth its start.
const BLOCKS_PER_THREAD_MIN: usize = 16;

/// Positions whose facts are sorted at once when a table is loaded.
const SORTED_AT_ONCE: u64 = 4_096;

/// The facts of a generation.
#[derive(Default)]
pub struct Table(RwLock<View>);

/// The facts as of a moment. Later ones may be among them, and later ends: a position says which count.
#[derive(Clone, Default)]
pub struct View {
    /// Blocks that do not grow any more.
    full: Arc<Vec<Arc<Block>>>,
    /// The one that does: copied when it grows while somebody looks at it.
    last: Arc<Block>,
}

/// A fact and where it ended, as a batch brings it.
pub struct Brought {
    from: u64,
    until: u64,
    fixed: Countable,
    /// Rarely anything.
    beside: Option<Box<Beside>>,
}

impl Brought {
    /// What the table keeps of a fact.
    #[must_use]
    pub fn of(key: FactKey, fact: &Fact) -> Self {
        let (fixed, beside) = Countable::of(key, fact);
        let beside = (!beside.is_empty()).then(|| Box::new(beside));
        Self { from: key.from, until: fact.until, fixed, beside }
    }

    /// Where it began.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.from
    }
}

impl Table {
    /// The table of what a store holds.
    pub fn load(session: &Session) -> Result<Self, StoreError> {
        // The store keeps them by day. Sorted some at a time, so that little more is held than the table itself.
        let mut by_position: BTreeMap<u64, Vec<Brought>> = BTreeMap::new();
        for entry in session.facts(FactKey::FIRST..=FactKey::LAST) {
            let (key, fact) = entry?;
            by_position.entry(key.from / SORTED_AT_ONCE).or_default().push(Brought::of(key, &fact));
        }
        let table = Self::default();
        while let Some((_, mut some)) = by_position.pop_first() {
            some.sort_unstable_by_key(Brought::position);
            table.apply(some);
        }
        Ok(table)
    }

    /// Takes the place of what it was by what a store holds now.
    pub fn reload(&self, session: &Session) -> Result<(), StoreError> {
        let view = Self::load(session)?.view();
        *self.0.write() = view;
        Ok(())
    }

    /// Takes in what a batch brought: new facts, and older ones that ended. By position.
    pub fn apply(&self, batch: Vec<Brought>) {
        let mut view = self.0.write();
        for brought in batch {
            view.apply(brought);
        }
    }

    /// The facts now.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.read().clone()
    }
}

impl View {
    fn apply(&mut self, brought: Brought) {
        let Brought { from, until, fixed, beside } = brought;
        if from > self.last_position() {
            if !self.last.has_room(from) {
                Arc::make_mut(&mut self.full).push(std::mem::take(&mut self.last));
            }
            Arc::make_mut(&mut self.last).push(from, fixed, beside);
        }
        if until != IN_FORCE {
            self.block_of(from).end(from, until);
        }
    }

    fn last_position(&self) -> u64 {
        self.last.last().or_else(|| self.full.last().and_then(|block| block.last())).unwrap_or(0)
    }

    fn block_of(&self, from: u64) -> &Block {
        if !self.last.is_empty() && self.last.first() <= from {
            return &self.last;
        }
        let after = self.full.partition_point(|block| block.first() <= from);
        self.full.get(after.saturating_sub(1)).unwrap_or(&self.last)
    }

    /// Counts every fact that a filter counts when the log ends at a position, on all cores: each thread begins with a
    /// `new` count, `add`s facts to it in no order, and the counts are `merge`d. `None` when `left` said so meanwhile.
    pub fn count<T: Send>(
        &self,
        position: Position,
        filter: &Filter,
        left: &AtomicBool,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, Seen<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Option<T> {
        let blocks: Vec<&Block> = self.full.iter().map(|block| &**block).chain([&*self.last]).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut count = new();
            while !left.load(Ordering::Relaxed) {
                let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                block.each(position.0, filter, |from, seen| add(&mut count, from, seen));
            }
            count
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let helpers = cores.min(blocks.len() / BLOCKS_PER_THREAD_MIN).saturating_sub(1);
        let count = std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut count = work();
            for helper in helpers {
                match helper.join() {
                    Ok(part) => merge(&mut count, part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            count
        });
        (!left.load(Ordering::Relaxed)).then_some(count)
    }
}

#[cfg(test)]
mod tests;
