//! The months of a selection, tallied beside its whole from one scan.

use std::collections::BTreeMap;

use cra_contracts::v1;
use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::exports::Month;
use crate::queries::QueryError;
use crate::store::StoreError;
use crate::views::dictionary::Dictionary;
use crate::views::fact::{Fact, FactKey};
use crate::views::figures;
use crate::views::periods::{PERIODS_MAX, Period, Periods};
use crate::views::record;
use crate::views::tally::Tally;

/// Tallies per month that counts something.
#[derive(Default)]
pub(super) struct Months {
    /// By first day.
    tallies: BTreeMap<Date, Tally>,
    /// Of the months before the [`PERIODS_MAX`] latest.
    before: Tally,
    /// The month of the day that came last: facts come by day.
    last: Option<(i32, Date)>,
}

impl Months {
    /// Counts one fact.
    pub(super) fn add(&mut self, key: FactKey, fact: &Fact) -> Result<(), QueryError> {
        let month = match self.last {
            Some((day, month)) if day == key.day => month,
            _ => record::day(key.day).map_err(|e| StoreError::Damaged(e.to_string()))?.first_of_month(),
        };
        self.last = Some((key.day, month));
        self.tallies.entry(month).or_default().add(fact);
        if self.tallies.len() > PERIODS_MAX
            && let Some((_, first)) = self.tallies.pop_first()
        {
            self.before.merge(&first);
        }
        Ok(())
    }

    /// All of it.
    pub(super) fn total(&self) -> Tally {
        let mut total = self.before.clone();
        for tally in self.tallies.values() {
            total.merge(tally);
        }
        total
    }

    /// The figures per month: of each month of the selection's days where it has both and they are few enough, else of
    /// each month that counts something.
    pub(super) fn figures(&self, selection: &v1::Selection, dictionary: &Dictionary) -> Vec<Month> {
        let periods = match Periods::parse(selection, v1::Granularity::Month.into()) {
            Ok(periods) => periods.all().to_vec(),
            Err(_) => self.tallies.keys().map(|month| whole(*month)).collect(),
        };
        let none = Tally::default();
        let months = periods.into_iter().map(|Period { from, to }| {
            let tally = self.tallies.get(&from.first_of_month()).unwrap_or(&none);
            Month { from, to, statistics: figures::statistics(tally, dictionary) }
        });
        months.collect()
    }
}

fn whole(from: Date) -> Period {
    Period { from, to: from.checked_add(1.month()).and_then(Date::yesterday).unwrap_or(from) }
}
