//! One dimension crossed with another.

use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use cra_contracts::v1::{self, Dimension, Measure};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tonic::Request;

use super::breakdowns::DIMENSIONS;
use super::selections::{selection, wide_selection};
use super::{Judgement, as_of, batches, cases, judge, one_case, position, some_events};
use crate::harness::InProcess;
use cra_oracle as oracle;

const TABLES: usize = 16;
const MEASURES: [Measure; 4] = [Measure::Cras, Measure::Acts, Measure::People, Measure::EstimatedMinutes];

fn parts_people(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Age | Dimension::Status)
}

fn can_be_asked([rows, columns]: [Dimension; 2], measure: Measure) -> bool {
    let people = [rows, columns].map(parts_people);
    people == [false, false] || people != [true, true] && matches!(measure, Measure::Cras | Measure::Acts)
}

prop_compose! {
    fn table()(
        selection in prop_oneof![wide_selection(), selection()],
        dimensions in [select(&DIMENSIONS[..]), select(&DIMENSIONS[..])],
        measure in select(&MEASURES[..]),
    ) -> (v1::Selection, [Dimension; 2], Measure) {
        (selection, dimensions, measure)
    }
}

async fn judged(
    process: &InProcess,
    events: &[v1::CraEvent],
    selection: &v1::Selection,
    [rows, columns]: [Dimension; 2],
    measure: Measure,
) -> Judgement {
    let request = v1::GetCrossTableRequest {
        selection: Some(selection.clone()),
        rows: rows.into(),
        columns: columns.into(),
        measure: measure.into(),
        consistency: Some(as_of(events.len())),
    };
    let answer = process.service.get_cross_table(Request::new(request)).await.unwrap().into_inner();
    let expected = oracle::cross_table(events, selection, [rows, columns], measure);
    let query = format!("{rows:?} × {columns:?}, {measure:?}, {selection:?} as of {}", events.len());
    prop_assert_eq!(answer.snapshot.as_ref().unwrap().position, events.len() as u64);
    prop_assert_eq!(v1::GetCrossTableResponse { snapshot: None, ..answer }, expected, "{}", query);
    Ok(())
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn every_cross_table_equals_that_of_the_oracle(
        events in some_events(80),
        sizes in batches(),
        questions in vec((table(), any::<Index>()), TABLES),
    ) {
        judge(async {
            let process = InProcess::new();
            process.apply(&events, &sizes);
            for ((selection, dimensions, measure), index) in questions {
                let measure = if can_be_asked(dimensions, measure) { measure } else { Measure::Acts };
                if can_be_asked(dimensions, measure) {
                    let events = &events[..position(index, &events)];
                    judged(&process, events, &selection, dimensions, measure).await?;
                }
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(one_case())]

    #[test]
    fn every_pair_of_dimensions_can_be_crossed_by_every_measure(events in some_events(40)) {
        judge(async {
            let process = InProcess::of(&events);
            let everything = v1::Selection::default();
            let pairs = DIMENSIONS.iter().flat_map(|rows| DIMENSIONS.map(|columns| [*rows, columns]));
            for (number, dimensions) in pairs.enumerate() {
                // Two measures of each pair: a pair and its mirror image cover all four.
                let measures = [MEASURES[number % 4], MEASURES[(number + 2) % 4]];
                for measure in measures.into_iter().filter(|measure| can_be_asked(dimensions, *measure)) {
                    judged(&process, &events, &everything, dimensions, measure).await?;
                }
            }
            Ok(())
        })?;
    }
}
