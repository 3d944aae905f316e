//! Divides time into days, weeks, months, quarters or years without gaps: every day of a selection is in exactly one
//! period; the first and last are truncated to the selection.

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation, parse_day};
use jiff::ToSpan as _;
use jiff::civil::Date;

use super::fact::day_number;

/// Maximum number of periods in one series: nearly three years of days, in one message.
pub const PERIODS_MAX: usize = 1_000;

/// Days of one period, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
}

/// The periods of a selection, in order.
///
/// ```
/// use cra_analytics::periods::Periods;
/// use cra_contracts::v1::{Granularity, Selection};
///
/// let selection = Selection { from: "2026-01-15".into(), to: "2026-03-10".into(), ..Selection::default() };
/// let months = Periods::parse(&selection, Granularity::Month.into()).unwrap();
/// let days: Vec<_> = months.all().iter().map(|month| format!("{} to {}", month.from, month.to)).collect();
/// assert_eq!(days, ["2026-01-15 to 2026-01-31", "2026-02-01 to 2026-02-28", "2026-03-01 to 2026-03-10"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods(Vec<Period>);

impl Periods {
    /// Divides the days of a selection. Both bounds are required.
    pub fn parse(selection: &v1::Selection, granularity: i32) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let mut refuse = |field: &str, fault| violations.push(Violation::new(field, fault));
        let mut day = |field, text: &str, what| {
            let day = parse_day(text);
            if day.is_none() {
                refuse(
                    field,
                    if text.is_empty() { Fault::Required(what) } else { Fault::DateInvalid(text.to_owned()) },
                );
            }
            day
        };
        let from = day("selection.from", &selection.from, "le premier jour");
        let to = day("selection.to", &selection.to, "le dernier jour");
        let granularity = match v1::Granularity::try_from(granularity) {
            Ok(v1::Granularity::Unspecified) => {
                refuse("granularity", Fault::Required("le pas de temps"));
                None
            }
            Ok(granularity) => Some(granularity),
            Err(_) => {
                let fault = Question::value_unknown(granularity, v1::Granularity::as_str_name);
                refuse("granularity", fault.into());
                None
            }
        };
        let (Some(from), Some(to), Some(granularity)) = (from, to, granularity) else {
            return Err(violations);
        };
        if from > to {
            let fault = Question::PeriodInverted { from, to };
            return Err(vec![Violation::new("selection.to", fault)]);
        }
        cut(from, to, granularity).ok_or_else(|| {
            let fault = Question::TooManyPeriods { max: PERIODS_MAX };
            vec![Violation::new("granularity", fault)]
        })
    }

    /// The periods, in order.
    #[must_use]
    pub fn all(&self) -> &[Period] {
        &self.0
    }

    /// The period of a day, given in days since 1970-01-01.
    #[must_use]
    pub fn index_of(&self, day: i32) -> Option<usize> {
        let after = self.0.partition_point(|period| day_number(period.from) <= day);
        let index = after.checked_sub(1)?;
        (day <= day_number(self.0[index].to)).then_some(index)
    }
}

/// The periods from one day to another; `None` if there are too many.
fn cut(from: Date, to: Date, granularity: v1::Granularity) -> Option<Periods> {
    let mut periods = Vec::new();
    let mut start = from;
    loop {
        if periods.len() == PERIODS_MAX {
            return None;
        }
        let Some(next) = next_start(start, granularity).filter(|next| *next <= to) else {
            periods.push(Period { from: start, to });
            return Some(Periods(periods));
        };
        periods.push(Period { from: start, to: next.yesterday().ok()? });
        start = next;
    }
}

