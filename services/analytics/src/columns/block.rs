//! A block of some thousand consecutive positions, each with the fact that its event began, if any. Facts are
//! immutable; their ends are stored separately, so that little is copied when one ends.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::delta::{Key, NewFact};
use super::directory::{Directory, ENTRIES_MAX};
use super::ends::Ends;
use super::overflows::Overflows;
use crate::bits::{WORD_BITS, all_places, has_bit, lowest, places, set_bit};
use crate::filter::Filter;
use crate::packed_fact::{FactRef, PackedFact};
use crate::scope::Scope;

/// Positions per block: few enough to copy a growing block quickly, many enough to make the overhead of a block
/// negligible.
pub(super) const BLOCK_POSITIONS: usize = 4_096;

/// Number of scopes of a set up to which the keys of a growing block are compared with each of them.
const SCOPES_COMPARED_MAX: usize = 4;

const _: () = assert!(BLOCK_POSITIONS <= ENTRIES_MAX);

/// Consecutive positions, from the first of the block.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    facts: Arc<Facts>,
    ends: Arc<Ends>,
}

#[derive(Clone, Debug, Default)]
struct Facts {
    fixed: Vec<PackedFact>,
    /// The keys of each fact: the columns of a block that grows, which each query for a few scopes examines.
    keys: Vec<Key>,
    /// Positions that began a fact.
    present: Vec<u64>,
    overflows: Overflows,
    /// First and last day of activity; `None` without facts.
    days: Option<(i32, i32)>,
    /// Of a full block, once a query needs it.
    directory: OnceLock<Directory>,
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
            facts.keys.reserve_exact(room);
        }
        facts.fixed.push(PackedFact::NOTHING);
        facts.keys.push(Key::of(&PackedFact::NOTHING));
        if let Some(fact) = fact {
            facts.set(facts.fixed.len() - 1, fact);
        }
    }

    /// Sets the fact of a position that had none.
    pub(super) fn set(&mut self, index: usize, fact: &NewFact) {
        Arc::make_mut(&mut self.facts).set(index, fact);
    }

    /// Records the end of a fact.
    pub(super) fn end(&mut self, index: usize, at: u32) {
        Arc::make_mut(&mut self.ends).insert(short(index), at);
    }

    /// The facts that ended.
    pub(super) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Indexes of the facts that may belong to one of the scopes of each set; `None` if every fact may.
    pub(super) fn find(&self, sets: &[Vec<Scope>]) -> Option<Cow<'_, [u16]>> {
        if sets.is_empty() {
            return None;
        }
        let entry = |index: usize| u16::try_from(index).unwrap_or(u16::MAX);
        if !self.is_full() {
            let narrow = || sets.iter().filter(|set| set.len() <= SCOPES_COMPARED_MAX);
            let belongs = |key: Key| narrow().all(|set| set.iter().any(|scope| key.is_of(*scope)));
            let found = || self.indexes().filter(|index| belongs(self.facts.keys[*index])).map(entry);
            return narrow().next().map(|_| found().collect());
        }
        let of = || Directory::of(self.facts().map(|(index, fact)| (entry(index), Key::of(fact.fixed()))));
        self.facts.directory.get_or_init(of).find(sets, 0..BLOCK_POSITIONS)
    }

    /// First and last day of activity; `None` without a fact.
    pub(super) fn days(&self) -> Option<(i32, i32)> {
        self.facts.days
    }

    /// Indexes of the facts, in force or not.
    pub(super) fn indexes(&self) -> impl Iterator<Item = usize> {
        all_places(&self.facts.present)
    }

    /// Every fact by its index, in force or not.
    pub(super) fn facts(&self) -> impl Iterator<Item = (usize, FactRef<'_>)> {
        self.indexes().map(|index| (index, self.facts.fact(index)))
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

    /// Calls a function for every fact that a filter matches, with its index; only for those of `among`, if given.
    #[inline]
    pub(super) fn each<'a>(
        &'a self,
        as_of: AsOf,
        filter: &Filter,
        among: Option<&[u16]>,
        mut take: impl FnMut(usize, FactRef<'a>),
    ) {
        let mut take_matching = |index| {
            let fact = self.facts.fact(index);
            if filter.matches(&fact) {
                take(index, fact);
            }
        };
        match among {
            Some(among) => {
                let among = among.iter().map(|index| usize::from(*index));
                among.filter(|index| self.is_in_force(*index, as_of)).for_each(take_matching);
            }
            None => {
                for (word, bits) in self.in_force(as_of).into_iter().enumerate() {
                    places(bits).for_each(|bit| take_matching(word * WORD_BITS + bit));
                }
            }
        }
    }

    /// One bit per fact in force.
    fn in_force(&self, as_of: AsOf) -> Vec<u64> {
        let mut in_force = self.facts.present.clone();
        for (word, bits) in in_force.iter_mut().enumerate() {
            *bits &= match as_of {
                AsOf::Now => !self.ends.word(word),
                AsOf::Then { position, known } => {
                    lowest(known.saturating_sub(word * WORD_BITS)) & !self.ends.word_at(word, position)
                }
            };
        }
        in_force
    }
}

impl Facts {
    fn set(&mut self, index: usize, new: &NewFact) {
        self.directory = OnceLock::new();
        set_bit(&mut self.present, index);
        self.fixed[index] = new.fixed;
        self.keys[index] = Key::of(&new.fixed);
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

/// An index in a block, as ends and overflows keep it.
fn short(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
