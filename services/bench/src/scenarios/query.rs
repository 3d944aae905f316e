//! Questions over gRPC, one caller at a time, each kind timed.

use std::time::{Duration, Instant};

use super::asked::{Statistics, timed};
use super::questions::{Kind, Questions};
use crate::latency::Latencies;
use crate::limits::scan::scan_limit;
use crate::report::{self, Measured, Scenario, Target};
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
    statistics: &mut Statistics,
    (rows, seed): (&[CraRow], u64),
    kinds: &[Kind],
    within: Duration,
    show: impl Fn(&str),
) -> anyhow::Result<Queried> {
    let limit = scan_limit(rows);
    let mut queried = Queried { times: Vec::new(), rows: Vec::new() };
    for kind in kinds.iter().copied() {
        show(kind.name());
        let times = times_of(statistics, &mut Questions::about(rows, seed), kind, within).await?;
        let row = report::Row::new(Scenario::Query, kind.name(), Measured::latency(&times))
            .limited("a pass in memory", Measured::latency(&limit));
        queried.rows.push(row.aiming(Target::P99MsAtMost(kind.p99_ms_at_most())));
        queried.times.push((kind, times));
    }
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
    fn p99_ms_at_most(self) -> f64 {
        match self {
            Self::Country
            | Self::Region
            | Self::Department
            | Self::Commune
            | Self::Structure
            | Self::Advisor => 3.0,
            Self::Anything | Self::EveryField => 150.0,
            Self::Months | Self::Departments | Self::CrossTable => 250.0,
        }
    }
}
