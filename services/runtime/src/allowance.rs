//! How often something may happen per key, such as a failed authentication per address: so many per minute, as many of them
//! at once after a pause. The table is bounded; past the bound the keys that are nearest to their full allowance are
//! forgotten.
//!
//! Counts what is added, not what is asked: who has not failed costs nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Keys that are remembered.
const KEYS_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_mins(1);

/// The allowances of the keys seen lately.
pub(crate) struct Allowance<K> {
    per_minute: NonZeroU32,
    /// When each key has its full allowance again.
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Clone + Eq + Hash> Allowance<K> {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self { per_minute, full_at: Mutex::default() }
    }

    /// How long a key has to wait until one more is allowed; `None` where it need not.
    pub(crate) fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let full_at = *self.full_at.lock().get(key)?;
        let allowed_at = (full_at + self.period()).checked_sub(MINUTE)?;
        allowed_at.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Counts one for a key, allowed or not; what is not allowed does not make the wait longer than a minute.
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
    fn so_many_are_allowed_at_once_and_one_more_per_period() {
        let (allowance, now) = (allowance(6), Instant::now());
        for _ in 0..6 {
            assert_eq!(allowance.wait(&1, now), None);
            allowance.add(1, now);
        }
        assert_eq!(allowance.wait(&1, now), Some(Duration::from_secs(10)));
        assert_eq!(allowance.wait(&2, now), None, "others are not touched");
        let later = now + Duration::from_secs(10);
        assert_eq!(allowance.wait(&1, later), None);
        // Who goes on all the same is kept waiting no longer.
        for _ in 0..100 {
            allowance.add(1, later);
        }
        assert_eq!(allowance.wait(&1, later), Some(Duration::from_secs(10)));
        assert_eq!(allowance.wait(&1, later + MINUTE), None);
    }

    #[test]
    fn however_many_keys_come_only_so_many_are_remembered_and_the_worst_longest() {
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
