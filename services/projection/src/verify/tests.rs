//! A check of altered read models reports the first differences; read models that are only ahead of the replay have
//! none.

use cra_contracts::v1;

use super::*;
use crate::fixtures::{
    ReadModels, corrected, cra, cra_id, entry, garbage, recorded_at, submitted, withdrawn, workshop, write,
};
use crate::store::{Batch, Parked, rewrite};

fn history() -> Vec<v1::CraEvent> {
    vec![
        submitted(1, workshop(5)),
        submitted(2, cra()),
        corrected(1, 2, workshop(7)),
        withdrawn(2, 2),
        submitted(3, cra()),
    ]
}

/// The differences that a change causes.
fn reported(change: impl FnOnce(&Generation, &mut Batch)) -> Vec<String> {
    let (checked, replay) = (ReadModels::of(&history()), ReadModels::of(&history()));
    let generation = checked.serving();
    write(&generation, |batch| change(&generation, batch));
    differences(&generation, &replay.serving()).unwrap()
}

/// Replaces the step at a position.
fn rewrite_effect(
    generation: &Generation,
    batch: &mut Batch,
    position: u64,
    change: impl FnOnce(EventEffect) -> EventEffect,
) {
    let (session, position) = (generation.session().unwrap(), Position(position));
    let effect = change(session.effect(position).unwrap().unwrap());
    rewrite([(position, effect)], &session, batch).unwrap();
}

fn with_fact(effect: EventEffect, change: impl FnOnce(Fact) -> Fact) -> EventEffect {
    EventEffect { began: effect.began.map(change), ..effect }
}

fn differs(position: u64) -> String {
    format!("what the event at position {position} did: the generation and the replay differ")
}

fn miscounted(position: u64) -> String {
    format!("what the event at position {position} did is counted as something else")
}

#[test]
fn equal_events_give_equal_read_models() {
    assert_eq!(reported(|_, _| {}), Vec::<String>::new());
    let nothing = ReadModels::new();
    assert_eq!(differences(&nothing.serving(), &nothing.serving()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_changed_fact_is_reported_with_its_position() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 5, |effect| {
            with_fact(effect, |fact| Fact { participants: 2, ..fact })
        });
    });
    assert_eq!(reported, [differs(5), miscounted(5)]);
}

#[test]
fn a_fact_that_differs_only_in_its_record_is_reported() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 5, |effect| {
            with_fact(effect, |fact| Fact { annotation: "?".into(), ..fact })
        });
    });
    assert_eq!(reported, [differs(5)]);
}

#[test]
fn a_fact_with_another_client_is_reported() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 5, |effect| with_fact(effect, |fact| Fact { client: 9, ..fact }));
    });
    assert_eq!(reported, [differs(5), miscounted(5)]);
}

#[test]
fn a_fact_that_ended_at_another_position_is_reported() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 3, |effect| EventEffect { ended: None, ..effect });
        rewrite_effect(generation, batch, 4, |effect| EventEffect { ended: Some(1), ..effect });
    });
    // One chunk: the second write replaces the first.
    assert_eq!(reported, [differs(4), miscounted(4)]);
}

#[test]
fn a_text_with_another_meaning_is_reported() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 5, |effect| with_fact(effect, |fact| Fact { advisor: 9, ..fact }));
    });
    assert_eq!(reported, [differs(5), miscounted(5)]);
}

#[test]
fn a_fact_of_another_cra_is_reported_with_what_is_not_found() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 5, |effect| {
            with_fact(effect, |fact| Fact { cra_id: cra_id(9), ..fact })
        });
    });
    assert_eq!(reported, [differs(5), format!("CRA {} is not found at its last content", cra_id(9))]);
}

#[test]
fn an_entry_on_one_side_only_is_reported_with_the_side() {
    let mut further = ReadModels::of(&history());
    further.apply(&[submitted(4, cra())]);
    let reported = differences(&ReadModels::of(&history()).serving(), &further.serving()).unwrap();
    assert_eq!(reported, ["what the event at position 6 did: missing in the generation"]);
}

#[test]
fn another_log_time_is_reported_with_its_position() {
    let reported = reported(|generation, batch| {
        rewrite_effect(generation, batch, 3, |effect| EventEffect {
            recorded_at: effect.recorded_at + 1,
            ..effect
        });
    });
    assert_eq!(reported, [differs(3)]);
}

