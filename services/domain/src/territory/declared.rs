//! The meaning of a commune code that a person or a program declares in a new CRA, and what was probably meant if the
//! code is unknown. Stored codes are read with [`Communes::resolve`], which is strict.

use std::borrow::Cow;

use super::fold::fold;
use super::ids::CommuneId;
use super::table::{CodeKind, Communes};

/// A declared code that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The code as Insee writes it.
    pub code: String,
    /// The commune or arrondissement of today.
    pub commune: CommuneId,
    /// Whether it is the commune's own code rather than a former, delegated or associated one.
    pub is_own: bool,
}

/// What an unknown declared code probably means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing in the table.
    Nothing,
    /// An official code without its leading zero.
    ZeroLost {
        /// The full code.
        code: String,
        /// The commune with that code.
        commune: CommuneId,
    },
    /// A postal code.
    PostalCode {
        /// Its 5 digits.
        postal_code: String,
        /// The communes that have it, most populous first; arrondissements instead of their city.
        communes: Vec<CommuneId>,
    },
    /// The name of one or more communes.
    Name {
        /// Those communes, most populous first.
        communes: Vec<CommuneId>,
    },
}

impl Communes {
    /// The commune of a declared code and postal code (empty if none was given).
    ///
    /// Spaces and case are ignored. A former code that is a postal code of today counts only with a postal code of its
    /// commune: 75010 was Bondy's, but alone it means the tenth arrondissement of Paris.
    pub fn declared(&self, code: &str, postal_code: &str) -> Result<Declared, Unknown> {
        let declared = code;
        let code = without_spaces(declared).to_ascii_uppercase();
        let Some(commune) = self.resolve(&code) else { return Err(self.unknown(&code, declared)) };
        let kind = self.code_kind(&code);
        let is_meant = || self.get(commune).has_postal_code(&without_spaces(postal_code));
        if kind == Some(CodeKind::Former) && self.is_postal_code(&code) && !is_meant() {
            return Err(self.unknown(&code, declared));
        }
        Ok(Declared { code, commune, is_own: kind == Some(CodeKind::Current) })
    }

    /// `code` is the declared text as a code, `declared` the text itself: a name may consist of several words.
    fn unknown(&self, code: &str, declared: &str) -> Unknown {
        let zero = with_lost_zero(code);
        if self.is_postal_code(code) {
            return Unknown::PostalCode { postal_code: code.to_owned(), communes: self.having(code) };
        }
        if let Some(commune) = zero.as_deref().and_then(|code| self.resolve(code)) {
            return Unknown::ZeroLost { code: zero.unwrap_or_default(), commune };
        }
        if let Some(postal_code) = zero.filter(|code| self.is_postal_code(code)) {
            let communes = self.having(&postal_code);
            return Unknown::PostalCode { postal_code, communes };
        }
        let communes = self.named(&fold(declared));
        if communes.is_empty() { Unknown::Nothing } else { Unknown::Name { communes } }
    }

    /// The communes of a postal code, most populous first; arrondissements instead of their city.
    pub(super) fn having(&self, postal_code: &str) -> Vec<CommuneId> {
        let all = self.by_postal_code(postal_code).iter().copied();
        self.most_peopled_first(all.filter(|id| self.arrondissement_at(*id, postal_code).is_none()))
    }

    /// Today's communes with exactly this folded name.
    fn named(&self, folded: &str) -> Vec<CommuneId> {
        let all = self.rows.iter().map(|commune| commune.id);
        self.most_peopled_first(all.filter(|id| self.folded_name(*id) == folded))
    }

    fn most_peopled_first(&self, ids: impl Iterator<Item = CommuneId>) -> Vec<CommuneId> {
        let mut ids: Vec<_> = ids.collect();
        ids.sort_by_key(|id| std::cmp::Reverse(self.get(*id).population));
        ids
    }
}

/// A code without spaces, at its ends or inside.
#[must_use]
pub(crate) fn without_spaces(code: &str) -> Cow<'_, str> {
    if code.contains(char::is_whitespace) {
        Cow::Owned(code.split_whitespace().collect())
    } else {
        Cow::Borrowed(code)
    }
}

/// The code of 5 characters that a spreadsheet turned into a number: "1004" was "01004".
pub(crate) fn with_lost_zero(code: &str) -> Option<String> {
    let is_number = code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("0{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::communes;

    fn today(code: &str, postal_code: &str) -> Option<(String, &'static str, bool)> {
        let declared = communes().declared(code, postal_code).ok()?;
        Some((declared.code, communes().get(declared.commune).code(), declared.is_own))
    }

    fn codes(ids: &[CommuneId]) -> Vec<&'static str> {
        ids.iter().map(|id| communes().get(*id).code()).collect()
    }

    #[test]
    fn a_code_may_have_spaces_and_lower_case_letters() {
        for typed in ["2A004", "2a004", " 2a004\n", "2A 004", "2\u{a0}a 004"] {
            assert_eq!(today(typed, ""), Some(("2A004".into(), "2A004", true)), "{typed:?}");
        }
    }

    #[test]
    fn a_code_of_today_is_the_communes_own_code() {
        assert_eq!(
            today("01015", ""),
            Some(("01015".into(), "01015", true)),
            "a delegated commune has it too"
        );
        for (code, commune) in [("01120", "01262"), ("01003", "01165"), ("01340", "01015")] {
            assert_eq!(today(code, ""), Some((code.into(), commune, false)));
        }
    }

    #[test]
    fn a_former_code_that_is_a_postal_code_counts_with_a_postal_code_of_its_commune() {
        assert_eq!(today("75010", "93140"), Some(("75010".into(), "93010", false)));
        for postal_code in ["", "75010", "93000"] {
            let Err(Unknown::PostalCode { postal_code: found, communes }) =
                communes().declared("75010", postal_code)
            else {
                panic!("{postal_code}")
            };
            assert_eq!((found.as_str(), codes(&communes)), ("75010", vec!["75110"]));
        }
    }

    #[test]
    fn every_former_code_is_known_with_a_postal_code_of_its_commune() {
        for former in &communes().former {
            let commune = communes().get(communes().resolve(former.code).unwrap());
            for postal_code in commune.postal_codes() {
                assert!(communes().declared(former.code, postal_code).is_ok(), "{}", former.code);
            }
        }
    }

    #[test]
    fn the_probable_meaning_of_an_unknown_code_is_returned() {
        let unknown = |typed| communes().declared(typed, "").unwrap_err();
        assert!(matches!(unknown("1004"), Unknown::ZeroLost { code, .. } if code == "01004"));
        assert!(matches!(unknown("1500"), Unknown::PostalCode { postal_code, .. } if postal_code == "01500"));
        assert!(
            matches!(unknown("35700"), Unknown::PostalCode { communes, .. } if codes(&communes) == ["35238"])
        );
        assert!(matches!(unknown("Rennes"), Unknown::Name { communes } if codes(&communes) == ["35238"]));
        assert!(matches!(unknown("saint-denis"), Unknown::Name { communes } if communes.len() > 2));
        for (name, code) in [
            ("Le Havre", "76351"),
            ("le  havre", "76351"),
            (" LES SABLES D OLONNE ", "85194"),
            ("St Étienne du Rouvray", "76575"),
            ("L'Haÿ-les-Roses", "94038"),
        ] {
            assert!(
                matches!(unknown(name), Unknown::Name { communes } if codes(&communes) == [code]),
                "{name}"
            );
        }
        for nothing in ["75999", "2A999", "nowhere", "9999", "é"] {
            assert_eq!(unknown(nothing), Unknown::Nothing, "{nothing}");
        }
    }
}
