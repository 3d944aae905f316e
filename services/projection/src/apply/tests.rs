//! The read models of a log; an event that cannot be applied is parked without affecting others.

use cra_contracts::v1::cra_event::Fact as Message;

use super::*;
use crate::fixtures::{
    RECORDED_AT, ReadModels, at, corrected, cra, cra_id, entry, event, garbage, recorded_at, submitted,
    withdrawn, workshop,
};
use cra_contracts::v1;
use cra_eventlog::StreamId;

/// CRAs, acts, and parked events.
async fn reported(models: &ReadModels) -> (u64, u64, u64) {
    let statistics = models.statistics().await;
    let parked = models.serving().checkpoint().map_or(0, |checkpoint| checkpoint.parked);
    (statistics.cras, statistics.acts, parked)
}

fn imported(n: u8, document: &str) -> v1::CraEvent {
    let document = document.as_bytes().to_vec().into();
    event(
        n,
        1,
        Message::Imported(v1::LegacyCraImported { legacy_id: n.to_string(), form_version: 1, document }),
    )
}

const DOCUMENT: &str = r#"{"createdAt": "2021-05-18T22:30:00Z", "conseiller": "c", "structure": "s", "cra": {
    "codePostal": "75001", "nomCommune": "PARIS 01", "canal": "autre", "activite": "collectif", "nbParticipants": 4,
    "age": "+60", "statut": "?", "themes": ["smartphone"], "duree": "90", "accompagnement": "atelier"}}"#;

#[tokio::test]
async fn an_empty_log_has_no_figures() {
    let models = ReadModels::new();
    assert_eq!(reported(&models).await, (0, 0, 0));
    assert_eq!(models.serving().checkpoint(), None);
}

#[tokio::test]
async fn a_submitted_cra_counts() {
    let models = ReadModels::of(&[submitted(1, workshop(5)), submitted(2, cra())]);
    assert_eq!(reported(&models).await, (2, 6, 0));
    let applied = models.serving().checkpoint().unwrap();
    assert_eq!(applied.position, Position(2));
    assert_eq!(applied.event_id, entry(2, &submitted(2, cra())).event_id);
    assert_eq!(instant(applied.applied_at), at(RECORDED_AT));
}

#[tokio::test]
async fn defaulted_participants_are_distinguished_even_after_a_correction() {
    let defaulted_fields = vec!["cra.participants".to_owned()];
    let first = v1::CraSubmitted { cra: Some(workshop(5)), defaulted_fields: defaulted_fields.clone() };
    let mut models = ReadModels::of(&[event(1, 1, Message::Submitted(first)), submitted(2, workshop(5))]);
    assert_eq!(models.statistics().await.workshops_with_defaulted_participants, 1);
    models.apply(&[corrected(1, 2, workshop(5))]);
    assert_eq!(models.statistics().await.workshops_with_defaulted_participants, 0);
    let again = v1::CraCorrected { cra: Some(workshop(5)), reason: "erreur".into(), defaulted_fields };
    models.apply(&[event(2, 2, Message::Corrected(again))]);
    assert_eq!(models.statistics().await.workshops_with_defaulted_participants, 1);
}

#[tokio::test]
async fn an_imported_cra_counts_in_todays_vocabulary_and_by_its_original_record() {
    let models = ReadModels::of(&[imported(1, DOCUMENT)]);
    let statistics = models.statistics().await;
    assert_eq!((statistics.cras, statistics.acts, statistics.workshops), (1, 4, 1));
    assert_eq!(statistics.follow_up.unwrap().workshop, 4);
    let smartphone = statistics.themes.iter().find(|line| line.name == "THEME_SMARTPHONE").unwrap();
    assert_eq!((smartphone.count, smartphone.share_per_mille), (1, 1000));
    let unspecified = statistics.statuses.last().unwrap();
    assert_eq!(
        (&*unspecified.name, &*unspecified.label, unspecified.count),
        ("STATUS_UNSPECIFIED", "Non renseigné", 4)
    );
    assert_eq!(statistics.entry_delay.unwrap().same_day, 1, "not the years until the import");
}

