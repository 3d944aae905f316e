//! How long to wait for a service that is away: the time without any answer to keep, and what was reported about it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::ClientError;

/// Between two tries where the service names no delay.
pub(crate) const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The longest wait that a service may ask for.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(10);

/// What to do after a failure that has nothing to do with the items.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Try again after this pause. `notice` is true once per outage, when it lasts longer than [`RETRY_DELAY`].
    Again { after: Duration, notice: bool },
    /// It has lasted too long.
    GiveUp,
}

/// The budget of one command.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    retry_for: Duration,
    /// Since when nothing but failures came.
    away_since: Option<Instant>,
    reported: bool,
}

impl RetryBudget {
    /// Retries for so long without any answer to keep; zero gives up at the first failure.
    pub(crate) fn new(retry_for: Duration) -> Self {
        Self { retry_for, away_since: None, reported: false }
    }

    /// An answer to keep came: the service is there.
    pub(crate) fn answered(&mut self) {
        self.away_since = None;
        self.reported = false;
    }

    /// What to do after a failure that came now.
    pub(crate) fn after(&mut self, failure: &ClientError) -> Next {
        if failure.may_pass() { self.failed(Instant::now(), failure.retry_delay()) } else { Next::GiveUp }
    }

    /// A failure came, at `now`, perhaps with the time after which the service is to be called again.
    fn failed(&mut self, now: Instant, asked: Option<Duration>) -> Next {
        let away = now.duration_since(*self.away_since.get_or_insert(now));
        let left = self.retry_for.saturating_sub(away);
        if left.is_zero() {
            return Next::GiveUp;
        }
        let notice = !self.reported && away >= RETRY_DELAY;
        self.reported |= notice;
        Next::Again { after: asked.unwrap_or(RETRY_DELAY).min(RETRY_DELAY_MAX).min(left), notice }
    }
}

/// Asks until there is an answer, or a failure that does not pass in time. `notice` is called once per outage.
pub(crate) async fn with_retry<T>(
    retry_for: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, ClientError>,
    notice: impl Fn(&ClientError),
) -> Result<T, ClientError> {
    let mut budget = RetryBudget::new(retry_for);
    loop {
        let failure = match ask().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        match budget.after(&failure) {
            Next::GiveUp => return Err(failure),
            Next::Again { after, notice: first } => {
                if first {
                    notice(&failure);
                }
                sleep(after).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY_FOR: Duration = Duration::from_secs(5);

    fn again(after_ms: u64, notice: bool) -> Next {
        Next::Again { after: Duration::from_millis(after_ms), notice }
    }

    #[test]
    fn it_retries_for_its_time_reports_once_and_gives_up() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(RETRY_FOR);
        let at_ms = [0, 500, 1_000, 2_000, 4_800, 5_000];
        let next = at_ms.map(|ms| budget.failed(start + Duration::from_millis(ms), None));
        let second = |notice| again(1_000, notice);
        assert_eq!(
            next,
            [second(false), second(false), second(true), second(false), again(200, false), Next::GiveUp]
        );
    }

    #[test]
    fn an_answer_begins_it_anew() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(RETRY_FOR);
        assert_eq!(budget.failed(start, None), again(1_000, false));
        budget.answered();
        assert_eq!(budget.failed(start + RETRY_FOR, None), again(1_000, false));
    }

    #[test]
    fn the_service_says_when_to_come_back_within_a_bound() {
        let start = Instant::now();
        let mut budget = RetryBudget::new(Duration::from_mins(1));
        assert_eq!(budget.failed(start, Some(Duration::from_secs(5))), again(5_000, false));
        assert_eq!(budget.failed(start, Some(Duration::from_hours(1))), again(10_000, false));
    }

    #[test]
    fn no_patience_gives_up_at_once() {
        assert_eq!(RetryBudget::new(Duration::ZERO).failed(Instant::now(), None), Next::GiveUp);
    }
}
