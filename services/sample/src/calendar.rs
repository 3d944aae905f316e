//! The month of the sample: the last complete one, its days, and how busy each is. Knows only public holidays with a
//! fixed date.

use std::fmt;

use jiff::civil::{Date, Weekday};

use super::draw::Draw;

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    first_day: Date,
}

impl Month {
    /// The last month that was complete before `today`.
    #[must_use]
    pub fn last_complete(today: Date) -> Self {
        let day_before = today.first_of_month().yesterday().unwrap_or(today);
        Self { first_day: day_before.first_of_month() }
    }

    /// The month's first day.
    #[must_use]
    pub fn first_day(self) -> Date {
        self.first_day
    }

    /// The query string that shows the month on the web pages.
    #[must_use]
    pub fn query(self) -> String {
        let first = self.first_day();
        format!("?du={first}&au={}", first.last_of_month())
    }

    /// Seed of the month.
    pub(super) fn seed(self) -> u64 {
        u64::from(self.first_day.year().unsigned_abs()) * 12
            + u64::from(self.first_day.month().unsigned_abs())
    }

    /// A day of the month, weighted by how busy it is.
    pub(super) fn draw_day(self, draw: &mut Draw) -> Date {
        let days = self
            .first_day
            .series(jiff::Span::new().days(1))
            .take_while(|day| (day.year(), day.month()) == (self.first_day.year(), self.first_day.month()));
        let days: Vec<_> = days.collect();
        days[draw.pick_index(days.iter().map(|day| busyness(*day)))]
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first_day.strftime("%Y-%m"))
    }
}

fn busyness(day: Date) -> u64 {
    const HOLIDAYS: [(i8, i8); 8] = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
    if HOLIDAYS.contains(&(day.month(), day.day())) {
        return 0;
    }
    match day.weekday() {
        Weekday::Monday | Weekday::Friday => 17,
        Weekday::Tuesday | Weekday::Thursday => 23,
        Weekday::Wednesday => 20,
        Weekday::Saturday => 3,
        Weekday::Sunday => 0,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_sample_is_from_the_last_complete_month() {
        assert_eq!(Month::last_complete(date(2024, 4, 1)).first_day(), date(2024, 3, 1));
        assert_eq!(Month::last_complete(date(2024, 3, 31)).first_day(), date(2024, 2, 1));
        assert_eq!(Month::last_complete(date(2024, 1, 15)).to_string(), "2023-12");
    }

    #[test]
    fn days_are_in_the_month_mostly_weekdays_and_never_holidays() {
        let month = Month::last_complete(date(2024, 6, 3));
        let mut draw = Draw::seeded(1);
        let days: Vec<_> = (0..2_000).map(|_| month.draw_day(&mut draw)).collect();
        assert!(days.iter().all(|day| (day.year(), day.month()) == (2024, 5)));
        assert!(days.iter().all(|day| day.weekday() != Weekday::Sunday && *day != date(2024, 5, 8)));
        let saturdays = days.iter().filter(|day| day.weekday() == Weekday::Saturday).count();
        assert!((1..150).contains(&saturdays), "{saturdays}");
    }
}
