//! The flags that name a period.

use clap::Args;
use jiff::civil::Date;

use super::Period;
use super::typed::{self, Last};

#[derive(Clone, Copy, Debug, Default, Args)]
#[group(id = "period", multiple = false, conflicts_with_all = ["from", "to"])]
#[command(next_help_heading = "Period (one of these, or --from and --to)")]
pub(crate) struct PeriodArgs {
    /// A whole year, such as 2026
    #[arg(long, value_name = "YEAR", value_parser = typed::year)]
    year: Option<Period>,
    /// A whole quarter, such as 2026-Q3 or 2026-T3
    #[arg(long, value_name = "QUARTER", value_parser = typed::quarter)]
    quarter: Option<Period>,
    /// A whole month, such as 2024-03
    #[arg(long, value_name = "MONTH", value_parser = typed::month)]
    month: Option<Period>,
    /// A whole ISO week, from Monday, such as 2026-W40
    #[arg(long, value_name = "WEEK", value_parser = typed::week)]
    week: Option<Period>,
    /// A school year, from 1 September to 31 August, such as 2025-2026
    #[arg(long, value_name = "YEARS", value_parser = typed::school_year)]
    school_year: Option<Period>,
    /// The last finished week, month, quarter or year in Paris, or several: 3 months. Days include today: 30 days
    #[arg(long, value_name = "UNIT", value_parser = typed::last)]
    last: Option<Last>,
    /// Today in Paris
    #[arg(long)]
    today: bool,
    /// Yesterday in Paris
    #[arg(long)]
    yesterday: bool,
}

impl PeriodArgs {
    /// A named period.
    pub(crate) fn month_of(day: Date) -> Self {
        Self { month: Some(Period::month_of(day)), ..Self::default() }
    }

    /// The named period, given today's date; `None` if no flag was used.
    pub(crate) fn period(&self, today: Date) -> Option<Period> {
        let named = self.year.or(self.quarter).or(self.month).or(self.week).or(self.school_year);
        named.or_else(|| self.relative(today))
    }

    /// The period named relative to today; `None` if no such flag was used.
    pub(crate) fn relative(&self, today: Date) -> Option<Period> {
        match (self.last, self.today, self.yesterday) {
            (Some(last), ..) => Some(last.period(today)),
            (None, true, _) => Some(Period::day(today)),
            (None, false, true) => Some(Period::day(super::day_before(today))),
            (None, false, false) => None,
        }
    }
}
