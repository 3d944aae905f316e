//! A block of some thousand consecutive positions, each with the fact that its event began, if any. Facts are
//! immutable; their ends are stored separately, so that little is copied when one ends.

use std::sync::Arc;

use super::delta::NewFact;
use crate::filter::Filter;
use crate::packed_fact::{FactRef, PackedFact, Redirected, WideCounts};

/// Positions per block: few enough to copy a growing block quickly, many enough to make the overhead of a block
/// negligible.
pub(super) const BLOCK_POSITIONS: usize = 4_096;

/// Single positions that are looked at in one go.
const LOOKED_UP_TOGETHER: usize = 32;

const WORD_BITS: usize = u64::BITS as usize;

/// One bit per position of a block.
type Bits = [u64; BLOCK_POSITIONS / WORD_BITS];

const NO_BITS: Bits = [0; BLOCK_POSITIONS / WORD_BITS];

/// Consecutive positions, from the first of the block.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    facts: Arc<Facts>,
    ends: Arc<Ends>,
}

#[derive(Clone, Debug)]
struct Facts {
    fixed: Vec<PackedFact>,
    /// Positions that began a fact.
    present: Bits,
    /// Redirections, grouped by fact, in the order of the facts.
    redirections: Vec<Redirected>,
    /// Index of the fact of each redirection.
    redirected: Vec<u16>,
    /// Numbers that do not fit into the packed part, by index of the fact.
    numbers: Vec<(u16, Box<WideCounts>)>,
    /// First and last day of activity; `None` without facts.
    days: Option<(i32, i32)>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            fixed: Vec::new(),
            present: NO_BITS,
            redirections: Vec::new(),
            redirected: Vec::new(),
            numbers: Vec::new(),
            days: None,
        }
    }
}

/// Facts that ended.
#[derive(Clone, Debug)]
struct Ends {
    ended: Bits,
    /// Each with the position of its end.
    at: Vec<(u16, u64)>,
}

impl Default for Ends {
    fn default() -> Self {
        Self { ended: NO_BITS, at: Vec::new() }
    }
}

/// Which of a block's facts a query counts.
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
        let ends = Arc::make_mut(&mut self.ends);
        set_bit(&mut ends.ended, index);
        ends.at.push((short(index), at));
    }

    /// The position at which a fact ended.
    pub(super) fn ended(&self, index: usize) -> Option<u64> {
        let end = self.ends.at.iter().find(|(ended, _)| usize::from(*ended) == index);
        end.map(|(_, at)| *at)
    }

    /// Every fact by its index, in force or not.
    pub(super) fn facts(&self) -> impl Iterator<Item = (u32, &PackedFact)> {
        let Facts { fixed, present, .. } = &*self.facts;
        let is_present = |index: u32| usize::try_from(index).is_ok_and(|index| has_bit(present, index));
        (0..).zip(fixed).filter(move |(index, _)| is_present(*index))
    }

    /// The day at an index, of a fact or of an empty slot.
    #[inline]
    pub(super) fn day(&self, index: usize) -> Option<i32> {
        self.facts.fixed.get(index).map(|it| it.day)
    }

    /// The fact at an index, in force or not.
    pub(super) fn fact(&self, index: usize) -> Option<FactRef<'_>> {
        has_bit(&self.facts.present, index).then(|| self.facts.fact(index))
    }

    /// Whether the fact at an index is in force.
    pub(super) fn counts(&self, index: usize, as_of: AsOf) -> bool {
        let facts = &self.facts;
        match as_of {
            AsOf::Now => has_bit(&facts.present, index) && !has_bit(&self.ends.ended, index),
            AsOf::Then { position, known } => {
                index < known
                    && has_bit(&facts.present, index)
                    && self.ended(index).is_none_or(|at| at > position)
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
        let counting = self.counting(as_of);
        for (word, mut bits) in counting.into_iter().enumerate() {
            while bits != 0 {
                let index = word * WORD_BITS + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let fact = self.facts.fact(index);
                if filter.matches(&fact) {
                    take(index, fact);
                }
            }
        }
    }

    /// Bits of the facts in force.
    fn counting(&self, as_of: AsOf) -> Bits {
        let mut counting = self.facts.present;
        match as_of {
            AsOf::Now => {
                for (bits, ended) in counting.iter_mut().zip(&self.ends.ended) {
                    *bits &= !ended;
                }
            }
            AsOf::Then { position, known } => {
                for (index, _) in self.ends.at.iter().filter(|(_, at)| *at <= position) {
                    clear_bit(&mut counting, usize::from(*index));
                }
                for index in known..self.len() {
                    clear_bit(&mut counting, index);
                }
            }
        }
        counting
    }
}

impl Facts {
    fn set(&mut self, index: usize, brought: &NewFact) {
        set_bit(&mut self.present, index);
        self.fixed[index] = brought.fixed;
        let day = brought.fixed.day;
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((day.min(first), day.max(last)));
        let Some(overflow) = &brought.overflow else {
            return;
        };
        let of = short(index);
        let first = self.redirected.partition_point(|other| *other < of);
        self.redirected.splice(first..first, overflow.redirections.iter().map(|_| of));
        self.redirections.splice(first..first, overflow.redirections.iter().copied());
        if let Some(numbers) = &overflow.numbers {
            let place = self.numbers.partition_point(|(other, _)| *other < of);
            self.numbers.insert(place, (of, numbers.clone()));
        }
    }

    #[inline]
    fn fact(&self, index: usize) -> FactRef<'_> {
        let fixed = &self.fixed[index];
        if fixed.has_overflow {
            self.seen_with_beside(fixed, short(index))
        } else {
            FactRef::new(fixed, &[], None)
        }
    }

    fn seen_with_beside<'a>(&'a self, fixed: &'a PackedFact, of: u16) -> FactRef<'a> {
        let first = self.redirected.partition_point(|other| *other < of);
        let number = self.redirected[first..].iter().take_while(|other| **other == of).count();
        let numbers = self.numbers.binary_search_by_key(&of, |(other, _)| *other).ok();
        let numbers = numbers.map(|place| &*self.numbers[place].1);
        FactRef::new(fixed, &self.redirections[first..first + number], numbers)
    }
}

