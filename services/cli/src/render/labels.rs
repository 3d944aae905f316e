//! French names of dimensions and their values.

use cra_contracts::v1::Dimension;

use super::text::printable;

pub(super) use cra_domain::definitions::heading;

/// Label of a value; a value without a label is shown by its code.
pub(super) fn label(dimension: Dimension, code: &str, label: &str) -> String {
    match (label, dimension) {
        ("", _) => printable(code),
        // Several communes have the same name.
        (label, Dimension::Commune) => printable(&format!("{label} ({code})")),
        (label, _) => printable(label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_services_label_and_a_commune_keeps_its_code() {
        assert_eq!(label(Dimension::Department, "2A", "Corse-du-Sud"), "Corse-du-Sud");
        assert_eq!(label(Dimension::Commune, "93066", "Saint-Denis"), "Saint-Denis (93066)");
        assert_eq!(label(Dimension::Venue, "", "Sans lieu précisé"), "Sans lieu précisé");
        assert_eq!(label(Dimension::Theme, "THEME_NEW", ""), "THEME_NEW");
        assert_eq!(label(Dimension::Advisor, "a", "a\u{1b}[2J"), "a·[2J");
    }
}
