//! What one event and one question cost at three sizes: a cost that grows with the size, beyond the rows that are looked
//! at, is a fault of the design.

use std::time::Duration;

use super::questions::Kind;
use crate::bench::latency::Latencies;
use crate::bench::report::{Measured, Row, Scenario, Target, float};

/// What is timed at each size.
pub(crate) const KINDS: [Kind; 3] = [Kind::Country, Kind::Department, Kind::Anything];
/// What a tenfold size may add to a cost that should be flat: caches of the processor and of the disk end somewhere.
const TIMES_MAX: f64 = 1.5;
/// Between two sizes.
const STEP: f64 = 10.0;

/// What was measured with one size.
pub(crate) struct Point {
    pub(crate) cras: u64,
    pub(crate) events: u64,
    /// Of all events, beside read models that serve.
    pub(crate) replayed: Duration,
    pub(crate) times: Vec<(Kind, Latencies)>,
}

impl Point {
    fn event(&self) -> f64 {
        self.replayed.as_secs_f64() / float(self.events)
    }

    fn median(&self, kind: Kind) -> f64 {
        let times = self.times.iter().find(|(of, _)| *of == kind);
        times.map_or(f64::NAN, |(_, times)| times.per_mille(500).as_secs_f64())
    }
}

/// The rows of the report, from the smallest size to the largest.
pub(crate) fn growth(points: &[Point]) -> Vec<Row> {
    let mut rows = Vec::new();
    let row = |what: String, measured| Row::new(Scenario::Growth, what, measured);
    for point in points {
        let cras = point.cras;
        rows.push(row(
            format!("an event of a replay of {cras} CRAs"),
            Measured::each(point.replayed, point.events),
        ));
        for (kind, times) in &point.times {
            if KINDS.contains(kind) {
                rows.push(row(format!("{}, {cras} CRAs", kind.name()), Measured::latency(times)));
            }
        }
    }
    if let [.., small, large] = points {
        let times = |of: &dyn Fn(&Point) -> f64| Measured::Times(of(large) / of(small));
        rows.push(
            row("an event at the largest size by one at a tenth".to_owned(), times(&Point::event))
                .aiming(Target::TimesAtMost(TIMES_MAX)),
        );
        for kind in KINDS {
            rows.push(
                row(
                    format!("{}: median at the largest size by a tenth", kind.name()),
                    times(&|point| point.median(kind)),
                )
                .aiming(Target::TimesAtMost(STEP * TIMES_MAX)),
            );
        }
    }
    rows
}
