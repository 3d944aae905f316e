//! Seeded randomness: a seed gives the same draws with every version of the random number library, because only its
//! standardised generator is used, and none of its distributions.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

/// A value and its weight.
pub type Weighted<T> = (T, u32);

/// A source of draws.
pub struct Draw(Xoshiro256PlusPlus);

impl Draw {
    #[must_use]
    pub(crate) fn seeded(seed: u64) -> Self {
        let mut bytes = [0; 32];
        for (part, chunk) in (0_u64..).zip(bytes.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&splitmix(seed.wrapping_add(part)).to_le_bytes());
        }
        Self(Xoshiro256PlusPlus::from_seed(bytes))
    }

    /// An independent generator for one of many items of a seed: `purpose` is the kind of item, `number` its index.
    #[must_use]
    pub fn of(seed: u64, purpose: u64, number: u64) -> Self {
        Self::seeded(splitmix(splitmix(splitmix(seed) ^ purpose) ^ number))
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number from 0 to `bound`, excluded; 0 if `bound` is 0 or 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        low + u32::try_from(self.below(span)).unwrap_or_default()
    }

    /// True with a probability of `per_mille` / 1,000.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < u64::from(per_mille)
    }

    /// Number of successes among `count` trials.
    pub fn some_of(&mut self, count: u32, per_mille: u32) -> u32 {
        (0..count).map(|_| u32::from(self.chance(per_mille))).sum()
    }

    /// One element of a non-empty list.
    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let index = self.below(list.len() as u64);
        &list[usize::try_from(index).unwrap_or_default()]
    }

    /// One element of a non-empty list, by weight.
    pub fn pick<T: Copy>(&mut self, list: &[Weighted<T>]) -> T {
        list[self.pick_index(list.iter().map(|(_, weight)| u64::from(*weight)))].0
    }

    /// Index of one weight, by weight; 0 if all are 0.
    pub(crate) fn pick_index(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut rest = self.below(weights.clone().sum());
        for (index, weight) in weights.enumerate() {
            match rest.checked_sub(weight) {
                Some(remainder) => rest = remainder,
                None => return index,
            }
        }
        0
    }
}

/// `SplitMix64`: spreads adjacent seeds, such as two months.
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
    fn draws_stay_within_bounds_and_follow_their_weights() {
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
