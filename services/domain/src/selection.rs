//! Selections: read from a request ([`Selection`]), and rendered in French words and official codes for files and
//! screens.

mod parsed;

use std::borrow::Cow;

use cra_contracts::v1;

pub use self::parsed::{Bits, Reading, Selection, Territories, VIOLATIONS_MAX};
use crate::cra::parse_day;
use crate::french;
use crate::territory::{self, Department, Epci, Region};
use crate::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

/// Label of a value that an older form left open.
pub const UNSPECIFIED_LABEL: &str = "Non renseigné";

/// One field that restricts a selection, with at least one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Name of the field for one value, such as "Département".
    pub one: &'static str,
    /// Name of the field for several values.
    pub many: &'static str,
    /// Name of the field in file names, such as `departement`: ASCII, distinct, and none is a prefix of another.
    pub slug: &'static str,
    /// The values, in the order of the selection.
    pub values: Vec<Value>,
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The official code, the identifier, or the contract's name of a word of the form.
    pub code: String,
    /// Short code for file names: for a word of the form its slug in the old data, otherwise the code.
    pub slug: String,
    /// French label; empty if the value has only a code.
    pub label: String,
    /// Whether readers know the value by its code too: true for territories, false for a code such as `THEME_EMAIL`.
    pub shows_code: bool,
}

impl Value {
    /// `Ain (01)`, `35000`, `Courriels`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match (self.label.as_str(), self.shows_code) {
            ("", _) => Cow::Borrowed(&self.code),
            (label, true) => Cow::Owned(format!("{label} ({})", self.code)),
            (label, false) => Cow::Borrowed(label),
        }
    }
}

impl Restriction {
    /// Name of the field, singular or plural according to its values.
    #[must_use]
    pub fn label(&self) -> &'static str {
        if self.values.len() == 1 { self.one } else { self.many }
    }

    /// The values, separated by commas; if there are more than `values_max`, the first ones and the number of others.
    #[must_use]
    pub fn text(&self, values_max: usize) -> String {
        let (named, others) = self.values.split_at(self.values.len().min(values_max));
        let named: Vec<_> = named.iter().map(Value::text).collect();
        match others.len() {
            0 => named.join(", "),
            1 => format!("{} et 1 autre", named.join(", ")),
            others => format!("{} et {others} autres", named.join(", ")),
        }
    }
}

/// The days: "du 1er mars 2024 au 31 mars 2024", "toutes les dates".
#[must_use]
pub fn period(selection: &v1::Selection) -> String {
    let day = |iso: &str| parse_day(iso).map_or_else(|| iso.to_owned(), french::day);
    match (selection.from.as_str(), selection.to.as_str()) {
        ("", "") => "toutes les dates".to_owned(),
        (from, "") => format!("à partir du {}", day(from)),
        ("", to) => format!("jusqu'au {}", day(to)),
        (from, to) if from == to => format!("le {}", day(from)),
        (from, to) => format!("du {} au {}", day(from), day(to)),
    }
}

/// Every restricting field except the days, from the widest territory down.
#[must_use]
pub fn restrictions(selection: &v1::Selection) -> Vec<Restriction> {
    let communes = territory::communes();
    let region = |code: &str| communes.region(code).map(Region::name);
    let department = |code: &str| communes.department(code).map(Department::name);
    let epci = |code: &str| communes.epci(code).map(Epci::name);
    let commune = |code: &str| communes.resolve(code).map(|id| communes.get(id).name());
    let unnamed = |_: &str| None;
    let of = |one, many, slug, values| Restriction { one, many, slug, values };
    let fields = [
        of("Région", "Régions", "region", named(&selection.region_codes, region)),
        of("Département", "Départements", "departement", named(&selection.department_codes, department)),
        of("EPCI", "EPCI", "epci", named(&selection.epci_codes, epci)),
        of("Commune", "Communes", "commune", named(&selection.commune_codes, commune)),
        of("Code postal", "Codes postaux", "code-postal", named(&selection.postal_codes, unnamed)),
        of("Structure", "Structures", "structure", named(&selection.structure_ids, unnamed)),
        of("Conseiller", "Conseillers", "conseiller", named(&selection.advisor_ids, unnamed)),
        of("Lieu d'activité", "Lieux d'activité", "lieu", named(&selection.venue_ids, unnamed)),
        of("Canal", "Canaux", "canal", words::<Channel>(&selection.channels, "CHANNEL_UNSPECIFIED")),
        of(
            "Type d'activité",
            "Types d'activité",
            "activite",
            words::<Activity>(&selection.activities, "ACTIVITY_UNSPECIFIED"),
        ),
        of("Thématique", "Thématiques", "theme", words::<Theme>(&selection.themes, "THEME_UNSPECIFIED")),
        of(
            "Sous-thématique",
            "Sous-thématiques",
            "sous-theme",
            words::<SubTheme>(&selection.sub_themes, "SUB_THEME_UNSPECIFIED"),
        ),
        of(
            "Durée",
            "Durées",
            "duree",
            words::<DurationBucket>(&selection.durations, "DURATION_BUCKET_UNSPECIFIED"),
        ),
        of(
            "Au moins un participant de cette tranche d'âge",
            "Au moins un participant de ces tranches d'âge",
            "age",
            words::<AgeBand>(&selection.ages, "AGE_BAND_UNSPECIFIED"),
        ),
        of(
            "Au moins un participant de ce statut",
            "Au moins un participant de ces statuts",
            "statut",
            words::<Status>(&selection.statuses, "STATUS_UNSPECIFIED"),
        ),
    ];
    fields.into_iter().filter(|field| !field.values.is_empty()).collect()
}

