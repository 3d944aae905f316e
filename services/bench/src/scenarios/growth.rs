//! What one event and one question cost at three sizes: a cost that grows with the size, beyond the rows that are looked
//! at, is a fault of the design.

use std::time::Duration;

use super::questions::Kind;
use crate::latency::Latencies;
use crate::report::{Measured, Row, Scenario, Target, float, thousands};

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
    /// Of all events, while other read models serve.
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
        let cras = thousands(point.cras);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Aim;

    fn point(cras: u64, replayed_ms: u64, median_us: u64) -> Point {
        let mut times = Latencies::new();
        times.add(Duration::from_micros(median_us));
        Point {
            cras,
            events: cras,
            replayed: Duration::from_millis(replayed_ms),
            times: KINDS.map(|kind| (kind, times.clone())).to_vec(),
        }
    }

    fn aims(points: &[Point]) -> Vec<Aim> {
        growth(points).iter().flat_map(|row| row.targets.clone()).collect()
    }

    #[test]
    fn costs_that_are_flat_or_linear_meet_the_target() {
        let aims = aims(&[point(1_000, 10, 20), point(10_000, 100, 200), point(100_000, 1_000, 2_000)]);
        assert_eq!(aims.len(), 1 + KINDS.len());
        assert!(aims.iter().all(|aim| aim.met), "{aims:?}");
    }

    #[test]
    fn costs_that_grow_faster_than_the_rows_miss_it() {
        let aims = aims(&[point(10_000, 100, 200), point(100_000, 2_000, 4_000)]);
        assert!(aims.iter().all(|aim| !aim.met), "{aims:?}");
    }
}
