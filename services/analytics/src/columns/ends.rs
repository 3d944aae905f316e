//! The ends of the facts of a block or a segment: stored apart from the facts, so that little is copied when one ends.

use crate::bits::{WORD_BITS, has_bit, places, set_bit};

/// The facts that ended, by place.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends {
    /// One bit per place, as far as any ended.
    ended: Vec<u64>,
    /// Each place with the position of the event that ended its fact, by place.
    at: Vec<(u32, u32)>,
    /// The last of these positions.
    last: u32,
}

impl Ends {
    /// The ends of facts, each by its place.
    pub(super) fn of(mut at: Vec<(u32, u32)>) -> Self {
        at.sort_unstable();
        let mut ended = Vec::new();
        for (place, _) in &at {
            set_bit(&mut ended, *place as usize);
        }
        let last = at.iter().map(|(_, position)| *position).max().unwrap_or(0);
        Self { ended, at, last }
    }

    /// Records that the fact at a place ended at a position.
    pub(super) fn insert(&mut self, place: u32, position: u32) {
        set_bit(&mut self.ended, place as usize);
        let at = self.at.partition_point(|(other, _)| *other < place);
        self.at.insert(at, (place, position));
        self.last = self.last.max(position);
    }

    /// The position at which the fact at a place ended.
    pub(super) fn position(&self, place: u32) -> Option<u64> {
        let found = self.at.binary_search_by_key(&place, |(other, _)| *other).ok()?;
        Some(self.at[found].1.into())
    }

    /// The last position at which a fact ended; 0 if none did.
    pub(super) fn last(&self) -> u64 {
        self.last.into()
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

    /// The bits of 64 places, of the facts that had ended at a position.
    pub(super) fn word_at(&self, number: usize, position: u64) -> u64 {
        let ended = self.word(number);
        if ended == 0 || self.last() <= position {
            return ended;
        }
        let first = self.at.partition_point(|(place, _)| (*place as usize) < number * WORD_BITS);
        // One entry per bit, in the same order.
        let ends = places(ended).zip(&self.at[first..]);
        ends.filter(|(_, (_, at))| u64::from(*at) <= position).fold(0, |word, (bit, _)| word | 1 << bit)
    }

    /// Every place with the position of its end.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, u32)> {
        self.at.iter().copied()
    }
}
