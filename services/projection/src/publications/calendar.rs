//! Months, and the instants at which they close.

use std::fmt;
use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::settings::PublicationSettings;

/// A month of activity: months since the year 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i32);

impl Month {
    /// The first possible month of a CRA (source: the rules of the form, section 2).
    pub const FIRST: Self = Self(2020 * 12);

    /// The month of a day.
    #[must_use]
    pub fn of(day: Date) -> Self {
        Self(i32::from(day.year()) * 12 + i32::from(day.month()) - 1)
    }

    /// Months since the year 0.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The next month.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Its first day; `None` beyond the calendar.
    #[must_use]
    pub fn first_day(self) -> Option<Date> {
        let year = i16::try_from(self.0.div_euclid(12)).ok()?;
        let month = i8::try_from(self.0.rem_euclid(12)).ok()? + 1;
        Date::new(year, month, 1).ok()
    }

    /// Its last day.
    #[must_use]
    pub fn last_day(self) -> Option<Date> {
        self.first_day().map(Date::last_of_month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }
}

/// The closing of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The publication shows the log as of this instant.
    pub at: Timestamp,
    /// The last closed month.
    pub month: Month,
}

impl Closing {
    /// The last closing whose publication may open.
    #[must_use]
    pub fn last_opened(now: Timestamp, settings: &PublicationSettings) -> Option<Self> {
        let days = i64::from(settings.closes_after_days).days();
        let closed = now.checked_sub(Duration::from_secs(settings.margin_s.into())).ok()?;
        let day = TimeZone::UTC.to_datetime(closed).date().checked_sub(days).ok()?;
        let month = Month(Month::of(day).0 - 1);
        let first = month.next().first_day().unwrap_or(date(1970, 1, 1)).checked_add(days).ok()?;
        let at = TimeZone::UTC.to_timestamp(first.at(0, 0, 0, 0)).ok()?;
        (month >= Month::FIRST).then_some(Self { at, month })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_opened(now: &str, closes_after_days: u16, margin_s: u32) -> Option<(String, String)> {
        let settings = PublicationSettings { closes_after_days, margin_s, ..Default::default() };
        let closing = Closing::last_opened(now.parse().unwrap(), &settings)?;
        Some((closing.at.to_string(), closing.month.to_string()))
    }

    fn closing(at: &str, month: &str) -> (String, String) {
        (at.to_owned(), month.to_owned())
    }

    #[test]
    fn a_publication_opens_a_margin_after_its_month_has_closed() {
        let of_february = Some(closing("2024-03-16T00:00:00Z", "2024-02"));
        assert_eq!(last_opened("2024-03-16T01:00:00Z", 15, 3_600), of_february);
        assert_eq!(last_opened("2024-04-16T00:59:59.999Z", 15, 3_600), of_february);
        assert_eq!(
            last_opened("2024-03-16T00:59:59Z", 15, 3_600),
            Some(closing("2024-02-16T00:00:00Z", "2024-01"))
        );
        assert_eq!(
            last_opened("2024-01-01T00:00:00Z", 0, 0),
            Some(closing("2024-01-01T00:00:00Z", "2023-12"))
        );
        assert_eq!(
            last_opened("2024-02-29T00:00:00Z", 59, 0),
            Some(closing("2024-02-29T00:00:00Z", "2023-12"))
        );
    }

    #[test]
    fn before_the_first_month_nothing_has_closed() {
        assert_eq!(last_opened("2020-02-15T23:59:59Z", 15, 0), None);
        assert_eq!(
            last_opened("2020-02-16T00:00:00Z", 15, 0),
            Some(closing("2020-02-16T00:00:00Z", "2020-01"))
        );
        assert_eq!(last_opened("1970-01-01T00:00:00Z", 15, 3_600), None);
    }

    #[test]
    fn first_and_last_day_of_a_month() {
        let month = Month::of(date(2024, 2, 29));
        assert_eq!((month.first_day(), month.last_day()), (Some(date(2024, 2, 1)), Some(date(2024, 2, 29))));
        assert_eq!((month.to_string(), month.next().to_string()), ("2024-02".into(), "2024-03".into()));
        assert_eq!(Month::FIRST.first_day(), Some(date(2020, 1, 1)));
    }
}