/// An index in a block, which has fewer than 65,536 positions.
fn short(index: usize) -> u16 {
    u16::try_from(index).unwrap_or(u16::MAX)
}

fn set_bit(bits: &mut Bits, index: usize) {
    bits[index / WORD_BITS] |= 1 << (index % WORD_BITS);
}

fn clear_bit(bits: &mut Bits, index: usize) {
    bits[index / WORD_BITS] &= !(1 << (index % WORD_BITS));
}

fn has_bit(bits: &Bits, index: usize) -> bool {
    bits.get(index / WORD_BITS).is_some_and(|word| word & (1 << (index % WORD_BITS)) != 0)
}

/// Where a position is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) block: usize,
    pub(super) index: usize,
}

impl Place {
    /// The place of a position from 1 on.
    #[inline]
    pub(super) fn of(position: u64) -> Option<Self> {
        let before = usize::try_from(position.checked_sub(1)?).ok()?;
        Some(Self { block: before / BLOCK_POSITIONS, index: before % BLOCK_POSITIONS })
    }
}

/// Every fact, in force or not, with its position.
pub(super) fn facts(blocks: &[Block]) -> impl Iterator<Item = (u32, &PackedFact)> {
    let firsts = (1_u32..).step_by(BLOCK_POSITIONS);
    firsts.zip(blocks).flat_map(|(first, block)| block.facts().map(move |(index, it)| (first + index, it)))
}

/// The fact from a position, in force now.
pub(super) fn fact_in_force(blocks: &[Block], from: u32) -> Option<FactRef<'_>> {
    let Place { block, index } = Place::of(u64::from(from))?;
    let block = blocks.get(block).filter(|block| block.counts(index, AsOf::Now))?;
    block.fact(index)
}

/// Positions with the day of what stands there. They are far from each other in memory, which gives several days at a time
/// where nothing is decided in between: some are read at once, and who looks at the facts next finds them near. Cheapest by
/// `for_each`, which becomes two plain loops.
#[inline]
pub(super) fn with_days(blocks: &[Block], positions: &[u32]) -> impl Iterator<Item = (u32, i32)> {
    let day_at = |from| Place::of(u64::from(from)).and_then(|it| blocks.get(it.block)?.day(it.index));
    positions.chunks(LOOKED_UP_TOGETHER).flat_map(move |some| {
        let mut days = [None; LOOKED_UP_TOGETHER];
        for (day, from) in days.iter_mut().zip(some) {
            *day = day_at(*from);
        }
        some.iter().zip(days).filter_map(|(from, day)| Some((*from, day?)))
    })
}

/// The fact from a position, in force or not.
pub(super) fn fact(blocks: &[Block], from: u32) -> Option<FactRef<'_>> {
    let Place { block, index } = Place::of(u64::from(from))?;
    blocks.get(block)?.fact(index)
}
