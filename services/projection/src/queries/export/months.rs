//! The months of a selection, counted together with the whole in one scan.

use std::collections::BTreeMap;

use cra_contracts::v1;
use jiff::ToSpan as _;
use jiff::civil::Date;

use cra_analytics::accumulator::Accumulator;
use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::date_of;
use cra_analytics::figures;
use cra_analytics::packed_fact::FactRef;
use cra_analytics::periods::{PERIODS_MAX, Period, Periods};
use cra_analytics::totals::Totals;
use cra_exports::PeriodFigures;

/// Accumulators of the months with CRAs.
#[derive(Default)]
pub(super) struct Months {
    /// By first day.
    tallies: BTreeMap<Date, Accumulator>,
    /// For the months before the [`PERIODS_MAX`] latest.
    before: Accumulator,
    /// The last month added to `before`.
    last_before: Option<Date>,
}

impl Months {
    /// Counts one fact.
    pub(super) fn add(&mut self, fact: &FactRef<'_>) {
        // Days of facts are valid: they come from the calendar.
        let month = date_of(fact.fixed().day).unwrap_or_default().first_of_month();
        if Some(month) <= self.last_before {
            return self.before.add(fact);
        }
        self.tallies.entry(month).or_default().add(fact);
        self.keep_the_latest();
    }

    /// Adds other months.
    pub(super) fn merge(&mut self, other: Self) {
        self.before.merge(other.before);
        for (month, totals) in other.tallies {
            self.tallies.entry(month).or_default().merge(totals);
        }
        self.last_before = self.last_before.max(other.last_before);
        self.keep_the_latest();
    }

    fn keep_the_latest(&mut self) {
        while let Some((month, _)) = self.tallies.first_key_value()
            && (self.tallies.len() > PERIODS_MAX || Some(*month) <= self.last_before)
            && let Some((month, totals)) = self.tallies.pop_first()
        {
            self.before.merge(totals);
            self.last_before = self.last_before.max(Some(month));
        }
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
