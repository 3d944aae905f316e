//! The ends of the facts of a block or a segment: stored apart from the facts, so that little is copied when one ends.

use super::bits::{has_bit, set_bit};

/// The facts that ended, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// One bit per place, as far as any ended.
    ended: Vec<u64>,
    /// Each place with the position of the event that ended its fact, by place.
    at: Vec<(u16, u64)>,
}

impl Ends {
    /// Records that the fact at a place ended at a position.
    pub(super) fn insert(&mut self, place: u16, position: u64) {
        set_bit(&mut self.ended, place.into());
        let at = self.at.partition_point(|(other, _)| *other < place);
        self.at.insert(at, (place, position));
    }

    /// The position at which the fact at a place ended.
    pub(super) fn position(&self, place: u16) -> Option<u64> {
        let found = self.at.binary_search_by_key(&place, |(other, _)| *other).ok()?;
        Some(self.at[found].1)
    }

    /// Whether the fact at a place ended.
    #[inline]
    pub(super) fn has(&self, place: usize) -> bool {
        has_bit(&self.ended, place)
    }

    /// The bits of 64 places.
    #[inline]
    pub(super) fn word(&self, number: usize) -> u64 {
        self.ended.get(number).copied().unwrap_or(0)
    }

    /// Every place with the position of its end.
    pub(super) fn all(&self) -> impl Iterator<Item = (u16, u64)> {
        self.at.iter().copied()
    }
}
