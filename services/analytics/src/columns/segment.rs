//! A segment: many full blocks as columns, with codes bit-packed and small numbers and flags bit-sliced. Facts are immutable,
//! but they can end.
//!
//! The facts of a segment are sorted by month, department, structure and advisor: facts that one query selects are adjacent,
//! so that most groups of 64 facts match as a whole or not at all.

use std::ops::Range;
use std::slice;
use std::sync::Arc;

use cra_domain::territory;
use hashbrown::HashMap;

use super::bits::{WORD_BITS, has_bit, lowest, places, set_bit};
use super::block::{AsOf, BLOCK_POSITIONS, Block};
use super::delta::NewFact;
use super::ends::Ends;
use super::overflows::Overflows;
use super::packed::Packed;
use super::slices::{Group, Layout, Read, Slices};
use crate::fact::date_of;
use crate::packed_fact::column_form::{CODES, code};
use crate::packed_fact::{FactRef, PackedFact};

/// Blocks of a segment: as many as make its places fit 16 bits.
pub(super) const SEGMENT_BLOCKS: usize = 16;
/// Positions of a segment.
pub(super) const SEGMENT_POSITIONS: usize = SEGMENT_BLOCKS * BLOCK_POSITIONS;

const _: () = assert!(SEGMENT_POSITIONS <= 1 << u16::BITS);

/// Consecutive positions, all of them known.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    facts: Arc<Facts>,
    ends: Arc<Ends>,
}

#[derive(Debug)]
struct Facts {
    /// Facts; each has a place below.
    length: usize,
    /// Which positions began a fact, by offset.
    present: Vec<u64>,
    /// Place of the fact of each position; of no meaning where there is none.
    places: Box<[u16]>,
    /// Offset of the position of each fact, by place.
    offsets: Box<[u16]>,
    slices: Slices,
    codes: [Packed; CODES],
    /// First and last day of activity; `None` without a fact.
    days: Option<(i32, i32)>,
    /// Zone map: what the facts of each group have in common.
    zones: Box<[Zone]>,
    overflows: Overflows,
}

/// What the facts of a group have in common.
#[derive(Clone, Copy, Debug)]
struct Zone {
    /// First and last day of activity.
    days: (i32, i32),
    /// Number of leading sort keys that are the same in all of its facts.
    shared: u8,
}

/// The sort keys of a segment, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortKey {
    Month,
    Department,
    Structure,
    Advisor,
}

/// Keys of a fact, read without the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) commune: u16,
    pub(super) structure: u32,
    pub(super) advisor: u32,
}

impl Key {
    /// The keys of a fact.
    pub(super) fn of(fact: &PackedFact) -> Self {
        Self { commune: fact.commune, structure: fact.structure, advisor: fact.advisor }
    }
}

impl Segment {
    /// The segment of full blocks, as many as it has.
    pub(super) fn of(blocks: &[Block]) -> Self {
        let firsts = (0..).step_by(BLOCK_POSITIONS);
        let facts = firsts
            .zip(blocks)
            .flat_map(|(first, block)| block.facts().map(move |(index, fact)| (short(first + index), fact)));
        Self { facts: Arc::new(Facts::of(facts)), ends: Arc::default() }.with_ends_of(blocks)
    }

    /// The same facts, ended as they are in the blocks that they come from.
    pub(super) fn with_ends_of(self, blocks: &[Block]) -> Self {
        let mut ends = Ends::default();
        for (number, block) in blocks.iter().enumerate() {
            for (index, position) in block.ends().all() {
                ends.insert(self.facts.places[number * BLOCK_POSITIONS + usize::from(index)], position);
            }
        }
        Self { ends: Arc::new(ends), ..self }
    }

    /// Adds a fact where the event of a position had begun none: the segment is made anew.
    pub(super) fn set(&mut self, offset: usize, new: &NewFact) {
        let facts = &self.facts;
        let there = (0..facts.length).map(|place| (facts.offsets[place], facts.fact(place)));
        let all = there.chain([(short(offset), new.fact())]);
        let made = Facts::of(all);
        let mut ends = Ends::default();
        for (place, position) in self.ends.all() {
            let offset = facts.offsets[usize::from(place)];
            ends.insert(made.places[usize::from(offset)], position);
        }
        *self = Self { facts: Arc::new(made), ends: Arc::new(ends) };
    }

    /// Records the end of the fact of an offset.
    pub(super) fn end(&mut self, offset: usize, position: u64) {
        Arc::make_mut(&mut self.ends).insert(self.facts.places[offset], position);
    }

