//! All figures of one selection.

use cra_contracts::v1;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::views::figures;

/// The figures of a selection at a snapshot.
pub async fn statistics(selection: v1::Selection, snapshot: Snapshot) -> Result<v1::Statistics, QueryError> {
    Scan::run(snapshot, move |scan| {
        let gathered = scan.gather(&selection, 1, |_| Some(0))?;
        let tally = gathered.into_iter().next().unwrap_or_default().tally();
        Ok(figures::statistics(&tally, &scan.snapshot.generation.dictionary().read()))
    })
    .await
}
