//! Figures of a selection, as a whole and per period, as of positions and times.

use cra_contracts::v1;
use cra_contracts::v1::Granularity;
use cra_contracts::v1::cra_event::Fact;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tonic::Request;

use super::history::{day, step};
use super::selections::selection;
use super::{Judgement, as_of, batches, cases, events, judge, position, some_events};
use crate::harness::events::{event, submitted};
use crate::harness::{InProcess, workshop};
use cra_oracle as oracle;

const SELECTIONS: usize = 12;
const SERIES: usize = 6;

async fn statistics_of(
    process: &InProcess,
    selection: &v1::Selection,
    consistency: Option<v1::Consistency>,
) -> (v1::Snapshot, v1::Statistics) {
    let request = v1::GetStatisticsRequest { selection: Some(selection.clone()), consistency };
    let answer = process.service.get_statistics(Request::new(request)).await.unwrap().into_inner();
    (answer.snapshot.unwrap(), answer.statistics.unwrap())
}

/// Asserts that the snapshot is the one after the last of these events, with its time.
fn shows(snapshot: &v1::Snapshot, events: &[v1::CraEvent]) -> Judgement {
    prop_assert_eq!(snapshot.position, events.len() as u64);
    let recorded_at = snapshot.recorded_at.map(|at| (at.seconds, at.nanos));
    prop_assert_eq!(recorded_at, oracle::time(events));
    Ok(())
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn every_answer_equals_the_recomputation_of_the_oracle_to_the_last_field(
        events in some_events(80),
        sizes in batches(),
        questions in vec((selection(), any::<Index>(), any::<bool>()), SELECTIONS),
    ) {
        judge(async {
            let process = InProcess::new();
            let everything = v1::Selection::default();
            let (snapshot, nothing) = statistics_of(&process, &everything, None).await;
            shows(&snapshot, &[])?;
            prop_assert_eq!(nothing, oracle::statistics(&[], &everything));
            process.apply(&events, &sizes);
            let (snapshot, all) = statistics_of(&process, &everything, None).await;
            shows(&snapshot, &events)?;
            prop_assert_eq!(all, oracle::statistics(&events, &everything));
            for (selection, index, by_time) in questions {
                let at = position(index, &events);
                let (consistency, at) = if by_time {
                    let time = events[at - 1].recorded_at.unwrap();
                    let consistency = v1::Consistency { as_of_time: Some(time), ..v1::Consistency::default() };
                    (consistency, oracle::position_at(&events, (time.seconds, time.nanos)))
                } else {
                    (as_of(at), at)
                };
                let (snapshot, found) = statistics_of(&process, &selection, Some(consistency)).await;
                shows(&snapshot, &events[..at])?;
                let expected = oracle::statistics(&events[..at], &selection);
                prop_assert_eq!(found, expected, "{:?} as of {}", selection, at);
            }
            Ok(())
        })?;
    }
}

fn granularity() -> impl Strategy<Value = Granularity> {
    prop_oneof![
        Just(Granularity::Day),
        Just(Granularity::Week),
        Just(Granularity::Month),
        Just(Granularity::Quarter),
        Just(Granularity::Year),
    ]
}

prop_compose! {
    /// A selection of days near those of the histories, or of some years around them in coarser periods.
    fn series()(
        selection in prop_oneof![Just(v1::Selection::default()), selection()],
        days in [day(), day()],
        far in any::<bool>(),
        granularity in granularity(),
    ) -> (v1::Selection, Granularity) {
        let mut days = days.map(|day| day.to_string());
        days.sort();
        let [mut from, mut to] = days;
        if far && granularity != Granularity::Day {
            (from, to) = (format!("2022{}", &from[4..]), format!("2025{}", &to[4..]));
        }
        (v1::Selection { from, to, ..selection }, granularity)
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn every_series_equals_that_of_the_oracle_and_no_period_is_missing(
        events in some_events(80),
        sizes in batches(),
        questions in vec((series(), any::<Index>()), SERIES),
    ) {
        judge(async {
            let process = InProcess::new();
            process.apply(&events, &sizes);
            for ((selection, granularity), index) in questions {
                let position = position(index, &events);
                let request = v1::GetTimeSeriesRequest {
                    selection: Some(selection.clone()),
                    granularity: granularity.into(),
                    consistency: Some(as_of(position)),
                };
                let answer = process.service.get_time_series(Request::new(request)).await.unwrap().into_inner();
                let expected = oracle::time_series(&events[..position], &selection, granularity);
                prop_assert_eq!(&answer.points, &expected, "{:?} {:?} as of {}", selection, granularity, position);
                let cras: u64 = expected.iter().map(|point| point.statistics.as_ref().unwrap().cras).sum();
                prop_assert_eq!(cras, oracle::statistics(&events[..position], &selection).cras);
            }
            Ok(())
        })?;
    }
}

#[test]
fn the_random_queries_count_something_often_enough_to_judge() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counted = 0;
    for _ in 0..100 {
        let steps = vec(step(), 40..80).new_tree(&mut runner).unwrap().current();
        let selection = selection().new_tree(&mut runner).unwrap().current();
        counted += u32::from(oracle::statistics(&events(steps), &selection).cras > 0);
    }
    assert!(counted > 15, "{counted} of 100 selections count something");
}

#[tokio::test]
async fn an_unreadable_event_still_advances_the_time_of_the_log() {
    let document = v1::LegacyCraImported { legacy_id: "1".into(), form_version: 1, document: "{".into() };
    let events = [event(1, 1, 4, Fact::Imported(document)), submitted(2, 5, workshop(2))];
    let (process, everything) = (InProcess::of(&events), v1::Selection::default());
    for at in 1..=events.len() {
        let (snapshot, _) = statistics_of(&process, &everything, Some(as_of(at))).await;
        shows(&snapshot, &events[..at]).unwrap();
    }
}
