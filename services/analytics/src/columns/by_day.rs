//! Counts by the day of each fact: by its slot, for the periods of a series or one for all; or by its period, for any.

use std::collections::BTreeMap;

use super::gather::{Sink, put};
use super::segment::{Groups, Segment};
use crate::accumulator::Accumulator;
use crate::bits::{WORD_BITS, places};
use crate::packed_fact::FactRef;

/// Days of a segment whose slots are looked up once.
const DAYS_MAX: usize = 4_096;

/// The slots, as a segment needs them.
pub(super) struct ByDay<'a, F> {
    slots: &'a mut [Accumulator],
    slot_of: &'a F,
    /// First day of the segment.
    first: i32,
    /// The slot of each day from the first one on; empty if there are too many days, or if few of them are needed.
    known: Vec<Option<usize>>,
}

impl<'a, F: Fn(i32) -> Option<usize>> ByDay<'a, F> {
    /// The slots for some groups of a segment.
    pub(super) fn new(
        segment: &Segment,
        groups: &Groups<'_>,
        slots: &'a mut [Accumulator],
        slot_of: &'a F,
    ) -> Self {
        let (first, last) = segment.days().unwrap_or((0, 0));
        let days = usize::try_from(i64::from(last) - i64::from(first)).unwrap_or(usize::MAX);
        let number = slots.len();
        let slot = |day| slot_of(day).filter(|slot| *slot < number);
        let is_worth_it = matches!(groups, Groups::All(_)) && days < DAYS_MAX;
        let known: Vec<_> = if is_worth_it { (first..=last).map(slot).collect() } else { Vec::new() };
        Self { slots, slot_of, first, known }
    }

    #[inline]
    fn slot(&self, day: i32) -> Option<usize> {
        let at = usize::try_from(i64::from(day) - i64::from(self.first)).ok();
        match at.and_then(|at| self.known.get(at)) {
            Some(slot) => *slot,
            None => (self.slot_of)(day).filter(|slot| *slot < self.slots.len()),
        }
    }
}

impl<F: Fn(i32) -> Option<usize>> Sink for ByDay<'_, F> {
    type Key = usize;

    fn split(&self, segment: &Segment, group: usize, facts: u64, take: impl FnMut(usize, u64)) {
        split(segment, group, facts, |day| self.slot(day), take);
    }

    fn add(&mut self, fact: &FactRef<'_>) {
        if let Some(slot) = self.slot(fact.fixed().day) {
            self.slots[slot].add(fact);
        }
    }

    fn counts(&mut self, slot: usize, _: &Segment, _: usize, _: u64) -> &mut Accumulator {
        &mut self.slots[slot]
    }
}

/// The counts of each period that has facts, by its number.
pub(super) struct ByPeriod<F> {
    period_of: F,
    pub(super) sums: BTreeMap<i32, Accumulator>,
}

impl<F: Fn(i32) -> i32> ByPeriod<F> {
    pub(super) fn new(period_of: F) -> Self {
        Self { period_of, sums: BTreeMap::new() }
    }
}

impl<F: Fn(i32) -> i32> Sink for ByPeriod<F> {
    type Key = i32;

    fn split(&self, segment: &Segment, group: usize, facts: u64, take: impl FnMut(i32, u64)) {
        split(segment, group, facts, |day| Some((self.period_of)(day)), take);
    }

    fn add(&mut self, fact: &FactRef<'_>) {
        self.sums.entry((self.period_of)(fact.fixed().day)).or_default().add(fact);
    }

    fn counts(&mut self, period: i32, _: &Segment, _: usize, _: u64) -> &mut Accumulator {
        self.sums.entry(period).or_default()
    }
}

/// Calls a function for every key of some facts of a group, once per key, with its facts. The days of a key are consecutive.
fn split<K: Copy + Eq>(
    segment: &Segment,
    group: usize,
    facts: u64,
    key_of: impl Fn(i32) -> Option<K>,
    mut take: impl FnMut(K, u64),
) {
    let (first, last) = segment.days_of_group(group);
    let (first, last) = (key_of(first), key_of(last));
    if let Some(key) = first.filter(|_| first == last) {
        return take(key, facts);
    }
    let mut by_key = Vec::new();
    for bit in places(facts) {
        if let Some(key) = key_of(segment.day(group * WORD_BITS + bit)) {
            put(&mut by_key, key, bit);
        }
    }
    for (key, facts) in by_key {
        take(key, facts);
    }
}
