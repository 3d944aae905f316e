//! Counts many facts of a segment at once: population counts of slices, by one mask of the facts that count.

use cra_domain::vocabulary::{Activity, Channel, Word as _};

use super::slices::{Group, Layout, SLICES_MAX, equal};
use crate::accumulator::{Accumulator, Sums};

use crate::packed_fact::ActivityKey;
use crate::packed_fact::column_form::{flag, number};

const ACTIVITIES: usize = Activity::ALL.len();
const KINDS: usize = ActivityKey::ACTIVITY_KINDS / ACTIVITIES;
const BITS: usize = u16::BITS as usize;

/// Number of the lowest bits of the delay whose values are counted together.
const NEAR_BITS: usize = 4;

/// Counts of one segment: each is below its number of positions.
pub(super) struct Dense {
    /// Facts per slice.
    slices: [u32; SLICES_MAX],
    /// Per activity and bit.
    participants: [[u32; BITS]; ACTIVITIES],
    minutes: [[u32; BITS]; ACTIVITIES],
    channels: [u32; Channel::ALL.len()],
    activity_kinds: [u32; ActivityKey::ACTIVITY_KINDS],
    defaulted_workshops: u32,
}

impl Default for Dense {
    fn default() -> Self {
        Self {
            slices: [0; SLICES_MAX],
            participants: [[0; BITS]; ACTIVITIES],
            minutes: [[0; BITS]; ACTIVITIES],
            channels: [0; Channel::ALL.len()],
            activity_kinds: [0; ActivityKey::ACTIVITY_KINDS],
            defaulted_workshops: 0,
        }
    }
}

impl Dense {
    /// Counts some of 64 facts; their delays go to the accumulator at once.
    #[inline]
    pub(super) fn add(&mut self, group: Group<'_>, facts: u64, accumulator: &mut Accumulator) {
        add_slices(&mut self.slices, group.words(), facts);
        for (channel, cras) in self.channels.iter_mut().enumerate() {
            *cras += (group.equal(number::CHANNEL, channel) & facts).count_ones();
        }
        let kinds: [u64; KINDS] = std::array::from_fn(|kind| group.equal(number::KIND, kind));
        for activity in 0..ACTIVITIES {
            let of_activity = group.equal(number::ACTIVITY, activity) & facts;
            if of_activity == 0 {
                continue;
            }
            for (kind, of_kind) in kinds.iter().enumerate() {
                self.activity_kinds[activity * KINDS + kind] += (of_activity & of_kind).count_ones();
            }
            add_slices(&mut self.participants[activity], group.number(number::PARTICIPANTS), of_activity);
            add_slices(&mut self.minutes[activity], group.number(number::MINUTES), of_activity);
            if activity == Activity::Workshop.index() {
                self.defaulted_workshops += (group.flag(flag::DEFAULTED) & of_activity).count_ones();
            }
        }
        each_value(group.number(number::DELAY), facts, |delay, cras| accumulator.add_delay(delay, cras));
    }

    /// Adds the counts, of a segment of this layout, to an accumulator.
    pub(super) fn carry(&self, layout: &Layout, accumulator: &mut Accumulator) {
        let number = |number: usize| sum(&self.slices[layout.number(number)]);
        let mut sums = Sums {
            returning: number(number::RETURNING),
            follow_up_individual: number(number::INDIVIDUAL),
            follow_up_workshop: number(number::WORKSHOP),
            defaulted_workshops: self.defaulted_workshops,
            channels: self.channels,
            activity_kinds: self.activity_kinds,
            participants: self.participants.map(|bits| sum(&bits)),
            minutes: self.minutes.map(|bits| sum(&bits)),
            ..Sums::default()
        };
        for (line, people) in sums.people.iter_mut().enumerate() {
            *people = number(number::PEOPLE + line);
        }
        for (topic, cras) in sums.topics.iter_mut().enumerate() {
            *cras = layout.flag(flag::TOPICS + topic).map_or(0, |slice| self.slices[slice]);
        }
        accumulator.add_sums(&sums);
    }
}

#[inline]
fn add_slices(counts: &mut [u32], slices: &[u64], facts: u64) {
    for (count, slice) in counts.iter_mut().zip(slices) {
        *count += (slice & facts).count_ones();
    }
}

/// The sum of a number, from the counts of its bits.
fn sum(bits: &[u32]) -> u64 {
    bits.iter().enumerate().map(|(bit, facts)| u64::from(*facts) << bit).sum()
}

/// Calls a function for each value of a number among some facts, with the number of these facts: values that differ in the
/// lowest bits only are counted in one pass.
#[inline]
fn each_value(slices: &[u64], facts: u64, mut take: impl FnMut(u32, u64)) {
    let (near, far) = slices.split_at(NEAR_BITS.min(slices.len()));
    let mut rest = facts;
    while rest != 0 {
        let first = rest.trailing_zeros();
        let far_value =
            far.iter().rev().fold(0, |value, slice| value << 1 | usize::from(slice >> first & 1 != 0));
        let alike = rest & equal(far, far_value);
        rest &= !alike;
        for near_value in 0..1 << near.len() {
            let cras = (equal(near, near_value) & alike).count_ones();
            if cras > 0 {
                let value = far_value << NEAR_BITS | near_value;
                take(u32::try_from(value).unwrap_or(u32::MAX), cras.into());
            }
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
            for (fact, value) in values.iter().enumerate().filter(|(fact, _)| facts >> fact & 1 != 0) {
                let _ = fact;
                *expected.entry(*value).or_insert(0_u64) += 1;
            }
            let mut counted = BTreeMap::new();
            each_value(&slices, facts, |value, cras| *counted.entry(value).or_insert(0) += cras);
            prop_assert_eq!(counted, expected);
        }
    }
}
