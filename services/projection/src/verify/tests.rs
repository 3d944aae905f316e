//! Given read models in which something is not what the log says, when a replay is compared with them, then the first
//! differences are told; and nothing where they are only further than the replay.

use cra_contracts::v1;

use super::*;
use crate::given::{
    ReadModels, corrected, cra, cra_id, entry, garbage, recorded_at, submitted, withdrawn, workshop, write,
};
use crate::store::{Batch, Change, Parked};

fn history() -> Vec<v1::CraEvent> {
    vec![
        submitted(1, workshop(5)),
        submitted(2, cra()),
        corrected(1, 2, workshop(7)),
        withdrawn(2, 2),
        submitted(3, cra()),
    ]
}

/// What is told of read models that a change made differ from the replay.
fn told(change: impl FnOnce(&Generation, &mut Batch)) -> Vec<String> {
    let (checked, replay) = (ReadModels::of(&history()), ReadModels::of(&history()));
    let generation = checked.serving();
    write(&generation, |batch| change(&generation, batch));
    differences(&generation, &replay.serving()).unwrap()
}

fn fact_at(generation: &Generation, position: u64) -> (FactKey, Fact) {
    let change = generation.session().change(Position(position)).unwrap().unwrap();
    let key = change.began(Position(position)).unwrap();
    (key, generation.session().fact(key).unwrap().unwrap())
}

#[test]
fn the_same_events_make_the_same_read_models() {
    assert_eq!(told(|_, _| {}), Vec::<String>::new());
    let nothing = ReadModels::new();
    assert_eq!(differences(&nothing.serving(), &nothing.serving()).unwrap(), Vec::<String>::new());
}

#[test]
fn a_changed_fact_is_told_with_its_day_and_position() {
    let told = told(|generation, batch| {
        let (key, fact) = fact_at(generation, 5);
        batch.put_fact(key, &Fact { participants: 2, ..fact }).unwrap();
    });
    assert_eq!(told, ["fact of 2024-03-04 from position 5: the generation and the replay differ"]);
}

#[test]
fn a_fact_that_ended_at_another_position_is_told() {
    let told = told(|generation, batch| {
        let (key, fact) = fact_at(generation, 1);
        batch.put_fact(key, &Fact { until: 4, ..fact }).unwrap();
    });
    assert_eq!(told, ["fact of 2024-03-04 from position 1: the generation and the replay differ"]);
}