#[tokio::test]
async fn only_the_last_content_of_a_corrected_cra_counts() {
    let mut models = ReadModels::of(&[submitted(1, workshop(5)), corrected(1, 2, workshop(7))]);
    assert_eq!(reported(&models).await, (1, 7, 0));
    models.apply(&[corrected(1, 3, workshop(2))]);
    models.apply(&[corrected(1, 4, cra())]);
    assert_eq!(reported(&models).await, (1, 1, 0));
}

#[tokio::test]
async fn a_correction_moves_a_cra_to_another_day_and_keeps_its_first_record() {
    let moved = v1::Cra { date: "2024-03-01".into(), ..workshop(3) };
    let correction = recorded_at(corrected(1, 2, moved), "2024-06-01T12:00:00Z");
    let models = ReadModels::of(&[submitted(1, workshop(5)), correction]);
    let statistics = models.statistics().await;
    assert_eq!((statistics.cras, statistics.acts), (1, 3));
    assert_eq!(statistics.entry_delay.unwrap().median_days, 4, "from the 1st to the first record on the 5th");
}

#[tokio::test]
async fn a_withdrawn_cra_does_not_count() {
    let models = ReadModels::of(&[submitted(1, workshop(5)), submitted(2, cra()), withdrawn(1, 2)]);
    assert_eq!(reported(&models).await, (1, 1, 0));
}

#[tokio::test]
async fn every_position_shows_what_counted_at_it() {
    let mut models = ReadModels::of(&[submitted(1, workshop(5)), corrected(1, 2, workshop(7))]);
    models.apply(&[withdrawn(1, 3), submitted(2, cra())]);
    let mut acts = Vec::new();
    for position in 0..=4 {
        acts.push(models.statistics_at(position).await.acts);
    }
    assert_eq!(acts, [0, 5, 7, 0, 1]);
}

#[tokio::test]
async fn the_size_of_batches_makes_no_difference() {
    let events = [
        submitted(1, workshop(5)),
        corrected(1, 2, workshop(7)),
        corrected(1, 3, cra()),
        imported(2, DOCUMENT),
        corrected(2, 2, workshop(2)),
        withdrawn(1, 4),
        corrected(1, 4, cra()),
    ];
    let together = ReadModels::of(&events);
    let mut apart = ReadModels::new();
    for event in &events {
        apart.apply(std::slice::from_ref(event));
    }
    for position in 0..=7 {
        assert_eq!(together.statistics_at(position).await, apart.statistics_at(position).await, "{position}");
    }
    assert_eq!(together.serving().checkpoint(), apart.serving().checkpoint());
}

#[tokio::test]
async fn a_revision_that_does_not_follow_is_parked() {
    let stale = [
        corrected(1, 1, workshop(9)),
        corrected(1, 3, workshop(9)),
        withdrawn(1, 9),
        submitted(1, workshop(9)),
        corrected(8, 2, workshop(9)),
        withdrawn(9, 1),
        event(
            7,
            2,
            Message::Submitted(v1::CraSubmitted { cra: Some(workshop(9)), defaulted_fields: vec![] }),
        ),
    ];
    let mut models = ReadModels::of(&[submitted(1, workshop(5))]);
    models.apply(&stale);
    models.apply(&[corrected(1, 2, workshop(6))]);
    assert_eq!(reported(&models).await, (1, 6, 7));
    assert_eq!(models.parked(2).unwrap().error, "revision 1, expected 2");
    assert_eq!(models.parked(5).unwrap().error, "a first event, but the CRA is at revision 1");
    assert_eq!(models.parked(6).unwrap().error, "changes a CRA that has no event");
    assert_eq!(models.parked(8).unwrap().error, "revision 2, expected 1");
}

#[tokio::test]
async fn what_comes_after_a_withdrawal_is_parked() {
    let after = [corrected(1, 3, workshop(6)), withdrawn(1, 3), submitted(1, workshop(6))];
    let mut models = ReadModels::of(&[submitted(1, workshop(5)), withdrawn(1, 2)]);
    models.apply(&after);
    assert_eq!(reported(&models).await, (0, 0, 3));
}

