//! Whole numbers of one column, each in as few bits as the widest of the column needs.

use serde::{Deserialize, Serialize};

use super::words;
use crate::bits::WORD_BITS;

/// Numbers as their distance from the smallest, packed without gaps. A column of one value takes no space.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Packed {
    smallest: i64,
    /// Bits of each number; 64 at most.
    width: usize,
    /// One word more than the bits fill, so that two can be read wherever a number begins.
    #[serde(with = "words")]
    words: Box<[u64]>,
}

impl Packed {
    /// Packs a column.
    pub(super) fn of(numbers: impl Iterator<Item = i64> + Clone) -> Self {
        let bounds = numbers.clone().fold(None, |bounds, number| {
            let (smallest, largest) = bounds.unwrap_or((number, number));
            Some((number.min(smallest), number.max(largest)))
        });
        let (smallest, largest) = bounds.unwrap_or_default();
        let span = largest.wrapping_sub(smallest).cast_unsigned();
        let width = WORD_BITS - span.leading_zeros() as usize;
        if width == 0 {
            return Self { smallest, ..Self::default() };
        }
        let mut words = Vec::with_capacity((numbers.clone().count() * width).div_ceil(WORD_BITS) + 1);
        let (mut word, mut filled) = (0, 0);
        for number in numbers {
            let distance = number.wrapping_sub(smallest).cast_unsigned();
            word |= distance << filled;
            filled += width;
            if filled >= WORD_BITS {
                words.push(word);
                filled -= WORD_BITS;
                // The bits that did not fit; none if the word was filled exactly.
                word = if filled == 0 { 0 } else { distance >> (width - filled) };
            }
        }
        words.push(word);
        if filled > 0 {
            words.push(0);
        }
        Self { smallest, width, words: words.into() }
    }

    /// The number at a place of the column, which must have one.
    #[inline]
    pub(super) fn get(&self, place: usize) -> i64 {
        if self.width == 0 {
            return self.smallest;
        }
        let (word, shift) = (place * self.width / WORD_BITS, place * self.width % WORD_BITS);
        let both = u128::from(self.words[word]) | u128::from(self.words[word + 1]) << WORD_BITS;
        #[allow(clippy::cast_possible_truncation)] // the number is in the lower half
        let distance = (both >> shift) as u64 & (u64::MAX >> (WORD_BITS - self.width));
        self.smallest.wrapping_add(distance.cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_packed_column_gives_the_numbers_that_it_was_made_of(
            wide: Vec<i64>,
            narrow in proptest::collection::vec(-40_i64..90, 0..200),
        ) {
            for numbers in [wide, narrow] {
                let packed = Packed::of(numbers.iter().copied());
                let read: Vec<_> = (0..numbers.len()).map(|place| packed.get(place)).collect();
                prop_assert_eq!(read, numbers);
            }
        }
    }

    #[test]
    fn a_column_of_one_value_takes_no_space() {
        let packed = Packed::of(std::iter::repeat_n(7, 5_000));
        assert_eq!((packed.words.len(), packed.get(4_999)), (0, 7));
    }
}
