//! A bit set of small numbers: tested for every fact, so a test is one memory access.

use super::dictionary::Code;

const WORD_BITS: u32 = u64::BITS;

/// Codes of a dictionary, or postal codes.
#[derive(Clone, Debug, Default)]
pub(super) struct CodeSet(Vec<u64>);

impl CodeSet {
    pub(super) fn insert(&mut self, code: Code) {
        let (word, bit) = place(code);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    /// The codes, sorted.
    pub(super) fn codes(&self) -> impl Iterator<Item = Code> {
        (0..).zip(&self.0).flat_map(|(word, bits)| {
            (0..WORD_BITS).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * WORD_BITS + bit)
        })
    }

    #[inline]
    pub(super) fn contains(&self, code: Code) -> bool {
        let (word, bit) = place(code);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

impl Extend<Code> for CodeSet {
    fn extend<I: IntoIterator<Item = Code>>(&mut self, codes: I) {
        codes.into_iter().for_each(|code| self.insert(code));
    }
}

#[inline]
fn place(code: Code) -> (usize, u64) {
    (usize::try_from(code / WORD_BITS).unwrap_or(usize::MAX), 1 << (code % WORD_BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    proptest::proptest! {
        #[test]
        fn a_set_has_exactly_what_was_inserted(codes: HashSet<u16>, asked: Vec<u16>) {
            let mut set = CodeSet::default();
            set.extend(codes.iter().map(|code| Code::from(*code)));
            for code in codes.iter().chain(&asked) {
                proptest::prop_assert_eq!(set.contains(Code::from(*code)), codes.contains(code));
            }
            let mut sorted: Vec<_> = codes.into_iter().map(Code::from).collect();
            sorted.sort_unstable();
            proptest::prop_assert_eq!(set.codes().collect::<Vec<_>>(), sorted);
        }
    }
}
