//! A period of consecutive days and its calendar unit. The unit determines the previous period and the one a year
//! earlier. Reads no clock: today is an argument.

use jiff::ToSpan as _;
use jiff::civil::{Date, ISOWeekDate, Weekday};

const DAYS_PER_WEEK: i64 = 7;
const MONTHS_PER_YEAR: i32 = 12;

/// The calendar unit that a period consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days,
    /// ISO 8601 weeks, Monday to Sunday.
    Weeks,
    /// Quarters, years and school years are months.
    Months,
}

/// Consecutive days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    from: Date,
    to: Date,
    unit: Unit,
}

impl Period {
    /// The days from one to another, both included; `None` if they are inverted. Days that are whole months become
    /// months, and a Monday to its Sunday becomes a week.
    #[must_use]
    pub fn between(from: Date, to: Date) -> Option<Self> {
        let unit = if from.day() == 1 && to == to.last_of_month() {
            Unit::Months
        } else if from.weekday() == Weekday::Monday && to == days_after(from, DAYS_PER_WEEK - 1) {
            Unit::Weeks
        } else {
            Unit::Days
        };
        (from <= to).then_some(Self { from, to, unit })
    }

    /// Whole months, from the month of a day.
    #[must_use]
    pub fn months(day: Date, count: i32) -> Self {
        let from = day.first_of_month();
        Self { from, to: day_before(months_after(from, count)), unit: Unit::Months }
    }

    /// Whole weeks, from a Monday.
    #[must_use]
    pub fn weeks(monday: Date, count: i64) -> Self {
        Self { from: monday, to: days_after(monday, count * DAYS_PER_WEEK - 1), unit: Unit::Weeks }
    }

    /// The month of a day.
    #[must_use]
    pub fn month_of(day: Date) -> Self {
        Self::months(day, 1)
    }

    /// The last `count` days up to and including a day; at least one.
    #[must_use]
    pub fn last_days(to: Date, count: i64) -> Self {
        Self { from: days_after(to, 1 - count.max(1)), to, unit: Unit::Days }
    }

    /// One day.
    #[must_use]
    pub fn day(day: Date) -> Self {
        Self { from: day, to: day, unit: Unit::Days }
    }

    /// First day.
    #[must_use]
    pub fn from(self) -> Date {
        self.from
    }

    /// Last day.
    #[must_use]
    pub fn to(self) -> Date {
        self.to
    }

    /// Number of days.
    #[must_use]
    pub fn days(self) -> i64 {
        days_between(self.from, self.to) + 1
    }

    /// The previous period of the same kind: as many months, weeks or days, ending the day before this one begins.
    #[must_use]
    pub fn before(self) -> Self {
        let from = match self.unit {
            Unit::Months => months_after(self.from, -self.month_count()),
            Unit::Weeks | Unit::Days => days_after(self.from, -self.days()),
        };
        Self { from, to: day_before(self.from), ..self }
    }

    /// The same period a year earlier. Months keep their names, weeks their ISO numbers, other days their dates. Week
    /// 53 becomes the last week of the year before, which never has 53; 29 February becomes 28 February.
    #[must_use]
    pub fn a_year_earlier(self) -> Self {
        match self.unit {
            Unit::Months => Self::months(months_after(self.from, -MONTHS_PER_YEAR), self.month_count()),
            Unit::Weeks => Self::weeks(week_a_year_earlier(self.from), self.days() / DAYS_PER_WEEK),
            Unit::Days => Self {
                from: self.from.saturating_sub(1.year()),
                to: self.to.saturating_sub(1.year()),
                ..self
            },
        }
    }

    /// The first days of the period, at most `days`.
    #[must_use]
    pub fn first_days(self, days: i64) -> Self {
        let to = days_after(self.from, days - 1).min(self.to);
        if to == self.to { self } else { Self { from: self.from, to, unit: Unit::Days } }
    }

    /// The period up to and including a day within it.
    #[must_use]
    pub fn until(self, day: Date) -> Self {
        self.first_days(days_between(self.from, day) + 1)
    }

    fn month_count(self) -> i32 {
        let months = |day: Date| i32::from(day.year()) * MONTHS_PER_YEAR + i32::from(day.month());
        months(self.to) - months(self.from) + 1
    }
}

/// The Monday of the week with the same number in the previous ISO year; the last week if that number does not exist.
fn week_a_year_earlier(monday: Date) -> Date {
    let week = monday.iso_week_date();
    let year = week.year() - 1;
    let same = |number| ISOWeekDate::new(year, number, Weekday::Monday).map(ISOWeekDate::date);
    same(week.week()).or_else(|_| same(week.week() - 1)).unwrap_or(monday)
}

fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// The day `days` later; negative means earlier.
#[must_use]
pub fn days_after(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

/// The day `months` later; negative means earlier.
#[must_use]
pub fn months_after(day: Date, months: i32) -> Date {
    day.saturating_add(months.months())
}

/// The previous day.
#[must_use]
pub fn day_before(day: Date) -> Date {
    day.saturating_sub(1.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(from: &str, to: &str) -> Period {
        Period::between(from.parse().unwrap(), to.parse().unwrap()).unwrap()
    }

    fn days(period: Period) -> (String, String) {
        (period.from().to_string(), period.to().to_string())
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn the_previous_period_is_of_the_same_kind_whatever_the_lengths_of_its_months() {
        for (from, to, before) in [
            ("2024-03-01", "2024-03-31", ("2024-02-01", "2024-02-29")),
            ("2023-03-01", "2023-03-31", ("2023-02-01", "2023-02-28")),
            ("2026-01-01", "2026-01-31", ("2025-12-01", "2025-12-31")),
            ("2026-01-01", "2026-03-31", ("2025-10-01", "2025-12-31")),
            ("2025-09-01", "2026-08-31", ("2024-09-01", "2025-08-31")),
            ("2024-01-01", "2024-12-31", ("2023-01-01", "2023-12-31")),
            ("2024-02-28", "2024-03-01", ("2024-02-25", "2024-02-27")),
            ("2024-03-01", "2024-03-01", ("2024-02-29", "2024-02-29")),
            ("2020-12-28", "2021-01-03", ("2020-12-21", "2020-12-27")),
        ] {
            assert_eq!(days(period(from, to).before()), pair(before.0, before.1), "{from} {to}");
        }
    }

    #[test]
    fn a_year_earlier_months_keep_their_names_and_other_days_their_dates() {
        for (from, to, earlier) in [
            ("2025-02-01", "2025-02-28", ("2024-02-01", "2024-02-29")),
            ("2024-02-01", "2024-02-29", ("2023-02-01", "2023-02-28")),
            ("2026-07-01", "2026-09-30", ("2025-07-01", "2025-09-30")),
            ("2024-01-01", "2024-12-31", ("2023-01-01", "2023-12-31")),
            ("2024-02-29", "2024-02-29", ("2023-02-28", "2023-02-28")),
            ("2025-02-10", "2025-02-28", ("2024-02-10", "2024-02-28")),
            ("2024-02-15", "2024-03-15", ("2023-02-15", "2023-03-15")),
        ] {
            assert_eq!(days(period(from, to).a_year_earlier()), pair(earlier.0, earlier.1), "{from} {to}");
        }
    }

    #[test]
    fn a_week_a_year_earlier_has_the_same_number_and_week_53_is_compared_with_week_52() {
        // 2026-W40, 2021-W01 after a year of 53 weeks, then 2020-W53 and 2026-W53.
        for (monday, earlier) in [
            ("2026-09-28", ("2025-09-29", "2025-10-05")),
            ("2021-01-04", ("2019-12-30", "2020-01-05")),
            ("2020-12-28", ("2019-12-23", "2019-12-29")),
            ("2026-12-28", ("2025-12-22", "2025-12-28")),
        ] {
            let monday: Date = monday.parse().unwrap();
            assert_eq!(
                days(Period::weeks(monday, 1).a_year_earlier()),
                pair(earlier.0, earlier.1),
                "{monday}"
            );
        }
    }

    #[test]
    fn weeks_that_happen_to_be_a_month_remain_weeks() {
        let four_weeks = Period::weeks("2021-02-01".parse().unwrap(), 4);
        assert_eq!(days(four_weeks), pair("2021-02-01", "2021-02-28"));
        assert_eq!(days(four_weeks.before()), pair("2021-01-04", "2021-01-31"));
    }

    #[test]
    fn the_first_days_never_exceed_the_period() {
        let february = period("2023-02-01", "2023-02-28");
        assert_eq!(days(february.first_days(10)), pair("2023-02-01", "2023-02-10"));
        assert_eq!(february.first_days(28), february);
        assert_eq!(february.first_days(31), february);
        assert_eq!(february.days(), 28);
    }

    #[test]
    fn inverted_days_are_not_a_period() {
        assert_eq!(Period::between("2024-02-02".parse().unwrap(), "2024-02-01".parse().unwrap()), None);
    }

    #[test]
    fn the_previous_period_is_adjacent_and_has_as_many_months_or_days() {
        for day in (0..12_000).step_by(7) {
            let first = days_after(jiff::civil::date(1998, 1, 1), day);
            for length in [1, 2, 7, 28, 29, 30, 31, 59, 60, 90, 91, 92, 181, 365, 366] {
                let period = Period::between(first, days_after(first, length - 1)).unwrap();
                let before = period.before();
                assert_eq!(period.days(), length);
                assert_eq!(before.to().tomorrow().unwrap(), period.from(), "{period:?}");
                if period.unit == Unit::Months {
                    assert_eq!(before.month_count(), period.month_count(), "{period:?}");
                } else {
                    assert_eq!(before.days(), period.days(), "{period:?}");
                }
            }
        }
    }
}
