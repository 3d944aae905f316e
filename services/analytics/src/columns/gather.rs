//! Adds the facts of a segment that a query matches to the counts of their keys, such as periods or rows of a breakdown: those
//! of a group and a key at once.

use std::hash::Hash;

use hashbrown::HashMap;

use super::block::AsOf;
use super::dense::Dense;
use super::segment::{Groups, Segment};
use super::select::{Matched, Selector};
use crate::accumulator::Accumulator;
use crate::bits::WORD_BITS;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::packed_fact::column_form::flag;

/// Counts by key.
pub(super) trait Sink {
    /// The key of a fact.
    type Key: Copy + Eq + Hash;

    /// Calls a function for every key of some facts of a group, once per key, with its facts; facts without a key are
    /// skipped.
    fn split(&self, segment: &Segment, group: usize, facts: u64, take: impl FnMut(Self::Key, u64));

    /// Counts one fact.
    fn add(&mut self, fact: &FactRef<'_>);

    /// The counts of a key, to which some facts of a group are added.
    fn counts(&mut self, key: Self::Key, segment: &Segment, group: usize, facts: u64) -> &mut Accumulator;
}

impl Segment {
    /// Adds the facts of some groups that a filter matches to the counts of their keys.
    pub(super) fn gather<S: Sink>(&self, as_of: AsOf, filter: &Filter, groups: Groups<'_>, sink: &mut S) {
        let Some(selector) = Selector::new(self, filter, as_of) else {
            return;
        };
        let mut dense: HashMap<S::Key, Box<Dense>> = HashMap::new();
        let mut parts = Vec::new();
        for group in groups {
            let Matched { together: facts, singly } = selector.group(group);
            if singly != 0 {
                self.read(group, singly, |_, fact| sink.add(&fact));
            }
            if facts == 0 {
                continue;
            }
            sink.split(self, group, facts, |key, facts| parts.push((key, facts)));
            for (key, facts) in parts.drain(..) {
                let counts = sink.counts(key, self, group, facts);
                dense.entry(key).or_default().add(self.group(group), facts, counts);
                self.add_redirections(group, facts, counts);
            }
        }
        for (key, counted) in dense {
            counted.carry(self.layout(), sink.counts(key, self, 0, 0));
        }
    }

    /// Adds the redirections of some facts of a group, whose numbers are counted apart.
    fn add_redirections(&self, group: usize, facts: u64, counts: &mut Accumulator) {
        if self.group(group).flag(flag::HAS_OVERFLOW) & facts == 0 {
            return;
        }
        for (place, redirected) in self.overflows().redirections_of_group(group) {
            if facts >> (place % WORD_BITS) & 1 != 0 {
                counts.redirections_mut().add(redirected.to, redirected.people.into(), 1);
            }
        }
    }
}

/// Adds a fact of a group to its key.
pub(super) fn put<K: Copy + Eq>(by_key: &mut Vec<(K, u64)>, key: K, bit: usize) {
    // Facts of one key are adjacent, so the last key is the likely one.
    match by_key.iter_mut().rev().find(|(other, _)| *other == key) {
        Some((_, facts)) => *facts |= 1 << bit,
        None => by_key.push((key, 1 << bit)),
    }
}
