//! The page of `cra history`: each event of a CRA, with the whole content when it was recorded and the changes when it
//! was corrected. Older forms are shown in today's vocabulary, as they are counted.

use cra_contracts::v1;
use cra_domain::cra::Cra;
use cra_domain::event::{Event, Fact, Forgettable, Forgotten, reason_described, record};
use cra_domain::french;

use super::cra::{Field, LABEL_COLUMNS, content, fields, form};
use super::text::{Tone, instant, left, printable, toned};
use crate::style::Style;

/// All events of the CRA, oldest first.
pub(crate) fn page(cra_id: &str, events: &[v1::CraEvent], style: Style) -> String {
    let title = toned(style, Tone::Title, "Compte-rendu d'activité");
    format!("{title} {}\n{}", printable(cra_id), since(events, 0, style))
}

/// The events after a revision, with what each changed.
pub(super) fn since(events: &[v1::CraEvent], after: u64, style: Style) -> String {
    let mut text = String::new();
    let mut before: Option<Vec<Field>> = None;
    for event in events {
        let (revision, recorded_at) = (event.revision, instant(event.recorded_at.as_ref()));
        let number = toned(style, Tone::Figure, &format!("Révision {revision}"));
        let forgotten = Forgotten::from_message(event.forgotten.as_ref()).unwrap_or_default();
        let by = author(event.origin.as_ref().unwrap_or(&v1::Origin::default()), &forgotten);
        text += &format!("\n{number}  {recorded_at}{}\n", toned(style, Tone::Quiet, &by));
        if event.moved {
            text += &format!("  {}\n", toned(style, Tone::Quiet, "Hors de votre périmètre"));
        } else {
            text += &read(event, &mut before, style);
        }
        if revision <= after {
            text.clear();
        }
    }
    text
}

/// Reads an event as stored events are read.
fn read(event: &v1::CraEvent, before: &mut Option<Vec<Field>>, style: Style) -> String {
    match Event::decode(&record::encode(event)) {
        Ok(event) => reported(&event, before, style),
        // A newer service may have written what this command cannot read yet.
        Err(error) => format!("  {}\n", toned(style, Tone::Bad, &printable(&error.to_string()))),
    }
}

fn author(origin: &v1::Origin, forgotten: &Forgotten) -> String {
    let known = [&origin.client_id, &origin.subject].into_iter().filter(|name| !name.is_empty());
    let names = known.map(|name| printable(name));
    let account = forgotten.at(Forgettable::Account);
    let account = account.map(|at| format!("compte oublié le {}", french::moment(at)));
    let names: Vec<_> = names.chain(account).collect();
    if names.is_empty() { String::new() } else { format!("  par {}", names.join(" / ")) }
}

/// `before` is the content after the previous event, for the next correction.
fn reported(event: &Event<'_>, before: &mut Option<Vec<Field>>, style: Style) -> String {
    let forgotten = &event.forgotten;
    match &event.fact {
        Fact::Submitted { cra, defaulted_participants } => {
            let note = if *defaulted_participants { ", participants par défaut" } else { "" };
            *before = None;
            changed(&format!("Enregistré{note}"), cra, forgotten, before, style)
        }
        Fact::Imported { form_version, cra, created_at, notes } => {
            let version = form(*form_version);
            let again = if before.is_some() { " à nouveau" } else { "" };
            let what =
                format!("Importé{again} du formulaire {version}, saisi le {}", french::moment(*created_at));
            changed(&what, cra, forgotten, before, style) + &repairs(notes, style)
        }
        Fact::Corrected { cra, reason, .. } => {
            let what = format!("Corrigé : {}", printable(&reason_described(reason, forgotten)));
            changed(&what, cra, forgotten, before, style)
        }
        Fact::Withdrawn { reason } => {
            let what = toned(style, Tone::Bad, "Retiré des statistiques");
            format!("  {what} : {}\n", printable(&reason_described(reason, forgotten)))
        }
    }
}

/// The changes to the previous content, or the whole first content.
fn changed<T: AsRef<str>>(
    what: &str,
    cra: &Cra<T>,
    forgotten: &Forgotten,
    before: &mut Option<Vec<Field>>,
    style: Style,
) -> String {
    let now = fields(cra, forgotten);
    let shown = before.as_ref().map_or_else(|| content(&now, style), |old| changes(old, &now, style));
    *before = Some(now);
    format!("  {what}\n{shown}")
}

/// The repairs of a document of an older form.
fn repairs(notes: &[String], style: Style) -> String {
    let lines = notes
        .iter()
        .map(|note| format!("    {}{}\n", toned(style, Tone::Quiet, "Repris : "), printable(note)));
    lines.collect()
}

