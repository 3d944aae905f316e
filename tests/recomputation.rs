//! The service's answers equal a recomputation of the log by the oracle, to the last field: random histories of a few CRAs (of
//! today's form and of older ones, corrected, withdrawn, out of turn) are applied in batches of random size, then
//! queried with random queries as of random positions. Covers every query of `StatisticsService` except the files.

mod breakdowns;
mod cras;
mod cross_tables;
mod doubles;
mod follow;
mod history;
mod invariants;
mod oracle;
mod selections;
mod statistics;
mod watch;

use cra_contracts::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use history::{events, step};

type Judgement = Result<(), TestCaseError>;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, max_shrink_iters: 200, failure_persistence: None, ..Default::default() }
}

/// One history for many queries; shrinking it would repeat too many of them.
fn one_case() -> ProptestConfig {
    ProptestConfig { max_shrink_iters: 0, ..cases(1) }
}

/// The events of a history, at least one: a history that starts with an impossible correction has none.
fn some_events(max: usize) -> impl Strategy<Value = Vec<v1::CraEvent>> {
    vec(step(), 1..max).prop_map(events).prop_filter("something happens", |events| !events.is_empty())
}

/// Sizes of batches.
fn batches() -> impl Strategy<Value = Vec<usize>> {
    vec(1..20_usize, 1..4)
}

/// A position of a non-empty log, from 1 to its end.
fn position(index: Index, events: &[v1::CraEvent]) -> usize {
    index.index(events.len()) + 1
}

fn as_of(position: usize) -> v1::Consistency {
    v1::Consistency { as_of_position: position as u64, ..v1::Consistency::default() }
}

/// Runs one random case.
fn judge(case: impl Future<Output = Judgement>) -> Judgement {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(case)
}
