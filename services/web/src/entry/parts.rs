//! Merges two forms part by part. When two people change a CRA at once, each part that only one of them changed takes
//! that person's value.

use cra_domain::cra::field_label;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBand, Status, SubTheme, Theme, Word};

use super::typed::Typed;
use crate::address::word_of;

/// A part of the form that is merged as a whole.
struct Part {
    /// Name of its field in the form.
    field: &'static str,
    /// Path of its field in the contract.
    path: &'static str,
    text: fn(&Typed) -> String,
    take: fn(&mut Typed, &Typed),
}

/// A part in which two forms differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) field: &'static str,
    pub(crate) label: &'static str,
    pub(crate) yours: String,
    pub(crate) theirs: String,
    /// Whether your form took their value, because you had not changed it.
    pub(crate) is_taken: bool,
}

macro_rules! text_part {
    ($field:literal, $path:literal, $name:ident) => {
        Part {
            field: $field,
            path: $path,
            text: |it| it.$name.clone(),
            take: |it, other| it.$name.clone_from(&other.$name),
        }
    };
    ($field:literal, $path:literal, $name:ident, $text:expr) => {
        Part { field: $field, path: $path, text: $text, take: |it, other| it.$name.clone_from(&other.$name) }
    };
}

const PARTS: [Part; 18] = [
    text_part!("conseiller", "cra.advisor_id", advisor),
    text_part!("structure", "cra.structure_id", structure),
    text_part!("date", "cra.date", date),
    text_part!("canal", "cra.place.channel", channel, |it| label::<Channel>(&it.channel)),
    Part {
        field: "commune",
        path: "cra.place.commune_code",
        text: |it| it.commune.clone(),
        take: |it, other| {
            it.commune.clone_from(&other.commune);
            it.chosen.clone_from(&other.chosen);
            it.chosen_for.clone_from(&other.chosen_for);
        },
    },
    text_part!("lieu", "cra.place.venue_id", venue),
    text_part!("activite", "cra.activity", activity, |it| label::<Activity>(&it.activity)),
    text_part!("participants", "cra.participants", participants),
    text_part!("deja", "cra.returning_participants", returning),
    text_part!("age", "cra.ages", ages, |it| counts::<AgeBand>(&it.ages)),
    text_part!("statut", "cra.statuses", statuses, |it| counts::<Status>(&it.statuses)),
    text_part!("theme", "cra.themes", themes, |it| labels::<Theme>(&it.themes)),
    text_part!("theme", "cra.sub_themes", sub_themes, |it| labels::<SubTheme>(&it.sub_themes)),
    text_part!("precision", "cra.annotation", annotation),
    Part {
        field: "duree",
        path: "cra.duration",
        text: |it| {
            let parts = [label::<DurationBand>(&it.duration), it.minutes.clone()];
            let [_, minutes] = &parts;
            if minutes.is_empty() { parts.concat() } else { format!("{} ({minutes} min)", parts[0]) }
        },
        take: |it, other| {
            it.duration.clone_from(&other.duration);
            it.minutes.clone_from(&other.minutes);
        },
    },
    text_part!("suite-individuel", "cra.follow_up.individual", individual),
    text_part!("suite-atelier", "cra.follow_up.workshop", workshop),
    text_part!("suite", "cra.follow_up.redirections", organisations, |it| {
        let each = it.organisations.iter().map(|(name, people)| format!("{name} : {people}"));
        each.collect::<Vec<_>>().join(", ")
    }),
];

/// The label of a word; for an unknown word, the text as typed.
fn label<W: Word>(text: &str) -> String {
    word_of::<W>(text).map_or(text, |word| word.term().label).to_owned()
}

fn labels<W: Word>(texts: &[String]) -> String {
    let mut labels: Vec<_> = texts.iter().map(|text| label::<W>(text)).collect();
    labels.sort_unstable();
    labels.join(", ")
}

fn counts<W: Word>(texts: &[String]) -> String {
    let counted = W::ALL.iter().zip(texts).filter(|(_, count)| !matches!(count.as_str(), "" | "0"));
    counted.map(|(word, count)| format!("{} : {count}", word.term().label)).collect::<Vec<_>>().join(", ")
}

/// Merges their form into yours; both started from `base`. Your form takes each part that they changed and you did not.
/// Returns every part that differs, with both values.
pub(crate) fn merge(yours: &mut Typed, theirs: &Typed, base: &Typed) -> Vec<Difference> {
    let mut differences = Vec::new();
    for Part { field, path, text, take } in PARTS {
        let (your_text, their_text) = (text(yours), text(theirs));
        if your_text == their_text {
            continue;
        }
        let is_taken = your_text == text(base);
        if is_taken {
            take(yours, theirs);
        }
        let label = field_label(path);
        differences.push(Difference { field, label, yours: your_text, theirs: their_text, is_taken });
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::Fields;

    fn typed(query: &str) -> Typed {
        Typed::of(&Fields::of(query.as_bytes()))
    }

    #[test]
    fn what_you_did_not_touch_is_theirs_and_what_both_changed_stays_yours() {
        let base = typed("deja=0&precision=avant&theme=courriel&age-plus60ans=1&duree=60");
        let theirs = typed("deja=1&precision=eux&theme=courriel&theme=budget&age-plus60ans=1&duree=60");
        let mut yours = typed("deja=0&precision=vous&theme=courriel&age-plus60ans=1&duree=60&minutes=90");
        let differences = merge(&mut yours, &theirs, &base);
        let reported: Vec<_> = differences
            .iter()
            .map(|it| (it.field, it.yours.as_str(), it.theirs.as_str(), it.is_taken))
            .collect();
        assert_eq!(
            reported,
            [
                ("deja", "0", "1", true),
                ("theme", "Courriels", "Budget, Courriels", true),
                ("precision", "vous", "eux", false),
                ("duree", "1h ou plus (90 min)", "1h ou plus", false),
            ]
        );
        assert_eq!(
            (yours.returning.as_str(), yours.annotation.as_str(), yours.themes.len()),
            ("1", "vous", 2)
        );
    }

    #[test]
    fn every_field_of_the_contract_is_a_part() {
        let paths: Vec<_> = PARTS.iter().map(|part| part.path).collect();
        let fields: Vec<_> = cra_domain::cra::FIELD_LABELS.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths, fields);
    }
}