/// Both lists have the same labels in the same order.
pub(super) fn changes(before: &[Field], now: &[Field], style: Style) -> String {
    let shown = |value: &str| {
        if value.is_empty() { "–".to_owned() } else { value.to_owned() }
    };
    let mut text = String::new();
    for ((label, old), (_, new)) in before.iter().zip(now) {
        if old != new {
            let label = toned(style, Tone::Quiet, &left(label, LABEL_COLUMNS));
            let (old, new) = (toned(style, Tone::Bad, &shown(old)), toned(style, Tone::Good, &shown(new)));
            text += &format!("    {label}{old} → {new}\n");
        }
    }
    if text.is_empty() { "    Contenu identique\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Style = Style { columns: 100, colour: false };

    fn cra() -> v1::Cra {
        v1::Cra {
            advisor_id: "conseiller-0001".to_owned(),
            structure_id: "structure-001".to_owned(),
            date: "2024-03-12".to_owned(),
            place: Some(v1::Place {
                venue_id: "lieu-1".to_owned(),
                ..cra_fixtures::place(v1::Channel::Venue, "97411", "97400")
            }),
            activity: v1::Activity::OneOff.into(),
            ..cra_fixtures::cra()
        }
    }

    fn event(revision: u64, fact: v1::cra_event::Fact) -> v1::CraEvent {
        v1::CraEvent {
            event_id: "0190f3a0-0000-7000-8000-000000000001".to_owned(),
            cra_id: "0190f3a0-0000-7000-8000-000000000000".to_owned(),
            revision,
            recorded_at: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
            origin: Some(v1::Origin { client_id: "plateforme".to_owned(), subject: String::new() }),
            fact: Some(fact),
            moved: false,
            forgotten: None,
        }
    }

    fn submitted() -> v1::CraEvent {
        let submitted = v1::CraSubmitted { cra: Some(cra()), defaulted_fields: Vec::new() };
        event(1, v1::cra_event::Fact::Submitted(submitted))
    }

    #[test]
    fn a_submission_shows_its_content_in_french() {
        let text = page("id", &[submitted()], LOOK);
        for expected in [
            "Révision 1  1er mars 2024 à 13:00:00 (heure de Paris)  par plateforme",
            "Date                        12 mars 2024",
            "Commune                     Saint-Denis 97400 (97411)",
            "Tranches d'âge              Plus de 60 ans : 1",
            "Thématiques                 Courriels",
            "Durée                       30 min. ou moins",
        ] {
            assert!(text.contains(expected), "{expected:?} in:\n{text}");
        }
        assert!(!text.contains("Précision"), "empty fields are left out:\n{text}");
    }

    #[test]
    fn a_correction_shows_only_what_changed() {
        let band = v1::DurationBand::OneHourOrMore.into();
        let corrected = v1::Cra {
            duration: Some(v1::Duration { band, minutes: Some(90) }),
            annotation: "Tri des messages".to_owned(),
            ..cra()
        };
        let corrected = v1::CraCorrected {
            cra: Some(corrected),
            reason: "durée oubliée\u{1b}[2J".to_owned(),
            ..v1::CraCorrected::default()
        };
        let events = vec![submitted(), event(2, v1::cra_event::Fact::Corrected(corrected))];
        let text = page("id", &events, LOOK);
        let second = text.split("Révision 2").nth(1).unwrap();
        assert!(second.contains("Corrigé : durée oubliée·[2J\n"), "{text}");
        assert!(second.contains("30 min. ou moins → 1\u{a0}h\u{a0}30\n"), "{text}");
        assert!(second.contains("– → Tri des messages\n"), "{text}");
        assert_eq!(second.lines().count(), 4, "{text}");
    }

    fn imported(revision: u64, document: &str) -> v1::CraEvent {
        let (legacy_id, document) = ("62a9".to_owned(), document.to_owned().into());
        event(
            revision,
            v1::cra_event::Fact::Imported(v1::LegacyCraImported { legacy_id, form_version: 3, document }),
        )
    }

    #[test]
    fn a_later_version_of_an_older_document_shows_only_what_changed_and_what_was_repaired() {
        let first = include_str!("../../../domain/src/legacy/golden/v3-workshop.json");
        let second = first.replace("\"duree\": 75", "\"duree\": 90");
        assert_ne!(first, second);
        let text = page("id", &[imported(1, first), imported(2, &second)], LOOK);
        let (one, two) = text.split_once("Révision 2").unwrap();
        assert!(one.contains("Importé du formulaire V3") && one.contains("Montluel"), "{text}");
        assert!(two.contains("Importé à nouveau du formulaire V3"), "{text}");
        assert!(two.contains("1\u{a0}h\u{a0}15 → 1\u{a0}h\u{a0}30\n") && !two.contains("Montluel"), "{text}");
        let repaired = include_str!("../../../domain/src/legacy/golden/v3-repaired.json");
        let text = page("id", &[imported(1, repaired)], LOOK);
        assert!(text.contains("Repris : permanence: "), "{text}");
    }

    #[test]
    fn what_was_forgotten_is_shown_as_forgotten() {
        let mut withdrawn = event(2, v1::cra_event::Fact::Withdrawn(v1::CraWithdrawn::default()));
        let at = Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 });
        let (reason_at, account_at) = (at, at);
        withdrawn.forgotten = Some(v1::Forgotten { reason_at, account_at, ..v1::Forgotten::default() });
        let text = page("id", &[submitted(), withdrawn], LOOK);
        let since = "le 1er mars 2024 à 13:00:00 (heure de Paris)";
        assert!(text.contains(&format!("par plateforme / compte oublié {since}\n")), "{text}");
        assert!(text.ends_with(&format!("  Retiré des statistiques : motif oublié {since}\n")), "{text}");
    }

    #[test]
    fn a_withdrawal_shows_its_reason() {
        let withdrawn = v1::CraWithdrawn { reason: "saisi deux fois".to_owned() };
        let text = page("id", &[submitted(), event(2, v1::cra_event::Fact::Withdrawn(withdrawn))], LOOK);
        assert!(text.ends_with("  Retiré des statistiques : saisi deux fois\n"), "{text}");
    }

    #[test]
    fn a_revision_outside_the_perimeter_is_mentioned() {
        let moved = v1::CraEvent { revision: 2, moved: true, ..v1::CraEvent::default() };
        let text = page("id", &[submitted(), moved], LOOK);
        assert!(text.contains("Courriels") && text.ends_with("  Hors de votre périmètre\n"), "{text}");
    }

    #[test]
    fn an_unreadable_event_is_reported_and_does_not_hide_the_others() {
        let mut unreadable = submitted();
        unreadable.fact = None;
        let text = page("id", &[unreadable, submitted()], LOOK);
        assert!(text.contains("no variant known here") && text.contains("Courriels"), "{text}");
    }
}
