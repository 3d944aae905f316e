//! All figures of one selection.

use cra_contracts::v1;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::views::countable::Seen;
use crate::views::figures;
use crate::views::tally::Tally;

/// The figures of a selection at a snapshot.
pub async fn statistics(selection: v1::Selection, snapshot: Snapshot) -> Result<v1::Statistics, QueryError> {
    Scan::run(snapshot, move |scan| {
        let add = |tally: &mut Tally, _, seen: Seen<'_>| tally.add(&seen);
        let tally = scan.count(&selection, Tally::default, add, |own, other| own.merge(&other))?;
        Ok(figures::statistics(&tally, &scan.snapshot.generation.dictionary().read()))
    })
    .await
}
