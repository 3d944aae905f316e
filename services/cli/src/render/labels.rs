//! French labels of a dimension's codes, for answers that carry codes alone. Official names come from the same file as
//! the service's codes; a code it does not know is its own label.

use cra_contracts::v1::Dimension;
use cra_domain::french;
use cra_domain::territory;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

use super::text::printable;

const WEEKDAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
/// A word that an older form left open.
const UNSPECIFIED: &str = "Non renseigné";

/// The label of a code.
pub(super) fn label(dimension: Dimension, code: &str) -> String {
    let known = territory::communes();
    let name = match dimension {
        Dimension::Region => known.region(code).map(|region| region.name().to_owned()),
        Dimension::Department => known.department(code).map(|department| department.name().to_owned()),
        Dimension::Epci if code.is_empty() => Some("Hors EPCI".to_owned()),
        Dimension::Epci => known.epci(code).map(|epci| epci.name().to_owned()),
        // Several communes have the same name.
        Dimension::Commune => known.resolve(code).map(|id| format!("{} ({code})", known.get(id).name())),
        Dimension::PostalCode if code.is_empty() => Some("Sans code postal".to_owned()),
        Dimension::Venue if code.is_empty() => Some("Sans lieu précisé".to_owned()),
        Dimension::Channel => word::<Channel>(code),
        Dimension::Activity => word::<Activity>(code),
        Dimension::Theme => word::<Theme>(code),
        Dimension::SubTheme => word::<SubTheme>(code),
        Dimension::Duration => word::<DurationBucket>(code),
        Dimension::Age => word::<AgeBand>(code),
        Dimension::Status => word::<Status>(code),
        Dimension::Month => format!("{code}-01").parse::<Date>().ok().map(french::month),
        Dimension::Weekday => weekday(code).map(str::to_owned),
        Dimension::PostalCode
        | Dimension::Venue
        | Dimension::Structure
        | Dimension::Advisor
        | Dimension::Unspecified => None,
    };
    name.unwrap_or_else(|| printable(code))
}

fn word<W: Word>(name: &str) -> Option<String> {
    let word = W::ALL.iter().map(|word| word.term()).find(|term| term.name == name);
    let open = || name.ends_with("_UNSPECIFIED").then_some(UNSPECIFIED);
    word.map(|term| term.label).or_else(open).map(str::to_owned)
}

fn weekday(code: &str) -> Option<&'static str> {
    let index = code.parse::<usize>().ok()?.checked_sub(1)?;
    WEEKDAYS.get(index).copied()
}

/// What a dimension is called in French, as a heading.
pub(super) fn heading(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Region => "Région",
        Dimension::Department => "Département",
        Dimension::Epci => "EPCI",
        Dimension::Commune => "Commune",
        Dimension::PostalCode => "Code postal",
        Dimension::Structure => "Structure",
        Dimension::Advisor => "Conseiller",
        Dimension::Channel => "Canal",
        Dimension::Activity => "Type d'activité",
        Dimension::Theme => "Thématique",
        Dimension::SubTheme => "Sous-thématique",
        Dimension::Duration => "Durée",
        Dimension::Age => "Tranche d'âge",
        Dimension::Status => "Statut",
        Dimension::Month => "Mois",
        Dimension::Weekday => "Jour de la semaine",
        Dimension::Venue => "Lieu d'activité",
        Dimension::Unspecified => "Dimension",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_their_official_names() {
        for (dimension, code, expected) in [
            (Dimension::Region, "84", "Auvergne-Rhône-Alpes"),
            (Dimension::Department, "2A", "Corse-du-Sud"),
            (Dimension::Commune, "35238", "Rennes (35238)"),
            (Dimension::Epci, "", "Hors EPCI"),
            (Dimension::Theme, "THEME_EMAIL", "Courriels"),
            (Dimension::Status, "STATUS_UNSPECIFIED_OR_MIXED", "Non renseigné ou hétérogène"),
            (Dimension::Status, "STATUS_UNSPECIFIED", "Non renseigné"),
            (Dimension::Month, "2024-03", "mars 2024"),
            (Dimension::Weekday, "7", "dimanche"),
            (Dimension::Venue, "", "Sans lieu précisé"),
            (Dimension::Advisor, "conseiller-1", "conseiller-1"),
        ] {
            assert_eq!(label(dimension, code), expected);
        }
    }

    #[test]
    fn a_code_that_is_not_known_here_is_its_own_label() {
        for (dimension, code) in [
            (Dimension::Department, "00"),
            (Dimension::Theme, "THEME_NEW"),
            (Dimension::Month, "2024-13"),
            (Dimension::Weekday, "0"),
            (Dimension::Weekday, "8"),
        ] {
            assert_eq!(label(dimension, code), code);
        }
        assert_eq!(label(Dimension::Venue, "a\u{1b}[2J"), "a·[2J");
    }
}
