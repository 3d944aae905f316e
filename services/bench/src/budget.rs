//! The time that a run may take: what would not end in it is left out, and the report names it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Measurements begin only while their estimated time is left.
pub(crate) struct Budget {
    /// `None`: as long as it takes.
    end: Option<Instant>,
    left_out: Mutex<Vec<String>>,
}

impl Budget {
    /// So much time from now on.
    pub(crate) fn new(within: Option<Duration>) -> Self {
        Self { end: within.map(|within| Instant::now() + within), left_out: Mutex::default() }
    }

    /// Whether a measurement that takes so long may begin; if not, it is left out.
    pub(crate) fn allows(&self, what: &str, estimate: Duration) -> bool {
        let allowed = self.end.is_none_or(|end| Instant::now() + estimate <= end);
        if !allowed {
            self.left_out.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
        }
        allowed
    }

    /// What was left out.
    pub(crate) fn left_out(&self) -> Vec<String> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_end_in_time_is_left_out_by_name() {
        let hour = Duration::from_hours(1);
        let budget = Budget::new(Some(hour));
        assert!(budget.allows("short", Duration::from_mins(1)));
        assert!(!budget.allows("long", hour * 2));
        assert_eq!(budget.left_out(), ["long"]);
        assert!(Budget::new(None).allows("long", hour * 100));
    }
}
