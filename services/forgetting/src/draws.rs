//! Random numbers from a seed, equal in every version, so that a verification can be repeated from its record.

use ring::digest::{SHA256, digest};

/// Length of a seed in bytes.
const SEED_BYTES: usize = 16;

/// A sequence of random numbers.
pub(crate) struct Draws {
    seed: [u8; SEED_BYTES],
    drawn: u64,
}

impl Draws {
    pub(crate) fn of(seed: [u8; SEED_BYTES]) -> Self {
        Self { seed, drawn: 0 }
    }

    /// A number below the bound; 0 if the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let number = [&self.seed[..], &self.drawn.to_be_bytes()].concat();
        self.drawn += 1;
        let hash = digest(&SHA256, &number);
        let first = hash.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        first.checked_rem(bound).unwrap_or(0)
    }

    /// True with probability 1 / `one_in`.
    pub(crate) fn one_in(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}
