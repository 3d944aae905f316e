//! Times of many calls, in a histogram: three digits of precision from a microsecond to a minute.

use std::time::Duration;

use hdrhistogram::Histogram;

const NANOSECONDS_MIN: u64 = 1_000;
const NANOSECONDS_MAX: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// The times of some calls.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(NANOSECONDS_MIN, NANOSECONDS_MAX, DIGITS);
        Self(histogram.expect("the bounds are constant and in order"))
    }

    /// Takes one in; a longer one than a minute counts as a minute.
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes in those of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time within which so many of 1,000 calls ended.
    pub(crate) fn per_mille(&self, part: u32) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(f64::from(part) / 1_000.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_time_within_which_that_part_ended() {
        let mut latencies = Latencies::new();
        let mut slow = Latencies::new();
        (1..=990).for_each(|ms| latencies.add(Duration::from_micros(10 * ms)));
        (0..10).for_each(|_| slow.add(Duration::from_mins(10)));
        latencies.merge(&slow);
        assert_eq!(latencies.count(), 1_000);
        let near = |found: Duration, expected: Duration| {
            assert!(found.abs_diff(expected) * 500 < expected, "{found:?}, expected {expected:?}");
        };
        near(latencies.per_mille(500), Duration::from_millis(5));
        near(latencies.per_mille(990), Duration::from_micros(9_900));
        near(latencies.per_mille(999), Duration::from_mins(1));
    }
}