/// The selection with the values of each field sorted and without repetition: equal for equal queries.
#[must_use]
pub fn canonical(mut selection: v1::Selection) -> v1::Selection {
    fn sort<T: Ord>(values: &mut Vec<T>) {
        values.sort_unstable();
        values.dedup();
    }
    let texts = [
        &mut selection.region_codes,
        &mut selection.department_codes,
        &mut selection.epci_codes,
        &mut selection.commune_codes,
        &mut selection.postal_codes,
        &mut selection.structure_ids,
        &mut selection.advisor_ids,
        &mut selection.venue_ids,
    ];
    texts.into_iter().for_each(sort);
    let numbers = [
        &mut selection.channels,
        &mut selection.activities,
        &mut selection.themes,
        &mut selection.sub_themes,
        &mut selection.durations,
        &mut selection.ages,
        &mut selection.statuses,
    ];
    numbers.into_iter().for_each(sort);
    selection
}

fn named(codes: &[String], name_of: impl Fn(&str) -> Option<&'static str>) -> Vec<Value> {
    let value = |code: &String| Value {
        label: name_of(code).unwrap_or_default().to_owned(),
        slug: code.clone(),
        code: code.clone(),
        shows_code: true,
    };
    codes.iter().map(value).collect()
}

fn words<W: Word>(numbers: &[i32], unspecified: &str) -> Vec<Value> {
    let value = |number: &i32| match W::from_number(*number).map(Word::term) {
        Some(term) => Value {
            code: term.name.to_owned(),
            slug: term.slug.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            label: term.label.to_owned(),
            shows_code: false,
        },
        None => Value {
            code: unspecified.to_owned(),
            slug: "non-renseigne".to_owned(),
            label: UNSPECIFIED_LABEL.to_owned(),
            shows_code: false,
        },
    };
    numbers.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of_everything() -> v1::Selection {
        v1::Selection {
            from: "2024-03-01".into(),
            to: "2024-03-31".into(),
            region_codes: vec!["53".into()],
            department_codes: vec!["35".into(), "2A".into()],
            epci_codes: vec!["243500139".into()],
            commune_codes: vec!["75056".into()],
            postal_codes: vec!["35000".into()],
            structure_ids: vec!["s".into()],
            advisor_ids: vec!["conseiller-1".into()],
            venue_ids: vec!["v".into()],
            channels: vec![1],
            activities: vec![1],
            themes: vec![v1::Theme::Email.into()],
            sub_themes: vec![1],
            durations: vec![1],
            ages: vec![0, v1::AgeBand::Over60.into()],
            statuses: vec![1],
        }
    }

    #[test]
    fn a_selection_is_rendered_in_names_labels_and_codes() {
        let selection = of_everything();
        assert_eq!(period(&selection), "du 1er mars 2024 au 31 mars 2024");
        let rendered: Vec<_> = restrictions(&selection)
            .iter()
            .map(|restriction| format!("{} : {}", restriction.label(), restriction.text(9)))
            .collect();
        for expected in [
            "Région : Bretagne (53)",
            "Départements : Ille-et-Vilaine (35), Corse-du-Sud (2A)",
            "Commune : Paris (75056)",
            "Code postal : 35000",
            "Conseiller : conseiller-1",
            "Thématique : Courriels",
            "Au moins un participant de ces tranches d'âge : Non renseigné, Plus de 60 ans",
        ] {
            assert!(rendered.iter().any(|text| text == expected), "{expected} in {rendered:?}");
        }
        assert_eq!(rendered.len(), 15);
        assert!(restrictions(&v1::Selection::default()).is_empty());
        assert_eq!(period(&v1::Selection::default()), "toutes les dates");
    }

    #[test]
    fn a_long_list_is_truncated_and_gives_its_length() {
        let many = v1::Selection {
            department_codes: ["01", "02", "03", "04"].map(str::to_owned).to_vec(),
            ..v1::Selection::default()
        };
        let [departments] = &restrictions(&many)[..] else { panic!() };
        assert_eq!(departments.text(2), "Ain (01), Aisne (02) et 2 autres");
        assert_eq!(departments.text(3), "Ain (01), Aisne (02), Allier (03) et 1 autre");
    }

    #[test]
    fn the_canonical_selection_does_not_depend_on_the_order_of_values() {
        let one = v1::Selection {
            department_codes: vec!["35".into(), "2A".into(), "35".into()],
            themes: vec![3, 1],
            ..v1::Selection::default()
        };
        let other = v1::Selection {
            department_codes: vec!["2A".into(), "35".into()],
            themes: vec![1, 3, 3],
            ..v1::Selection::default()
        };
        assert_ne!(one, other);
        assert_eq!(canonical(one), canonical(other));
    }

    #[test]
    fn the_field_names_of_file_names_are_distinct_and_none_is_a_prefix_of_another() {
        let slugs: Vec<_> = restrictions(&of_everything()).iter().map(|field| field.slug).collect();
        for slug in &slugs {
            let begins = slugs.iter().filter(|other| other.starts_with(&format!("{slug}-"))).count();
            assert!(slug.is_ascii() && begins == 0, "{slug}");
        }
        let all = |count: i32| (0..=count).collect::<Vec<i32>>();
        for values in [
            words::<Theme>(&all(19), ""),
            words::<SubTheme>(&all(8), ""),
            words::<Channel>(&all(4), ""),
            words::<DurationBucket>(&all(5), ""),
            words::<AgeBand>(&all(5), ""),
            words::<Status>(&all(5), ""),
        ] {
            let distinct: HashSet<_> = values.iter().map(|value| &value.slug).collect();
            assert_eq!(distinct.len(), values.len(), "{values:?}");
        }
    }
}
