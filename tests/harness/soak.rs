//! Duration of the fault tests: short in every run, long with `tests/run --soak`.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// The first value in a short run, the second in a long run.
pub(crate) fn either<T>(short: T, long: T) -> T {
    if std::env::var_os("CRA_TEST_SOAK").is_some() { long } else { short }
}

/// A random generator whose seed is printed: `CRA_TEST_SEED` repeats a run.
pub(crate) fn chance() -> StdRng {
    let seed_text = std::env::var("CRA_TEST_SEED").ok();
    let seed = seed_text.map_or_else(|| rand::rng().random(), |seed| seed.parse().unwrap());
    eprintln!("CRA_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
