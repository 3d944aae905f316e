//! A block of some thousand consecutive positions, each with the fact that its event began, if any. Facts are
//! immutable; their ends are stored separately, so that little is copied when one ends.

use std::sync::Arc;

use super::bits::{WORD_BITS, has_bit, lowest, places, set_bit};
use super::delta::NewFact;
use super::ends::Ends;
use super::overflows::Overflows;
use crate::filter::Filter;
use crate::packed_fact::{FactRef, PackedFact};

/// Positions per block: few enough to copy a growing block quickly, many enough to make the overhead of a block
/// negligible.
pub(super) const BLOCK_POSITIONS: usize = 4_096;

/// Consecutive positions, from the first of the block.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    facts: Arc<Facts>,
    ends: Arc<Ends>,
}

#[derive(Clone, Debug, Default)]
struct Facts {
    fixed: Vec<PackedFact>,
    /// Positions that began a fact.
    present: Vec<u64>,
    overflows: Overflows,
    /// First and last day of activity; `None` without facts.
    days: Option<(i32, i32)>,
}

/// Which of the facts of a block or a segment a query counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AsOf {
    /// The facts currently in force.
    Now,
    /// The facts in force at an earlier position, when the block had `known` positions.
    Then { position: u64, known: usize },
}

impl Block {
    pub(super) fn len(&self) -> usize {
        self.facts.fixed.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == BLOCK_POSITIONS
    }

    /// Appends the fact of the next position, if any.
    pub(super) fn push(&mut self, fact: Option<&NewFact>) {
        let facts = Arc::make_mut(&mut self.facts);
        if facts.fixed.len() == facts.fixed.capacity() {
            let room = BLOCK_POSITIONS - facts.fixed.len();
            facts.fixed.reserve_exact(room);
        }
        facts.fixed.push(PackedFact::NOTHING);
        if let Some(fact) = fact {
            facts.set(facts.fixed.len() - 1, fact);
        }
    }

    /// Sets the fact of a position that had none.
    pub(super) fn set(&mut self, index: usize, fact: &NewFact) {
        Arc::make_mut(&mut self.facts).set(index, fact);
    }

    /// Records the end of a fact.
    pub(super) fn end(&mut self, index: usize, at: u64) {
        Arc::make_mut(&mut self.ends).insert(short(index), at);
    }

    /// The facts that ended.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Every fact by its index, in force or not.
    pub(super) fn facts(&self) -> impl Iterator<Item = (usize, FactRef<'_>)> {
        let words = self.facts.present.iter().enumerate();
        let indexes = words.flat_map(|(word, bits)| places(*bits).map(move |bit| word * WORD_BITS + bit));
        indexes.map(|index| (index, self.facts.fact(index)))
    }

    /// The fact at an index, in force or not.
    pub(super) fn fact(&self, index: usize) -> Option<FactRef<'_>> {
        has_bit(&self.facts.present, index).then(|| self.facts.fact(index))
    }

    /// Whether the fact at an index is in force.
    pub(super) fn is_in_force(&self, index: usize, as_of: AsOf) -> bool {
        let is_present = has_bit(&self.facts.present, index);
        match as_of {
            AsOf::Now => is_present && !self.ends.has(index),
            AsOf::Then { position, known } => {
                let ended = || self.ends.position(short(index));
                is_present && index < known && ended().is_none_or(|at| at > position)
            }
        }
    }

    /// Calls a function for every fact that a filter matches, with its index.
    #[inline]
    pub(super) fn each<'a>(&'a self, as_of: AsOf, filter: &Filter, mut take: impl FnMut(usize, FactRef<'a>)) {
        let days = filter.days();
        if self.facts.days.is_none_or(|(first, last)| last < *days.start() || *days.end() < first) {
            return;
        }
        for (word, bits) in self.in_force(as_of).into_iter().enumerate() {
            for bit in places(bits) {
                let index = word * WORD_BITS + bit;
                let fact = self.facts.fact(index);
                if filter.matches(&fact) {
                    take(index, fact);
                }
            }
        }
    }

    /// One bit per fact in force.
    fn in_force(&self, as_of: AsOf) -> Vec<u64> {
        let mut in_force = self.facts.present.clone();
        match as_of {
            AsOf::Now => {
                for (word, bits) in in_force.iter_mut().enumerate() {
                    *bits &= !self.ends.word(word);
                }
            }
            AsOf::Then { position, known } => {
                for (word, bits) in in_force.iter_mut().enumerate() {
                    *bits &= lowest(known.saturating_sub(word * WORD_BITS));
                }
                for (index, _) in self.ends.all().filter(|(_, at)| *at <= position) {
                    let index = usize::from(index);
                    in_force[index / WORD_BITS] &= !(1 << (index % WORD_BITS));
                }
            }
        }
        in_force
    }
}

impl Facts {
    fn set(&mut self, index: usize, new: &NewFact) {
        set_bit(&mut self.present, index);
        self.fixed[index] = new.fixed;
        let day = new.fixed.day;
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((day.min(first), day.max(last)));
        if let Some(overflow) = &new.overflow {
            self.overflows.insert(short(index), overflow);
        }
    }

    #[inline]
    fn fact(&self, index: usize) -> FactRef<'_> {
        self.overflows.complete(short(index), self.fixed[index])
    }
}

/// An index in a block, which has fewer than 65,536 positions.
fn short(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}
