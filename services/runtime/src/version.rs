//! Which program this is.

/// Of the packages, such as `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What it was built from: a commit; `development` where that was not asked, `unknown` if it could not be found.
pub const COMMIT: &str = env!("BUILD_COMMIT");
/// Both, for `--version`.
pub const FULL: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")");