/// First day of the period after that of a day; `None` at the end of the calendar.
fn next_start(day: Date, granularity: v1::Granularity) -> Option<Date> {
    use v1::Granularity::{Day, Month, Quarter, Unspecified, Week, Year};
    let next = match granularity {
        Unspecified | Day => day.tomorrow(),
        Week => day.checked_add((7 - i64::from(day.weekday().to_monday_zero_offset())).days()),
        Month => day.first_of_month().checked_add(1.month()),
        Quarter => {
            let months_left = 3 - i64::from((day.month() - 1) % 3);
            day.first_of_month().checked_add(months_left.months())
        }
        Year => day.first_of_year().checked_add(1.year()),
    };
    next.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periods(from: &str, to: &str, granularity: v1::Granularity) -> Vec<(String, String)> {
        let selection = v1::Selection { from: from.into(), to: to.into(), ..v1::Selection::default() };
        let periods = Periods::parse(&selection, granularity.into()).unwrap();
        periods.all().iter().map(|period| (period.from.to_string(), period.to.to_string())).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
    }

    #[test]
    fn the_first_and_last_period_are_truncated_to_the_selection() {
        use v1::Granularity::{Month, Quarter, Week, Year};
        assert_eq!(
            periods("2024-02-27", "2024-04-02", Month),
            pairs(&[
                ("2024-02-27", "2024-02-29"),
                ("2024-03-01", "2024-03-31"),
                ("2024-04-01", "2024-04-02")
            ])
        );
        assert_eq!(
            periods("2024-03-02", "2024-03-12", Week),
            pairs(&[
                ("2024-03-02", "2024-03-03"),
                ("2024-03-04", "2024-03-10"),
                ("2024-03-11", "2024-03-12")
            ])
        );
        assert_eq!(
            periods("2023-12-31", "2024-05-01", Quarter),
            pairs(&[
                ("2023-12-31", "2023-12-31"),
                ("2024-01-01", "2024-03-31"),
                ("2024-04-01", "2024-05-01")
            ])
        );
        assert_eq!(periods("2024-01-01", "2024-12-31", Year), pairs(&[("2024-01-01", "2024-12-31")]));
    }

    #[test]
    fn a_missing_bound_an_unknown_step_and_too_many_periods_are_refused() {
        let faults = |from: &str, to: &str, granularity: i32| -> Vec<String> {
            let selection = v1::Selection { from: from.into(), to: to.into(), ..v1::Selection::default() };
            let violations = Periods::parse(&selection, granularity).unwrap_err();
            violations.iter().map(|v| format!("{} {}", v.field, v.fault.reason())).collect()
        };
        assert_eq!(
            faults("", "x", 0),
            ["selection.from REQUIRED", "selection.to DATE_INVALID", "granularity REQUIRED"]
        );
        assert_eq!(faults("2024-01-02", "2024-01-01", 9), ["granularity UNKNOWN_VALUE"]);
        assert_eq!(faults("2024-01-02", "2024-01-01", 1), ["selection.to PERIOD_INVERTED"]);
        assert_eq!(faults("2020-01-01", "2024-01-01", 1), ["granularity TOO_MANY_PERIODS"]);
    }

    proptest::proptest! {
        #[test]
        fn every_day_is_in_exactly_one_period(from in 0_i32..20_000, days in 0_i32..900, granularity in 1_i32..6) {
            let date = |day: i32| jiff::civil::date(1970, 1, 1).checked_add(i64::from(day).days()).unwrap();
            let selection = v1::Selection {
                from: date(from).to_string(),
                to: date(from + days).to_string(),
                ..v1::Selection::default()
            };
            let periods = Periods::parse(&selection, granularity).unwrap();
            let lengths: i32 =
                periods.all().iter().map(|p| day_number(p.to) - day_number(p.from) + 1).sum();
            proptest::prop_assert_eq!(lengths, days + 1);
            for day in from..=from + days {
                let period = periods.all()[periods.index_of(day).unwrap()];
                proptest::prop_assert!(period.from <= date(day) && date(day) <= period.to);
            }
            proptest::prop_assert_eq!(periods.index_of(from - 1), None);
            proptest::prop_assert_eq!(periods.index_of(from + days + 1), None);
        }
    }
}
