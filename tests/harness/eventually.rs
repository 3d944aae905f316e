//! Waiting for a condition, never for a fixed time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

const RETRY: Duration = Duration::from_millis(20);
/// Long enough for a busy machine; a passing test does not wait that long.
const LONGEST: Duration = Duration::from_mins(1);

/// Repeats an attempt until it succeeds; fails the test with the last reason after the time limit.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + LONGEST;
    loop {
        let reason = match attempt().await {
            Ok(value) => return value,
            Err(reason) => reason,
        };
        assert!(Instant::now() < deadline, "not within {LONGEST:?}: {what}; at last: {reason}");
        sleep(RETRY).await;
    }
}

/// Fails the test after a time limit, instead of blocking it.
pub(crate) async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
