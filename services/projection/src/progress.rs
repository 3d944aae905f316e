//! How far the serving read models are behind the log, looked at again and again: for the metrics, and for health, which
//! asks whether they go on.
//!
//! Being behind is no fault, whatever the lag; standing still while events wait is one. Nothing is concluded while the
//! log cannot be asked. Changes nothing of what it looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cra_eventlog::{EventLog, Position, ReadError};
use cra_runtime::clock::Clock;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::generations::Generations;

/// Between two looks, at most; a short patience is looked at more often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks within the patience, at least.
const LOOKS_MIN: u32 = 4;

/// What was seen last.
pub struct Progress {
    /// Where the log ended.
    head: AtomicU64,
    /// Age of the oldest event that was not applied, in milliseconds by the log's clock; 0 when there is none.
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
    /// Where the log ended, when it was last asked.
    #[must_use]
    pub fn head(&self) -> Position {
        Position(self.head.load(Ordering::Relaxed))
    }

    /// How long the oldest event that was not applied had been in the log.
    #[must_use]
    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.waited_ms.load(Ordering::Relaxed))
    }

    /// Whether the read models stand still although events wait, and will.
    #[must_use]
    pub fn stillness(&self) -> watch::Receiver<bool> {
        self.is_still.subscribe()
    }

    /// Looks until it is dropped. `patience` is how long the read models may stand still while events wait.
    pub async fn look(
        self: Arc<Self>,
        log: Arc<dyn EventLog>,
        generations: Arc<Generations>,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) {
        let mut pace = Pace::new(Instant::now());
        loop {
            let looked = self.look_once(&*log, &generations, &*clock).await;
            let now = Instant::now();
            let is_paused = generations.paused().borrow().is_some();
            let stood_still = match looked {
                Ok(_) if is_paused => {
                    pace.unknown(now);
                    Duration::ZERO
                }
                Ok((head, applied)) => pace.stood_still(now, head, applied),
                Err(error) => {
                    tracing::debug!(%error, "the log cannot be asked where it ends");
                    pace.unknown(now);
                    Duration::ZERO
                }
            };
            let is_still = stood_still >= patience;
            self.is_still.send_if_modified(|told| std::mem::replace(told, is_still) != is_still);
            sleep(LOOK_EVERY.min(patience / LOOKS_MIN)).await;
        }
    }

    /// Where the log ends, and what was applied of it.
    async fn look_once(
        &self,
        log: &dyn EventLog,
        generations: &Generations,
        clock: &dyn Clock,
    ) -> Result<(Position, Position), ReadError> {
        let head = log.head().await?.position;
        let applied = generations.serving().position();
        let oldest = if head > applied { log.entry(applied.next()).await? } else { None };
        // No lag is negative, whatever the clocks say.
        let waited_ms = oldest.map_or(0, |entry| {
            let waited = clock.now().duration_since(entry.appended_at).as_millis();
            u64::try_from(waited).unwrap_or(0)
        });
        self.head.store(head.0, Ordering::Relaxed);
        self.waited_ms.store(waited_ms, Ordering::Relaxed);
        Ok((head, applied))
    }
}

/// Whether something that is behind goes on.
struct Pace {
    applied: Position,
    /// When it last went on, or had nothing to do, or nobody could tell.
    since: Instant,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { applied: Position::START, since: now }
    }

    /// For how long it has stood still although events waited.
    fn stood_still(&mut self, now: Instant, head: Position, applied: Position) -> Duration {
        // Another position, not a later one: other read models may serve by now.
        if applied != self.applied || applied >= head {
            *self = Self { applied, since: now };
        }
        now.duration_since(self.since)
    }

    /// Nobody can tell.
    fn unknown(&mut self, now: Instant) {
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it stood still, in seconds, after each look: head and applied position, one second apart.
    fn stood_still(looks: &[Option<(u64, u64)>]) -> Vec<u64> {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let stood = looks.iter().zip(1..).map(|(look, second)| {
            let now = start + Duration::from_secs(second);
            if let Some((head, applied)) = *look {
                return pace.stood_still(now, Position(head), Position(applied));
            }
            pace.unknown(now);
            Duration::ZERO
        });
        stood.map(|stood| stood.as_secs()).collect()
    }

    #[test]
    fn being_far_behind_is_no_standstill_as_long_as_it_goes_on() {
        assert_eq!(stood_still(&[Some((900, 1)), Some((1_900, 2)), Some((2_900, 3))]), [0, 0, 0]);
    }

    #[test]
    fn having_nothing_to_do_is_no_standstill() {
        assert_eq!(stood_still(&[Some((5, 5)), Some((5, 5)), Some((5, 5)), Some((6, 5))]), [0, 0, 0, 1]);
    }

    #[test]
    fn standing_still_while_events_wait_lasts_until_it_goes_on() {
        let looks = [Some((9, 5)), Some((9, 5)), Some((10, 5)), Some((11, 6)), Some((11, 6))];
        assert_eq!(stood_still(&looks), [0, 1, 2, 0, 1]);
    }

    #[test]
    fn read_models_that_start_over_have_not_stood_still() {
        assert_eq!(stood_still(&[Some((9, 5)), Some((9, 5)), Some((9, 0)), Some((9, 0))]), [0, 1, 0, 1]);
    }

    #[test]
    fn nothing_is_concluded_while_the_log_cannot_be_asked() {
        assert_eq!(stood_still(&[Some((9, 5)), Some((9, 5)), None, None, Some((9, 5))]), [0, 1, 0, 0, 1]);
    }
}
