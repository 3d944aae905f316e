//! The facts of a segment, which never change: codes bit-packed, small numbers and flags bit-sliced.
//!
//! They are sorted by month, department, structure and advisor: facts that one query selects are adjacent, so that most groups
//! of 64 facts match as a whole or not at all.

use std::ops::{Range, RangeInclusive};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::delta::Key;
use super::directory::{Directory, ENTRIES_MAX};
use super::months::month_of;
use super::overflows::Overflows;
use super::packed::Packed;
use super::slices::{Read, Slices};
use super::words;
use crate::bits::{WORD_BITS, all_places, has_bit, set_bit};
use crate::packed_fact::column_form::{CODES, code};
use crate::packed_fact::{FactRef, PackedFact};

/// Positions of a segment: as many as have no more groups than a directory has entries.
pub(super) const SEALED_POSITIONS: usize = ENTRIES_MAX * WORD_BITS;

/// Facts of consecutive positions. Each position has an offset, each fact a place in the order of the facts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// Number of facts.
    pub(super) length: usize,
    /// Which positions began a fact, by offset.
    #[serde(with = "words")]
    present: Vec<u64>,
    /// Place of the fact of each position, by offset; of no meaning where there is none.
    places: Packed,
    /// Offset of the position of each fact, by place.
    offsets: Packed,
    pub(super) slices: Slices,
    codes: [Packed; CODES],
    /// First and last day of activity; `None` without a fact.
    pub(super) days: Option<(i32, i32)>,
    /// The months of the facts, each with the place of its first fact.
    months: Box<[(i32, u32)]>,
    /// Zone map: what the facts of each group have in common.
    pub(super) zones: Box<[Zone]>,
    pub(super) overflows: Overflows,
    /// The groups of each scope.
    pub(super) directory: Directory,
}

/// What the facts of a group have in common.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Zone {
    /// First and last day of activity.
    pub(super) days: (i32, i32),
    /// Number of leading sort keys that are the same in all of its facts.
    pub(super) shared: u8,
}

/// The sort keys of a segment, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortKey {
    Month,
    Department,
    Structure,
    Advisor,
}

