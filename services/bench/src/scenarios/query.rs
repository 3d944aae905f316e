//! Questions over gRPC, one caller at a time, each kind timed.

use std::time::{Duration, Instant};

use cra_client::Clients;

use super::asked::{Statistics, timed};
use super::questions::{Kind, Questions};
use crate::latency::Latencies;
use crate::limits::call::call_limit;
use crate::limits::scan::scan_limit;
use crate::report::{self, Measured, Scenario, Target, float};
use crate::rows::CraRow;

/// Of each kind, however short the time; enough for a 99th percentile.
const SAMPLES_MIN: u64 = 100;
const SAMPLES_MAX: u64 = 10_000;
/// However slow the answers are.
const TIMED_MAX: Duration = Duration::from_secs(40);
const WARM_UP: usize = 10;

/// The times of each kind, and the rows of the report.
pub(crate) struct Queried {
    pub(crate) times: Vec<(Kind, Latencies)>,
    pub(crate) rows: Vec<report::Row>,
}

/// Times each kind of question.
pub(crate) async fn query(
    clients: &Clients,
    (rows, seed): (&[CraRow], u64),
    kinds: &[Kind],
    within: Duration,
    show: impl Fn(&str),
) -> anyhow::Result<Queried> {
    let mut queried = Queried { times: Vec::new(), rows: Vec::new() };
    if kinds.is_empty() {
        return Ok(queried);
    }
    let statistics = &mut clients.statistics();
    let pass = scan_limit(rows);
    show("calling without a question");
    // Before each kind: a machine that others use too is not as fast at all times.
    let mut calls = Latencies::new();
    let share = within.div_f64(float(kinds.len() as u64));
    for kind in kinds.iter().copied() {
        calls.merge(&call_limit(clients, share).await?);
        show(kind.name());
        let times = times_of(statistics, &mut Questions::about(rows, seed), kind, within).await?;
        queried.times.push((kind, times));
    }
    queried.rows.extend(queried.times.iter().map(|(kind, times)| {
        let row = report::Row::new(Scenario::Query, kind.name(), Measured::latency(times));
        let (what, limit) =
            if kind.is_scope() { ("an empty call", &calls) } else { ("a pass in memory", &pass) };
        kind.targets().into_iter().fold(row.limited(what, Measured::latency(limit)), report::Row::aiming)
    }));
    Ok(queried)
}

/// Asks questions of a kind, one after the other.
pub(crate) async fn times_of(
    statistics: &mut Statistics,
    questions: &mut Questions<'_>,
    kind: Kind,
    within: Duration,
) -> anyhow::Result<Latencies> {
    for _ in 0..WARM_UP {
        timed(statistics, &questions.draw(kind)).await?;
    }
    let begun = Instant::now();
    let mut times = Latencies::new();
    loop {
        let (asked, spent) = (times.count(), begun.elapsed());
        let enough = asked >= SAMPLES_MAX || (asked >= SAMPLES_MIN && spent >= within);
        if enough || spent >= TIMED_MAX {
            return Ok(times);
        }
        times.add(timed(statistics, &questions.draw(kind)).await?);
    }
}

impl Kind {
    /// Whether sums by day answer it: compared with a call, where others are compared with a pass over all CRAs.
    fn is_scope(self) -> bool {
        matches!(
            self,
            Self::Country | Self::Region | Self::Department | Self::Commune | Self::Structure | Self::Advisor
        )
    }

    /// Of its median and its 99th percentile.
    fn targets(self) -> [Target; 2] {
        match self {
            Self::Anything => [Target::RatioAtMost(0.35), Target::P99ByMedianAtMost(1.2)],
            Self::EveryField => [Target::RatioAtMost(0.1), Target::P99ByMedianAtMost(0.35)],
            Self::Months => [Target::RatioAtMost(1.5), Target::P99ByMedianAtMost(4.0)],
            Self::Departments | Self::CrossTable => {
                [Target::RatioAtMost(1.0), Target::P99ByMedianAtMost(4.0)]
            }
            _ => [Target::RatioAtMost(2.0), Target::P99ByP99AtMost(4.0)],
        }
    }
}
