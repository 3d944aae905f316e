//! Comparison of two periods: the days of both, and each figure with its difference.
//!
//! Pure: neither calls a service nor lays out text.

mod figures;
pub(crate) mod json;

use std::borrow::Cow;

use cra_contracts::v1;
use jiff::civil::Date;

pub(crate) use figures::{Difference, Figure, Unit, figures};

use crate::choice::Choice;
use crate::period::Period;

/// The other period of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparand {
    /// The period of the same kind that ends the day before.
    Previous,
    /// The same period a year earlier.
    LastYear,
}

impl Choice for Comparand {
    const PREFIX: &str = "";

    fn all() -> &'static [Self] {
        &[Self::Previous, Self::LastYear]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Previous => "PREVIOUS",
            Self::LastYear => "LAST_YEAR",
        }
    }

    fn french(self) -> Cow<'static, [&'static str]> {
        match self {
            Self::Previous => Cow::Borrowed(&["précédente", "période précédente", "précédent"]),
            Self::LastYear => {
                Cow::Borrowed(&["année précédente", "an dernier", "an passé", "année dernière"])
            }
        }
    }
}

/// Why a selection cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ComparisonError {
    #[error(
        "a comparison needs both days: --from 2024-01-01 --to 2024-12-31, or a period such as --month 2024-03 or \
         --year 2024"
    )]
    Unbounded,
    #[error("the period begins on {0}, after today: there is nothing to compare")]
    NotBegun(Date),
}

/// The days of both periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    pub(crate) with: Comparand,
    /// The requested days, up to today.
    pub(crate) current: Period,
    pub(crate) other: Period,
    /// Number of days of the whole period, if it is not over yet.
    pub(crate) unfinished_of_days: Option<i64>,
}

impl Comparison {
    /// The two periods. An unfinished period ends today; the other then ends after as many days, or at its own end.
    pub(crate) fn of(period: Option<Period>, with: Comparand, today: Date) -> Result<Self, ComparisonError> {
        let period = period.ok_or(ComparisonError::Unbounded)?;
        if period.from() > today {
            return Err(ComparisonError::NotBegun(period.from()));
        }
        let other = match with {
            Comparand::Previous => period.before(),
            Comparand::LastYear => period.a_year_earlier(),
        };
        if period.to() <= today {
            return Ok(Self { with, current: period, other, unfinished_of_days: None });
        }
        let current = period.until(today);
        let other = other.first_days(current.days());
        Ok(Self { with, current, other, unfinished_of_days: Some(period.days()) })
    }

    /// A selection with the days of one of the periods.
    pub(crate) fn selection(selection: &v1::Selection, period: Period) -> v1::Selection {
        v1::Selection { from: period.from().to_string(), to: period.to().to_string(), ..selection.clone() }
    }
}

/// Pairs the n-th period of one series with the n-th of the other, up to the longer one.
pub(crate) fn pairs<'a>(
    current: &'a v1::GetTimeSeriesResponse,
    other: &'a v1::GetTimeSeriesResponse,
) -> impl Iterator<Item = [Option<&'a v1::TimePoint>; 2]> {
    let longest = current.points.len().max(other.points.len());
    (0..longest).map(|number| [current.points.get(number), other.points.get(number)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(period: Period) -> String {
        format!("{} {}", period.from(), period.to())
    }

    fn compared(from: &str, to: &str, with: Comparand, today: &str) -> Comparison {
        let period = Period::between(from.parse().unwrap(), to.parse().unwrap());
        Comparison::of(period, with, today.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_finished_period_is_compared_as_a_whole() {
        let comparison = compared("2024-03-01", "2024-03-31", Comparand::Previous, "2024-03-31");
        assert_eq!(days(comparison.current), "2024-03-01 2024-03-31");
        assert_eq!(days(comparison.other), "2024-02-01 2024-02-29");
        assert_eq!(comparison.unfinished_of_days, None);
    }

    #[test]
    fn an_unfinished_period_is_compared_with_as_many_days_of_the_other() {
        let comparison = compared("2026-10-01", "2026-12-31", Comparand::Previous, "2026-11-26");
        assert_eq!(days(comparison.current), "2026-10-01 2026-11-26");
        assert_eq!(days(comparison.other), "2026-07-01 2026-08-26");
        assert_eq!(comparison.current.days(), comparison.other.days());
        assert_eq!(comparison.unfinished_of_days, Some(92));
        let leap = compared("2024-01-01", "2024-12-31", Comparand::LastYear, "2024-03-10");
        assert_eq!(days(leap.other), "2023-01-01 2023-03-11");
        let longer = compared("2023-03-01", "2023-03-31", Comparand::Previous, "2023-03-30");
        assert_eq!(days(longer.other), "2023-02-01 2023-02-28");
    }

    #[test]
    fn a_period_without_both_days_or_in_the_future_is_not_compared() {
        let today = "2026-11-26".parse().unwrap();
        assert_eq!(Comparison::of(None, Comparand::Previous, today), Err(ComparisonError::Unbounded));
        let first: Date = "2026-12-01".parse().unwrap();
        let december = Some(Period::month_of(first));
        assert_eq!(
            Comparison::of(december, Comparand::Previous, today),
            Err(ComparisonError::NotBegun(first))
        );
    }
}
