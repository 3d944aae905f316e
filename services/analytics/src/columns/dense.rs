//! Counts many facts of a segment at once: population counts of slices, by one mask of the facts that count.

use cra_domain::vocabulary::{Activity, Channel, Word as _};
use fearless_simd::{Level, Simd, dispatch};

use super::slices::{Group, Layout, SLICES_MAX, by_value};
use crate::accumulator::{Accumulator, SPREAD, Sums};
use crate::bits::places;
use crate::packed_fact::ActivityKey;
use crate::packed_fact::column_form::{flag, number};

const ACTIVITIES: usize = Activity::ALL.len();
const KINDS: usize = ActivityKey::ACTIVITY_KINDS / ACTIVITIES;
const BITS: usize = u16::BITS as usize;
/// Bits of a short entry delay: most are, so that these are counted together.
const SHORT_BITS: usize = 4;
const SHORT_DELAYS: usize = 1 << SHORT_BITS;

/// Counts of one segment: each is below its number of positions.
pub(super) struct Dense {
    /// The instructions that the processor has.
    level: Level,
    /// Facts per slice.
    slices: [u32; SLICES_MAX],
    /// Per activity and bit.
    participants: [[u32; BITS]; ACTIVITIES],
    minutes: [[u32; BITS]; ACTIVITIES],
    channels: [u32; Channel::ALL.len()],
    activity_kinds: [u32; ActivityKey::ACTIVITY_KINDS],
    defaulted_workshops: u32,
    /// CRAs per short entry delay.
    short_delays: [u32; SHORT_DELAYS],
}

impl Default for Dense {
    fn default() -> Self {
        Self {
            level: Level::new(),
            slices: [0; SLICES_MAX],
            participants: [[0; BITS]; ACTIVITIES],
            minutes: [[0; BITS]; ACTIVITIES],
            channels: [0; Channel::ALL.len()],
            activity_kinds: [0; ActivityKey::ACTIVITY_KINDS],
            defaulted_workshops: 0,
            short_delays: [0; SHORT_DELAYS],
        }
    }
}

impl Dense {
    /// Counts some of 64 facts. Long delays are added to the accumulator at once.
    #[inline]
    pub(super) fn add(&mut self, group: Group<'_>, facts: u64, accumulator: &mut Accumulator) {
        dispatch!(self.level, simd => self.count(simd, group, facts));
        let slices = group.number(number::DELAY);
        each_value_of_a_byte(slices, facts & any_of(long(slices)), |delay| accumulator.add_delay(delay, 1));
    }

    /// Compiled once for each set of instructions: what it calls must be inlined.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn count<S: Simd>(&mut self, _: S, group: Group<'_>, facts: u64) {
        add_slices(&mut self.slices, group.words(), facts);
        add_slices(&mut self.channels, &by_value::<3, 8>(group.number(number::CHANNEL), facts), facts);
        let delays = group.number(number::DELAY);
        let of_short = facts & !any_of(long(delays));
        add_slices(&mut self.short_delays, &by_value::<SHORT_BITS, SHORT_DELAYS>(delays, of_short), facts);
        let kinds = by_value::<3, 8>(group.number(number::KIND), facts);
        let activities = by_value::<2, 4>(group.number(number::ACTIVITY), facts);
        for (activity, of_activity) in activities.into_iter().take(ACTIVITIES).enumerate() {
            if of_activity == 0 {
                continue;
            }
            add_slices(&mut self.activity_kinds[activity * KINDS..][..KINDS], &kinds, of_activity);
            add_slices(&mut self.participants[activity], group.number(number::PARTICIPANTS), of_activity);
            add_slices(&mut self.minutes[activity], group.number(number::MINUTES), of_activity);
            if activity == Activity::Workshop.index() {
                self.defaulted_workshops += (group.flag(flag::DEFAULTED) & of_activity).count_ones();
            }
        }
    }

    /// Adds the counts, of a segment of this layout, to an accumulator.
    pub(super) fn carry(&self, layout: &Layout, accumulator: &mut Accumulator) {
        let number = |number: usize| sum(&self.slices[layout.number(number)]);
        let mut sums = Sums {
            returning: number(number::RETURNING),
            follow_up_individual: number(number::INDIVIDUAL),
            follow_up_workshop: number(number::WORKSHOP),
            defaulted_workshops: self.defaulted_workshops.into(),
            channels: self.channels.map(u64::from),
            activity_kinds: self.activity_kinds.map(u64::from),
            participants: self.participants.map(|bits| sum(&bits)),
            minutes: self.minutes.map(|bits| sum(&bits)),
            ..Sums::default()
        };
        for (line, people) in sums.people.iter_mut().enumerate() {
            *people = number(number::PEOPLE + line);
        }
        for (topic, cras) in sums.topics.iter_mut().enumerate() {
            *cras = layout.flag(flag::TOPICS + topic).map_or(0, |slice| self.slices[slice].into());
        }
        accumulator.add_sums(&sums);
        for (delay, cras) in (0..).zip(self.short_delays).filter(|(_, cras)| *cras > 0) {
            accumulator.add_delay(delay, cras.into());
        }
    }
}