impl Sealed {
    /// The facts of some offsets, in the order of the offsets.
    pub(super) fn of<'a>(
        offsets: impl Iterator<Item = usize>,
        fact: impl Fn(usize) -> Option<FactRef<'a>>,
    ) -> Self {
        let mut order = Order::default();
        // Sorted apart from the facts, which are large.
        let key = |offset| Some(order.key(fact(offset)?.fixed(), offset));
        let mut keys: Vec<u128> = offsets.filter_map(key).collect();
        keys.sort_unstable();
        let positions = keys.iter().map(|key| offset_of(*key) + 1).max().unwrap_or_default();
        let (mut present, mut places) = (Vec::new(), vec![0; positions]);
        let mut overflows = Overflows::default();
        let mut fixed: Vec<PackedFact> = Vec::with_capacity(keys.len());
        for offset in keys.iter().map(|key| offset_of(*key)) {
            let Some(of_offset) = fact(offset) else { continue };
            let place = fixed.len();
            set_bit(&mut present, offset);
            places[offset] = number(place);
            if of_offset.fixed().has_overflow {
                overflows.insert(u32::try_from(place).unwrap_or(u32::MAX), &of_offset.overflow());
            }
            fixed.push(*of_offset.fixed());
        }
        let zones: Vec<Zone> = keys.chunks(WORD_BITS).zip(fixed.chunks(WORD_BITS)).map(Zone::of).collect();
        let days = zones.iter().map(|zone| zone.days);
        let by_group = (0..).zip(fixed.chunks(WORD_BITS));
        let by_group =
            by_group.flat_map(|(group, facts)| facts.iter().map(move |fact| (group, Key::of(fact))));
        Self {
            length: fixed.len(),
            present,
            places: Packed::of(places.iter().copied()),
            offsets: Packed::of(keys.iter().map(|key| number(offset_of(*key)))),
            slices: Slices::of(&fixed),
            codes: std::array::from_fn(|code| Packed::of(fixed.iter().map(move |fact| fact.code(code)))),
            days: days.reduce(|all, days| (all.0.min(days.0), all.1.max(days.1))),
            directory: Directory::of(by_group),
            months: months_of(&keys),
            zones: zones.into(),
            overflows,
        }
    }

    /// Offsets of the positions that began a fact, in their order.
    pub(super) fn present(&self) -> impl Iterator<Item = usize> {
        all_places(&self.present)
    }

    /// The place of the fact of an offset; `None` where the event began none.
    #[inline]
    pub(super) fn place(&self, offset: usize) -> Option<usize> {
        has_bit(&self.present, offset).then(|| index(self.places.get(offset)))
    }

    /// The groups with facts of some months; also with facts of others, in the first and the last.
    pub(super) fn groups_of_months(&self, months: RangeInclusive<i32>) -> Range<usize> {
        let before = |is_before: &dyn Fn(i32) -> bool| {
            let later = self.months.partition_point(|(month, _)| is_before(*month));
            self.months.get(later).map_or(self.length, |(_, place)| *place as usize)
        };
        let first = before(&|month| month < *months.start());
        let end = before(&|month| month <= *months.end());
        if first == end { 0..0 } else { first / WORD_BITS..end.div_ceil(WORD_BITS) }
    }

    /// The offset of the position of a fact.
    #[inline]
    pub(super) fn offset(&self, place: usize) -> usize {
        index(self.offsets.get(place))
    }

    /// The code of the fact at a place; see [`code`].
    #[inline]
    pub(super) fn code(&self, code: usize, place: usize) -> i64 {
        self.codes[code].get(place)
    }

    /// The fact at a place, in force or not.
    pub(super) fn fact(&self, place: usize) -> FactRef<'_> {
        let (bit, mut read) = (place % WORD_BITS, Read::default());
        self.slices.group(place / WORD_BITS).read(1 << bit, &mut read);
        self.complete(place, &read)
    }

    /// The fact at a place, whose numbers and flags were read.
    #[inline]
    pub(super) fn complete(&self, place: usize, read: &Read) -> FactRef<'_> {
        let codes = std::array::from_fn(|code| self.codes[code].get(place));
        let bit = place % WORD_BITS;
        let fixed = PackedFact::of_columns(codes, &read.numbers[bit], read.flags[bit]);
        self.overflows.complete(u32::try_from(place).unwrap_or(u32::MAX), fixed)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // it was widened
    pub(super) fn day(&self, place: usize) -> i32 {
        self.codes[code::DAY].get(place) as i32
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // each was widened
    pub(super) fn key(&self, place: usize) -> Key {
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
    months: HashMap<i32, u32>,
}

/// Widths of the parts of a sort key, in bits: month, department, structure, advisor; then the offset.
const KEY_BITS: [u32; 4] = [20, 16, u32::BITS, u32::BITS];
const OFFSET_BITS: u32 = SEALED_POSITIONS.trailing_zeros();
/// Added to the number of a month, because the calendar begins before the year 0.
const MONTHS_BEFORE: i32 = 12 * 9_999;

impl Order {
    /// A number by which facts are sorted.
    fn key(&mut self, fact: &PackedFact, offset: usize) -> u128 {
        let month = *self
            .months
            .entry(fact.day)
            .or_insert_with_key(|day| (MONTHS_BEFORE + month_of(*day)).cast_unsigned());
        let department = Key::of(fact).department().unwrap_or(u16::MAX.into());
        let parts = [month, department, fact.structure, fact.advisor];
        let key = parts.into_iter().zip(KEY_BITS).fold(0, |key, (part, bits)| key << bits | u128::from(part));
        key << OFFSET_BITS | offset as u128
    }
}

/// The months of sort keys in their order, each with the place of its first.
fn months_of(keys: &[u128]) -> Box<[(i32, u32)]> {
    const LOWER: u32 = OFFSET_BITS + KEY_BITS[1] + KEY_BITS[2] + KEY_BITS[3];
    let mut months: Vec<(i32, u32)> = Vec::new();
    for (place, key) in (0..).zip(keys) {
        let month = i32::try_from(key >> LOWER).unwrap_or(i32::MAX) - MONTHS_BEFORE;
        if months.last().is_none_or(|(last, _)| *last != month) {
            months.push((month, place));
        }
    }
    months.into()
}

/// The offset of a sort key.
#[allow(clippy::cast_possible_truncation)] // its highest bits are cut off
fn offset_of(key: u128) -> usize {
    key as usize % SEALED_POSITIONS
}

impl Zone {
    fn of((keys, facts): (&[u128], &[PackedFact])) -> Self {
        let days = facts.iter().map(|fact| fact.day);
        let days = days.fold((i32::MAX, i32::MIN), |(first, last), day| (first.min(day), last.max(day)));
        // What the first and the last of sorted facts have in common, all of them have.
        let different = keys[0] ^ keys[keys.len() - 1];
        let mut lower = OFFSET_BITS + KEY_BITS.iter().sum::<u32>();
        let is_shared = |bits: &&u32| {
            lower -= **bits;
            different >> lower == 0
        };
        let shared = KEY_BITS.iter().take_while(is_shared).map(|_| 1).sum();
        Self { days, shared }
    }
}

/// A place or an offset as a number to pack.
fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

#[inline]
fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
