//! Bitmaps: one bit per place, 64 in a word.

/// Places of one word.
pub(super) const WORD_BITS: usize = u64::BITS as usize;

/// Sets a bit; the words grow as far as it needs.
pub(super) fn set_bit(words: &mut Vec<u64>, place: usize) {
    let word = place / WORD_BITS;
    if words.len() <= word {
        words.resize(word + 1, 0);
    }
    words[word] |= 1 << (place % WORD_BITS);
}

/// Whether a bit is set; none is past the words.
#[inline]
pub(super) fn has_bit(words: &[u64], place: usize) -> bool {
    words.get(place / WORD_BITS).is_some_and(|word| word & (1 << (place % WORD_BITS)) != 0)
}

/// The lowest `places` bits.
#[inline]
pub(super) fn lowest(places: usize) -> u64 {
    match places {
        0 => 0,
        1..WORD_BITS => u64::MAX >> (WORD_BITS - places),
        _ => u64::MAX,
    }
}

/// Places of the bits of all words that are set, lowest first.
pub(super) fn all_places(words: &[u64]) -> impl Iterator<Item = usize> {
    (0..).step_by(WORD_BITS).zip(words).flat_map(|(first, word)| places(*word).map(move |bit| first + bit))
}

/// Places of the bits of a word that are set, lowest first.
#[inline]
pub(super) fn places(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let place = word.trailing_zeros() as usize;
        word &= word - 1;
        Some(place)
    })
}
