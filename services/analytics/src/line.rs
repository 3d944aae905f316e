//! One row of a breakdown: what it is called and what it counts.

use cra_contracts::v1;
use cra_domain::event::timestamp_message;

use super::dictionary::Dictionary;
use super::dimension::{Name, Row};
use super::fact::{date_of, instant};
use super::figures;
use super::totals::Totals;

/// What is known of the CRAs of one row.
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

/// One row of a breakdown.
#[derive(Debug)]
pub struct Line {
    pub(super) row: Row,
    pub(super) name: Name,
    pub(super) totals: Option<RowTotals>,
}

impl Line {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What it counts; nothing of a row without any CRA.
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
