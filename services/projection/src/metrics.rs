//! Metrics of the projection: head of the log, position of the serving read models, parked events, progress of a
//! replay.
//!
//! All are gauges that are computed when Prometheus scrapes. `deploy/OPERATIONS.md` documents them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cra_eventlog::{Position, Read};
use cra_runtime::metrics::{Metrics, MetricsError};

use crate::generations::Generations;
use crate::progress::Progress;

/// The replay or check in progress.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    position: AtomicU64,
    end: AtomicU64,
    events_per_second: AtomicU64,
}

impl Filling {
    /// Starts one; it ends when the result is dropped.
    pub(crate) fn begin(&self) -> AtWork<'_> {
        AtWork(self)
    }

    fn report(&self, position: u64, end: u64, events_per_second: u64) {
        self.position.store(position, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
        self.events_per_second.store(events_per_second, Ordering::Relaxed);
    }
}

/// A replay in progress.
pub(crate) struct AtWork<'a>(&'a Filling);

impl AtWork<'_> {
    pub(crate) fn reached(&self, position: Position, end: Position, events_per_second: u64) {
        self.0.report(position.0, end.0, events_per_second);
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.report(0, 0, 0);
    }
}

// Positions are exact in a float up to 2^53; at 10,000 events per second that is 28,000 years.
#[allow(clippy::cast_precision_loss)]
fn figure(value: u64) -> f64 {
    value as f64
}

pub(crate) fn register(
    metrics: &Metrics,
    log: &Arc<dyn Read>,
    generations: &Arc<Generations>,
    progress: &Arc<Progress>,
    filling: &Arc<Filling>,
) -> Result<(), MetricsError> {
    let link = Arc::clone(log);
    let help = "1 while the event log is reachable, as far as is known without asking, else 0.";
    metrics.computed_gauge("cra_log_up", help, move || f64::from(u8::from(link.is_available())))?;

    let seen = Arc::clone(progress);
    let help = "Position of the log's last event, as of the last look, at most a second or so ago.";
    metrics.computed_gauge("cra_log_position", help, move || figure(seen.head().0))?;

    let serving = Arc::clone(generations);
    let help = "Position up to which the serving read models hold the log.";
    metrics.computed_gauge("cra_projection_applied_position", help, move || {
        figure(serving.serving().position().0)
    })?;

    let (seen, serving) = (Arc::clone(progress), Arc::clone(generations));
    let help = "Events of the log that the serving read models do not hold yet.";
    metrics.computed_gauge("cra_projection_lag_events", help, move || {
        let Position(applied) = serving.serving().position();
        figure(seen.head().0.saturating_sub(applied))
    })?;

    let seen = Arc::clone(progress);
    let help = "Age of the oldest event that the serving read models do not hold yet; 0 when they hold all.";
    metrics.computed_gauge("cra_projection_lag_seconds", help, move || seen.waited().as_secs_f64())?;

    let paused = generations.paused();
    let help = "1 while events are not applied because an operator paused the projection, else 0.";
    metrics.computed_gauge("cra_projection_paused", help, move || {
        f64::from(u8::from(paused.borrow().is_some()))
    })?;

    let serving = Arc::clone(generations);
    let help = "Events that could not be applied and are set aside.";
    metrics.computed_gauge("cra_projection_parked_events", help, move || {
        figure(serving.serving().checkpoint().map_or(0, |checkpoint| checkpoint.parked))
    })?;

    let of_filling = |name, help, value: fn(&Filling) -> &AtomicU64| {
        let filling = Arc::clone(filling);
        metrics.computed_gauge(name, help, move || figure(value(&filling).load(Ordering::Relaxed)))
    };
    let help = "Events per second that the replay or check at work applies, since it began; 0 when none is.";
    of_filling("cra_projection_rebuild_events_per_second", help, |filling| &filling.events_per_second)?;
    let help = "Position up to which the replay or check at work has come; 0 when none is.";
    of_filling("cra_projection_rebuild_position", help, |filling| &filling.position)?;
    let help = "Position at which the replay or check at work ends; 0 when none is.";
    of_filling("cra_projection_rebuild_end", help, |filling| &filling.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Running, cra, submitted};

    #[tokio::test]
    async fn gauges_follow_what_is_applied_and_show_a_replay_only_while_it_runs() {
        let running = Running::of(&[submitted(1, cra())]).await;
        running.append_garbage(2).await;
        running.catch_up().await;
        let replayer = running.replayer();
        let (metrics, progress) = (Metrics::default(), Arc::<Progress>::default());
        register(&metrics, &replayer.log, &replayer.generations, &progress, &replayer.filling).unwrap();
        let text = metrics.text().unwrap();
        for reported in [
            "cra_log_up 1",
            "cra_projection_applied_position 2",
            "cra_projection_parked_events 1",
            "cra_projection_rebuild_position 0",
        ] {
            assert!(text.contains(&format!("\n{reported}\n")), "{reported} in\n{text}");
        }
        let at_work = replayer.filling.begin();
        at_work.reached(Position(1), Position(2), 9);
        let text = metrics.text().unwrap();
        assert!(text.contains("\ncra_projection_rebuild_events_per_second 9\n"), "{text}");
        assert!(text.contains("\ncra_projection_rebuild_end 2\n"), "{text}");
        drop(at_work);
        assert!(metrics.text().unwrap().contains("\ncra_projection_rebuild_end 0\n"));
    }
}
