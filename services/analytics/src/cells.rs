//! The cells of a cross table of two dimensions: a measure of the CRAs that belong to both rows.

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};
use hashbrown::HashMap;

use super::dimension::{Dimension, Row};
use super::packed_fact::FactRef;

/// Dimensions and measure of a cross table.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    rows: Dimension,
    columns: Dimension,
    measure: v1::Measure,
}

/// What a cell sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Summed {
    /// The people of the row, which is one of the lines of people.
    PeopleOfRow,
    /// The people of the column, which is one of the lines of people.
    PeopleOfColumn,
    /// The measure of each CRA.
    Measure(v1::Measure),
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

    /// The dimension of the rows.
    #[must_use]
    pub fn rows(&self) -> Dimension {
        self.rows
    }

    /// The dimension of the columns.
    #[must_use]
    pub fn columns(&self) -> Dimension {
        self.columns
    }

    pub(crate) fn summed(&self) -> Summed {
        if self.rows.divides_people() {
            Summed::PeopleOfRow
        } else if self.columns.divides_people() {
            Summed::PeopleOfColumn
        } else {
            Summed::Measure(self.measure)
        }
    }
}

fn measure(number: i32) -> Result<v1::Measure, Violation> {
    let refuse = |fault: Fault| Err(Violation::new("measure", fault));
    match v1::Measure::try_from(number) {
        Ok(v1::Measure::Unspecified) => refuse(Fault::Required("la mesure")),
        Ok(measure) => Ok(measure),
        Err(_) => refuse(Question::value_unknown(number, v1::Measure::as_str_name).into()),
    }
}

/// The cells with at least one CRA.
#[derive(Debug)]
pub struct Cells {
    axes: Axes,
    sums: HashMap<(Row, Row), u64>,
}

impl Cells {
    /// No cells yet.
    #[must_use]
    pub fn of(axes: Axes) -> Self {
        Self { axes, sums: HashMap::new() }
    }

    pub(crate) fn axes(&self) -> Axes {
        self.axes
    }

    /// Adds a fact to each of its cells.
    pub fn add(&mut self, fact: &FactRef<'_>) {
        let Self { axes, sums } = self;
        let summed = axes.summed();
        axes.rows.each_row(fact, |row, people_of_row| {
            axes.columns.each_row(fact, |column, people_of_column| {
                let count = match summed {
                    Summed::PeopleOfRow => people_of_row,
                    Summed::PeopleOfColumn => people_of_column,
                    Summed::Measure(measure) => measured(measure, fact),
                };
                *sums.entry((row, column)).or_default() += count;
            });
        });
    }

    /// Adds to one cell.
    #[inline]
    pub(crate) fn add_sum(&mut self, row: Row, column: Row, sum: u64) {
        *self.sums.entry((row, column)).or_default() += sum;
    }

    /// Adds other cells of the same axes.
    pub fn merge(&mut self, other: Self) {
        for ((row, column), sum) in other.sums {
            self.add_sum(row, column, sum);
        }
    }

    /// The sums, by row and column.
    #[must_use]
    pub fn sums(self) -> HashMap<(Row, Row), u64> {
        self.sums
    }
}

fn measured(measure: v1::Measure, fact: &FactRef<'_>) -> u64 {
    match measure {
        v1::Measure::Unspecified | v1::Measure::Cras => 1,
        v1::Measure::Acts => u64::from(fact.participants()),
        v1::Measure::People => u64::from(fact.participants().saturating_sub(fact.returning())),
        v1::Measure::EstimatedMinutes => u64::from(fact.duration().estimate()),
    }
}