#[test]
fn a_text_that_stands_for_another_is_told() {
    let told = told(|generation, batch| {
        let (key, fact) = fact_at(generation, 5);
        batch.put_fact(key, &Fact { advisor: 9, ..fact }).unwrap();
    });
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn facts_that_are_on_one_side_only_are_told_with_the_side() {
    let told = told(|generation, batch| {
        let (key, fact) = fact_at(generation, 5);
        batch.remove_fact(key);
        batch.put_fact(FactKey { day: key.day + 1, ..key }, &fact).unwrap();
    });
    assert_eq!(
        told,
        [
            "fact of 2024-03-04 from position 5: the generation does not hold it",
            "fact of 2024-03-05 from position 5: the replay does not hold it",
        ]
    );
}

#[test]
fn a_changed_standing_is_told_with_its_cra() {
    for change in [
        |current: Current| Current { revision: 9, ..current },
        |current: Current| Current { revision: 1, ..current },
        |current: Current| Current { withdrawn: !current.withdrawn, ..current },
    ] {
        for n in [1, 2] {
            let told = told(|generation, batch| {
                let current = generation.session().current(cra_id(n)).unwrap().unwrap();
                batch.put_current(cra_id(n), &change(current)).unwrap();
            });
            let expected = format!("standing of CRA {}: the generation and the replay differ", cra_id(n));
            assert_eq!(told, [expected]);
        }
    }
}

#[test]
fn standings_that_are_on_one_side_only_are_told() {
    let told = told(|generation, batch| {
        let current = generation.session().current(cra_id(1)).unwrap().unwrap();
        batch.put_current(cra_id(9), &current).unwrap();
    });
    assert_eq!(told, [format!("standing of CRA {}: the replay does not hold it", cra_id(9))]);
}

#[test]
fn a_changed_change_is_told_with_its_position() {
    let told = told(|generation, batch| {
        let change = generation.session().change(Position(3)).unwrap().unwrap();
        let change = Change { recorded_at: change.recorded_at + 1, ..change };
        batch.put_change(Position(3), &change).unwrap();
    });
    assert_eq!(told, ["change at position 3: the generation and the replay differ"]);
}

#[test]
fn an_event_set_aside_on_one_side_only_is_told() {
    let parked = Parked { cra_id: None, error: "?".into(), payload: vec![1] };
    let told = told(|_, batch| batch.park(Position(2), &parked).unwrap());
    assert_eq!(told, ["event set aside at position 2: the replay does not hold it"]);
    let mut replay = ReadModels::of(&history());
    replay.apply_entries(&[garbage(6)]);
    let mut checked = ReadModels::of(&history());
    checked.apply_entries(&[garbage(6)]);
    write(&checked.serving(), |batch| batch.unpark(Position(6)));
    let told = differences(&checked.serving(), &replay.serving()).unwrap();
    assert_eq!(told, ["event set aside at position 6: the generation does not hold it"]);
}

#[test]
fn only_the_first_differences_are_told() {
    let many: Vec<_> = (1..=30).map(|n| submitted(n, cra())).collect();
    let (checked, replay) = (ReadModels::new(), ReadModels::of(&many));
    let told = differences(&checked.serving(), &replay.serving()).unwrap();
    assert_eq!(told.len(), DIFFERENCES_MAX);
    assert!(told[0].ends_with("from position 1: the generation does not hold it"), "{}", told[0]);
}

/// What goes on after [`history`], of CRAs known and new, with all that can be done to them.
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
fn read_models_that_are_further_than_the_replay_are_compared_as_they_stood_there() {
    let all: Vec<_> = history().into_iter().chain(later()).collect();
    let mut checked = ReadModels::of(&all);
    let clock_goes_on = recorded_at(submitted(5, cra()), "2024-05-01T00:00:00Z");
    checked.apply(&[clock_goes_on]);
    for end in 0..=all.len() {
        let replay = ReadModels::of(&all[..end]);
        let told = differences(&checked.serving(), &replay.serving()).unwrap();
        assert_eq!(told, Vec::<String>::new(), "replayed to {end}");
    }
}

#[test]
fn differences_are_told_of_read_models_that_are_further_too() {
    let all: Vec<_> = history().into_iter().chain(later()).collect();
    let checked = ReadModels::of(&all);
    let replay = ReadModels::of(&history());
    let generation = checked.serving();
    write(&generation, |batch| {
        let (key, fact) = fact_at(&generation, 3);
        batch.put_fact(key, &Fact { participants: 8, ..fact }).unwrap();
        let current = generation.session().current(cra_id(3)).unwrap().unwrap();
        batch.put_current(cra_id(3), &Current { withdrawn: false, revision: 7, ..current }).unwrap();
    });
    let told = differences(&generation, &replay.serving()).unwrap();
    let standing = format!("standing of CRA {}: the generation and the replay differ", cra_id(3));
    assert_eq!(
        told,
        ["fact of 2024-03-04 from position 3: the generation and the replay differ", standing.as_str()]
    );
}

#[test]
fn the_codes_of_texts_may_differ_and_their_meaning_not() {
    let other = v1::Cra { advisor_id: "conseiller-2".into(), structure_id: "structure-2".into(), ..cra() };
    let named = |cra: &v1::Cra, n| entry(u64::from(n), &submitted(n, cra.clone()));
    let mut replay = ReadModels::new();
    replay.apply_entries(&[named(&other, 1), named(&cra(), 2)]);
    // As if the first one had been set aside, and retried: its texts get their codes last.
    let mut checked = ReadModels::new();
    checked.apply_entries(&[garbage(1), named(&cra(), 2)]);
    let generation = checked.serving();
    write(&generation, |batch| {
        let (cra_id, payload) = (Some(cra_id(1)), entry(1, &submitted(1, other)).payload.to_vec());
        batch.park(Position(1), &Parked { cra_id, error: String::new(), payload }).unwrap();
    });
    let retried = generation.retry(Position(1), crate::given::at(crate::given::RECORDED_AT)).unwrap();
    assert_eq!(retried, Some(crate::apply::Retried::Applied));
    assert_ne!(fact_at(&generation, 1).1.advisor, fact_at(&replay.serving(), 1).1.advisor);
    assert_eq!(differences(&generation, &replay.serving()).unwrap(), Vec::<String>::new());
}
