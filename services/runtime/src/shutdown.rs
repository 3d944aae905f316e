//! The stop signal: set once, by a signal, by `standalone` or by a test, and seen by every clone.
//!
//! It only signals: each part stops under its own deadline.

use std::io;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::health::Health;

/// A stop request, shared by its clones. It cannot be revoked.
#[derive(Clone, Debug, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// A request that is not set yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A request set by SIGTERM or SIGINT. The signals are caught from this call on, so call it before anything is
    /// started, within the tokio runtime.
    pub fn on_signal() -> io::Result<Self> {
        let shutdown = Self::new();
        let announced = shutdown.clone();
        let mut signals = Signals::register()?;
        tokio::spawn(async move {
            let signal = signals.next().await;
            // First, so that a failing log line cannot prevent it.
            announced.begin();
            tracing::info!(signal, "asked to stop");
        });
        Ok(shutdown)
    }

    /// Requests every clone to stop.
    pub fn begin(&self) {
        self.0.cancel();
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until a stop is requested; returns at once if it was. Cancel-safe.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Like [`Shutdown::requested`], for tasks that own their copy.
    pub async fn into_requested(self) {
        self.0.cancelled_owned().await;
    }

    /// A request that follows this one after a delay, and can be set independently. In between health is `NOT_SERVING`,
    /// so that balancers stop sending calls, and late calls are still served.
    #[must_use]
    pub fn after_notice(&self, health: Health, delay: Duration) -> Self {
        if delay.is_zero() {
            return self.child();
        }
        let (asked, later) = (self.clone(), Self::new());
        let begins = later.clone();
        tokio::spawn(async move {
            asked.into_requested().await;
            health.end_service().await;
            tracing::info!(delay_ms = delay.as_millis(), "not serving: taking calls until the drain");
            tokio::time::sleep(delay).await;
            begins.begin();
        });
        later
    }

    /// A request that follows this one, and can be set independently: to stop one part of a process.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn register() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::health::Readiness;

    #[tokio::test(start_paused = true)]
    async fn health_says_not_serving_at_once_and_the_drain_begins_after_the_delay() {
        let health = Health::of(["one"]).await;
        health.set_all(Readiness::Serving).await;
        let asked = Shutdown::new();
        let later = asked.after_notice(health.clone(), Duration::from_secs(5));
        asked.begin();
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(health.readiness(), Readiness::NotServing);
        health.set_all(Readiness::Serving).await;
        assert_eq!(health.readiness(), Readiness::NotServing, "for good");
        assert!(!later.is_requested());
        later.into_requested().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn every_clone_sees_the_request_and_a_child_can_stop_alone() {
        let whole = Shutdown::new();
        let (child, other_child) = (whole.child(), whole.child());
        child.begin();
        child.requested().await;
        assert!(!whole.is_requested());
        assert!(!other_child.is_requested());
        whole.clone().begin();
        other_child.into_requested().await;
        whole.requested().await;
    }
}
