//! Spelling-insensitive keys of names, and which characters are invisible (source: the definitions of the domain page).

use icu_properties::props::{Dash, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization as _;

/// The spelling-insensitive key of a name: two names with one key are the same name. Case, accents, the ligatures œ and
/// æ, the width of letters, spaces, hyphens, apostrophes and invisible characters are ignored. A name that consists
/// only of signs is its own key, in its plain form.
#[must_use]
pub fn key(name: &str) -> String {
    let letters: String = folded(name).filter(|c| !parts_words(*c)).collect();
    if letters.is_empty() { plain(name) } else { letters }
}

/// The normalised name with its words and signs: lower case, without accents, one space between words. Names with one
/// plain form have one key.
#[must_use]
pub fn plain(name: &str) -> String {
    let folded: String = folded(name).nfc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character is invisible, changes the direction of text or only controls its neighbours: controls,
/// zero-width characters, joiners, variation selectors, tags, fillers. Spaces are not included.
#[must_use]
pub(crate) fn is_invisible(c: char) -> bool {
    /// Annotation marks and the empty Braille cell, which Unicode does not list as ignorable.
    const OTHERS: [char; 4] = ['\u{fff9}', '\u{fffa}', '\u{fffb}', '\u{2800}'];
    // Fast path: nearly all characters are ASCII.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(
        category,
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator
    ) || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || OTHERS.contains(&c)
}

/// Compatibility characters as plain ones, lower case, without marks, ligatures split.
fn folded(name: &str) -> impl Iterator<Item = char> {
    // White space first, because some of it is control characters.
    let visible = name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_invisible(*c));
    visible
        .nfkd()
        .flat_map(char::to_lowercase)
        .flat_map(apart)
        .nfkd()
        .filter(|c| !is_mark(*c) && !is_invisible(*c))
}

/// The letters of a ligature; any other character unchanged.
fn apart(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'œ' => ('o', Some('e')),
        'æ' => ('a', Some('e')),
        'ß' => ('s', Some('s')),
        'ς' => ('σ', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// Spaces, hyphens and the three apostrophes in use.
fn parts_words(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ') || c.is_whitespace() || CodePointSetData::new::<Dash>().contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_ligatures_and_width_are_ignored() {
        assert_eq!(key("po\u{302}le emploi"), key("PÔLE EMPLOI"));
        assert_eq!(key("Cœur de ville"), key("COEUR DE VILLE"));
        assert_eq!(key("Lætitia"), key("laetitia"));
        assert_eq!(key("ＣＡＦ"), "caf");
        assert_eq!(key("ﬁnances n°2"), key("FINANCES N°2"));
        assert_eq!(key("Straße"), key("STRASSE"));
    }

    #[test]
    fn spaces_hyphens_apostrophes_and_invisible_characters_are_ignored() {
        for spelling in [
            "Secours-populaire",
            "Secours\u{200b}populaire",
            " secours \u{a0} populaire",
            "SECOURS‑POPULAIRE",
        ] {
            assert_eq!(key(spelling), "secourspopulaire", "{spelling:?}");
        }
        for spelling in
            ["l'emploi", "l’emploi", "lʼemploi", "L' Emploi", "l'em\u{ad}ploi", "\u{feff}l\u{2019}emploi"]
        {
            assert_eq!(key(spelling), "lemploi", "{spelling:?}");
        }
        assert_ne!(key("Emmaüs 1"), key("Emmaüs 2"));
        assert_ne!(key("A.D.I.L."), key("ADIL"), "a dot is none of them");
    }

    #[test]
    fn a_name_of_signs_is_its_own_key_and_an_invisible_name_has_none() {
        assert_eq!(key(" - "), "-");
        assert_ne!(key("-"), key("'"));
        assert_eq!(key("\u{200b} \u{feff}"), "");
    }

    #[test]
    fn the_plain_form_keeps_words_and_signs() {
        assert_eq!(plain("  Mon\u{a0}\tAssoc "), "mon assoc");
        assert_eq!(plain("Maison de l’Emploi"), "maison de l’emploi");
        assert_eq!(plain("Sous-Préfecture"), "sous-prefecture");
    }

    #[test]
    fn invisible_characters_are_recognised_and_letters_spaces_and_emoji_are_not_among_them() {
        for c in
            ['\0', '\n', '\u{ad}', '\u{200b}', '\u{200d}', '\u{202e}', '\u{2066}', '\u{fe0f}', '\u{feff}']
        {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in
            ['\u{61c}', '\u{115f}', '\u{180e}', '\u{2028}', '\u{2800}', '\u{3164}', '\u{e0041}', '\u{e0100}']
        {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', 'é', ' ', '\u{a0}', '\u{202f}', '’', '-', '\u{301}', '👍', '木'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn keys_and_plain_forms_are_idempotent(name: String) {
            proptest::prop_assert_eq!(key(&key(&name)), key(&name));
            proptest::prop_assert_eq!(plain(&plain(&name)), plain(&name));
            proptest::prop_assert_eq!(key(&plain(&name)), key(&name));
        }
    }
}
