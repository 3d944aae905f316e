//! When two free names are one organisation, implemented again from the definition: with lists of characters, where the
//! product uses Unicode properties.

use cra_domain::vocabulary::{Organisation, Word as _};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

const INVISIBLE: [(char, char); 18] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Hyphens and dashes of French texts, after normalisation.
const HYPHENS: [char; 8] =
    ['-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];

/// Lower case without accents, œ as oe, one space between words.
pub(super) fn plain(name: &str) -> String {
    let spaced: String = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let bare = |text: &str| {
        let letters = text.nfkd().filter(|c| {
            let hidden = c.is_control() || INVISIBLE.iter().any(|(first, last)| (first..=last).contains(&c));
            !is_combining_mark(*c) && !hidden
        });
        letters.collect::<String>()
    };
    let lower = bare(&spaced)
        .to_lowercase()
        .replace('œ', "oe")
        .replace('æ', "ae")
        .replace('ß', "ss")
        .replace('ς', "σ");
    let folded: String = bare(&lower).nfc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The plain form without spaces, hyphens and apostrophes.
pub(super) fn key(name: &str) -> String {
    let plain = plain(name);
    let mut letters = plain.clone();
    letters.retain(|c| !(c.is_whitespace() || HYPHENS.contains(&c) || ['\'', '’', 'ʼ'].contains(&c)));
    if letters.is_empty() { plain } else { letters }
}

/// The organisation of the form that a free name means, by its current or a past label.
pub(super) fn known(name: &str) -> Option<Organisation> {
    let named = |organisation: &&Organisation| {
        let term = organisation.term();
        let past = term.past_labels.iter().map(|past| past.label);
        std::iter::once(term.label).chain(past).any(|label| key(label) == key(name))
    };
    Organisation::ALL.iter().find(named).copied()
}

#[cfg(test)]
mod tests {
    use cra_domain::spelling;

    /// Letters, signs and invisible characters that names consist of, and lookalikes.
    const CHARACTERS: &str =
        "aAéÉe\u{301}œŒæßÇñ -‑–—'’ʼ\u{a0}\u{200b}\u{ad}\u{feff}\u{202e}①ＣＡＦ./&1ﬁ\u{fe0f}❤\t";

    proptest::proptest! {
        #[test]
        fn names_are_normalised_as_the_product_normalises_them(
            name in proptest::collection::vec(proptest::sample::select(CHARACTERS.chars().collect::<Vec<_>>()), 0..12),
        ) {
            let name: String = name.into_iter().collect();
            proptest::prop_assert_eq!(super::key(&name), spelling::key(&name));
            proptest::prop_assert_eq!(super::plain(&name), spelling::plain(&name));
        }
    }
}
