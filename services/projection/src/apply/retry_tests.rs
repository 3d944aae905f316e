//! When parked events are retried, the read models are what a replay of the now readable log gives.

use super::*;
use crate::fixtures::{
    ReadModels, at, corrected, cra, entry, garbage, recorded_at, submitted, withdrawn, workshop,
};
use crate::verify;
use cra_contracts::v1;

const NOW: &str = "2024-03-09T00:00:00Z";

fn retry(models: &ReadModels, position: u64) -> Option<Retried> {
    models.serving().retry(Position(position), at(NOW)).unwrap()
}

/// Retries the parked events at some positions; returns whether each counts now.
fn retried(models: &ReadModels, positions: &[u64]) -> Vec<bool> {
    positions.iter().map(|position| retry(models, *position) == Some(Retried::Applied)).collect()
}

/// The readable log: the event at position 2 was recorded late, and introduces new identifiers.
fn readable() -> Vec<v1::CraEvent> {
    let elsewhere = v1::Cra { advisor_id: "conseiller-2".into(), date: "2024-02-01".into(), ..workshop(9) };
    vec![
        recorded_at(submitted(1, workshop(5)), "2024-03-05T10:00:00Z"),
        recorded_at(submitted(2, elsewhere), "2024-03-05T13:00:00Z"),
        recorded_at(submitted(3, cra()), "2024-03-05T11:00:00Z"),
        recorded_at(corrected(2, 2, workshop(4)), "2024-03-05T12:00:00Z"),
        recorded_at(withdrawn(1, 2), "2024-03-05T14:00:00Z"),
        recorded_at(withdrawn(2, 3), "2024-03-05T15:00:00Z"),
        recorded_at(submitted(4, cra()), "2024-03-05T15:30:00Z"),
    ]
}

/// Read models built while the event at position 2 was unreadable.
fn met_unreadable() -> ReadModels {
    let mut models = ReadModels::new();
    let mut entries: Vec<_> = (1..).zip(readable()).map(|(at, event)| entry(at, &event)).collect();
    entries[1].payload = garbage(2).payload;
    models.apply_entries(&entries);
    assert_eq!(models.serving().checkpoint().unwrap().parked, 3, "and what follows it of the same CRA");
    models
}

#[tokio::test]
async fn retried_events_count_at_their_positions_in_the_log() {
    let models = met_unreadable();
    models.make_readable(2, &readable()[1]);
    assert_eq!(retried(&models, &[2, 4, 6]), [true, true, true]);

    let replayed = ReadModels::of(&readable());
    assert_eq!(verify::differences(&models.serving(), &replayed.serving()).unwrap(), Vec::<String>::new());
    for position in 0..=7 {
        let (retried, replayed) = (models.statistics_at(position), replayed.statistics_at(position));
        assert_eq!(retried.await, replayed.await, "at {position}");
    }
    for hour in 9..=16 {
        let instant = format!("2024-03-05T{hour:02}:15:00Z");
        let (retried, replayed) = (models.statistics_as_of(&instant), replayed.statistics_as_of(&instant));
        assert_eq!(retried.await, replayed.await, "as of {instant}");
    }
    let (applied, expected) =
        (models.serving().checkpoint().unwrap(), replayed.serving().checkpoint().unwrap());
    assert_eq!(applied, Checkpoint { retried: 3, ..expected });
    let models = models.reopened();
    assert_eq!(verify::differences(&models.serving(), &replayed.serving()).unwrap(), Vec::<String>::new());
    assert_eq!(models.serving().checkpoint(), Some(applied));
}

#[tokio::test]
async fn a_retried_event_counts_from_its_own_time_of_record() {
    let models = met_unreadable();
    models.make_readable(2, &readable()[1]);
    // The third event was recorded at eleven, and follows one of thirteen: the log's time does not decrease.
    assert_eq!(models.statistics_as_of("2024-03-05T12:30:00Z").await.cras, 2);
    retry(&models, 2);
    assert_eq!(models.statistics_as_of("2024-03-05T12:30:00Z").await.cras, 1);
    assert_eq!(models.statistics_as_of("2024-03-05T13:00:00Z").await.cras, 3);
}

#[tokio::test]
async fn an_event_that_still_cannot_be_applied_gets_todays_reason_and_changes_nothing() {
    let models = met_unreadable();
    let before = (models.statistics().await, models.serving().checkpoint());
    let unknown_commune =
        v1::Cra { place: Some(crate::fixtures::place(v1::Channel::Venue, "99999", "75001")), ..cra() };
    models.make_readable(2, &submitted(2, unknown_commune));
    let was = models.parked(2).unwrap().error;
    assert_eq!(retried(&models, &[2, 4, 6]), [false, false, false]);
    let parked = models.parked(2).unwrap();
    assert!(parked.error != was && parked.error.contains("commune"), "{was} / {}", parked.error);
    assert_eq!(parked.cra_id, Some(crate::fixtures::cra_id(2)), "what is known of it stays as it was");
    assert_eq!((models.statistics().await, models.serving().checkpoint()), before);
}

#[tokio::test]
async fn where_nothing_is_parked_nothing_is_retried() {
    let models = met_unreadable();
    let applied = models.serving().checkpoint();
    for position in [0, 1, 3, 8, u64::MAX] {
        assert_eq!(retry(&models, position), None);
    }
    assert_eq!(models.serving().checkpoint(), applied);
}

#[tokio::test]
async fn an_event_out_of_turn_does_not_count_later_either() {
    let log = [
        submitted(1, workshop(5)),
        corrected(1, 3, workshop(9)),
        corrected(1, 2, workshop(6)),
        submitted(2, cra()),
        withdrawn(2, 3),
        corrected(2, 2, cra()),
    ];
    let models = ReadModels::of(&log);
    let before = models.statistics().await;
    // Its revision would be the next one by now, but in the log's order it is not, and a replay parks it.
    assert_eq!(retried(&models, &[2, 5]), [false, false]);
    assert!(models.parked(2).unwrap().error.contains("at 3"), "{}", models.parked(2).unwrap().error);
    assert_eq!(models.statistics().await, before);
    let replayed = ReadModels::of(&log);
    assert_eq!(verify::differences(&models.serving(), &replayed.serving()).unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn events_applied_after_a_retry_build_on_it() {
    let mut models = met_unreadable();
    models.make_readable(2, &readable()[1]);
    retried(&models, &[2, 4, 6]);
    let later = v1::Cra { advisor_id: "conseiller-3".into(), ..cra() };
    models.apply(&[submitted(5, later.clone()), corrected(3, 2, later.clone())]);
    let mut replayed = ReadModels::of(&readable());
    replayed.apply(&[submitted(5, later.clone()), corrected(3, 2, later)]);
    assert_eq!(verify::differences(&models.serving(), &replayed.serving()).unwrap(), Vec::<String>::new());
    assert_eq!(models.statistics().await, replayed.statistics().await);
}
