//! Counts per key, such as addresses or clients. A key with count 0 has no entry, so the number of entries is at most
//! the number of counted things.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// One client may use at most one part in this number of each limit.
pub(crate) const PARTS: u32 = 4;

/// The count of each key; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Counts<K>(Arc<Mutex<HashMap<K, u32>>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Counts<K> {
    /// Counts one more for a key; `None` if its count is `most` already.
    pub(crate) fn try_acquire(&self, key: K, most: u32) -> Option<Counted<K>> {
        let mut counts = self.0.lock();
        let count = counts.get(&key).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(key.clone(), count + 1);
        Some(Counted { counts: self.clone(), key })
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

/// One counted thing; dropping it decrements the count.
#[derive(Debug)]
pub(crate) struct Counted<K: Eq + Hash> {
    counts: Counts<K>,
    key: K,
}

impl<K: Eq + Hash> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_at_most_its_limit_and_released_ones_can_be_acquired_again() {
        let counts = Counts::default();
        let first = counts.try_acquire("a", 1).unwrap();
        assert!(counts.try_acquire("a", 1).is_none());
        assert!(counts.try_acquire("b", 1).is_some());
        drop(first);
        assert!(counts.try_acquire("a", 1).is_some());
        assert!(counts.is_empty(), "a key with count 0 is removed");
    }
}
