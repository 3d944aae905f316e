//! All figures of one selection per period, including empty periods.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::selection::Selection;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use cra_analytics::figures;
use cra_analytics::periods::Periods;

/// The figures of a selection's periods at a snapshot, from one scan.
pub async fn time_series(
    selection: Arc<Selection>,
    periods: Periods,
    snapshot: Snapshot,
) -> Result<Vec<v1::TimePoint>, QueryError> {
    let periods = Arc::new(periods);
    let (slots, of_days) = (periods.all().len(), Arc::clone(&periods));
    let slot_of = move |day| of_days.index_of(day);
    Scan::gathered(snapshot, selection, slots, slot_of, move |scan, tallies| {
        let dictionary = scan.snapshot.generation.dictionary().read();
        let points = periods.all().iter().zip(tallies).map(|(period, totals)| v1::TimePoint {
            from: period.from.to_string(),
            to: period.to.to_string(),
            statistics: Some(figures::statistics(&totals.totals(), &dictionary)),
        });
        points.collect()
    })
    .await
}
