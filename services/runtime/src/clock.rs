//! The source of time: services read it here and pass it to the domain as an argument.
//!
//! Durations are measured with `tokio::time` and `std::time::Instant` instead.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The current time, UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that changes only when it is set; for tests. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<Mutex<Timestamp>>);

impl FixedClock {
    /// A clock set to `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Sets the clock, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        self.as_ref().now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_and_its_clones_change_together_and_only_when_set() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let later = Timestamp::from_second(1_700_000_060).unwrap();
        let clock = FixedClock::at(start);
        let seen_by_a_service: Arc<dyn Clock> = Arc::new(clock.clone());
        assert_eq!(seen_by_a_service.now(), start);
        clock.set(later);
        assert_eq!(seen_by_a_service.now(), later);
    }
}
