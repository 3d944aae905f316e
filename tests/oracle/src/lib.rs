//! Independent evaluation of every query from its definition: the events are replayed, every CRA is examined, every
//! figure counted in a plain loop. Slow, and independent of the read models that it judges; it shares with them only
//! the contract, the vocabulary and the table of communes. Expects valid queries.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "of the tests alone: events and queries are valid, and anything else ends the test"
)]

mod breakdown;
mod cross_table;
mod dimension;
mod doubles;
mod figures;
mod fixed_lists;
mod lines;
mod log;
mod order;
mod records;
mod selection;
mod series;
mod spelling;

use cra_contracts::v1;

pub use breakdown::breakdown;
pub use cross_table::cross_table;
pub use doubles::likely_doubles;
pub use order::ORDERS;
pub use records::{changes, cra, cras};
pub use series::time_series;

use log::{Log, Standing};

/// The statistics of a selection over exactly these events.
pub fn statistics(events: &[v1::CraEvent], selection: &v1::Selection) -> v1::Statistics {
    let log = Log::of(events);
    figures::figures(&selected(&log, selection))
}

/// The CRAs that a selection counts.
fn selected<'a>(log: &'a Log, selection: &v1::Selection) -> Vec<&'a Standing> {
    log.in_force().filter(|standing| selection::matches(selection, &standing.cra)).collect()
}

/// The log's time after the last event: the latest record so far, including parked events.
pub fn time(events: &[v1::CraEvent]) -> Option<(i64, i32)> {
    times(events).last().copied().flatten()
}

/// The last position at which the log's time is not later than this time.
pub fn position_at(events: &[v1::CraEvent], moment: (i64, i32)) -> usize {
    times(events).iter().take_while(|time| **time <= Some(moment)).count()
}

/// The time of the log after each event.
fn times(events: &[v1::CraEvent]) -> Vec<Option<(i64, i32)>> {
    let (mut latest, mut times) = (None, Vec::new());
    for event in events {
        let recorded_at = event.recorded_at.unwrap();
        latest = latest.max(Some((recorded_at.seconds, recorded_at.nanos)));
        times.push(latest);
    }
    times
}
