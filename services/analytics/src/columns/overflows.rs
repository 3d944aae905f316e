//! The parts of facts that do not fit into the packed facts of a block or a segment, by place.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::bits::WORD_BITS;
use crate::packed_fact::{FactRef, Overflow, PackedFact, Redirected, WideCounts};

/// Rarely any; in the order of places.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Overflows {
    /// Redirections, grouped by fact.
    redirections: Vec<Redirected>,
    /// Place of the fact that each redirection is of.
    redirected: Vec<u32>,
    /// Number of redirections before those of each group of facts, as far as any group has some.
    before: Vec<u32>,
    /// Numbers that do not fit, by place of the fact.
    numbers: Vec<(u32, Box<WideCounts>)>,
}

impl Overflows {
    /// Adds the parts of a fact.
    pub(super) fn insert(&mut self, place: u32, overflow: &Overflow) {
        let (first, added) = (self.first_from(place), overflow.redirections.len());
        let group = place as usize / WORD_BITS;
        if added > 0 && self.before.len() <= group {
            self.before.resize(group + 1, number(self.redirected.len()));
        }
        self.before.iter_mut().skip(group + 1).for_each(|before| *before += number(added));
        self.redirected.splice(first..first, overflow.redirections.iter().map(|_| place));
        self.redirections.splice(first..first, overflow.redirections.iter().copied());
        if let Some(numbers) = &overflow.numbers {
            let at = self.numbers.partition_point(|(other, _)| *other < place);
            self.numbers.insert(at, (place, numbers.clone()));
        }
    }

    /// A packed fact with its other parts.
    #[inline]
    pub(super) fn complete(&self, place: u32, fixed: PackedFact) -> FactRef<'_> {
        if !fixed.has_overflow {
            return FactRef::new(fixed, &[], None);
        }
        let first = self.first_from(place);
        let number = self.redirected[first..].iter().take_while(|other| **other == place).count();
        let numbers = self.numbers.binary_search_by_key(&place, |(other, _)| *other).ok();
        let numbers = numbers.map(|at| &*self.numbers[at].1);
        FactRef::new(fixed, &self.redirections[first..first + number], numbers)
    }

    /// Places of the facts whose numbers do not fit.
    pub(super) fn wide(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().map(|(place, _)| *place)
    }

    /// Redirections of the facts of a group, each with the place of its fact.
    pub(super) fn redirections_of_group(&self, group: usize) -> impl Iterator<Item = (usize, Redirected)> {
        let of_group = self.of_group(group);
        let places = self.redirected[of_group.clone()].iter().map(|place| *place as usize);
        places.zip(self.redirections[of_group].iter().copied())
    }

    /// The number of redirections of facts before a place.
    fn first_from(&self, place: u32) -> usize {
        let of_group = self.of_group(place as usize / WORD_BITS);
        of_group.start + self.redirected[of_group].partition_point(|other| *other < place)
    }

    /// Which redirections are of the facts of a group.
    fn of_group(&self, group: usize) -> Range<usize> {
        let before =
            |group: usize| self.before.get(group).map_or(self.redirected.len(), |before| *before as usize);
        before(group)..before(group + 1)
    }
}

fn number(redirections: usize) -> u32 {
    u32::try_from(redirections).unwrap_or(u32::MAX)
}