    /// The position at which the fact of an offset ended.
    pub(super) fn ended(&self, offset: usize) -> Option<u64> {
        self.place(offset).and_then(|place| self.ends.position(place))
    }

    /// The place of the fact of an offset; `None` where the event began none.
    pub(super) fn place(&self, offset: usize) -> Option<u16> {
        has_bit(&self.facts.present, offset).then(|| self.facts.places[offset])
    }

    /// The offset of the position of a fact.
    pub(super) fn offset(&self, place: usize) -> usize {
        self.facts.offsets[place].into()
    }

    /// The fact at a place, in force or not.
    pub(super) fn fact(&self, place: u16) -> FactRef<'_> {
        self.facts.fact(place.into())
    }

    /// Day of activity of the fact at a place.
    pub(super) fn day(&self, place: usize) -> i32 {
        self.facts.day(place)
    }

    /// First and last day of activity of a group.
    pub(super) fn days_of_group(&self, group: usize) -> (i32, i32) {
        self.facts.zones[group].days
    }

    /// Whether all facts of a group have the same value of a sort key.
    #[inline]
    pub(super) fn is_shared(&self, key: SortKey, group: usize) -> bool {
        usize::from(self.facts.zones[group].shared) > key as usize
    }

    /// First and last day of activity; `None` without a fact.
    pub(super) fn days(&self) -> Option<(i32, i32)> {
        self.facts.days
    }

    /// Every fact by its offset, in force or not, with its keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = (usize, Key)> {
        (0..self.facts.length).map(|place| (self.offset(place), self.facts.key(place)))
    }

    /// Groups of 64 facts; the last one may have fewer.
    pub(super) fn groups(&self) -> usize {
        self.facts.length.div_ceil(WORD_BITS)
    }

    /// All groups, with all of their facts.
    pub(super) fn all_groups(&self) -> Groups<'static> {
        Groups::All(0..self.groups())
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

    /// The code of the fact at a place; see [`code`].
    #[inline]
    pub(super) fn code(&self, code: usize, place: usize) -> i64 {
        self.facts.codes[code].get(place)
    }

    /// Calls a function for some facts of a group, with their places.
    #[inline]
    pub(super) fn read<'a>(&'a self, group: usize, facts: u64, mut take: impl FnMut(usize, FactRef<'a>)) {
        let mut read = Read::default();
        self.group(group).read(facts, &mut read);
        for bit in places(facts) {
            let place = group * WORD_BITS + bit;
            let codes = std::array::from_fn(|code| self.code(code, place));
            let fixed = PackedFact::of_columns(codes, &read.numbers[bit], read.flags[bit]);
            take(place, self.facts.overflows.complete(short(place), fixed));
        }
    }

    /// Which facts were in force.
    pub(super) fn in_force(&self, as_of: AsOf) -> InForce<'_> {
        let words = match as_of {
            AsOf::Now => None,
            AsOf::Then { position, known } => Some(self.in_force_then(position, known)),
        };
        InForce { ends: &self.ends, words, length: self.facts.length }
    }

    fn in_force_then(&self, position: u64, known: usize) -> Vec<u64> {
        let mut words: Vec<u64> =
            (0..self.groups()).map(|group| lowest(self.facts.length - group * WORD_BITS)).collect();
        let mut leave_out = |place: usize| words[place / WORD_BITS] &= !(1 << (place % WORD_BITS));
        if known < SEGMENT_POSITIONS {
            (0..self.facts.length).filter(|place| self.offset(*place) >= known).for_each(&mut leave_out);
        }
        let ended = self.ends.all().filter(|(_, at)| *at <= position);
        ended.for_each(|(place, _)| leave_out(place.into()));
        words
    }
}

/// Groups of a segment, each with a bit for each of its facts to examine.
#[derive(Clone)]
pub(super) enum Groups<'g> {
    /// Groups with all of their facts, by number.
    All(Range<usize>),
    Listed(slice::Iter<'g, (usize, u64)>),
}

impl Iterator for Groups<'_> {
    type Item = (usize, u64);

    #[inline]
    fn next(&mut self) -> Option<(usize, u64)> {
        match self {
            Self::All(numbers) => numbers.next().map(|group| (group, u64::MAX)),
            Self::Listed(groups) => groups.next().copied(),
        }
    }
}

/// The facts in force, 64 at once.
pub(super) struct InForce<'a> {
    ends: &'a Ends,
    /// Those of a past position; `None` of now.
    words: Option<Vec<u64>>,
    length: usize,
}

