//! When two spellings are the same name: whatever their case, accents and spaces.

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The spelling-insensitive form of a name: lower case, without accents, words parted by one space.
#[must_use]
pub fn key(name: &str) -> String {
    let plain: String = name.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn case_accents_and_spaces_do_not_part_a_name() {
        assert_eq!(key("  Pôle\u{a0} EMPLOI "), "pole emploi");
        assert_eq!(key("po\u{302}le emploi"), key("PÔLE EMPLOI"));
        assert_eq!(key("Mon assoc"), "mon assoc");
        assert_ne!(key("Monassoc"), key("Mon assoc"));
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_its_own_key(name in "\\PC{0,40}") {
            proptest::prop_assert_eq!(key(&key(&name)), key(&name));
        }
    }
}
