//! A segment: many full blocks as columns. Facts are immutable, but they can end.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::slice;
use std::sync::Arc;

use hashbrown::HashMap;

use super::block::{AsOf, BLOCK_POSITIONS, Block};
use super::delta::{Key, NewFact};
use super::ends::Ends;
use super::overflows::Overflows;
use super::sealed::{SEALED_POSITIONS, Sealed, SortKey};
use super::slices::{Group, Layout, Read};
use crate::bits::{WORD_BITS, lowest, places};
use crate::packed_fact::FactRef;
use crate::scope::Scope;

/// Blocks of a segment; in unit tests fewer than a segment can have.
pub(super) const SEGMENT_BLOCKS: usize = if cfg!(test) { 16 } else { SEALED_POSITIONS / BLOCK_POSITIONS };
/// Positions of a segment.
pub(super) const SEGMENT_POSITIONS: usize = SEGMENT_BLOCKS * BLOCK_POSITIONS;

/// Consecutive positions, all of them known.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    facts: Arc<Sealed>,
    ends: Arc<Ends>,
}

impl Segment {
    /// The segment of full blocks, as many as it has.
    pub(super) fn of(blocks: &[Block]) -> Self {
        let firsts = (0..).step_by(BLOCK_POSITIONS);
        let offsets = firsts.zip(blocks).flat_map(|(first, block)| block.indexes().map(move |at| first + at));
        let fact = |offset: usize| blocks.get(offset / BLOCK_POSITIONS)?.fact(offset % BLOCK_POSITIONS);
        let mut segment = Self::of_facts(Sealed::of(offsets, fact));
        segment.end_all((0..).step_by(BLOCK_POSITIONS).zip(blocks).flat_map(|(first, block)| {
            block.ends().all().map(move |(index, position)| (first + index as usize, position))
        }));
        segment
    }

    /// A segment of facts, none of which has ended.
    pub(super) fn of_facts(facts: Sealed) -> Self {
        Self { facts: Arc::new(facts), ends: Arc::default() }
    }

    pub(super) fn facts(&self) -> &Sealed {
        &self.facts
    }

    /// Adds facts where the events of positions had begun none: the segment is made anew.
    pub(super) fn set(&mut self, late: &[(usize, &NewFact)]) {
        let former = &self.facts;
        let mut offsets: Vec<usize> = (0..former.length).map(|place| former.offset(place)).collect();
        offsets.extend(late.iter().map(|(offset, _)| *offset));
        offsets.sort_unstable();
        let late: HashMap<usize, &NewFact> = late.iter().copied().collect();
        let fact = |offset| match late.get(&offset) {
            Some(new) => Some(new.fact()),
            None => former.place(offset).map(|place| former.fact(place)),
        };
        let facts = Sealed::of(offsets.into_iter(), fact);
        let ends = self.ends.all().map(|(place, position)| (former.offset(place as usize), position));
        let ends = ends.filter_map(|(offset, position)| Some((entry(facts.place(offset)?), position)));
        let ends = Ends::of(ends.collect());
        *self = Self { facts: Arc::new(facts), ends: Arc::new(ends) };
    }

    /// Records the end of the fact of an offset.
    pub(super) fn end(&mut self, offset: usize, position: u32) {
        if let Some(place) = self.facts.place(offset) {
            Arc::make_mut(&mut self.ends).insert(entry(place), position);
        }
    }

    /// Records the ends of facts, each by its offset: one by one, each would be inserted among the others.
    pub(super) fn end_all(&mut self, ends: impl Iterator<Item = (usize, u32)>) {
        let place = |(offset, position)| Some((entry(self.facts.place(offset)?), position));
        let all = self.ends.all().chain(ends.filter_map(place)).collect();
        self.ends = Arc::new(Ends::of(all));
    }

    /// The position at which the fact of an offset ended.
    pub(super) fn ended(&self, offset: usize) -> Option<u64> {
        self.place(offset).and_then(|place| self.ends.position(entry(place)))
    }

    /// The place of the fact of an offset; `None` where the event began none.
    pub(super) fn place(&self, offset: usize) -> Option<usize> {
        self.facts.place(offset)
    }

