//! The read models answer what a naive recomputation of the log answers, to the last field: random histories of a few
//! CRAs — of today's form and of older ones, corrected, withdrawn, out of turn — applied in batches of random size,
//! then asked random selections as of random positions.

mod history;

use std::sync::Arc;

use bytes::Bytes;
use cra_contracts::v1;
use cra_eventlog::{LogEntry, LogIdentity, Position};
use cra_projection::generations::{Generation, Generations};
use cra_projection::queries::{self, Snapshot};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use prost::Message as _;

use crate::naive;
use history::{day, events, step};

const CASES: u32 = 64;
const SELECTIONS: usize = 20;

/// One field of a selection: mostly empty, else some of these values.
fn field(values: &[&str]) -> impl Strategy<Value = Vec<String>> + use<> {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    let most = values.len();
    prop_oneof![5 => Just(vec![]), 1 => subsequence(values.clone(), 1..=2), 1 => subsequence(values, most / 2..=most)]
}

fn numbers(values: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = Vec<i32>> {
    let values: Vec<i32> = values.collect();
    let most = values.len();
    prop_oneof![5 => Just(vec![]), 1 => subsequence(values.clone(), 1..=2), 1 => subsequence(values, most / 2..=most)]
}

prop_compose! {
    fn selection()(
        days in weighted(0.4, [day(), day()]),
        half_open in any::<[bool; 2]>(),
        regions in field(&["84", "11", "04", "987", "988"]),
        departments in field(&["75", "01", "69", "974", "987", "984"]),
        epcis in field(&["200054781", "200046977", "240100610", "249740119"]),
        communes in field(&["75056", "75101", "69123", "01120", "01262", "01003", "97411", "98735", "98412"]),
        postal_codes in field(&["75001", "75012", "01120", "01090", "97417", "98714", "42000"]),
        who in (field(&["structure-1", "structure-3"]), field(&["conseiller-1", "conseiller-2", "nobody"])),
        venue_ids in field(&["lieu-1", "lieu-9"]),
        form in (numbers(1..=4), numbers(1..=3), numbers(1..=19), numbers(1..=8)),
        lines in (numbers(0..=5), numbers(0..=5), numbers(0..=5)),
    ) -> v1::Selection {
        let mut days = days.map(|days| days.map(|day| day.to_string())).unwrap_or_default();
        days.sort();
        let [from, to] = days;
        v1::Selection {
            from: if half_open[0] { String::new() } else { from },
            to: if half_open[1] { String::new() } else { to },
            region_codes: regions,
            department_codes: departments,
            epci_codes: epcis,
            commune_codes: communes,
            postal_codes,
            structure_ids: who.0,
            advisor_ids: who.1,
            channels: form.0,
            activities: form.1,
            themes: form.2,
            sub_themes: form.3,
            durations: lines.0,
            ages: lines.1,
            statuses: lines.2,
            venue_ids,
        }
    }
}

fn entry(position: u64, event: &v1::CraEvent) -> LogEntry {
    LogEntry {
        position: Position(position),
        cra_id: event.cra_id.parse().ok(),
        event_id: event.event_id.parse().ok(),
        payload: Bytes::from(event.encode_to_vec()),
        appended_at: Timestamp::UNIX_EPOCH,
    }
}

/// Applies the events in batches of these sizes, over and over.
fn apply(generation: &Generation, events: &[v1::CraEvent], sizes: &[usize]) {
    let mut entries: Vec<LogEntry> =
        (1..).zip(events).map(|(position, event)| entry(position, event)).collect();
    for size in sizes.iter().cycle() {
        if entries.is_empty() {
            return;
        }
        let rest = entries.split_off((*size).min(entries.len()));
        generation.apply(&entries, Timestamp::UNIX_EPOCH).unwrap();
        entries = rest;
    }
}

fn answer(generation: &Arc<Generation>, position: usize, selection: &v1::Selection) -> v1::Statistics {
    let position = Position(position as u64);
    let snapshot = Snapshot { generation: Arc::clone(generation), position, recorded_at: None };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(queries::statistics(selection.clone(), snapshot)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, max_shrink_iters: 2_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_answer_is_the_naive_recomputation_of_the_log_to_the_last_field(
        steps in vec(step(), 1..80),
        sizes in vec(1..20_usize, 1..4),
        questions in vec((selection(), any::<Index>()), SELECTIONS),
    ) {
        let events = events(steps);
        let folder = tempfile::tempdir().unwrap();
        let log = LogIdentity("test".into());
        let generations = Generations::open(folder.path().to_owned(), &log, Timestamp::UNIX_EPOCH).unwrap();
        let generation = generations.serving();
        apply(&generation, &events, &sizes);
        let everything = v1::Selection::default();
        prop_assert_eq!(answer(&generation, events.len(), &everything), naive::statistics(&events, &everything));
        for (selection, position) in questions {
            let position = position.index(events.len() + 1);
            let expected = naive::statistics(&events[..position], &selection);
            prop_assert_eq!(answer(&generation, position, &selection), expected, "{:?} as of {}", selection, position);
        }
    }
}

#[test]
fn the_random_questions_have_answers_often_enough_to_judge() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counted = 0;
    for _ in 0..100 {
        let steps = vec(step(), 40..80).new_tree(&mut runner).unwrap().current();
        let selection = selection().new_tree(&mut runner).unwrap().current();
        counted += u32::from(naive::statistics(&events(steps), &selection).cras > 0);
    }
    assert!(counted > 15, "{counted} of 100 selections count something");
}
