//! All figures of one selection per period, empty periods included.

use cra_contracts::v1;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::views::figures;
use crate::views::periods::Periods;

/// The figures of a selection's periods at a snapshot, from one scan.
pub async fn time_series(
    selection: v1::Selection,
    periods: Periods,
    snapshot: Snapshot,
) -> Result<Vec<v1::TimePoint>, QueryError> {
    Scan::run(snapshot, move |scan| {
        let tallies = scan.gather(&selection, periods.all().len(), |day| periods.index_of(day))?;
        let dictionary = scan.snapshot.generation.dictionary().read();
        let points = periods.all().iter().zip(tallies).map(|(period, tally)| v1::TimePoint {
            from: period.from.to_string(),
            to: period.to.to_string(),
            statistics: Some(figures::statistics(&tally.tally(), &dictionary)),
        });
        Ok(points.collect())
    })
    .await
}