#[tokio::test]
async fn an_event_of_another_subject_is_parked() {
    let mut models = ReadModels::new();
    let mut foreign = entry(1, &submitted(1, cra()));
    foreign.stream = Some(StreamId(cra_id(2)));
    let mut without_subject = entry(2, &submitted(1, cra()));
    without_subject.stream = None;
    models.apply_entries(&[foreign, without_subject, entry(3, &submitted(1, workshop(4)))]);
    assert_eq!(reported(&models).await, (1, 4, 2));
    let parked = models.parked(1).unwrap();
    assert_eq!(parked.cra_id, Some(cra_id(2)));
    assert!(parked.error.contains(&cra_id(1).to_string()), "{}", parked.error);
}

#[tokio::test]
async fn what_cannot_be_read_is_parked_with_its_bytes_and_the_others_go_on() {
    let mut models = ReadModels::new();
    let unreadable = imported(2, "not JSON");
    let from_a_newer_version = v1::CraEvent { fact: None, ..submitted(3, cra()) };
    models.apply_entries(&[
        entry(1, &submitted(1, workshop(5))),
        garbage(2),
        entry(3, &unreadable),
        entry(4, &from_a_newer_version),
        entry(5, &corrected(1, 2, workshop(6))),
    ]);
    assert_eq!(reported(&models).await, (1, 6, 3));
    assert_eq!(models.parked(2).unwrap().payload, garbage(2).payload);
    assert!(models.parked(3).unwrap().error.starts_with("document"), "{:?}", models.parked(3));
    assert!(models.parked(4).unwrap().error.starts_with("fact"), "{:?}", models.parked(4));
    assert_eq!(models.parked(5), None);
    assert_eq!(models.serving().position(), Position(5));
}

#[tokio::test]
async fn a_reopened_generation_continues_at_its_position() {
    let mut models =
        ReadModels::of(&[submitted(1, workshop(5)), corrected(1, 2, workshop(7)), submitted(2, cra())]);
    models.apply_entries(&[garbage(4)]);
    let (before, applied) = (models.statistics().await, models.serving().checkpoint());
    let (name, old) = (models.serving().name().to_owned(), models.statistics_at(1).await);

    let mut models = models.reopened();
    assert_eq!(models.serving().name(), name);
    assert_eq!(models.serving().checkpoint(), applied);
    assert_eq!(models.statistics().await, before);
    assert_eq!(models.statistics_at(1).await, old);
    // New and known texts get the same codes as without a restart.
    let elsewhere = v1::Cra { advisor_id: "conseiller-2".into(), ..cra() };
    models.apply(&[corrected(1, 3, cra()), submitted(3, elsewhere)]);
    assert_eq!(reported(&models).await, (3, 3, 1));
}

#[tokio::test]
async fn the_logs_time_never_decreases() {
    let models = ReadModels::of(&[
        recorded_at(submitted(1, cra()), "2024-03-05T12:00:00Z"),
        recorded_at(submitted(2, cra()), "2024-03-05T11:00:00Z"),
        recorded_at(submitted(3, cra()), "2024-03-05T13:00:00Z"),
    ]);
    let clock = |position| {
        models
            .serving()
            .session()
            .unwrap()
            .effect(Position(position))
            .unwrap()
            .map(|effect| instant(effect.recorded_at))
    };
    assert_eq!(clock(0), None);
    assert_eq!(clock(1), Some(at("2024-03-05T12:00:00Z")));
    assert_eq!(clock(2), Some(at("2024-03-05T12:00:00Z")));
    assert_eq!(clock(3), Some(at("2024-03-05T13:00:00Z")));
    assert_eq!(clock(4), None);
}

#[test]
#[should_panic(expected = "every event once, in order")]
fn a_gap_in_the_log_is_never_applied() {
    ReadModels::new().apply_entries(&[entry(2, &submitted(1, cra()))]);
}
