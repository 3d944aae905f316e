//! All figures of one selection.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::selection::Selection;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use cra_analytics::figures;

/// The figures of a selection at a snapshot.
pub async fn statistics(selection: Arc<Selection>, snapshot: Snapshot) -> Result<v1::Statistics, QueryError> {
    Scan::gathered(
        snapshot,
        selection,
        1,
        |_| Some(0),
        |scan, gathered| {
            let totals = gathered.into_iter().next().unwrap_or_default().totals();
            figures::statistics(&totals, &scan.snapshot.generation.dictionary().read())
        },
    )
    .await
}
