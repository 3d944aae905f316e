//! French alphabetical order, as the Unicode Consortium describes it (CLDR, locale `fr`): "Élan" comes between "Eau" and
//! "Été", "Nœux" between "Noeuf" and "Noeva". Case and accents count only between words that are otherwise equal.

use std::cmp::Ordering;
use std::sync::LazyLock;

use icu_collator::options::CollatorOptions;
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::locale;

static FRENCH: LazyLock<CollatorBorrowed<'static>> = LazyLock::new(|| {
    let preferences = CollatorPreferences::from(locale!("fr"));
    CollatorBorrowed::try_new(preferences, CollatorOptions::default())
        .expect("the crate's compiled data holds every locale")
});

/// Compares two labels. Labels that are equal here may differ in bytes: break the tie by their codes.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    FRENCH.compare(left, right)
}

/// Sort key of a label: keys compare byte by byte as [`compare`] compares the labels. Faster than [`compare`] if a
/// label is compared many times.
#[must_use]
pub fn key(label: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(label.len() * 2);
    // Writing to memory cannot fail.
    let Ok(()) = FRENCH.write_sort_key_to(label, &mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_sort_as_in_a_french_dictionary() {
        let sorted = [
            "40 ans",
            "Ain",
            "Aisne",
            "ANTS",
            "association",
            "Association",
            "Brest",
            // France compares accents from the start of the word, Canada from its end.
            "cote",
            "Cote",
            "coté",
            "côte",
            "côté",
            "Eau",
            "Élan",
            "Été",
            "Île-de-France",
            "Illkirch",
            "L'Haÿ-les-Roses",
            "Mairie",
            "Nœux-les-Mines",
            "Noeva",
            "Œuilly",
            "Yonne",
            "Zuydcoote",
        ];
        let mut labels = sorted.to_vec();
        labels.reverse();
        labels.sort_by(|a, b| compare(a, b));
        assert_eq!(labels, sorted);
    }

    proptest::proptest! {
        #[test]
        fn keys_compare_as_the_labels_do(left in "\\PC{0,12}", right in "\\PC{0,12}") {
            proptest::prop_assert_eq!(key(&left).cmp(&key(&right)), compare(&left, &right));
        }
    }
}
