//! Steps of work that depend on a request: look-ups of codes, and communes gone through. Counted per thread, for the test
//! that holds them linear in the bytes of a request; nothing is counted without the feature `steps`.

#[cfg(feature = "steps")]
use std::cell::Cell;

#[cfg(feature = "steps")]
thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// Steps of this thread so far.
#[cfg(feature = "steps")]
#[must_use]
pub fn taken() -> u64 {
    TAKEN.get()
}

/// Notes some steps.
#[inline]
pub(crate) fn take(steps: usize) {
    #[cfg(feature = "steps")]
    TAKEN.set(TAKEN.get() + steps as u64);
    #[cfg(not(feature = "steps"))]
    let _ = steps;
}
