//! How long the tests of faults go on: short in every run, long under `tests/run --soak`.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The number of a short run, or that of a long one.
pub(crate) fn either<T>(short: T, long: T) -> T {
    if std::env::var_os("CRA_TEST_SOAK").is_some() { long } else { short }
}

/// Chance, told so that it can be had again: `CRA_TEST_SEED` repeats a run.
pub(crate) fn chance() -> StdRng {
    let given = std::env::var("CRA_TEST_SEED").ok();
    let seed = given.map_or_else(|| rand::rng().random(), |seed| seed.parse().unwrap());
    eprintln!("CRA_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
