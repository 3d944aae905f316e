//! Figures that are sent again whenever they change.

use std::time::Duration;

use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::time::{Instant, timeout};
use tokio_stream::StreamExt as _;
use tonic::Request;

use super::selections::wide_selection;
use super::{cases, judge, some_events};
use crate::harness::{InProcess, new_id};
use cra_oracle as oracle;

const INTERVAL: Duration = Duration::from_millis(100);
/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Timers of the service and of the test are not read at the same moment.
const TOLERANCE: Duration = Duration::from_millis(20);

/// The events, then a correction of every selected CRA that changes a text and, except for defaults, no figure.
fn and_other_texts(mut events: Vec<v1::CraEvent>, selection: &v1::Selection) -> Vec<v1::CraEvent> {
    for record in oracle::cras(&events, selection) {
        let cra = v1::Cra { annotation: "au marché".into(), ..record.cra.unwrap() };
        let (reason, defaulted_fields) = ("un oubli".to_owned(), vec![]);
        let corrected = v1::CraCorrected { cra: Some(cra), reason, defaulted_fields };
        events.push(v1::CraEvent {
            event_id: new_id(),
            cra_id: record.cra_id,
            revision: record.revision + 1,
            recorded_at: events[0].recorded_at,
            origin: None,
            fact: Some(Fact::Corrected(corrected)),
            moved: false,
            forgotten: None,
        });
    }
    events
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn a_watcher_receives_the_figures_at_once_and_then_each_change_once(
        events in some_events(14),
        selection in wide_selection(),
        first in any::<Index>(),
    ) {
        judge(async {
            let first = first.index(events.len());
            let events = and_other_texts(events, &selection);
            let process = InProcess::of(&events[..first]);
            let min_interval_ms = u32::try_from(INTERVAL.as_millis()).unwrap();
            let request = v1::WatchStatisticsRequest { selection: Some(selection.clone()), min_interval_ms };
            let mut answers = process.service.watch_statistics(Request::new(request)).await.unwrap().into_inner();
            let mut shown = oracle::statistics(&events[..first], &selection);
            let answer = timeout(SOON, answers.next()).await.unwrap().unwrap().unwrap();
            prop_assert_eq!(answer.statistics.as_ref(), Some(&shown));
            prop_assert_eq!(answer.snapshot.unwrap().position, first as u64);
            let mut said_at = Instant::now();
            for position in first + 1..=events.len() {
                process.apply(&events[position - 1..position], &[1]);
                let now = oracle::statistics(&events[..position], &selection);
                if now == shown {
                    continue;
                }
                // One message for this change: none for the previous events, which changed nothing.
                let answer = timeout(SOON, answers.next()).await.unwrap().unwrap().unwrap();
                prop_assert_eq!(answer.statistics, Some(now.clone()), "{:?} at {}", selection, position);
                prop_assert_eq!(answer.snapshot.unwrap().position, position as u64);
                prop_assert!(said_at.elapsed() + TOLERANCE >= INTERVAL, "after {:?}", said_at.elapsed());
                (shown, said_at) = (now, Instant::now());
            }
            prop_assert!(timeout(2 * INTERVAL, answers.next()).await.is_err(), "a message without a change");
            Ok(())
        })?;
    }
}