impl InForce<'_> {
    /// Those of a group.
    #[inline]
    pub(super) fn group(&self, number: usize) -> u64 {
        match &self.words {
            Some(words) => words[number],
            None => lowest(self.length - number * WORD_BITS) & !self.ends.word(number),
        }
    }
}

impl Facts {
    fn of<'a>(facts: impl Iterator<Item = (u16, FactRef<'a>)>) -> Self {
        let facts: Vec<_> = facts.collect();
        let mut order = Order::default();
        // Sorted apart from the facts, which are large.
        let keys = (0_usize..).zip(&facts);
        let mut sorted: Vec<_> =
            keys.map(|(index, (offset, fact))| (order.of(fact.fixed()), *offset, index)).collect();
        sorted.sort_unstable();
        let (mut present, mut places) = (Vec::new(), vec![0; SEGMENT_POSITIONS]);
        let (mut overflows, mut days) = (Overflows::default(), None);
        let mut fixed: Vec<PackedFact> = Vec::with_capacity(facts.len());
        for (place, (_, offset, index)) in sorted.iter().enumerate() {
            let fact = &facts[*index].1;
            set_bit(&mut present, (*offset).into());
            places[usize::from(*offset)] = short(place);
            if fact.fixed().has_overflow {
                overflows.insert(short(place), &fact.overflow());
            }
            let day = fact.fixed().day;
            let (first, last) = days.unwrap_or((day, day));
            days = Some((day.min(first), day.max(last)));
            fixed.push(*fact.fixed());
        }
        let zones = sorted.chunks(WORD_BITS).zip(fixed.chunks(WORD_BITS)).map(|(keys, facts)| {
            let days = facts.iter().map(|fact| fact.day);
            let days = days.fold((i32::MAX, i32::MIN), |(first, last), day| (first.min(day), last.max(day)));
            Zone { days, shared: shared(&keys[0].0, &keys[keys.len() - 1].0) }
        });
        let codes: Vec<_> = fixed.iter().map(PackedFact::codes).collect();
        Self {
            length: fixed.len(),
            present,
            places: places.into(),
            offsets: sorted.iter().map(|(_, offset, _)| *offset).collect(),
            slices: Slices::of(&fixed),
            codes: std::array::from_fn(|code| Packed::of(codes.iter().map(|codes| codes[code]))),
            days,
            zones: zones.collect(),
            overflows,
        }
    }

    fn fact(&self, place: usize) -> FactRef<'_> {
        let (bit, mut read) = (place % WORD_BITS, Read::default());
        self.slices.group(place / WORD_BITS).read(1 << bit, &mut read);
        let codes = std::array::from_fn(|code| self.codes[code].get(place));
        let fixed = PackedFact::of_columns(codes, &read.numbers[bit], read.flags[bit]);
        self.overflows.complete(short(place), fixed)
    }

    #[allow(clippy::cast_possible_truncation)] // it was widened
    fn day(&self, place: usize) -> i32 {
        self.codes[code::DAY].get(place) as i32
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // each was widened
    fn key(&self, place: usize) -> Key {
        Key {
            commune: self.codes[code::COMMUNE].get(place) as u16,
            structure: self.codes[code::STRUCTURE].get(place) as u32,
            advisor: self.codes[code::ADVISOR].get(place) as u32,
        }
    }
}

/// The sort order of facts.
#[derive(Default)]
struct Order {
    /// Rank of the month of a day: the same few days come again and again.
    months: HashMap<i32, i32>,
}

impl Order {
    fn of(&mut self, fact: &PackedFact) -> (i32, u16, u32, u32) {
        let month = *self.months.entry(fact.day).or_insert_with_key(|day| {
            date_of(*day).map_or(i32::MAX, |date| i32::from(date.year()) * 12 + i32::from(date.month()))
        });
        let communes = territory::communes();
        let department = communes.at(fact.commune).map(|id| communes.department_of(id));
        (month, department.map_or(u16::MAX, |id| id.index().into()), fact.structure, fact.advisor)
    }
}

/// Number of leading sort keys that are the same in the first and the last of sorted facts, and so in all of them.
fn shared(first: &(i32, u16, u32, u32), last: &(i32, u16, u32, u32)) -> u8 {
    let same = [first.0 == last.0, first.1 == last.1, first.2 == last.2, first.3 == last.3];
    same.into_iter().take_while(|same| *same).map(u8::from).sum()
}

/// A place or an offset within a segment, which has 65,536 at most.
fn short(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
