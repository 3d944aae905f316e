//! Reads territories as people type them: an official code, a name, or both as the page writes them, `Ille-et-Vilaine
//! (35)`.

use cra_domain::spelling;
use cra_domain::territory::{self, Department, Epci, Region, TerritoryKind};

/// Number of names that a message suggests.
const SUGGESTIONS_MAX: usize = 5;

/// The code in `Name (code)`; otherwise the text itself.
fn typed(text: &str) -> &str {
    let code = text.strip_suffix(')').and_then(|text| text.rsplit_once('(')).map(|(_, code)| code.trim());
    code.unwrap_or(text)
}

/// The code of the one territory that a text means. An error says what is expected.
fn one_of<'a, T>(
    all: &'a [T],
    text: &str,
    (kind, what): (TerritoryKind, &str),
    code_and_name: impl Fn(&'a T) -> (&'static str, &'static str),
) -> Result<String, String> {
    let code = typed(text);
    let named: Vec<_> = all.iter().map(&code_and_name).collect();
    if let Some((code, _)) = named.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)) {
        return Ok((*code).to_owned());
    }
    let key = spelling::key(text);
    let keys: Vec<_> = named.iter().map(|(_, name)| spelling::key(name)).collect();
    let matching = |matches: &dyn Fn(&str) -> bool| -> Vec<_> {
        named.iter().zip(&keys).filter(|(_, key)| matches(key)).map(|(named, _)| *named).collect()
    };
    let mut found = matching(&|known| known == key);
    if found.is_empty() {
        found = matching(&|known| known.starts_with(&key));
    }
    if found.is_empty() {
        found = matching(&|known| known.contains(&key));
    }
    if found.is_empty() {
        found = territory::communes().meant(kind, code);
    }
    chosen(&found, what)
}

/// The code of the only candidate. An error lists the candidates.
fn chosen(found: &[(&str, &str)], what: &str) -> Result<String, String> {
    match found {
        [(code, _)] => Ok((*code).to_owned()),
        [] => Err(format!("aucun{what} n'a ce nom ni ce code")),
        found => {
            let mut names: Vec<_> =
                found.iter().take(SUGGESTIONS_MAX).map(|(code, name)| format!("{name} ({code})")).collect();
            if found.len() > SUGGESTIONS_MAX {
                names.push("…".to_owned());
            }
            Err(format!("plusieurs noms correspondent, écrivez l'un d'eux : {}", names.join(", ")))
        }
    }
}

pub(super) fn region(text: &str) -> Result<String, String> {
    let of = |it: &'static Region| (it.code(), it.name());
    one_of(territory::communes().regions(), text, (TerritoryKind::Region, "e région"), of)
}

pub(super) fn department(text: &str) -> Result<String, String> {
    let of = |it: &'static Department| (it.code(), it.name());
    one_of(territory::communes().departments(), text, (TerritoryKind::Department, " département"), of)
}

pub(super) fn epci(text: &str) -> Result<String, String> {
    let of = |it: &'static Epci| (it.code(), it.name());
    one_of(territory::communes().epcis(), text, (TerritoryKind::Epci, " EPCI"), of)
}

/// Finds a commune by its current or a former code, or by a name that only it has.
pub(super) fn commune(text: &str) -> Result<String, String> {
    let communes = territory::communes();
    let code = typed(text).to_ascii_uppercase();
    if communes.resolve_alone(&code).is_some() {
        return Ok(code);
    }
    let key = spelling::key(text);
    let found = communes.search(text, territory::SEARCH_RESULTS_MAX);
    let named = |it: &&territory::FoundCommune| {
        let name = it.matched_name.unwrap_or_else(|| communes.get(it.commune).name());
        spelling::key(name) == key
    };
    let of = |it: &territory::FoundCommune| {
        let commune = communes.get(it.commune);
        (commune.code(), commune.name())
    };
    let mut whole: Vec<_> = found.iter().filter(named).map(of).collect();
    if whole.is_empty() {
        whole = communes.meant(TerritoryKind::Commune, text);
    }
    if whole.is_empty() {
        whole = found.iter().map(of).collect();
    }
    chosen(&whole, "e commune")
}
