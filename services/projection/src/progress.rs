//! Monitors the lag of the serving read models at intervals: for the metrics, and for health, which needs to know
//! whether they make progress.
//!
//! Lag is not a fault, whatever its size; lack of progress while events wait is. Nothing is concluded while the log
//! cannot be read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cra_eventlog::{Position, Read, ReadError};
use cra_runtime::clock::Clock;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::generations::Generations;

/// Maximum interval of checks; a short limit is checked more often.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum number of checks within the limit.
const CHECKS_MIN: u32 = 4;

/// The last observation.
pub(crate) struct Progress {
    /// Head of the log.
    head: AtomicU64,
    /// Age of the oldest event that was not applied, in milliseconds by the log's clock; 0 if there is none.
    waited_ms: AtomicU64,
    is_still: watch::Sender<bool>,
}

impl Default for Progress {
    fn default() -> Self {
        let (head, waited_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { head, waited_ms, is_still: watch::Sender::new(false) }
    }
}

impl Progress {
    /// Head of the log at the last check.
    #[must_use]
    pub(crate) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Relaxed))
    }

    /// Age of the oldest event that was not applied.
    #[must_use]
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_millis(self.waited_ms.load(Ordering::Relaxed))
    }

    /// Whether the read models make no progress although events wait; and future changes.
    #[must_use]
    pub(crate) fn stalled_for(&self) -> watch::Receiver<bool> {
        self.is_still.subscribe()
    }

    /// Checks until it is dropped. `patience` is how long the read models may make no progress while events wait.
    pub(crate) async fn look(
        self: Arc<Self>,
        log: Arc<dyn Read>,
        generations: Arc<Generations>,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) {
        let mut pace = ProgressTracker::new(Instant::now());
        loop {
            let sampled = self.sample(&*log, &generations, &*clock).await;
            let now = Instant::now();
            let is_paused = generations.paused().borrow().is_some();
            let time_without_progress = match sampled {
                Ok(_) if is_paused => {
                    pace.unknown(now);
                    Duration::ZERO
                }
                Ok((head, applied)) => pace.time_without_progress(now, head, applied),
                Err(error) => {
                    tracing::debug!(%error, "the head of the log cannot be read");
                    pace.unknown(now);
                    Duration::ZERO
                }
            };
            let is_still = time_without_progress >= patience;
            self.is_still.send_if_modified(|reported| std::mem::replace(reported, is_still) != is_still);
            sleep(CHECK_INTERVAL.min(patience / CHECKS_MIN)).await;
        }
    }

    /// Head of the log, and what was applied of it.
    async fn sample(
        &self,
        log: &dyn Read,
        generations: &Generations,
        clock: &dyn Clock,
    ) -> Result<(Position, Position), ReadError> {
        let head = log.head().await?.position;
        let applied = generations.serving().position();
        let oldest = if head > applied { log.entry(applied.next()).await? } else { None };
        // A lag is never negative, whatever the clocks.
        let waited_ms = oldest.map_or(0, |entry| {
            let waited = clock.now().duration_since(entry.appended_at).as_millis();
            u64::try_from(waited).unwrap_or(0)
        });
        self.head.store(head.0, Ordering::Relaxed);
        self.waited_ms.store(waited_ms, Ordering::Relaxed);
        Ok((head, applied))
    }
}

/// Whether lagging read models make progress.
struct ProgressTracker {
    applied: Position,
    /// When they last made progress, had nothing to do, or could not be judged.
    since: Instant,
}

impl ProgressTracker {
    fn new(now: Instant) -> Self {
        Self { applied: Position::START, since: now }
    }

    /// How long they have made no progress although events waited.
    fn time_without_progress(&mut self, now: Instant, head: Position, applied: Position) -> Duration {
        // Another position, not necessarily a later one: other read models may serve by now.
        if applied != self.applied || applied >= head {
            *self = Self { applied, since: now };
        }
        now.duration_since(self.since)
    }

    /// Resets: the state is unknown.
    fn unknown(&mut self, now: Instant) {
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Duration without progress in seconds after each check: head and applied position, one second apart.
    fn time_without_progress(looks: &[Option<(u64, u64)>]) -> Vec<u64> {
        let start = Instant::now();
        let mut pace = ProgressTracker::new(start);
        let stood = looks.iter().zip(1..).map(|(look, second)| {
            let now = start + Duration::from_secs(second);
            if let Some((head, applied)) = *look {
                return pace.time_without_progress(now, Position(head), Position(applied));
            }
            pace.unknown(now);
            Duration::ZERO
        });
        stood.map(|stood| stood.as_secs()).collect()
    }

    #[test]
    fn a_lag_with_progress_is_no_standstill() {
        assert_eq!(time_without_progress(&[Some((900, 1)), Some((1_900, 2)), Some((2_900, 3))]), [0, 0, 0]);
    }

    #[test]
    fn having_nothing_to_do_is_no_standstill() {
        assert_eq!(
            time_without_progress(&[Some((5, 5)), Some((5, 5)), Some((5, 5)), Some((6, 5))]),
            [0, 0, 0, 1]
        );
    }

    #[test]
    fn a_standstill_while_events_wait_lasts_until_there_is_progress() {
        let looks = [Some((9, 5)), Some((9, 5)), Some((10, 5)), Some((11, 6)), Some((11, 6))];
        assert_eq!(time_without_progress(&looks), [0, 1, 2, 0, 1]);
    }

    #[test]
    fn read_models_that_start_over_make_progress() {
        assert_eq!(
            time_without_progress(&[Some((9, 5)), Some((9, 5)), Some((9, 0)), Some((9, 0))]),
            [0, 1, 0, 1]
        );
    }

    #[test]
    fn nothing_is_concluded_while_the_log_cannot_be_read() {
        assert_eq!(
            time_without_progress(&[Some((9, 5)), Some((9, 5)), None, None, Some((9, 5))]),
            [0, 1, 0, 0, 1]
        );
    }
}
