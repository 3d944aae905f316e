//! Prepositions and articles of proper names, and enumerations.

use unicode_normalization::UnicodeNormalization as _;

/// A proper name after "de": "du Havre", "des Sables-d'Olonne", "de La Rochelle", "de L'Haÿ-les-Roses",
/// "d'Alfortville". Before an aspirated h, which no spelling shows, "de" stays.
#[must_use]
pub fn de(name: &str, aspirated_h: bool) -> String {
    if let Some(rest) = name.strip_prefix("Le ") {
        return format!("du {rest}");
    }
    if let Some(rest) = name.strip_prefix("Les ") {
        return format!("des {rest}");
    }
    let first = name.nfkd().next().map(|letter| letter.to_ascii_lowercase());
    let elides = match first {
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'œ' | 'Œ' | 'æ' | 'Æ') => true,
        Some('h') => !aspirated_h,
        _ => false,
    };
    if elides { format!("d'{name}") } else { format!("de {name}") }
}

/// "a", "a ou b", "a, b ou c".
#[must_use]
pub fn listed<T: AsRef<str>>(items: &[T], last: &str) -> String {
    match items {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., end] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} {last} {}", first.join(", "), end.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_contract_as_in_french() {
        for (name, expected) in [
            ("Le Havre", "du Havre"),
            ("Les Sables-d'Olonne", "des Sables-d'Olonne"),
            ("La Rochelle", "de La Rochelle"),
            ("L'Haÿ-les-Roses", "de L'Haÿ-les-Roses"),
            ("Alfortville", "d'Alfortville"),
            ("Épinal", "d'Épinal"),
            ("Œuilly", "d'Œuilly"),
            ("Île-de-Sein", "d'Île-de-Sein"),
            ("Yvetot", "d'Yvetot"),
            ("Hyères", "d'Hyères"),
            ("Lessay", "de Lessay"),
            ("Rennes", "de Rennes"),
            ("", "de "),
        ] {
            assert_eq!(de(name, false), expected);
        }
        assert_eq!(de("Honfleur", true), "de Honfleur");
    }

    #[test]
    fn a_list_ends_with_its_conjunction() {
        assert_eq!(listed::<&str>(&[], "ou"), "");
        assert_eq!(listed(&["a"], "ou"), "a");
        assert_eq!(listed(&["a", "b"], "et"), "a et b");
        assert_eq!(listed(&["a", "b", "c"], "ou"), "a, b ou c");
    }
}
