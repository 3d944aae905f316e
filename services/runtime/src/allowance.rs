//! Rate limit per key, such as failed authentications per address: a number per minute, all of which may be used at
//! once after a pause. The table is bounded; above the limit the keys nearest to their full allowance are forgotten.
//!
//! Only failures are stored: a key without failures uses no memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Maximum number of remembered keys.
const KEYS_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_mins(1);

/// The allowances of recent keys.
pub(crate) struct Allowance<K> {
    per_minute: NonZeroU32,
    /// When each key has its full allowance again.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Clone + Eq + Hash> Allowance<K> {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, full_at: Mutex::default() }
    }

    /// How long a key must wait for its next allowance; `None` if it need not wait.
    pub(crate) fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let full_at = *self.full_at.lock().get(key)?;
        let allowed_at = (full_at + self.period()).checked_sub(MINUTE)?;
        allowed_at.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Counts one for a key, whether allowed or not; refused ones do not extend the wait beyond a minute.
    pub(crate) fn add(&self, key: K, now: Instant) {
        let mut full_at = self.full_at.lock();
        if full_at.len() >= KEYS_MAX && !full_at.contains_key(&key) {
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= KEYS_MAX
                && let Some(nearest) = full_at.iter().min_by_key(|(_, full_at)| **full_at)
            {
                let nearest = nearest.0.clone();
                full_at.remove(&nearest);
            }
        }
        let full_at = full_at.entry(key).or_insert(now);
        *full_at = ((*full_at).max(now) + self.period()).min(now + MINUTE);
    }

    fn period(&self) -> Duration {
        MINUTE / self.per_minute.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(per_minute: u32) -> Allowance<u64> {
        Allowance::new(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn the_allowance_can_be_used_at_once_and_is_refilled_one_by_one() {
        let (allowance, now) = (allowance(6), Instant::now());
        for _ in 0..6 {
            assert_eq!(allowance.wait(&1, now), None);
            allowance.add(1, now);
        }
        assert_eq!(allowance.wait(&1, now), Some(Duration::from_secs(10)));
        assert_eq!(allowance.wait(&2, now), None, "other keys are not affected");
        let later = now + Duration::from_secs(10);
        assert_eq!(allowance.wait(&1, later), None);
        // A key that continues is not blocked for longer.
        for _ in 0..100 {
            allowance.add(1, later);
        }
        assert_eq!(allowance.wait(&1, later), Some(Duration::from_secs(10)));
        assert_eq!(allowance.wait(&1, later + MINUTE), None);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_worst_keys() {
        let (allowance, now) = (allowance(2), Instant::now());
        for _ in 0..2 {
            allowance.add(u64::MAX, now);
        }
        for key in 0..2 * KEYS_MAX as u64 {
            allowance.add(key, now);
        }
        assert!(allowance.full_at.lock().len() <= KEYS_MAX);
        assert!(allowance.wait(&u64::MAX, now).is_some());
    }
}
