//! A selection as a reader says it: names of territories, labels of the form.

use cra_contracts::v1;
use cra_domain::cra::parse_day;
use cra_domain::french;
use cra_domain::territory::{self, Department, Epci, Region};
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use crate::views::figures::UNSPECIFIED_LABEL;

/// Its days.
pub(super) fn period(selection: &v1::Selection) -> String {
    let day = |iso: &str| parse_day(iso).map_or_else(|| iso.to_owned(), french::day);
    match (selection.from.as_str(), selection.to.as_str()) {
        ("", "") => "toutes les dates".to_owned(),
        (from, "") => format!("à partir du {}", day(from)),
        ("", to) => format!("jusqu'au {}", day(to)),
        (from, to) if from == to => format!("le {}", day(from)),
        (from, to) => format!("du {} au {}", day(from), day(to)),
    }
}

/// Its days, then every field that restricts: what it is, and its values.
pub(super) fn in_french(selection: &v1::Selection) -> Vec<(&'static str, String)> {
    let communes = territory::communes();
    let region = |code: &str| communes.region(code).map(Region::name);
    let department = |code: &str| communes.department(code).map(Department::name);
    let epci = |code: &str| communes.epci(code).map(Epci::name);
    let commune = |code: &str| communes.resolve(code).map(|id| communes.get(id).name());
    let fields = [
        ("Régions", named(&selection.region_codes, region)),
        ("Départements", named(&selection.department_codes, department)),
        ("EPCI", named(&selection.epci_codes, epci)),
        ("Communes", named(&selection.commune_codes, commune)),
        ("Codes postaux", selection.postal_codes.join(", ")),
        ("Structures", selection.structure_ids.join(", ")),
        ("Conseillers", selection.advisor_ids.join(", ")),
        ("Lieux d'activité", selection.venue_ids.join(", ")),
        ("Canaux", labels::<Channel>(&selection.channels)),
        ("Types d'activité", labels::<Activity>(&selection.activities)),
        ("Thématiques", labels::<Theme>(&selection.themes)),
        ("Sous-thématiques", labels::<SubTheme>(&selection.sub_themes)),
        ("Durées", labels::<DurationBucket>(&selection.durations)),
        ("Au moins un participant de ces tranches d'âge", labels::<AgeBand>(&selection.ages)),
        ("Au moins un participant de ces statuts", labels::<Status>(&selection.statuses)),
    ];
    let restricting = fields.into_iter().filter(|(_, values)| !values.is_empty());
    std::iter::once(("Période", period(selection))).chain(restricting).collect()
}

fn named(codes: &[String], name_of: impl Fn(&str) -> Option<&'static str>) -> String {
    let names = codes.iter().map(|code| format!("{} ({code})", name_of(code).unwrap_or_default()));
    names.collect::<Vec<_>>().join(", ")
}

fn labels<W: Word>(numbers: &[i32]) -> String {
    let labels =
        numbers.iter().map(|n| W::from_number(*n).map_or(UNSPECIFIED_LABEL, |word| word.term().label));
    labels.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_said_in_names_and_labels() {
        let selection = v1::Selection {
            from: "2024-03-01".into(),
            to: "2024-03-31".into(),
            department_codes: vec!["35".into(), "2A".into()],
            commune_codes: vec!["75056".into()],
            advisor_ids: vec!["conseiller-1".into()],
            themes: vec![v1::Theme::Email.into()],
            ages: vec![0, v1::AgeBand::Over60.into()],
            ..v1::Selection::default()
        };
        let expected = [
            ("Période", "du 1er mars 2024 au 31 mars 2024"),
            ("Départements", "Ille-et-Vilaine (35), Corse-du-Sud (2A)"),
            ("Communes", "Paris (75056)"),
            ("Conseillers", "conseiller-1"),
            ("Thématiques", "Courriels"),
            ("Au moins un participant de ces tranches d'âge", "Non renseigné, Plus de 60 ans"),
        ];
        assert_eq!(in_french(&selection), expected.map(|(label, text)| (label, text.to_owned())));
        assert_eq!(in_french(&v1::Selection::default()), [("Période", "toutes les dates".to_owned())]);
    }
}
