//! The content of one CRA in French, field by field in the order of the form, shared by `cra show` and `cra history`.
//! Empty fields are not shown.

use cra_domain::cra::{Cra, Duration, Recipient};
use cra_domain::legacy::FormVersion;
use cra_domain::territory;
use cra_domain::vocabulary::{AgeBand, Status, Word};

use super::text::{Tone, counted, day, left, minutes, printable, toned, width, wrapped};
use crate::output::Look;

const INDENT: &str = "    ";
/// Width of the labels.
pub(super) const LABEL_COLUMNS: usize = 28;

/// A field's label and its value in French; fields with an empty value are not shown.
pub(super) type Field = (&'static str, String);

/// The older form that a CRA was written with.
pub(super) fn form(version: FormVersion) -> &'static str {
    match version {
        FormVersion::V1 => "V1 (2021 à mars 2022)",
        FormVersion::V2 => "V2 (mars à novembre 2022)",
        FormVersion::V3 => "V3 (depuis novembre 2022)",
    }
}

/// A line per field, or several if the value is longer than the terminal.
pub(super) fn content(fields: &[Field], look: Look) -> String {
    let columns = look.columns.saturating_sub(width(INDENT) + LABEL_COLUMNS);
    let mut text = String::new();
    for (label, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
        let mut label = *label;
        for line in wrapped(value, columns) {
            text += &format!("{INDENT}{}{line}\n", toned(look, Tone::Quiet, &left(label, LABEL_COLUMNS)));
            label = "";
        }
    }
    text
}

/// Every field of a CRA, in the order of the form; always the same labels.
pub(super) fn fields<T: AsRef<str>>(cra: &Cra<T>) -> Vec<Field> {
    let people = |count: u32| counted(count.into(), "personne", "personnes");
    let planned = |count: u32| if count == 0 { String::new() } else { people(count) };
    let labels = |labels: Vec<&'static str>| labels.join(", ");
    vec![
        ("Conseiller", cra.advisor_id.to_string()),
        ("Structure", cra.structure_id.to_string()),
        ("Date", day(&cra.date.to_string())),
        ("Canal", cra.place.channel.term().label.to_owned()),
        ("Commune", commune(cra)),
        ("Lieu d'activité", cra.place.venue_id.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("Type d'activité", cra.activity.term().label.to_owned()),
        ("Participants", people(cra.participants)),
        ("Déjà accompagnées", planned(cra.returning_participants)),
        ("Tranches d'âge", per_word::<AgeBand>(|band| cra.ages.of(band))),
        ("Statuts", per_word::<Status>(|status| cra.statuses.of(status))),
        ("Thématiques", labels(cra.themes.iter().map(|theme| theme.term().label).collect())),
        ("Sous-thématiques", labels(cra.sub_themes.iter().map(|theme| theme.term().label).collect())),
        ("Précision", printable(cra.annotation.as_ref())),
        ("Durée", duration(cra.duration)),
        ("Suite : individuel", planned(cra.follow_up_individual)),
        ("Suite : atelier", planned(cra.follow_up_workshop)),
        ("Suite : redirection", redirections(cra)),
    ]
}

/// A CRA in two lines: day, place, kind and people; then themes and advisor.
pub(super) fn summary_lines<T: AsRef<str>>(cra: &Cra<T>) -> [String; 2] {
    let people = counted(cra.participants.into(), "personne", "personnes");
    let themes: Vec<_> = cra.themes.iter().map(|theme| theme.term().label).collect();
    let day = day(&cra.date.to_string());
    [
        format!("{day}, {}, {}, {people}", commune(cra), cra.activity.term().label),
        format!("{} — {} ({})", themes.join(", "), cra.advisor_id, cra.structure_id),
    ]
}

fn commune<T: AsRef<str>>(cra: &Cra<T>) -> String {
    let commune = territory::communes().get(cra.place.commune);
    let (declared, postal_code) = (cra.place.commune_code.as_ref(), cra.place.postal_code.as_ref());
    let postal_code = [" ", postal_code].concat();
    let mut text = format!("{}{} ({})", commune.name(), postal_code.trim_end(), commune.code());
    if *declared != *commune.code() {
        text += &format!(", déclarée {}", printable(declared));
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
        Duration::Exact { minutes: exact } => minutes(exact.into()),
        other => other.bucket().map_or("Non renseignée", |bucket| bucket.term().label).to_owned(),
    }
}

fn redirections<T: AsRef<str>>(cra: &Cra<T>) -> String {
    let named = cra.redirections.iter().map(|redirection| {
        let name = match &redirection.recipient {
            Recipient::Known(organisation) => organisation.term().label.to_owned(),
            Recipient::Other(name) => printable(name.as_ref()),
            Recipient::Unnamed => "Non précisé".to_owned(),
        };
        format!("{name} : {}", redirection.people)
    });
    named.collect::<Vec<_>>().join(", ")
}
