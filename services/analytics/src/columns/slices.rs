//! Small numbers and flags of facts, bit by bit: a slice is one bit of one field, of 64 facts as one word. A count over some
//! facts is a population count, a sum is one per bit, and a condition is a few operations for 64 facts at once.
//!
//! All slices of the same 64 facts, a group, are contiguous: a pass over a group reads memory in order, and a single fact
//! costs a few cache lines. Fields that no fact of the segment has take no space.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::words;
use crate::bits::{WORD_BITS, places};
use crate::packed_fact::PackedFact;
use crate::packed_fact::column_form::{FLAGS, NUMBERS};

const BITS_MAX: usize = u16::BITS as usize;
/// Slices that a group can have.
pub(super) const SLICES_MAX: usize = NUMBERS * BITS_MAX + FLAGS;

/// The slices of a group: those of the numbers, then those of the flags.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Layout {
    /// Index of the first slice of each field, and the end of the last.
    #[serde(with = "words")]
    starts: [u16; NUMBERS + FLAGS + 1],
}

impl Layout {
    /// The slices of facts, of whose numbers and flags these bits occur.
    fn of(numbers: &[u16; NUMBERS], flags: u64) -> Self {
        let widths = numbers.iter().map(|bits| u16::BITS - bits.leading_zeros());
        let widths = widths.chain((0..FLAGS).map(|flag| u32::from(flags >> flag & 1 != 0)));
        let (mut starts, mut end) = ([0; NUMBERS + FLAGS + 1], 0);
        for (start, width) in starts[1..].iter_mut().zip(widths) {
            end += width;
            *start = u16::try_from(end).unwrap_or(u16::MAX);
        }
        Self { starts }
    }

    fn slices_of(&self, field: usize) -> Range<usize> {
        self.starts[field].into()..self.starts[field + 1].into()
    }

    /// The slices of a number, the lowest bit first.
    pub(super) fn number(&self, number: usize) -> Range<usize> {
        self.slices_of(number)
    }

    /// The slice of a flag; `None` where no fact has it.
    pub(super) fn flag(&self, flag: usize) -> Option<usize> {
        self.slices_of(NUMBERS + flag).next()
    }

    /// Slices of a group.
    pub(super) fn slices(&self) -> usize {
        self.starts[NUMBERS + FLAGS].into()
    }
}

/// The slices of all groups.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Slices {
    layout: Layout,
    #[serde(with = "words")]
    words: Box<[u64]>,
}

impl Slices {
    /// The slices of facts in their order.
    pub(super) fn of(facts: &[PackedFact]) -> Self {
        let (mut occurring, mut flags) = ([0; NUMBERS], 0);
        for fact in facts {
            for (bits, number) in occurring.iter_mut().zip(fact.numbers()) {
                *bits |= number;
            }
            flags |= fact.flags();
        }
        let layout = Layout::of(&occurring, flags);
        let slices = layout.slices();
        let mut words = vec![0; facts.len().div_ceil(WORD_BITS) * slices];
        for (place, fact) in facts.iter().enumerate() {
            let group = &mut words[place / WORD_BITS * slices..][..slices];
            let fact_bit = 1 << (place % WORD_BITS);
            for (number, value) in fact.numbers().into_iter().enumerate() {
                let start = layout.number(number).start;
                places(value.into()).for_each(|bit| group[start + bit] |= fact_bit);
            }
            places(fact.flags())
                .filter_map(|flag| layout.flag(flag))
                .for_each(|slice| group[slice] |= fact_bit);
        }
        Self { layout, words: words.into() }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// 64 facts.
    #[inline]
    pub(super) fn group(&self, number: usize) -> Group<'_> {
        let slices = self.layout.slices();
        Group { layout: &self.layout, words: &self.words[number * slices..][..slices] }
    }
}

/// The slices of 64 facts.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    layout: &'a Layout,
    words: &'a [u64],
}

impl<'a> Group<'a> {
    /// All slices.
    #[allow(clippy::inline_always)] // see [`super::dense`]
    #[inline(always)]
    pub(super) fn words(self) -> &'a [u64] {
        self.words
    }

    /// The slices of a number, the lowest bit first.
    #[allow(clippy::inline_always)] // see [`super::dense`]
    #[inline(always)]
    pub(super) fn number(self, number: usize) -> &'a [u64] {
        &self.words[self.layout.number(number)]
    }

    /// The facts that have a flag.
    #[allow(clippy::inline_always)] // see [`super::dense`]
    #[inline(always)]
    pub(super) fn flag(self, flag: usize) -> u64 {
        self.layout.flag(flag).map_or(0, |slice| self.words[slice])
    }

    /// The facts of which a number is above 0.
    #[inline]
    pub(super) fn has(self, number: usize) -> u64 {
        self.number(number).iter().fold(0, |facts, slice| facts | slice)
    }

    /// The facts of which a number is this one.
    #[allow(clippy::inline_always)] // see [`super::dense`]
    #[inline(always)]
    pub(super) fn equal(self, number: usize, value: usize) -> u64 {
        equal(self.number(number), value)
    }

    /// The numbers and flags of some facts; those of others are left as they are.
    pub(super) fn read(self, facts: u64, into: &mut Read) {
        for number in 0..NUMBERS {
            for (bit, slice) in self.number(number).iter().enumerate() {
                places(slice & facts).for_each(|place| into.numbers[place][number] |= 1 << bit);
            }
        }
        for flag in 0..FLAGS {
            places(self.flag(flag) & facts).for_each(|place| into.flags[place] |= 1 << flag);
        }
    }
}

/// The facts of which a number, by its slices, is this one.
#[allow(clippy::inline_always)] // see [`super::dense`]
#[inline(always)]
pub(super) fn equal(slices: &[u64], value: usize) -> u64 {
    if value >> slices.len() != 0 {
        return 0;
    }
    let bits = slices.iter().enumerate();
    bits.fold(u64::MAX, |facts, (bit, slice)| facts & if value >> bit & 1 != 0 { *slice } else { !slice })
}

/// Some facts by the value of a number of so many bits at most, by its slices.
#[allow(clippy::inline_always)] // see [`super::dense`]
#[inline(always)]
pub(super) fn by_value<const BITS: usize, const VALUES: usize>(slices: &[u64], facts: u64) -> [u64; VALUES] {
    const { assert!(VALUES == 1 << BITS) };
    let mut of_value = [0; VALUES];
    of_value[0] = facts;
    for bit in 0..BITS {
        let slice = slices.get(bit).copied().unwrap_or(0);
        for value in 0..1 << bit {
            of_value[value | 1 << bit] = of_value[value] & slice;
            of_value[value] &= !slice;
        }
    }
    of_value
}

/// The facts of which one number, by its slices, is greater than another.
#[inline]
pub(super) fn greater(slices: &[u64], other: &[u64]) -> u64 {
    let bit = |slices: &[u64], bit: usize| slices.get(bit).copied().unwrap_or(0);
    // From the lowest bit: a higher bit that differs decides.
    (0..slices.len().max(other.len())).fold(0, |greater, at| {
        let (own, other) = (bit(slices, at), bit(other, at));
        (own & !other) | (greater & !(own ^ other))
    })
}

/// Numbers and flags of 64 facts.
pub(super) struct Read {
    pub(super) numbers: [[u16; NUMBERS]; WORD_BITS],
    pub(super) flags: [u64; WORD_BITS],
}

impl Default for Read {
    fn default() -> Self {
        Self { numbers: [[0; NUMBERS]; WORD_BITS], flags: [0; WORD_BITS] }
    }
}
