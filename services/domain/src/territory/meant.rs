//! What an unknown code of a territory in a selection probably means: a lost zero, letters in lower case, a code of
//! another kind, a name.

use super::declared::{Unknown, with_lost_zero, without_spaces};
use super::fold::fold;
use super::table::Communes;

/// A kind of code that a selection lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerritoryKind {
    /// Codes of regions.
    Region,
    /// Codes of departments and overseas collectivities.
    Department,
    /// SIREN numbers of groupings of communes.
    Epci,
    /// INSEE codes of communes and municipal arrondissements.
    Commune,
    /// Postal codes.
    PostalCode,
}

/// A code, and the name of its territory.
pub type Meant = (&'static str, &'static str);

impl Communes {
    /// The codes that an unknown text in a list of this kind probably means, most probable first; empty if nothing is
    /// similar.
    #[must_use]
    pub fn meant(&self, kind: TerritoryKind, text: &str) -> Vec<Meant> {
        match kind {
            TerritoryKind::Region => similar(self.regions().iter().map(|it| (it.code(), it.name())), text),
            TerritoryKind::Department => {
                similar(self.departments().iter().map(|it| (it.code(), it.name())), text)
            }
            TerritoryKind::Epci => similar(self.epcis().iter().map(|it| (it.code(), it.name())), text),
            TerritoryKind::Commune => self.meant_commune(text),
            TerritoryKind::PostalCode => self.meant_postal_code(text),
        }
    }

    fn meant_commune(&self, text: &str) -> Vec<Meant> {
        let ids = match self.declared(text, "") {
            Ok(declared) => vec![declared.commune],
            Err(Unknown::ZeroLost { commune, .. }) => vec![commune],
            Err(Unknown::PostalCode { communes, .. } | Unknown::Name { communes }) => communes,
            Err(Unknown::Nothing) => Vec::new(),
        };
        ids.into_iter().map(|id| (self.get(id).code(), self.get(id).name())).collect()
    }

    fn meant_postal_code(&self, text: &str) -> Vec<Meant> {
        let code = without_spaces(text);
        let zero_restored = with_lost_zero(&code);
        for code in [Some(&*code), zero_restored.as_deref()].into_iter().flatten() {
            let commune = self.having(code).first().map(|id| self.get(*id));
            let postal_code = commune.and_then(|it| it.postal_codes().iter().find(|known| **known == code));
            if let (Some(commune), Some(postal_code)) = (commune, postal_code) {
                return vec![(*postal_code, commune.name())];
            }
        }
        let Ok(declared) = self.declared(text, "") else { return Vec::new() };
        let commune = self.get(declared.commune);
        commune.postal_codes().iter().map(|postal_code| (*postal_code, commune.name())).collect()
    }
}

/// The territories whose code is written like the text, whose code begins with it and a letter, or whose name it is.
fn similar(all: impl Iterator<Item = Meant> + Clone, text: &str) -> Vec<Meant> {
    let code = without_spaces(text).to_ascii_uppercase();
    if code.is_empty() {
        return Vec::new();
    }
    let unpadded = code.trim_start_matches('0');
    let is_code = |(known, _): &Meant| known.trim_start_matches('0') == unpadded;
    // Corsica was department 20; its parts are 2A and 2B.
    let is_of_corsica = |(known, _): &Meant| code == "20" && matches!(*known, "2A" | "2B");
    let name = fold(text);
    let is_named = |(_, known): &Meant| fold(known) == name;
    let found: Vec<Meant> = all.clone().filter(|it| is_code(it) || is_of_corsica(it)).collect();
    if found.is_empty() { all.filter(is_named).collect() } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::communes;

    fn meant(kind: TerritoryKind, text: &str) -> Vec<&'static str> {
        communes().meant(kind, text).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn a_lost_zero_a_small_letter_a_space_or_a_name_leads_to_the_code() {
        use TerritoryKind::{Commune, Department, Epci, PostalCode, Region};
        for (kind, text, codes) in [
            (Department, "1", &["01"][..]),
            (Department, "001", &["01"]),
            (Department, "2a", &["2A"]),
            (Department, " 35 ", &["35"]),
            (Department, "20", &["2A", "2B"]),
            (Department, "ille et vilaine", &["35"]),
            (Department, "Mayotte", &["976"]),
            (Region, "1", &["01"]),
            (Region, "BRETAGNE", &["53"]),
            (Region, "Provence Alpes Côte d'Azur", &["93"]),
            (Epci, "200 054 781", &["200054781"]),
            (Epci, "metropole du grand paris", &["200054781"]),
            (Commune, "1004", &["01004"]),
            (Commune, "2a004", &["2A004"]),
            (Commune, "35000", &["35238"]),
            (Commune, "Le Havre", &["76351"]),
            (PostalCode, "1500", &["01500"]),
            (PostalCode, "35 700", &["35700"]),
            (PostalCode, "01004", &["01500"]),
        ] {
            assert_eq!(meant(kind, text), codes, "{kind:?} {text:?}");
        }
    }

    #[test]
    fn a_text_like_no_code_and_no_name_leads_nowhere() {
        use TerritoryKind::{Commune, Department, Epci, PostalCode, Region};
        for kind in [Region, Department, Epci, Commune, PostalCode] {
            for text in ["", " ", "0", "999999", "nowhere", "é", "-"] {
                assert_eq!(meant(kind, text), [""; 0], "{kind:?} {text:?}");
            }
        }
    }
}
