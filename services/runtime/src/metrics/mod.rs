//! Metrics of a service, in the text format of Prometheus: a registry per service, because both may run in one process.
//!
//! Per-call metrics are atomic counters resolved at start-up. Gauges whose value exists elsewhere (a position, permits
//! in use) are computed when Prometheus scrapes, see [`Metrics::computed_gauge`]. Labels come from fixed lists, never from
//! callers. Metrics of a service are named where they are counted; `deploy/OPERATIONS.md` documents them.

mod endpoint;
mod expiry;
mod rpc;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{
    Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
};
use strum::VariantArray;

use crate::health::Health;
use crate::in_flight::InFlight;
use crate::version;

pub use endpoint::{ExposeError, Exposed, expose};
pub use expiry::Watched;
pub use rpc::{Call, Rpcs};

/// Upper bounds of the buckets of every duration, in seconds: from a fast append to the longest call.
const SECONDS: [f64; 15] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A metric that cannot be registered: its name is invalid or in use; a bug.
#[derive(Debug, thiserror::Error)]
#[error("a metric cannot be registered: {0}")]
pub struct MetricsError(#[from] prometheus::Error);

type Refresh = Box<dyn Fn() + Send + Sync>;

/// The metrics of one service; clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    registry: Registry,
    /// Run before the metrics are written.
    refreshes: Arc<Mutex<Vec<Refresh>>>,
    /// Permits in use, and limits.
    permit_gauges: Arc<Mutex<Option<(IntGaugeVec, IntGaugeVec)>>>,
}

impl Metrics {
    /// Metrics of a service; `cra_build_info` has its version and commit, and `process_*` the resources of its process,
    /// named as in Prometheus.
    pub fn of(service: &'static str) -> Result<Self, MetricsError> {
        let metrics = Self::default();
        let help = "Always 1; the labels say what runs.";
        let labels = ["service", "version", "commit"];
        let build = metrics.add(IntGaugeVec::new(Opts::new("cra_build_info", help), &labels)?)?;
        build.with_label_values(&[service, version::VERSION, version::COMMIT]).set(1);
        #[cfg(target_os = "linux")]
        metrics.registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// Counters, one per value of each label.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, MetricsError> {
        self.add(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// Counters of a metric with the label `cause`, one per variant of `C`, in their order.
    pub(crate) fn causes<C>(&self, name: &str, help: &str) -> Result<Arc<[IntCounter]>, MetricsError>
    where
        C: Copy + Into<&'static str> + VariantArray,
    {
        let counters = self.counters(name, help, &["cause"])?;
        let labels = C::VARIANTS.iter().map(|&cause| -> &'static str { cause.into() });
        Ok(labels.map(|label| counters.with_label_values(&[label])).collect())
    }

    /// Durations in seconds, one histogram per value of each label.
    pub fn durations(&self, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, MetricsError> {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels)?)
    }

    pub(crate) fn gauge(&self, name: &str, help: &str) -> Result<Gauge, MetricsError> {
        self.add(Gauge::new(name, help)?)
    }

    /// Gauges, one per value of each label.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, MetricsError> {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// A gauge that is computed at each scrape; must not block.
    pub fn computed_gauge(
        &self,
        name: &str,
        help: &str,
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), MetricsError> {
        let gauge = self.gauge(name, help)?;
        self.on_scrape(move || gauge.set(value()));
        Ok(())
    }

    /// Gauges of the permits in use and the limits.
    pub fn watch_permits(&self, limits: &[&InFlight]) -> Result<(), MetricsError> {
        let (taken, most) = self.permit_gauges()?;
        for limit in limits {
            most.with_label_values(&[limit.name()]).set(limit.limit().into());
            let (taken, limit) = (taken.with_label_values(&[limit.name()]), (*limit).clone());
            self.on_scrape(move || taken.set(i64::try_from(limit.taken()).unwrap_or(i64::MAX)));
        }
        Ok(())
    }

    /// The gauges of permits, which a service and its shell share.
    fn permit_gauges(&self) -> Result<(IntGaugeVec, IntGaugeVec), MetricsError> {
        let mut permit_gauges = self.permit_gauges.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permit_gauges) = &*permit_gauges {
            return Ok(permit_gauges.clone());
        }
        let help = "Work in progress, by the limit that bounds it.";
        let taken = self.gauges("cra_in_flight", help, &["what"])?;
        let help = "How much may be in progress at once; one more is refused.";
        let most = self.gauges("cra_in_flight_limit", help, &["what"])?;
        *permit_gauges = Some((taken.clone(), most.clone()));
        Ok((taken, most))
    }

    /// Gauges of each named service's health.
    pub(crate) fn watch_health(&self, health: &Health) -> Result<(), MetricsError> {
        let help = "1 while the service's health says SERVING, else 0.";
        let serving = self.gauges("cra_serving", help, &["service"])?;
        let health = health.clone();
        self.on_scrape(move || {
            for (name, serves) in health.serving() {
                serving.with_label_values(&[name]).set(serves.into());
            }
        });
        Ok(())
    }

    /// All metrics, in the text format of Prometheus.
    pub fn text(&self) -> Result<String, MetricsError> {
        for look in self.refreshes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            look();
        }
        let mut text = String::new();
        prometheus::TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    fn on_scrape(&self, look: impl Fn() + Send + Sync + 'static) {
        self.refreshes.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(look));
    }

    fn add<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, MetricsError> {
        self.registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn computed_gauges_have_the_value_at_the_time_of_the_scrape() {
        let metrics = Metrics::of("test").unwrap();
        let position = Arc::new(AtomicU32::new(0));
        let known = Arc::clone(&position);
        metrics
            .computed_gauge("cra_position", "Help.", move || known.load(Ordering::Relaxed).into())
            .unwrap();
        let calls = InFlight::new("calls", NonZeroU32::MIN, Duration::ZERO);
        metrics.watch_permits(&[&calls]).unwrap();
        position.store(7, Ordering::Relaxed);
        let permit = calls.try_acquire_unshared().unwrap();
        let text = metrics.text().unwrap();
        assert!(text.contains("\ncra_position 7\n"), "{text}");
        assert!(text.contains("\ncra_in_flight{what=\"calls\"} 1\n"), "{text}");
        assert!(text.contains("\ncra_in_flight_limit{what=\"calls\"} 1\n"), "{text}");
        drop(permit);
        assert!(metrics.text().unwrap().contains("\ncra_in_flight{what=\"calls\"} 0\n"));
    }

    #[test]
    fn a_name_can_be_registered_once() {
        let metrics = Metrics::default();
        metrics.gauge("cra_one", "Help.").unwrap();
        assert!(metrics.gauge("cra_one", "Help.").is_err());
    }
}
