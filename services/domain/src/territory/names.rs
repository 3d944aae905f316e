//! A commune by its postal code and its name, as the oldest CRAs have them.
//!
//! A name is compared by its folded form. It never guesses: a name that no commune of the postal code
//! has, or that two of them have, finds nothing.

use super::fold::fold;
use super::table::{CommuneId, Communes};

impl Communes {
    /// The commune that has this postal code (5 digits, no trimming) and this name.
    ///
    /// Accents, case, hyphens, apostrophes, st/saint and ste/sainte do not matter. An arrondissement is
    /// found as "PARIS 01", "Lyon 3e" or "Marseille 1er Arrondissement". The name of a delegated or
    /// associated commune finds the commune it belongs to today, unless a commune of today has that name.
    #[must_use]
    pub fn by_postal_code_and_name(&self, postal_code: &str, name: &str) -> Option<CommuneId> {
        let wanted = fold(name);
        if wanted.is_empty() {
            return None;
        }
        let candidates = self.by_postal_code(postal_code);
        let named = |id: &CommuneId| same_place(self.folded_name(*id), &wanted);
        let of_today: Vec<CommuneId> = candidates.iter().copied().filter(named).collect();
        if !of_today.is_empty() {
            return only(&of_today);
        }
        let formerly_named = |id: &CommuneId| self.merged_names(*id).any(|former| fold(former) == wanted);
        let merged: Vec<CommuneId> = candidates.iter().copied().filter(formerly_named).collect();
        only(&merged)
    }

    /// The names of the communes that were merged into this one.
    fn merged_names(&self, today: CommuneId) -> impl Iterator<Item = &'static str> {
        let start = self.merged_names.partition_point(|(id, _)| *id < today);
        self.merged_names[start..].iter().take_while(move |(id, _)| *id == today).map(|(_, name)| *name)
    }
}

fn only(found: &[CommuneId]) -> Option<CommuneId> {
    match found {
        [id] => Some(*id),
        _ => None,
    }
}

fn same_place(left: &str, right: &str) -> bool {
    left == right || arrondissement(left).is_some_and(|place| arrondissement(right) == Some(place))
}

/// The city and the number in a folded name of an arrondissement: "paris 01", "paris 1er arrondissement".
pub(super) fn arrondissement(folded: &str) -> Option<(&str, u8)> {
    const WORDS: [&str; 4] = [" arrondissement", " arrdt", " ardt", " arr"];
    let name = WORDS.iter().find_map(|word| folded.strip_suffix(word)).unwrap_or(folded);
    let (city, ordinal) = name.rsplit_once(' ')?;
    let number = ordinal.trim_end_matches(|character: char| character.is_ascii_lowercase());
    let suffix = &ordinal[number.len()..];
    let plausible = matches!(number.len(), 1 | 2)
        && matches!(suffix, "" | "e" | "er" | "eme" | "ieme" | "nd")
        && number.bytes().all(|byte| byte.is_ascii_digit());
    if plausible { Some((city, number.parse().ok()?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::communes;

    fn found(postal_code: &str, name: &str) -> Option<&'static str> {
        communes().by_postal_code_and_name(postal_code, name).map(|id| communes().get(id).code())
    }

    #[test]
    fn a_name_is_found_whatever_its_spelling() {
        assert_eq!(found("42000", "ST ETIENNE"), Some("42218"));
        assert_eq!(found("42100", "saint-étienne"), Some("42218"));
        assert_eq!(found("01400", "L ABERGEMENT CLEMENCIAT"), Some("01001"));
        assert_eq!(found("01400", "L’Abergement-Clémenciat"), Some("01001"));
        assert_eq!(found("69110", "STE FOY LES LYON"), Some("69202"));
        assert_eq!(found("94240", "L HAY LES ROSES"), Some("94038"));
    }

    #[test]
    fn an_arrondissement_is_found_by_its_number() {
        for name in ["PARIS 01", "Paris 1", "paris 1er", "Paris 1er Arrondissement", "PARIS-1ER-ARR"] {
            assert_eq!(found("75001", name), Some("75101"), "{name}");
        }
        assert_eq!(found("75116", "PARIS 16"), Some("75116"));
        assert_eq!(found("69003", "LYON 03"), Some("69383"));
        assert_eq!(found("69003", "Lyon 3ème"), Some("69383"));
        assert_eq!(found("13016", "MARSEILLE 16"), Some("13216"));
        assert_eq!(found("75001", "PARIS"), Some("75056"));
    }

    #[test]
    fn a_merged_commune_is_the_commune_of_today() {
        assert_eq!(found("01300", "ARBIGNIEU"), Some("01015"));
        assert_eq!(found("01800", "Cordieux"), None, "its commune of today has another postal code");
        assert_eq!(found("01120", "Cordieux"), Some("01262"));
    }

    #[test]
    fn a_name_is_never_guessed() {
        assert_eq!(found("75001", "PARIS 02"), None);
        assert_eq!(found("75001", "PARI"), None);
        assert_eq!(found("01300", ""), None);
        assert_eq!(found("01300", " - "), None);
        assert_eq!(found("1300", "Arbignieu"), None);
        assert_eq!(found("97429", ""), None, "even where the postal code has one commune");
    }

    #[test]
    fn every_commune_is_found_by_its_own_postal_codes_and_name() {
        for commune in communes().all() {
            for postal_code in commune.postal_codes() {
                assert_eq!(found(postal_code, commune.name()), Some(commune.code()));
            }
        }
    }

    #[test]
    fn only_a_number_makes_an_arrondissement() {
        assert_eq!(arrondissement("paris 01"), Some(("paris", 1)));
        assert_eq!(arrondissement("lyon 3e arr"), Some(("lyon", 3)));
        for name in ["paris", "paris 1x", "paris 100", "paris er", "1", "paris arrondissement"] {
            assert_eq!(arrondissement(name), None, "{name}");
        }
    }
}
