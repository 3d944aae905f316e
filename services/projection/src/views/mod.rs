//! Facts, tallies and figures: pure, without storage or network. One set of definitions, whatever the way a
//! question is answered.

pub mod dictionary;
pub mod dimension;
pub mod fact;
pub mod figures;
pub mod filter;
pub mod order;
pub mod periods;
pub mod record;
pub mod rows;
pub mod shares;
pub mod tally;

use cra_domain::territory;

/// Version of what the figures mean and of how facts are kept. Raised whenever an answer would differ: read models
/// of other definitions are rebuilt from the log.
const VERSION: u32 = 2;

/// Name of the definitions: their version, and the digest of the communes that they count by.
#[must_use]
pub fn definitions() -> String {
    format!("{VERSION}-{:016x}", territory::communes().fingerprint())
}
