//! Totals per row of a dimension, and the rows in a requested order.

use hashbrown::HashMap;

use cra_contracts::v1;
use cra_domain::event::timestamp_message;

use super::accumulator::Accumulator;
use super::dictionary::Dictionary;
use super::dimension::{Dimension, Name, Row};
use super::fact::{date_of, instant};
use super::figures;
use super::filter::Filter;
use super::order::Order;
use super::packed_fact::FactRef;
use super::totals::Totals;

/// Totals of the CRAs of one row.
#[derive(Debug)]
pub struct RowTotals<T = Totals> {
    /// Their sums.
    pub totals: T,
    /// Latest day of activity, in days since 1970.
    pub last_day: i32,
    /// Latest first record of a CRA, in nanoseconds since 1970.
    pub last_recorded_at: i64,
}

impl<T: Default> Default for RowTotals<T> {
    fn default() -> Self {
        Self { totals: T::default(), last_day: i32::MIN, last_recorded_at: i64::MIN }
    }
}

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

    /// Adds a fact to each of its rows.
    pub fn add(&mut self, fact: &FactRef<'_>) {
        self.dimension.each_row(fact, |row, _| {
            let row = self.tallies.entry(row).or_default();
            row.totals.add(fact);
            row.last_day = row.last_day.max(fact.fixed().day);
            row.last_recorded_at = row.last_recorded_at.max(fact.fixed().recorded_at);
        });
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

/// One row of a breakdown.
#[derive(Debug)]
pub struct Line {
    row: Row,
    name: Name,
    totals: Option<RowTotals>,
}

impl Line {
    /// Name of the row.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Totals of the row; `None` without CRAs.
    #[must_use]
    pub fn totals(&self) -> Option<&RowTotals> {
        self.totals.as_ref()
    }

    /// The row in the contract's form.
    #[must_use]
    pub fn to_message(&self, dictionary: &Dictionary) -> v1::BreakdownRow {
        let nothing = Totals::default();
        let last_day = self.totals.as_ref().and_then(|row| date_of(row.last_day));
        let totals = self.totals.as_ref().map_or(&nothing, |row| &row.totals);
        v1::BreakdownRow {
            code: self.name.code.to_string(),
            label: self.name.label.to_string(),
            statistics: Some(figures::statistics(totals, dictionary)),
            last_date: last_day.map(|day| day.to_string()).unwrap_or_default(),
            last_recorded_at: self
                .totals
                .as_ref()
                .map(|row| timestamp_message(instant(row.last_recorded_at))),
        }
    }
}
