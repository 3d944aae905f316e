//! Places of the older forms: a postal code and a name, and from the third form on the INSEE code.

use serde_json::Value;

use super::document::Document;
use crate::cra::{Fault, Id, Place};
use crate::territory::{self, CommuneId};
use crate::vocabulary::{Channel, Word as _};

const POSTAL_CODE: &str = "cra.codePostal";
const NAME: &str = "cra.nomCommune";
const CODE: &str = "cra.codeCommune";

/// Where it took place. `venue` is the registered venue, where the form had one.
pub(super) fn read(document: &mut Document<'_>, has_code: bool, venue: Option<Id>) -> Option<Place> {
    let channel = document.word::<Channel>("cra.canal", "le canal");
    let code = if has_code { document.at(CODE).and_then(Value::as_str).map(str::trim) } else { None };
    let (commune_code, commune) = match code.filter(|code| !code.is_empty()) {
        Some(code) => match territory::communes().resolve(code) {
            Some(commune) => (code, commune),
            None => return document.refuse(CODE, Fault::CommuneUnknown),
        },
        None => by_name(document)?,
    };
    let postal_code = postal_code(document, commune);
    let channel = channel?;
    if venue.is_some() && channel != Channel::Venue {
        document.note("permanence", format!("no venue goes with canal {}; left out", channel.term().slug));
    }
    Some(Place {
        channel,
        commune_code: commune_code.into(),
        commune,
        postal_code,
        venue_id: venue.filter(|_| channel == Channel::Venue),
    })
}

/// The commune that has both the postal code and the name.
fn by_name(document: &mut Document<'_>) -> Option<(&'static str, CommuneId)> {
    let postal_code = given_postal_code(document);
    let name = document.at(NAME).and_then(Value::as_str);
    let (Some(postal_code), Some(name)) = (postal_code, name) else {
        let missing = if name.is_none() { NAME } else { POSTAL_CODE };
        return document.refuse(missing, Fault::Required("la commune"));
    };
    match territory::communes().by_postal_code_and_name(&postal_code, name) {
        Some(commune) => Some((territory::communes().get(commune).code(), commune)),
        None => document.refuse(NAME, Fault::CommuneUnknown),
    }
}

/// The postal code as it was written; else the commune's, if it has only one.
fn postal_code(document: &mut Document<'_>, commune: CommuneId) -> Box<str> {
    if let Some(given) = given_postal_code(document) {
        return given.into();
    }
    if document.at(POSTAL_CODE).is_some() {
        document.note(POSTAL_CODE, "no postal code; left out");
    }
    territory::communes().get(commune).single_postal_code().unwrap_or_default().into()
}

/// Five digits, which some documents hold as a number without its leading zero.
fn given_postal_code(document: &Document<'_>) -> Option<String> {
    let text = match document.at(POSTAL_CODE)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => format!("{:05}", number.as_u64()?),
        _ => return None,
    };
    (text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}
