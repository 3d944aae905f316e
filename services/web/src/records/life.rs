//! The history of one CRA in French: each event with who, when, why and what changed. Older forms are shown in today's
//! words, as they are counted.

use cra_contracts::v1;
use cra_domain::cra::{Cra, Described, Submission, described};
use cra_domain::event::life::Life;
use cra_domain::event::{
    Event, Fact, Forgettable, Forgotten, reason_described, record, timestamp, with_forgotten,
};
use cra_domain::french;

#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) revision: u64,
    pub(super) title: String,
    /// Time of the event, and who caused it.
    pub(super) origin: String,
    /// Reason; empty for none.
    pub(super) reason: String,
    pub(super) changes: Vec<Change>,
    /// Repairs of an older document.
    pub(super) notes: Vec<String>,
}

/// A field that an event changed.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) label: &'static str,
    pub(super) before: String,
    pub(super) after: String,
}

/// A field of the CRA's current content.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) label: &'static str,
    pub(super) value: String,
    /// Whether it is the form's default, because the field was left empty.
    pub(super) is_default: bool,
}

/// Kind of the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Recorded,
    Corrected,
    Withdrawn,
    /// The event is outside the caller's perimeter, or of an unknown kind.
    Unseen,
}

pub(super) fn last(life: &Life) -> Last {
    use v1::cra_event::Fact as Stored;
    match life.events().last().and_then(|event| event.fact.as_ref()) {
        Some(Stored::Submitted(_) | Stored::Imported(_)) => Last::Recorded,
        Some(Stored::Corrected(_)) => Last::Corrected,
        Some(Stored::Withdrawn(_)) => Last::Withdrawn,
        None => Last::Unseen,
    }
}

/// The content of the CRA, or the last one before its withdrawal; `None` if it is outside the caller's perimeter or
/// cannot be read.
pub(super) fn content(life: &Life, revision: u64) -> Option<Cra> {
    let is_moved =
        life.events().iter().rev().find(|event| event.revision <= revision).is_none_or(|event| event.moved);
    if is_moved {
        return None;
    }
    Cra::from_message(&life.content_at(revision)?).ok()
}

/// The fields of a content without the empty ones. Fields with the form's default are included if the event names them.
pub(super) fn fields(cra: &Cra, life: &Life) -> Vec<Field> {
    use v1::cra_event::Fact as Stored;
    let defaulted = life.events().iter().rev().find_map(|event| match event.fact.as_ref()? {
        Stored::Submitted(submitted) => Some(submitted.defaulted_fields.as_slice()),
        Stored::Corrected(corrected) => Some(corrected.defaulted_fields.as_slice()),
        Stored::Imported(_) => Some(&[]),
        Stored::Withdrawn(_) => None,
    });
    let defaulted = defaulted.unwrap_or_default();
    let is_default = |path: &str| {
        let of_place =
            path == Submission::COMMUNE && defaulted.iter().any(|it| it == Submission::POSTAL_CODE);
        of_place || defaulted.iter().any(|it| it == path)
    };
    let last =
        life.events().iter().rev().find(|event| !matches!(event.fact, Some(Stored::Withdrawn(_)) | None));
    let forgotten = last.map(forgotten).unwrap_or_default();
    let shown =
        with_forgotten(described(cra), &forgotten).into_iter().filter(|field| !field.value.is_empty());
    shown
        .map(|Described { path, label, value }| Field { label, value, is_default: is_default(path) })
        .collect()
}

/// Every event, the latest first.
pub(super) fn events(life: &Life) -> Vec<Shown> {
    let mut before: Option<Vec<Described>> = None;
    let mut events: Vec<_> = life.events().iter().map(|event| shown(event, &mut before)).collect();
    events.reverse();
    events
}

/// The events after a revision, the latest first.
pub(super) fn since(life: &Life, revision: u64) -> Vec<Shown> {
    events(life).into_iter().filter(|event| event.revision > revision).collect()
}

fn shown(event: &v1::CraEvent, before: &mut Option<Vec<Described>>) -> Shown {
    let moment = timestamp("recorded_at", event.recorded_at.as_ref()).map(french::moment).unwrap_or_default();
    let author = author(event.origin.as_ref().unwrap_or(&v1::Origin::default()), &forgotten(event));
    let shown = Shown { revision: event.revision, origin: format!("{moment}{author}"), ..Shown::default() };
    if event.moved {
        return Shown { title: "Hors de votre périmètre".to_owned(), ..shown };
    }
    match Event::decode(&record::encode(event)) {
        Ok(read) => of_event(&read, before, shown),
        // A newer service may have written content that this version cannot read.
        Err(_) => Shown { title: "Événement que cette version ne sait pas lire".to_owned(), ..shown },
    }
}

