//! Figures from facts in memory: what a fact is, what it adds to which counter, and what every figure means. Pure: no
//! storage, network or clock, and one set of definitions for every answer.
//!
//! [`fact::Fact`] is one revision of one CRA; [`columns::Columns`] holds all of them, packed; [`filter::Filter`] selects;
//! [`accumulator::Accumulator`] counts; [`figures::statistics`] names the counts. `examples/walk.rs` goes through all of it.

pub mod accumulator;
mod bits;
pub mod cells;
mod code_set;
pub mod columns;
mod commune_set;
pub mod dictionary;
pub mod dimension;
pub mod doubles;
pub mod fact;
pub mod figures;
pub mod filter;
pub mod line;
pub mod order;
pub mod packed_fact;
mod packed_sums;
pub mod periods;
pub mod public;
pub mod record;
pub mod rows;
pub mod scope;
pub mod shares;
pub mod succession;
pub mod totals;

use cra_domain::territory;

/// Version of the stored form of facts. Increase it whenever older facts could not be read, or would be read
/// differently.
const FORM: u32 = 6;
/// Version of the definitions of figures. Increase it whenever an answer would differ: read models with other
/// definitions are built again from the log, and serve until that is done.
const VERSION: u32 = 3;

/// Name of the definitions: the form of the facts with the digest of the communes, and the version of the figures.
#[must_use]
pub fn definitions() -> String {
    format!("{}.{VERSION}", form())
}

/// Whether facts built with these definitions can be read.
#[must_use]
pub fn can_read(definitions: &str) -> bool {
    definitions.rsplit_once('.').is_some_and(|(theirs, _)| theirs == form())
}

fn form() -> String {
    format!("{FORM}-{:016x}", territory::communes().fingerprint())
}
