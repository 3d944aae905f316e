//! A cross table of two dimensions: a measure of the CRAs that belong to both rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::cra::{Question, Violation};
use cra_domain::selection::Selection;

use super::scan::Scan;
use super::{QueryError, Snapshot};
pub use cra_analytics::cells::Axes;
use cra_analytics::dictionary::Dictionary;
use cra_analytics::dimension::{Dimension, Name, Row};

/// Maximum number of cells of one answer: at most two megabytes.
const CELLS_MAX: usize = 200_000;

/// Rows and columns by name and label, and the cells of each row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrossTable {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Their labels in French, in the same order.
    pub column_labels: Vec<String>,
    /// The rows, each with its cells.
    pub rows: Vec<v1::CrossTableRow>,
}

/// The table at a snapshot.
pub async fn cross_table(
    selection: Arc<Selection>,
    axes: Axes,
    snapshot: Snapshot,
) -> Result<CrossTable, QueryError> {
    Scan::run(snapshot, move |scan| {
        let cells = scan.cells(&selection, axes)?.sums();
        let dictionary = scan.snapshot.generation.dictionary().read();
        let rows = axis(axes.rows(), cells.keys().map(|(row, _)| *row), &dictionary);
        let columns = axis(axes.columns(), cells.keys().map(|(_, column)| *column), &dictionary);
        let found = rows.len().saturating_mul(columns.len());
        if found > CELLS_MAX {
            let fault = Question::TooManyCells { found, max: CELLS_MAX };
            return Err(Violation::new("columns", fault).into());
        }
        let value = |row, column| cells.get(&(row, column)).copied().unwrap_or(0);
        let row_of = |(row, name): &(Row, Name)| v1::CrossTableRow {
            name: name.code.to_string(),
            label: name.label.to_string(),
            values: columns.iter().map(|(column, _)| value(*row, *column)).collect(),
        };
        Ok(CrossTable {
            rows: rows.iter().map(row_of).collect(),
            columns: columns.iter().map(|(_, name)| name.code.to_string()).collect(),
            column_labels: columns.iter().map(|(_, name)| name.label.to_string()).collect(),
        })
    })
    .await
}

/// The rows of one dimension in their natural order, with names: those that occur, and all of a short list.
fn axis(
    dimension: Dimension,
    occurring: impl Iterator<Item = Row>,
    dictionary: &Dictionary,
) -> Vec<(Row, Name)> {
    let mut named: BTreeMap<Row, Name> = BTreeMap::new();
    for row in occurring.chain(dimension.short_list()) {
        if !named.contains_key(&row)
            && let Some(name) = dimension.name(row, dictionary)
        {
            named.insert(row, name);
        }
    }
    let mut axis: Vec<_> = named.into_iter().collect();
    if dimension.sorts_by_code() {
        axis.sort_by(|a, b| a.1.code.cmp(&b.1.code));
    }
    axis
}