fn of_event(event: &Event<'_>, before: &mut Option<Vec<Described>>, shown: Shown) -> Shown {
    let forgotten = &event.forgotten;
    match &event.fact {
        Fact::Submitted { cra, .. } => {
            *before = Some(with_forgotten(described(cra), forgotten));
            Shown { title: "Enregistré".to_owned(), ..shown }
        }
        Fact::Imported { cra, created_at, notes, .. } => {
            let again = if before.is_some() { " à nouveau" } else { "" };
            let title = format!(
                "Repris{again} d'un formulaire plus ancien, saisi le {}",
                french::moment(*created_at)
            );
            Shown {
                title,
                changes: changes(before, with_forgotten(described(cra), forgotten)),
                notes: notes.clone(),
                ..shown
            }
        }
        Fact::Corrected { cra, reason, .. } => Shown {
            title: "Corrigé".to_owned(),
            reason: reason_described(reason, forgotten),
            changes: changes(before, with_forgotten(described(cra), forgotten)),
            ..shown
        },
        Fact::Withdrawn { reason } => Shown {
            title: "Retiré des statistiques".to_owned(),
            reason: reason_described(reason, forgotten),
            ..shown
        },
    }
}

/// The differences from the previous content, which `after` then replaces.
fn changes(before: &mut Option<Vec<Described>>, after: Vec<Described>) -> Vec<Change> {
    let differs = |(old, new): &(&Described, &Described)| old.value != new.value;
    let change = |(old, new): (&Described, &Described)| Change {
        label: new.label,
        before: old.value.clone(),
        after: new.value.clone(),
    };
    let changes =
        before.as_ref().map(|before| before.iter().zip(&after).filter(differs).map(change).collect());
    *before = Some(after);
    changes.unwrap_or_default()
}

fn forgotten(event: &v1::CraEvent) -> Forgotten {
    Forgotten::from_message(event.forgotten.as_ref()).unwrap_or_default()
}

fn author(origin: &v1::Origin, forgotten: &Forgotten) -> String {
    let account = forgotten.at(Forgettable::Account);
    let account = account.map(|at| format!("compte oublié le {}", french::moment(at)));
    let known: Vec<_> =
        [origin.subject.as_str(), account.as_deref().unwrap_or_default(), origin.client_id.as_str()]
            .into_iter()
            .filter(|name| !name.is_empty())
            .collect();
    if known.is_empty() { String::new() } else { format!(", par {}", known.join(" / ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cra(annotation: &str) -> v1::Cra {
        v1::Cra {
            advisor_id: "conseiller-1".into(),
            structure_id: "structure-1".into(),
            date: "2024-03-12".into(),
            place: Some(v1::Place {
                channel: v1::Channel::Home.into(),
                commune_code: "97411".into(),
                postal_code: "97400".into(),
                venue_id: String::new(),
            }),
            activity: v1::Activity::OneOff.into(),
            participants: Some(1),
            annotation: annotation.into(),
            ..Default::default()
        }
    }

    fn life(facts: Vec<Option<v1::cra_event::Fact>>) -> Life {
        let event = |(revision, fact): (u64, Option<v1::cra_event::Fact>)| v1::CraEvent {
            event_id: "0190f3a0-0000-7000-8000-000000000001".into(),
            cra_id: "0190f3a0-0000-7000-8000-000000000000".into(),
            revision,
            recorded_at: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
            origin: Some(v1::Origin { client_id: "plateforme".into(), subject: "marie".into() }),
            moved: fact.is_none(),
            forgotten: None,
            fact,
        };
        Life::new((1..).zip(facts).map(event).collect())
    }

    fn submitted() -> v1::cra_event::Fact {
        let defaulted_fields = vec!["cra.place.postal_code".into(), "cra.participants".into()];
        v1::cra_event::Fact::Submitted(v1::CraSubmitted { cra: Some(cra("un")), defaulted_fields })
    }

    fn corrected() -> v1::cra_event::Fact {
        let corrected =
            v1::CraCorrected { cra: Some(cra("deux")), reason: "oubli".into(), ..Default::default() };
        v1::cra_event::Fact::Corrected(corrected)
    }

    #[test]
    fn each_event_says_who_when_why_and_what_it_changed() {
        let withdrawn = v1::cra_event::Fact::Withdrawn(v1::CraWithdrawn { reason: "double".into() });
        let life = life(vec![Some(submitted()), Some(corrected()), Some(withdrawn)]);
        let [last_event, second, first] = events(&life).try_into().unwrap();
        assert_eq!((last_event.reason.as_str(), last(&life)), ("double", Last::Withdrawn));
        assert_eq!(first.origin, "1er mars 2024 à 13:00:00 (heure de Paris), par marie / plateforme");
        let [change] = second.changes.try_into().unwrap();
        assert_eq!(
            (change.label, change.before.as_str(), change.after.as_str()),
            ("Précision", "un", "deux")
        );
        assert_eq!(since(&life, 2).len(), 1);
    }

    #[test]
    fn defaults_are_marked_at_their_fields() {
        let life = life(vec![Some(submitted())]);
        let fields = fields(&content(&life, 1).unwrap(), &life);
        let defaults: Vec<_> = fields.iter().filter(|it| it.is_default).map(|it| it.label).collect();
        assert_eq!(defaults, ["Commune", "Participants"]);
    }

    #[test]
    fn a_content_outside_of_the_perimeter_is_not_replaced_by_a_former_one() {
        let life = life(vec![Some(submitted()), None]);
        assert!(content(&life, 2).is_none() && content(&life, 1).is_some());
        assert_eq!((last(&life), events(&life)[0].title.as_str()), (Last::Unseen, "Hors de votre périmètre"));
    }
}