#[test]
fn an_event_parked_on_one_side_only_is_told() {
    let parked = Parked { cra_id: None, error: "?".into(), payload: vec![1] };
    let reported = reported(|_, batch| batch.park(Position(2), &parked).unwrap());
    assert_eq!(reported, ["event parked at position 2: missing in the replay"]);
    let mut replay = ReadModels::of(&history());
    replay.apply_entries(&[garbage(6)]);
    let mut checked = ReadModels::of(&history());
    checked.apply_entries(&[garbage(6)]);
    write(&checked.serving(), |batch| batch.unpark(Position(6)));
    let reported = differences(&checked.serving(), &replay.serving()).unwrap();
    assert_eq!(reported, ["event parked at position 6: missing in the generation"]);
}

#[test]
fn only_the_first_differences_are_reported() {
    let many: Vec<_> = (1..=30).map(|n| submitted(n, cra())).collect();
    let (checked, replay) = (ReadModels::new(), ReadModels::of(&many));
    let reported = differences(&checked.serving(), &replay.serving()).unwrap();
    assert_eq!(reported.len(), DIFFERENCES_MAX);
    assert_eq!(reported[0], "what the event at position 1 did: missing in the generation");
}

/// Events after [`history`], of known and new CRAs, of every kind.
fn later() -> Vec<v1::CraEvent> {
    vec![
        corrected(1, 3, v1::Cra { date: "2024-02-01".into(), ..workshop(3) }),
        corrected(1, 4, cra()),
        withdrawn(1, 5),
        withdrawn(3, 2),
        submitted(4, v1::Cra { advisor_id: "conseiller-9".into(), ..cra() }),
        corrected(4, 2, cra()),
        withdrawn(4, 3),
    ]
}

#[test]
fn read_models_ahead_of_the_replay_are_compared_at_its_position() {
    let all: Vec<_> = history().into_iter().chain(later()).collect();
    let mut checked = ReadModels::of(&all);
    let clock_goes_on = recorded_at(submitted(5, cra()), "2024-05-01T00:00:00Z");
    checked.apply(&[clock_goes_on]);
    for end in 0..=all.len() {
        let replay = ReadModels::of(&all[..end]);
        let reported = differences(&checked.serving(), &replay.serving()).unwrap();
        assert_eq!(reported, Vec::<String>::new(), "replayed to {end}");
    }
}

#[test]
fn differences_in_read_models_ahead_of_the_replay_are_reported() {
    let all: Vec<_> = history().into_iter().chain(later()).collect();
    let checked = ReadModels::of(&all);
    let replay = ReadModels::of(&history());
    let generation = checked.serving();
    write(&generation, |batch| {
        rewrite_effect(&generation, batch, 3, |effect| {
            with_fact(effect, |fact| Fact { participants: 8, ..fact })
        });
    });
    let reported = differences(&generation, &replay.serving()).unwrap();
    assert_eq!(reported, [differs(3), miscounted(3)]);
}

#[test]
fn codes_of_texts_may_differ_but_not_their_meaning() {
    let other = v1::Cra { advisor_id: "conseiller-2".into(), structure_id: "structure-2".into(), ..cra() };
    let named = |cra: &v1::Cra, n| entry(u64::from(n), &submitted(n, cra.clone()));
    let mut replay = ReadModels::new();
    replay.apply_entries(&[named(&other, 1), named(&cra(), 2)]);
    // As if the first one had been parked and retried: its texts get their codes last.
    let mut checked = ReadModels::new();
    checked.apply_entries(&[garbage(1), named(&cra(), 2)]);
    let generation = checked.serving();
    write(&generation, |batch| {
        let (cra_id, payload) = (Some(cra_id(1)), entry(1, &submitted(1, other)).payload.to_vec());
        batch.park(Position(1), &Parked { cra_id, error: String::new(), payload }).unwrap();
    });
    let retried = generation.retry(Position(1), crate::fixtures::at(crate::fixtures::RECORDED_AT)).unwrap();
    assert_eq!(retried, Some(crate::apply::Retried::Applied));
    let code = |generation: &Generation| generation.session().unwrap().fact(1).unwrap().advisor;
    assert_ne!(code(&generation), code(&replay.serving()));
    assert_eq!(differences(&generation, &replay.serving()).unwrap(), Vec::<String>::new());
}
