//! The parts of facts that do not fit into the packed facts of a block or a segment, by place.

use serde::{Deserialize, Serialize};

use crate::packed_fact::{FactRef, Overflow, PackedFact, Redirected, WideCounts};

/// Rarely any; in the order of places.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Overflows {
    /// Redirections, grouped by fact.
    redirections: Vec<Redirected>,
    /// Place of the fact that each redirection is of.
    redirected: Vec<u32>,
    /// Numbers that do not fit, by place of the fact.
    numbers: Vec<(u32, Box<WideCounts>)>,
}

impl Overflows {
    /// Adds the parts of a fact.
    pub(super) fn insert(&mut self, place: u32, overflow: &Overflow) {
        let first = self.redirected.partition_point(|other| *other < place);
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
        let first = self.redirected.partition_point(|other| *other < place);
        let number = self.redirected[first..].iter().take_while(|other| **other == place).count();
        let numbers = self.numbers.binary_search_by_key(&place, |(other, _)| *other).ok();
        let numbers = numbers.map(|at| &*self.numbers[at].1);
        FactRef::new(fixed, &self.redirections[first..first + number], numbers)
    }

    /// Places of the facts whose numbers do not fit.
    pub(super) fn wide(&self) -> impl Iterator<Item = u32> {
        self.numbers.iter().map(|(place, _)| *place)
    }

    /// Redirections of facts from one place on, each with the place.
    pub(super) fn redirections_from(&self, place: u32) -> impl Iterator<Item = (u32, Redirected)> {
        let first = self.redirected.partition_point(|other| *other < place);
        self.redirected[first..].iter().copied().zip(self.redirections[first..].iter().copied())
    }
}