    /// The offset of the position of a fact.
    pub(super) fn offset(&self, place: usize) -> usize {
        self.facts.offset(place)
    }

    /// The fact at a place, in force or not.
    pub(super) fn fact(&self, place: usize) -> FactRef<'_> {
        self.facts.fact(place)
    }

    /// Day of activity of the fact at a place.
    pub(super) fn day(&self, place: usize) -> i32 {
        self.facts.day(place)
    }

    /// First and last day of activity of a group.
    pub(super) fn days_of_group(&self, group: usize) -> (i32, i32) {
        self.facts.zones[group].days
    }

    /// Whether all facts of a group have the same value of a sort key and of those before it.
    #[inline]
    pub(super) fn is_shared(&self, key: SortKey, group: usize) -> bool {
        usize::from(self.facts.zones[group].shared) > key as usize
    }

    /// First and last day of activity; `None` without a fact.
    pub(super) fn days(&self) -> Option<(i32, i32)> {
        self.facts.days
    }

    /// Keys of every fact, in force or not.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        (0..self.facts.length).map(|place| self.facts.key(place))
    }

    /// Groups of 64 facts; the last one may have fewer.
    pub(super) fn groups(&self) -> usize {
        self.facts.length.div_ceil(WORD_BITS)
    }

    /// The groups with facts of some months; also with facts of others, in the first and the last.
    pub(super) fn groups_of_months(&self, months: RangeInclusive<i32>) -> Range<usize> {
        self.facts.groups_of_months(months)
    }

    /// Those among some groups with facts that may belong to one of the scopes of each set; `None` if all have.
    pub(super) fn find(&self, sets: &[Vec<Scope>], among: Range<usize>) -> Option<Cow<'_, [u16]>> {
        self.facts.directory.find(sets, among)
    }

    pub(super) fn group(&self, number: usize) -> Group<'_> {
        self.facts.slices.group(number)
    }

    pub(super) fn layout(&self) -> &Layout {
        self.facts.slices.layout()
    }

    pub(super) fn overflows(&self) -> &Overflows {
        &self.facts.overflows
    }

    /// The code of the fact at a place; see [`crate::packed_fact::column_form::code`].
    #[inline]
    pub(super) fn code(&self, code: usize, place: usize) -> i64 {
        self.facts.code(code, place)
    }

    /// Calls a function for some facts of a group, with their places.
    #[inline]
    pub(super) fn read<'a>(&'a self, group: usize, facts: u64, mut take: impl FnMut(usize, FactRef<'a>)) {
        let mut read = Read::default();
        self.group(group).read(facts, &mut read);
        for place in places(facts).map(|bit| group * WORD_BITS + bit) {
            take(place, self.facts.complete(place, &read));
        }
    }

    /// Which facts of a group were in force.
    #[inline]
    pub(super) fn in_force(&self, as_of: AsOf, group: usize) -> u64 {
        let facts = lowest(self.facts.length - group * WORD_BITS);
        match as_of {
            AsOf::Now => facts & !self.ends.word(group),
            AsOf::Then { position, known } => {
                let facts = facts & !self.ends.word_at(group, position);
                if known >= SEGMENT_POSITIONS {
                    return facts;
                }
                let is_known = |bit: &usize| self.offset(group * WORD_BITS + bit) < known;
                places(facts).filter(is_known).fold(0, |facts, bit| facts | 1 << bit)
            }
        }
    }
}

/// Groups of a segment.
#[derive(Clone)]
pub(super) enum Groups<'g> {
    /// Consecutive groups.
    All(Range<usize>),
    /// Some groups.
    Found(slice::Iter<'g, u16>),
}

impl<'g> Groups<'g> {
    /// The groups that were found, or all of a range if there was nothing to look for.
    pub(super) fn of(found: Option<&'g [u16]>, all: Range<usize>) -> Self {
        found.map_or(Self::All(all), |found| Self::Found(found.iter()))
    }
}

impl Iterator for Groups<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        match self {
            Self::All(numbers) => numbers.next(),
            Self::Found(numbers) => numbers.next().map(|group| usize::from(*group)),
        }
    }
}

/// A place, as ends keep it.
fn entry(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
