//! France's territories: communes, municipal arrondissements, departments, regions, EPCI, time zones.
//!
//! One table, [`communes()`], parsed once from a file that is compiled in (`services/domain/data`, edition COG 2026).
//! It finds today's commune for a code, for a postal code with a name, or for the first letters of a search.
//! Department, region and EPCI follow from the commune.
//!
//! It does not validate a CRA, trim codes or correct spelling, and has no geometry and no past editions: an abolished
//! code leads to the commune of today.

mod buckets;
mod declared;
mod fold;
mod ids;
mod index;
mod matching;
mod meant;
mod names;
mod parse;
mod query;
mod search;
mod table;
#[cfg(test)]
mod tests;
mod time_zone;

use std::sync::LazyLock;

pub use declared::{Declared, Unknown};
pub(crate) use declared::{with_lost_zero, without_spaces};
pub use ids::{CommuneId, DepartmentId, EpciId, RegionId};
pub use meant::{Meant, TerritoryKind};
pub use search::{FoundCommune, SEARCH_CHARACTERS_MAX, SEARCH_RESULTS_MAX};
pub use table::{Commune, Communes, Department, Epci, Region};
pub use time_zone::time_zone;
pub(crate) use time_zone::time_zone_of;

const TEXT: &str = include_str!("../../data/communes.tsv");

/// The table of communes, parsed on the first call and shared for the life of the process.
///
/// ```
/// use cra_domain::territory::communes;
///
/// let found = communes().search("saint etien", 5);
/// let names: Vec<_> = found.iter().map(|found| communes().get(found.commune).name()).collect();
/// assert_eq!(names[0], "Saint-Étienne");
/// ```
///
/// # Panics
///
/// If the compiled-in file is malformed; a test reads all of it.
#[must_use]
pub fn communes() -> &'static Communes {
    static COMMUNES: LazyLock<Communes> = LazyLock::new(|| match parse::parse(TEXT) {
        Ok(communes) => communes,
        Err(malformed) => panic!("data/communes.tsv: {malformed}"),
    });
    &COMMUNES
}
