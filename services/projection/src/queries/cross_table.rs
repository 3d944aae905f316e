//! A cross table of two dimensions: a measure of the CRAs that belong to both rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};
use cra_domain::selection::Selection;

use super::scan::Scan;
use super::{QueryError, Snapshot};
use cra_analytics::dictionary::Dictionary;
use cra_analytics::dimension::{Dimension, Name, Row};
use cra_analytics::packed_fact::FactRef;

/// Maximum number of cells of one answer: at most two megabytes.
const CELLS_MAX: usize = 200_000;

/// Dimensions and measure.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    rows: Dimension,
    columns: Dimension,
    measure: v1::Measure,
}

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

impl Axes {
    /// Parses two dimensions and a measure.
    pub fn parse(request: &v1::GetCrossTableRequest) -> Result<Self, Vec<Violation>> {
        let rows = Dimension::parse("rows", request.rows);
        let columns = Dimension::parse("columns", request.columns);
        let measure = measure(request.measure);
        let (rows, columns, measure) = match (rows, columns, measure) {
            (Ok(rows), Ok(columns), Ok(measure)) => (rows, columns, measure),
            (rows, columns, measure) => {
                return Err(rows.err().into_iter().chain(columns.err()).chain(measure.err()).collect());
            }
        };
        let refuse = |field: &str, fault| Err(vec![Violation::new(field, fault)]);
        if rows.divides_people() && columns.divides_people() {
            return refuse("columns", Question::DimensionsNotCrossed);
        }
        let divides_people = rows.divides_people() || columns.divides_people();
        if divides_people && !matches!(measure, v1::Measure::Cras | v1::Measure::Acts) {
            return refuse("measure", Question::MeasureNotDivided);
        }
        Ok(Self { rows, columns, measure })
    }

    fn add(&self, cells: &mut HashMap<(Row, Row), u64>, fact: &FactRef<'_>) {
        self.rows.each_row(fact, |row, people_of_row| {
            self.columns.each_row(fact, |column, people_of_column| {
                let count = if self.rows.divides_people() {
                    people_of_row
                } else if self.columns.divides_people() {
                    people_of_column
                } else {
                    counted(self.measure, fact)
                };
                *cells.entry((row, column)).or_default() += count;
            });
        });
    }
}

fn measure(number: i32) -> Result<v1::Measure, Violation> {
    let refuse = |fault: Fault| Err(Violation::new("measure", fault));
    match v1::Measure::try_from(number) {
        Ok(v1::Measure::Unspecified) => refuse(Fault::Required("la mesure")),
        Ok(measure) => Ok(measure),
        Err(_) => refuse(Fault::UnknownValue(number)),
    }
}

fn counted(measure: v1::Measure, fact: &FactRef<'_>) -> u64 {
    match measure {
        v1::Measure::Unspecified | v1::Measure::Cras => 1,
        v1::Measure::Acts => u64::from(fact.participants()),
        v1::Measure::People => u64::from(fact.participants().saturating_sub(fact.returning())),
        v1::Measure::EstimatedMinutes => u64::from(fact.duration().estimate()),
    }
}

/// The table at a snapshot.
pub async fn cross_table(
    selection: Arc<Selection>,
    axes: Axes,
    snapshot: Snapshot,
) -> Result<CrossTable, QueryError> {
    Scan::run(snapshot, move |scan| {
        let cells = scan.count(
            &selection,
            HashMap::new,
            |cells, _, fact| axes.add(cells, &fact),
            |own, other| other.into_iter().for_each(|(cell, count)| *own.entry(cell).or_default() += count),
        )?;
        let dictionary = scan.snapshot.generation.dictionary().read();
        let rows = axis(axes.rows, cells.keys().map(|(row, _)| *row), &dictionary);
        let columns = axis(axes.columns, cells.keys().map(|(_, column)| *column), &dictionary);
        if rows.len().saturating_mul(columns.len()) > CELLS_MAX {
            let fault = Question::TooManyCells { max: CELLS_MAX };
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
