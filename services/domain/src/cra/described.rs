//! The content of a CRA in French, field by field in the order of the form. All screens and pages take the names of
//! fields from here, each with its path in the contract.

use super::{Cra, Duration, Recipient};
use crate::french;
use crate::territory;
use crate::vocabulary::{AgeBand, Status, Word};

/// A field and its value in a CRA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Path from the request's root, such as `cra.place.commune_code`.
    pub path: &'static str,
    /// French name of the field.
    pub label: &'static str,
    /// Value in French; empty if the CRA has none.
    pub value: String,
}

/// Every field in the order of the form: its path and its name. Each sub-field of a place is a separate field.
pub const FIELD_LABELS: [(&str, &str); 18] = [
    ("cra.advisor_id", "Conseiller"),
    ("cra.structure_id", "Structure"),
    ("cra.date", "Date"),
    ("cra.place.channel", "Canal"),
    ("cra.place.commune_code", "Commune"),
    ("cra.place.venue_id", "Lieu d'activité"),
    ("cra.activity", "Type d'activité"),
    ("cra.participants", "Participants"),
    ("cra.returning_participants", "Déjà accompagnées"),
    ("cra.ages", "Tranches d'âge"),
    ("cra.statuses", "Statuts"),
    ("cra.themes", "Thématiques"),
    ("cra.sub_themes", "Sous-thématiques"),
    ("cra.annotation", "Précision"),
    ("cra.duration", "Durée"),
    ("cra.follow_up.individual", "Suite : individuel"),
    ("cra.follow_up.workshop", "Suite : atelier"),
    ("cra.follow_up.redirections", "Suite : redirection"),
];

/// The name of the field at a path; empty if the form has no such field.
#[must_use]
pub fn field_label(path: &str) -> &'static str {
    FIELD_LABELS.iter().find(|(known, _)| *known == path).map_or("", |(_, label)| label)
}

/// Every field of a CRA, always the same ones in the same order.
pub fn described<T: AsRef<str>>(cra: &Cra<T>) -> Vec<Described> {
    let people = |count: u32| french::counted(count.into(), "personne", "personnes");
    let planned = |count: u32| if count == 0 { String::new() } else { people(count) };
    let labels = |labels: Vec<&'static str>| labels.join(", ");
    let values = [
        cra.advisor_id.to_string(),
        cra.structure_id.to_string(),
        french::day(cra.date),
        cra.place.channel.term().label.to_owned(),
        commune_described(cra),
        cra.place.venue_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        cra.activity.term().label.to_owned(),
        people(cra.participants),
        planned(cra.returning_participants),
        per_word::<AgeBand>(|band| cra.ages.of(band)),
        per_word::<Status>(|status| cra.statuses.of(status)),
        labels(cra.themes.iter().map(|theme| theme.term().label).collect()),
        labels(cra.sub_themes.iter().map(|theme| theme.term().label).collect()),
        cra.annotation.as_ref().to_owned(),
        duration(cra.duration),
        planned(cra.follow_up_individual),
        planned(cra.follow_up_workshop),
        redirections(cra),
    ];
    let fields = FIELD_LABELS.into_iter().zip(values);
    fields.map(|((path, label), value)| Described { path, label, value }).collect()
}

/// The commune as `Saint-Denis 97400 (97411)`. Contains the declared code if it differs from the commune's.
#[must_use]
pub fn commune_described<T: AsRef<str>>(cra: &Cra<T>) -> String {
    let commune = territory::communes().get(cra.place.commune);
    let (declared, postal_code) = (cra.place.commune_code.as_ref(), cra.place.postal_code.as_ref());
    let postal_code = [" ", postal_code].concat();
    let mut text = format!("{}{} ({})", commune.name(), postal_code.trim_end(), commune.code());
    if *declared != *commune.code() {
        text.extend([", déclarée ", declared]);
    }
    text
}

fn per_word<W: Word>(count_of: impl Fn(W) -> u32) -> String {
    let counts =
        W::ALL.iter().map(|word| (word.term().label, count_of(*word))).filter(|(_, count)| *count > 0);
    counts.map(|(label, count)| format!("{label} : {count}")).collect::<Vec<_>>().join(", ")
}

fn duration(duration: Duration) -> String {
    match duration {
        Duration::Exact { minutes } => french::minutes(minutes.into()),
        other => other.bucket().map_or("Non renseignée", |bucket| bucket.term().label).to_owned(),
    }
}

fn redirections<T: AsRef<str>>(cra: &Cra<T>) -> String {
    let named = cra.redirections.iter().map(|redirection| {
        let name = match &redirection.recipient {
            Recipient::Known(organisation) => organisation.term().label,
            Recipient::Other(name) => name.as_ref(),
            Recipient::Unnamed => UNNAMED_RECIPIENT,
        };
        format!("{name} : {}", redirection.people)
    });
    named.collect::<Vec<_>>().join(", ")
}

/// Label of a recipient that an older form did not name.
pub const UNNAMED_RECIPIENT: &str = "Non précisé";
