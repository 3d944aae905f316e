//! Counts steps of work that depend on a request: code lookups and communes visited. A test uses the counts, per
//! thread, to check that the work is linear in the bytes of a request. Without the feature `steps` nothing is counted.

#[cfg(feature = "steps")]
use std::cell::Cell;

#[cfg(feature = "steps")]
thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Number of steps of this thread so far.
#[cfg(feature = "steps")]
#[must_use]
pub fn count() -> u64 {
    COUNT.get()
}

#[inline]
pub(crate) fn take(steps: usize) {
    #[cfg(feature = "steps")]
    COUNT.set(COUNT.get() + steps as u64);
    #[cfg(not(feature = "steps"))]
    let _ = steps;
}
