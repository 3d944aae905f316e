//! Totals per row of a dimension, and the rows in a requested order.

use hashbrown::HashMap;

use super::accumulator::Accumulator;
use super::dictionary::Dictionary;
use super::dimension::{Dimension, Row};
use super::filter::Filter;
use super::line::{Line, RowTotals};
use super::order::Order;
use super::packed_fact::FactRef;

/// The rows of a dimension with at least one CRA.
#[derive(Debug)]
pub struct Rows {
    dimension: Dimension,
    tallies: HashMap<Row, RowTotals<Accumulator>>,
}

impl Rows {
    /// No rows yet.
    #[must_use]
    pub fn of(dimension: Dimension) -> Self {
        Self { dimension, tallies: HashMap::new() }
    }

    pub(crate) fn dimension(&self) -> Dimension {
        self.dimension
    }

    /// The totals of a row, created if it has none.
    pub(crate) fn row(&mut self, row: Row) -> &mut RowTotals<Accumulator> {
        self.tallies.entry(row).or_default()
    }

    /// Adds a fact to each of its rows.
    pub fn add(&mut self, fact: &FactRef<'_>) {
        self.dimension.each_row(fact, |row, _| {
            let row = self.tallies.entry(row).or_default();
            row.totals.add(fact);
            row.last_day = row.last_day.max(fact.fixed().day);
            row.last_recorded_at = row.last_recorded_at.max(fact.fixed().recorded_at);
        });
    }

    /// The totals of each row, in the order of the rows.
    #[must_use]
    pub fn into_totals(self) -> Vec<(Row, RowTotals<Accumulator>)> {
        let mut totals: Vec<_> = self.tallies.into_iter().collect();
        totals.sort_unstable_by_key(|(row, _)| *row);
        totals
    }

    /// Adds other rows.
    pub fn merge(&mut self, other: Self) {
        for (row, other) in other.tallies {
            let own = self.tallies.entry(row).or_default();
            own.totals.merge(other.totals);
            own.last_day = own.last_day.max(other.last_day);
            own.last_recorded_at = own.last_recorded_at.max(other.last_recorded_at);
        }
    }

    /// Adds the empty rows of a fixed list that the selection allows.
    #[must_use]
    pub fn with_empty(self, filter: &Filter) -> RowsAndEmpty {
        let Self { dimension, tallies } = self;
        let empty = dimension.fixed_rows(filter).into_iter().filter(|row| !tallies.contains_key(row));
        RowsAndEmpty { empty: empty.collect(), rows: Self { dimension, tallies } }
    }

    /// The rows in order.
    #[must_use]
    pub fn in_order(self, order: Order, dictionary: &Dictionary) -> Vec<Line> {
        RowsAndEmpty { rows: self, empty: Vec::new() }.in_order(order, dictionary)
    }
}

/// Rows, including the empty ones of a fixed list.
#[derive(Debug)]
pub struct RowsAndEmpty {
    rows: Rows,
    empty: Vec<Row>,
}

impl RowsAndEmpty {
    /// All of them in order.
    #[must_use]
    pub fn in_order(self, order: Order, dictionary: &Dictionary) -> Vec<Line> {
        let Rows { dimension, tallies } = self.rows;
        let empty = self.empty.into_iter().map(|row| (row, None));
        let counted = tallies.into_iter().map(|(row, RowTotals { totals, last_day, last_recorded_at })| {
            (row, Some(RowTotals { totals: totals.totals(), last_day, last_recorded_at }))
        });
        let mut lines: Vec<Line> = counted
            .chain(empty)
            .filter_map(|(row, totals)| Some(Line { row, name: dimension.name(row, dictionary)?, totals }))
            .collect();
        if dimension.sorts_by_code() {
            lines.sort_unstable_by(|a, b| a.name.code.cmp(&b.name.code));
        } else {
            lines.sort_unstable_by_key(|line| line.row);
        }
        order.sort(&mut lines);
        lines
    }
}
