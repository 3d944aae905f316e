//! The months of a selection, counted together with the whole in one scan.

use std::collections::BTreeMap;

use cra_contracts::v1;
use jiff::ToSpan as _;
use jiff::civil::Date;

use cra_analytics::accumulator::Accumulator;
use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::date_of;
use cra_analytics::figures;
use cra_analytics::periods::{PERIODS_MAX, Period, Periods};
use cra_analytics::rows::Rows;
use cra_analytics::totals::Totals;
use cra_exports::PeriodFigures;

/// Accumulators of the months with CRAs.
#[derive(Default)]
pub(super) struct Months {
    /// By first day.
    tallies: BTreeMap<Date, Accumulator>,
    /// For the months before the [`PERIODS_MAX`] latest.
    before: Accumulator,
}

impl Months {
    /// The months of the rows by month.
    pub(super) fn of(rows: Rows) -> Self {
        let mut months = Self::default();
        let rows = rows.into_totals();
        let earlier = rows.len().saturating_sub(PERIODS_MAX);
        for (number, (_, row)) in rows.into_iter().enumerate() {
            if number < earlier {
                months.before.merge(row.totals);
            } else {
                // Days of facts are valid: they come from the calendar.
                let month = date_of(row.last_day).unwrap_or_default().first_of_month();
                months.tallies.insert(month, row.totals);
            }
        }
        months
    }

    /// The sum of all months.
    pub(super) fn total(&self) -> Totals {
        let mut total = self.before.clone();
        for totals in self.tallies.values() {
            total.merge(totals.clone());
        }
        total.totals()
    }

    /// The figures per month: of each month of the selection if it has both days and they are few enough, otherwise of
    /// each month with CRAs.
    pub(super) fn figures(&self, selection: &v1::Selection, dictionary: &Dictionary) -> Vec<PeriodFigures> {
        let periods = match Periods::parse(selection, v1::Granularity::Month.into()) {
            Ok(periods) => periods.all().to_vec(),
            Err(_) => self.tallies.keys().map(|month| whole(*month)).collect(),
        };
        let months = periods.into_iter().map(|Period { from, to }| {
            let totals = self.tallies.get(&from.first_of_month()).cloned().unwrap_or_default().totals();
            PeriodFigures { from, to, statistics: figures::statistics(&totals, dictionary) }
        });
        months.collect()
    }
}

fn whole(from: Date) -> Period {
    Period { from, to: from.checked_add(1.month()).and_then(Date::yesterday).unwrap_or(from) }
}
