//! Messages about a place, in both languages: what was found, what was probably meant, what to declare instead.

use super::quoted;
use crate::french;
use crate::territory::{self, Commune, CommuneId, Meant, TerritoryKind, Unknown};

/// Maximum number of communes in one message; a postal code may have dozens.
const NAMED_MAX: usize = 5;

fn commune(id: CommuneId) -> &'static Commune {
    territory::communes().get(id)
}

pub(super) fn commune_unknown_fr(found: &str, meant: &Unknown) -> String {
    match meant {
        Unknown::Nothing => format!(
            "Aucune commune n'a le code Insee « {} » : cherchez la commune par son nom et indiquez son code Insee.",
            quoted(found)
        ),
        Unknown::ZeroLost { code, commune: id } => format!(
            "Il manque un zéro au début du code Insee {} : indiquez {code}, celui {}.",
            quoted(found),
            commune(*id).de_name()
        ),
        Unknown::PostalCode { postal_code, communes } => {
            let named = |id: &CommuneId| format!("{} ({})", commune(*id).de_name(), commune(*id).code());
            format!(
                "{postal_code} est un code postal, celui {} : indiquez le code Insee de la commune.",
                listed(communes, named, "et", "d'autres communes")
            )
        }
        Unknown::Name { communes } => {
            let named = |id: &CommuneId| match commune(*id) {
                it if communes.len() == 1 => it.code().to_owned(),
                it => format!("{} ({})", it.code(), department(it)),
            };
            format!(
                "« {} » est un nom de commune : indiquez son code Insee, {}.",
                quoted(found),
                listed(communes, named, "ou", "un autre")
            )
        }
    }
}

pub(super) fn commune_unknown_en(found: &str, meant: &Unknown) -> String {
    let named = |id: &CommuneId| format!("{} ({})", commune(*id).name(), commune(*id).code());
    match meant {
        Unknown::Nothing => format!(
            "no commune has the INSEE code {:?}; look it up with ReferenceService.SearchCommunes",
            quoted(found)
        ),
        Unknown::ZeroLost { code, commune } => {
            format!("{:?} lacks its leading zero; expected {code} of {}", quoted(found), named(commune))
        }
        Unknown::PostalCode { postal_code, communes } => format!(
            "{postal_code} is a postal code of {}; expected the INSEE code of the commune",
            listed(communes, named, "and", "others")
        ),
        Unknown::Name { communes } => format!(
            "{:?} is a name; expected the INSEE code, that of {}",
            quoted(found),
            listed(communes, named, "or", "others")
        ),
    }
}

pub(super) fn mismatch_fr(found: &str, id: CommuneId) -> String {
    let commune = commune(id);
    let accepted = commune.postal_codes();
    if accepted.is_empty() {
        return format!("{} n'a pas de code postal : laissez ce champ vide.", commune.name());
    }
    if let Some(whole) = zero_lost(found, accepted) {
        return format!("Il manque un zéro au début du code postal {} : indiquez {whole}.", quoted(found));
    }
    let (verb, codes) =
        (if accepted.len() == 1 { "indiquez" } else { "choisissez" }, french::listed(accepted, "ou"));
    format!("Le code postal « {} » n'est pas celui {} : {verb} {codes}.", quoted(found), commune.de_name())
}

pub(super) fn mismatch_en(found: &str, id: CommuneId) -> String {
    let commune = commune(id);
    let accepted = commune.postal_codes();
    let found = quoted(found);
    match (accepted, zero_lost(&found, accepted)) {
        ([], _) => format!("{} has no postal code, found {found:?}; leave it out", commune.name()),
        (_, Some(whole)) => format!("{found:?} lacks its leading zero; expected {whole}"),
        _ => format!(
            "{found:?} is not a postal code of {}; expected {}",
            commune.name(),
            french::listed(accepted, "or")
        ),
    }
}

pub(super) fn required_fr(id: CommuneId) -> String {
    let commune = commune(id);
    let codes = french::listed(commune.postal_codes(), "ou");
    format!("{} a plusieurs codes postaux : choisissez {codes}.", commune.name())
}

pub(super) fn required_en(id: CommuneId) -> String {
    let commune = commune(id);
    format!("{} has several postal codes; give one of {}", commune.name(), commune.postal_codes().join(", "))
}

pub(super) fn territory_unknown_en(kind: TerritoryKind, found: &str) -> String {
    let what = match kind {
        TerritoryKind::Region => "region has the code",
        TerritoryKind::Department => "department has the code",
        TerritoryKind::Epci => "EPCI has the SIREN number",
        TerritoryKind::Commune => "commune has the INSEE code",
        TerritoryKind::PostalCode => "commune has the postal code",
    };
    let found_text = quoted(found);
    match probable(kind, found, "or", "others") {
        Some(meant) => format!("no {what} {found_text:?}; expected {meant}"),
        None => format!("no {what} {found_text:?} in the current Code officiel géographique"),
    }
}

pub(super) fn territory_unknown_fr(kind: TerritoryKind, found: &str) -> String {
    let (what, otherwise) = match kind {
        TerritoryKind::Region => ("Aucune région n'a le code", "choisissez-la dans la liste"),
        TerritoryKind::Department => ("Aucun département n'a le code", "choisissez-le dans la liste"),
        TerritoryKind::Epci => ("Aucun EPCI n'a le numéro", "indiquez les 9 chiffres de son numéro Siren"),
        TerritoryKind::Commune => {
            ("Aucune commune n'a le code Insee", "cherchez-la par son nom et indiquez son code Insee")
        }
        TerritoryKind::PostalCode => ("Aucune commune n'a le code postal", "vérifiez ses 5 chiffres"),
    };
    let found_text = quoted(found);
    match probable(kind, found, "ou", "un autre") {
        Some(meant) => format!("{what} « {found_text} » : indiquez {meant}."),
        None => format!("{what} « {found_text} » : {otherwise}."),
    }
}

/// The codes that were probably meant, with their names; `None` if nothing is similar.
fn probable(kind: TerritoryKind, found: &str, conjunction: &str, others: &str) -> Option<String> {
    let meant = territory::communes().meant(kind, found);
    let named = |(code, name): &Meant| format!("{code} ({name})");
    (!meant.is_empty()).then(|| listed(&meant, named, conjunction, others))
}

fn zero_lost(found: &str, accepted: &[&'static str]) -> Option<&'static str> {
    let whole = territory::with_lost_zero(found)?;
    accepted.iter().copied().find(|code| *code == whole)
}

fn department(commune: &Commune) -> &'static str {
    let department = territory::communes().department(commune.department());
    department.map_or(commune.department(), territory::Department::name)
}

/// The first communes, then a phrase for those that are left out.
fn listed<T>(communes: &[T], named: impl Fn(&T) -> String, conjunction: &str, others: &str) -> String {
    let mut texts: Vec<_> = communes.iter().take(NAMED_MAX).map(named).collect();
    if communes.len() > NAMED_MAX {
        texts.push(others.to_owned());
    }
    french::listed(&texts, conjunction)
}