/// The slices of a delay that are 0 for a short one.
#[allow(clippy::inline_always)] // see `Dense::count`
#[inline(always)]
fn long(slices: &[u64]) -> &[u64] {
    slices.get(SHORT_BITS..).unwrap_or_default()
}

#[allow(clippy::inline_always)] // see `Dense::count`
#[inline(always)]
fn any_of(slices: &[u64]) -> u64 {
    slices.iter().fold(0, |any, slice| any | slice)
}

#[allow(clippy::inline_always)] // see `Dense::count`
#[inline(always)]
pub(super) fn add_slices(counts: &mut [u32], slices: &[u64], facts: u64) {
    for (count, slice) in counts.iter_mut().zip(slices) {
        *count += (slice & facts).count_ones();
    }
}

/// The sum of a number, from the counts of its bits.
fn sum(bits: &[u32]) -> u64 {
    bits.iter().enumerate().map(|(bit, facts)| u64::from(*facts) << bit).sum()
}

/// Calls a function for the number of each of some facts. Almost all numbers have 8 bits at most, which a table spreads to 8
/// facts at once.
fn each_value_of_a_byte(slices: &[u64], facts: u64, mut take: impl FnMut(u32)) {
    let (low, high) = slices.split_at(slices.len().min(8));
    let large = facts & any_of(high);
    for fact in places(large) {
        let bits = slices.iter().enumerate();
        take(bits.fold(0, |value, (bit, slice)| value | u32::from(slice >> fact & 1 != 0) << bit));
    }
    for byte in 0..8 {
        let of_eight = |slice: u64| slice.to_le_bytes()[byte];
        let facts = of_eight(facts & !large);
        if facts != 0 {
            let spread = |slice: u64| SPREAD[usize::from(of_eight(slice))];
            let values: u64 = low.iter().enumerate().fold(0, |all, (bit, slice)| all | spread(*slice) << bit);
            let values = values.to_le_bytes();
            places(facts.into()).for_each(|fact| take(values[fact].into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_value_is_counted_once_for_each_fact_that_has_it(
            values in proptest::collection::vec(prop_oneof![0..9_u16, any::<u16>()], 64),
            width in 0..=16_usize,
            facts: u64,
        ) {
            let values: Vec<u32> =
                values.iter().map(|value| u32::from(*value) & ((1_u32 << width) - 1)).collect();
            let slice = |bit: usize| (0..64).fold(0, |word, fact| word | u64::from(values[fact] >> bit & 1) << fact);
            let slices: Vec<u64> = (0..width).map(slice).collect();
            let mut expected = BTreeMap::new();
            for value in places(facts).map(|fact| values[fact]) {
                *expected.entry(value).or_insert(0_u64) += 1;
            }
            let mut counted = BTreeMap::new();
            each_value_of_a_byte(&slices, facts, |value| *counted.entry(value).or_insert(0) += 1);
            prop_assert_eq!(counted, expected);
        }
    }
}
