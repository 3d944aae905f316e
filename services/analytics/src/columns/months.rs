//! Months as numbers, and the days of each.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use crate::fact::{date_of, day_number};

/// The month of a day: months since the year 0. Days outside the calendar are in its first or last month.
pub(super) fn month_of(day: i32) -> i32 {
    let date = date_of(day).unwrap_or(if day < 0 { Date::MIN } else { Date::MAX });
    i32::from(date.year()) * 12 + i32::from(date.month()) - 1
}

/// The days of a month.
pub(super) fn days_of(month: i32) -> RangeInclusive<i32> {
    let year = i16::try_from(month.div_euclid(12)).unwrap_or_default();
    let first = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1), 1).unwrap_or_default();
    day_number(first)..=day_number(first.last_of_month())
}
