//! Waiting for something that happens by itself. A pause is never the proof: what is waited for is.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

const RETRY: Duration = Duration::from_millis(20);
/// Long enough for a busy machine; a test that passes does not wait for it.
const LONGEST: Duration = Duration::from_mins(1);

/// Tries until it succeeds, and fails the test with the last reason when it never does.
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

/// Fails the test instead of hanging it.
pub(crate) async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
