//! What is measured, one file per scenario.

mod asked;
pub(super) mod exports;
pub(super) mod forget;
pub(super) mod growth;
pub(super) mod ingest;
pub(super) mod load;
mod pace;
pub(super) mod peers;
pub(super) mod query;
pub(super) mod questions;
pub(super) mod replay;
pub(super) mod sizing;
pub(super) mod subjects;
pub(super) mod submissions;
pub(super) mod visible;
