//! Chance, seeded: the same seed gives the same draws whatever the version of the random number library, for only
//! the published generator is taken from it, and no way to turn its numbers into others.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

/// A value and its weight among the others.
pub(crate) type Weighted<T> = (T, u32);

pub(crate) struct Draw(Xoshiro256PlusPlus);

impl Draw {
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        for (part, chunk) in (0_u64..).zip(bytes.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&splitmix(seed.wrapping_add(part)).to_le_bytes());
        }
        Self(Xoshiro256PlusPlus::from_seed(bytes))
    }

    /// For one of many things that a seed decides, each on its own: `purpose` says what, `number` of which.
    pub(crate) fn of(seed: u64, purpose: u64, number: u64) -> Self {
        Self::seeded(splitmix(splitmix(splitmix(seed) ^ purpose) ^ number))
    }

    /// So many bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// From 0 to `bound`, excluded; 0 when there is no choice.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// Both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.below(span)).unwrap_or_default()
    }

    /// True `per_mille` times out of 1,000.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// How many of `count` a chance picks.
    pub(crate) fn some_of(&mut self, count: u32, per_mille: u32) -> u32 {
        (0..count).map(|_| u32::from(self.chance(per_mille))).sum()
    }

    /// One of a list that is not empty.
    pub(crate) fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let index = self.below(list.len() as u64);
        &list[usize::try_from(index).unwrap_or_default()]
    }

    /// One of a list that is not empty, by weight.
    pub(crate) fn pick<T: Copy>(&mut self, list: &[Weighted<T>]) -> T {
        list[self.pick_index(list.iter().map(|(_, weight)| u64::from(*weight)))].0
    }

    /// The index of one weight, by weight; of the first when all are 0.
    pub(crate) fn pick_index(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        0
    }
}

/// `SplitMix64`: spreads neighbouring seeds, such as two months.
fn splitmix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_in_their_bounds_and_weights_are_kept() {
        let mut draw = Draw::seeded(1);
        let mut heavy = 0;
        for _ in 0..10_000 {
            assert!((3..=5).contains(&draw.between(3, 5)));
            assert!(draw.below(7) < 7);
            heavy += u32::from(draw.pick(&[(true, 3), (false, 1), (false, 0)]));
        }
        assert!((7_300..=7_700).contains(&heavy), "{heavy}");
        assert_eq!(draw.below(0), 0);
        assert!(draw.chance(1_000) && !draw.chance(0));
    }
}
