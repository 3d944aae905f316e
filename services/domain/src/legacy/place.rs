//! Places of the older forms: a postal code and a name, and the INSEE code where the document has one.

use super::document::Document;
use super::plain::Plain;
use crate::cra::{DocumentFault, Fault, Place};
use crate::territory::{self, Commune, CommuneId};
use crate::vocabulary::{Channel, Word as _};

const POSTAL_CODE: &str = "cra.codePostal";
const NAME: &str = "cra.nomCommune";
const CODE: &str = "cra.codeCommune";
const VENUE: &str = "permanence";

pub(super) fn read(document: &mut Document<'_>) -> Option<Place> {
    let channel = document.word::<Channel>("cra.canal", "le canal");
    let venue = document.venue(VENUE);
    let written = Written::of(document);
    let (commune_code, commune) = written.commune(document)?;
    let postal_code = written.postal_code(document, commune);
    let channel = channel?;
    if venue.is_some() && channel != Channel::Venue {
        document.note(VENUE, format!("no venue goes with canal {}; left out", channel.term().slug));
    }
    Some(Place {
        channel,
        commune_code,
        commune,
        postal_code,
        venue_id: venue.filter(|_| channel == Channel::Venue),
    })
}

/// The fields of the place as far as they are used: postal code, code, and a name that means a commune.
pub(super) fn reduced(root: &Plain) -> Vec<(&'static str, serde_json::Value)> {
    let written = Written::in_root(root);
    let names_one = written.by_postal_code_and_name().is_some();
    let is_one = written.code.as_ref().is_some_and(|code| territory::communes().resolve(code).is_some());
    let used = [(POSTAL_CODE, written.postal_code.is_some()), (NAME, names_one), (CODE, is_one)];
    let used = used.into_iter().filter(|(_, is_used)| *is_used);
    used.filter_map(|(path, _)| Some((path, root.at(path)?.into()))).collect()
}

/// The place as the document gives it.
struct Written<'a> {
    /// Upper case, with leading zeros restored that a number has lost.
    code: Option<String>,
    /// Five digits.
    postal_code: Option<String>,
    name: Option<&'a str>,
}

impl<'a> Written<'a> {
    fn of(document: &Document<'a>) -> Self {
        Self::in_root(document.root())
    }

    fn in_root(root: &'a Plain) -> Self {
        let field = |path| root.at(path).filter(|value| **value != Plain::Null);
        let code = field(CODE).map(|value| digits(value).unwrap_or_else(|| value.to_string()));
        let is_postal_code = |text: &String| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        Self {
            code: code.filter(|code| !code.is_empty()).map(|code| code.to_ascii_uppercase()),
            postal_code: field(POSTAL_CODE).and_then(digits).filter(is_postal_code),
            name: field(NAME).and_then(Plain::text).filter(|name| !name.is_empty()),
        }
    }

    /// The INSEE code, as written if it is valid, and today's commune.
    fn commune(&self, document: &mut Document<'_>) -> Option<(Box<str>, CommuneId)> {
        let by_name = self.by_postal_code_and_name();
        let Some(code) = &self.code else {
            return match by_name {
                Some(commune) => Some((of(commune).code().into(), commune)),
                None => self.refuse_name(document),
            };
        };
        match (self.by_code(code), by_name) {
            (ByCode::Commune(commune), _) => {
                if !self.names(commune) {
                    let name = self.name.unwrap_or_default();
                    let found = of(commune);
                    document.note(CODE, format!("{code} is {}, not {name:?}; the code counts", found.name()));
                }
                Some((code.as_str().into(), commune))
            }
            (ByCode::PostalCode(_) | ByCode::Nothing, Some(commune)) => {
                let found = of(commune);
                let what = format!(
                    "{code:?} is no commune's code; {} ({}) has the postal code and the name",
                    found.name(),
                    found.code()
                );
                document.note(CODE, what);
                Some((found.code().into(), commune))
            }
            (ByCode::PostalCode(commune), None) => {
                let read_as = format!("read as {}, which had it as its code", of(commune).name());
                document.refuse_admission(CODE, self.not_found(code), &read_as);
                Some((code.as_str().into(), commune))
            }
            (ByCode::Nothing, None) => document.refuse(CODE, self.not_found(code)),
        }
    }

