//! What is measured, one file per scenario.

mod asked;
pub(super) mod query;
mod questions;
pub(super) mod replay;
