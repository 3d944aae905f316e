//! What was measured: rows with their limit, ratio and target, as a table, as JSON and as Markdown. Measures nothing.

mod machine;
mod shown;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use super::latency::Latencies;
pub(crate) use machine::Machine;
pub(crate) use shown::thousands;

/// Everything that one run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Of this program.
    pub(crate) version: &'static str,
    /// When it began, ISO 8601.
    pub(crate) began: String,
    pub(crate) machine: Machine,
    pub(crate) seed: u64,
    pub(crate) cras: u64,
    /// How long all of it took, the filling of logs included.
    pub(crate) seconds: f64,
    /// What would not have ended in time.
    pub(crate) left_out: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The subject of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Scenario {
    Ingest,
    Visible,
    Replay,
    Query,
    Load,
    Growth,
    Log,
    Exports,
    Peers,
    Sizing,
    Forget,
}

/// One measurement.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: Scenario,
    pub(crate) what: String,
    pub(crate) measured: Measured,
    /// What the same machine does otherwise, measured in the same run: at best, or by a peer.
    pub(crate) limit: Option<Limit>,
    /// The measured rate, or the median time, by that.
    pub(crate) ratio: Option<f64>,
    pub(crate) targets: Vec<Aim>,
}

/// A figure with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measured {
    Rate { per_second: f64, of: &'static str },
    Latency(Quantiles),
    Seconds(f64),
    Nanoseconds(f64),
    Bytes(u64),
    BytesPerCra(f64),
    Times(f64),
}

/// Times of so many calls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) samples: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
}

impl From<&Latencies> for Quantiles {
    fn from(latencies: &Latencies) -> Self {
        let ms = |part| milliseconds(latencies.per_mille(part));
        Self { samples: latencies.count(), p50_ms: ms(500), p99_ms: ms(990), p999_ms: ms(999) }
    }
}

/// What bounds a figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Limit {
    pub(crate) what: String,
    pub(crate) measured: Measured,
}

/// What a figure should reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    RatioAtLeast(f64),
    RatioAtMost(f64),
    /// The 99th percentile by that of what the row is compared with.
    P99ByP99AtMost(f64),
    /// The 99th percentile by the median of what the row is compared with.
    P99ByMedianAtMost(f64),
    /// A promise to users, which holds on the machine that the page names.
    P99MsAtMost(f64),
    /// By how much the 99th percentile exceeds that of what the row is compared with.
    P99MsBeyondAtMost(f64),
    BytesPerCraAtMost(f64),
    TimesAtMost(f64),
}

/// A target, and whether it was reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Aim {
    pub(crate) target: Target,
    pub(crate) met: bool,
}

impl Row {
    pub(crate) fn new(scenario: Scenario, what: impl Into<String>, measured: Measured) -> Self {
        Self { scenario, what: what.into(), measured, limit: None, ratio: None, targets: Vec::new() }
    }

    /// With what bounds it.
    pub(crate) fn limited(mut self, what: impl Into<String>, measured: Measured) -> Self {
        self.ratio = self.measured.compared(measured);
        self.limit = Some(Limit { what: what.into(), measured });
        self
    }

    /// With what it should reach; after its limit, where the target is a ratio.
    pub(crate) fn aiming(mut self, target: Target) -> Self {
        self.targets.push(Aim { target, met: self.meets(target) });
        self
    }

    fn meets(&self, target: Target) -> bool {
        let compared = self.limit.as_ref().map(|limit| limit.measured);
        match (target, self.measured) {
            (Target::RatioAtLeast(least), _) => self.ratio.is_some_and(|ratio| ratio >= least),
            (Target::RatioAtMost(most), _) => self.ratio.is_some_and(|ratio| ratio <= most),
            (Target::P99ByP99AtMost(most), Measured::Latency(times)) => {
                matches!(compared, Some(Measured::Latency(limit)) if times.p99_ms <= most * limit.p99_ms)
            }
            (Target::P99ByMedianAtMost(most), Measured::Latency(times)) => {
                matches!(compared, Some(Measured::Latency(limit)) if times.p99_ms <= most * limit.p50_ms)
            }
            (Target::P99MsAtMost(most), Measured::Latency(quantiles)) => quantiles.p99_ms <= most,
            (Target::P99MsBeyondAtMost(most), Measured::Latency(times)) => {
                matches!(compared, Some(Measured::Latency(limit)) if times.p99_ms <= most + limit.p99_ms)
            }
            (Target::BytesPerCraAtMost(most), Measured::BytesPerCra(bytes)) => bytes <= most,
            (Target::TimesAtMost(most), Measured::Times(times)) => times <= most,
            _ => false,
        }
    }
}

impl Measured {
    pub(crate) fn rate(count: u64, of: &'static str, time: Duration) -> Self {
        Self::Rate { per_second: float(count) / time.as_secs_f64(), of }
    }

    pub(crate) fn latency(latencies: &Latencies) -> Self {
        Self::Latency(latencies.into())
    }

    /// The time of one of many.
    pub(crate) fn each(time: Duration, count: u64) -> Self {
        Self::Nanoseconds(time.as_secs_f64() * 1e9 / float(count))
    }

    /// This by a limit of the same kind.
    fn compared(self, limit: Self) -> Option<f64> {
        match (self, limit) {
            (Self::Rate { per_second, .. }, Self::Rate { per_second: limit, .. }) => Some(per_second / limit),
            (Self::Latency(times), Self::Latency(limit)) => Some(times.p50_ms / limit.p50_ms),
            (Self::Seconds(seconds), Self::Seconds(limit)) => Some(seconds / limit),
            (Self::BytesPerCra(bytes), Self::BytesPerCra(limit)) => Some(bytes / limit),
            _ => None,
        }
    }
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Exact up to 2^53, more than anything counted here.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