    fn by_code(&self, code: &str) -> ByCode {
        let communes = territory::communes();
        let Some(commune) = communes.resolve(code) else {
            return ByCode::Nothing;
        };
        let is_its_own = self.postal_code.as_ref().is_some_and(|given| of(commune).has_postal_code(given));
        if !communes.is_current(code) && communes.is_postal_code(code) && !is_its_own {
            return ByCode::PostalCode(commune);
        }
        ByCode::Commune(commune)
    }

    /// The commune with this postal code and name; for Lyon, Marseille and Paris, the arrondissement with this postal
    /// code.
    fn by_postal_code_and_name(&self) -> Option<CommuneId> {
        let postal_code = self.postal_code.as_ref()?;
        let communes = territory::communes();
        let commune = communes.by_postal_code_and_name(postal_code, self.name?)?;
        let mut arrondissements =
            communes.arrondissements(commune).filter(|id| of(*id).has_postal_code(postal_code));
        match (arrondissements.next(), arrondissements.next()) {
            (Some(only), None) => Some(only),
            _ => Some(commune),
        }
    }

    /// Whether the name may be the commune's: one of its names with one of its postal codes, or the name of its city.
    fn names(&self, commune: CommuneId) -> bool {
        let Some(name) = self.name else { return true };
        let postal_codes = of(commune).postal_codes();
        let city = |id: CommuneId| of(id).parent().unwrap_or(id);
        let given = self.postal_code.as_deref();
        let found = |postal_code: &str| {
            let found = territory::communes().by_postal_code_and_name(postal_code, name);
            found.is_some_and(|found| city(found) == city(commune))
        };
        // The given one first: it is usually right, and old names go with old postal codes.
        postal_codes.is_empty() || given.into_iter().chain(postal_codes.iter().copied()).any(found)
    }

    /// The commune's postal code as written; otherwise its only one.
    fn postal_code(&self, document: &mut Document<'_>, commune: CommuneId) -> Box<str> {
        let commune = of(commune);
        match (&self.postal_code, document.at(POSTAL_CODE)) {
            (Some(given), _) if commune.has_postal_code(given) => return given.as_str().into(),
            (Some(given), _) => {
                document.note(POSTAL_CODE, format!("{given} is none of {}; left out", commune.name()));
            }
            (None, Some(value)) => {
                document.note(POSTAL_CODE, format!("{value} is no postal code; left out"));
            }
            (None, None) => {}
        }
        commune.single_postal_code().unwrap_or_default().into()
    }

    fn refuse_name<T>(&self, document: &mut Document<'_>) -> Option<T> {
        let Some(name) = self.name else {
            return document.refuse(NAME, Fault::Required("la commune"));
        };
        if let Some(postal_code) = &self.postal_code {
            return document.refuse(NAME, DocumentFault::PlaceUnknown(format!("{postal_code} {name}")));
        }
        match document.at(POSTAL_CODE).filter(|written| written.text() != Some("")) {
            Some(written) => {
                document.refuse(POSTAL_CODE, DocumentFault::PlaceUnknown(format!("{written} {name}")))
            }
            None => document.refuse(POSTAL_CODE, Fault::Required("la commune")),
        }
    }

    fn not_found(&self, code: &str) -> DocumentFault {
        let place = [Some(code), self.postal_code.as_deref(), self.name];
        DocumentFault::PlaceUnknown(place.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }
}

/// What a text in the field of the INSEE code means.
enum ByCode {
    Commune(CommuneId),
    /// A postal code of today that was once this commune's code: 75010 was Bondy's and is now in Paris.
    PostalCode(CommuneId),
    Nothing,
}

fn of(commune: CommuneId) -> &'static Commune {
    territory::communes().get(commune)
}

/// A text without white space, or a number; with the leading zero that a spreadsheet took from either.
fn digits(value: &Plain) -> Option<String> {
    match value {
        Plain::Text(text) => {
            let code: String = text.split_whitespace().collect();
            Some(territory::with_lost_zero(&code).unwrap_or(code))
        }
        Plain::Whole(number) if (0..100_000).contains(number) => Some(format!("{number:05}")),
        _ => None,
    }
}
