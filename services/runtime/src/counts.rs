//! How much each of many holds of something: addresses, clients. Who holds nothing has no entry, so that there are at most
//! as many entries as things held.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// One client takes at most one part in so many of each bound.
pub(crate) const PARTS: u32 = 4;

/// What each key holds; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Counts<K>(Arc<Mutex<HashMap<K, u32>>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Counts<K> {
    /// Counts one more for a key; `None` where it holds `most` already.
    pub(crate) fn try_enter(&self, key: K, most: u32) -> Option<Counted<K>> {
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

/// One thing that a key holds; dropping it gives it back.
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
    fn a_key_holds_no_more_than_it_may_and_what_it_gives_back_can_be_taken() {
        let counts = Counts::default();
        let first = counts.try_enter("a", 1).unwrap();
        assert!(counts.try_enter("a", 1).is_none());
        assert!(counts.try_enter("b", 1).is_some());
        drop(first);
        assert!(counts.try_enter("a", 1).is_some());
        assert!(counts.is_empty(), "who holds nothing is forgotten");
    }
}
