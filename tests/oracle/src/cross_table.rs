//! One dimension crossed with another, cell by cell.

use std::collections::{BTreeMap, BTreeSet};

use cra_contracts::v1::{self, Dimension, Measure};

use super::dimension::{Row, rows_of};
use super::fixed_lists::short_list;
use super::log::Log;
use super::selected;
use super::selection::minutes;

/// Columns and rows with their names, labels and values, without a snapshot. Words are listed with their zeros; other
/// values, closed and unspecified ones only if CRAs have them, whatever the measure.
pub fn cross_table(
    events: &[v1::CraEvent],
    selection: &v1::Selection,
    [rows, columns]: [Dimension; 2],
    measure: Measure,
) -> v1::GetCrossTableResponse {
    let log = Log::of(events);
    let mut cells: BTreeMap<(Row, Row), u64> = BTreeMap::new();
    for standing in selected(&log, selection) {
        for (row, people_of_row) in rows_of(rows, &standing.cra) {
            for (column, people_of_column) in rows_of(columns, &standing.cra) {
                let count = match (counts_people(rows), counts_people(columns)) {
                    (true, _) => people_of_row,
                    (_, true) => people_of_column,
                    _ => measured(measure, &standing.cra),
                };
                *cells.entry((row.clone(), column)).or_default() += count;
            }
        }
    }
    let mut listed = [short_list(rows), short_list(columns)];
    for (row, column) in cells.keys() {
        listed[0].insert(row.clone());
        listed[1].insert(column.clone());
    }
    let [rows, columns]: [BTreeSet<Row>; 2] = listed;
    let values = |row: &Row| {
        let value = |column: &Row| cells.get(&(row.clone(), column.clone())).copied().unwrap_or(0);
        columns.iter().map(value).collect()
    };
    let rows = rows.iter().map(|row| v1::CrossTableRow {
        name: row.code.clone(),
        values: values(row),
        label: row.label.clone(),
    });
    v1::GetCrossTableResponse {
        columns: columns.iter().map(|column| column.code.clone()).collect(),
        column_labels: columns.iter().map(|column| column.label.clone()).collect(),
        rows: rows.collect(),
        ..v1::GetCrossTableResponse::default()
    }
}

/// Whether a dimension divides the people of a CRA, rather than the CRAs.
fn counts_people(dimension: Dimension) -> bool {
    matches!(dimension, Dimension::Age | Dimension::Status)
}

fn measured(measure: Measure, cra: &v1::Cra) -> u64 {
    let participants = u64::from(cra.participants.unwrap());
    match measure {
        Measure::Unspecified => unreachable!("the measure is required"),
        Measure::Cras => 1,
        Measure::Acts => participants,
        Measure::People => participants - u64::from(cra.returning_participants),
        Measure::EstimatedMinutes => minutes(cra)[0],
    }
}
