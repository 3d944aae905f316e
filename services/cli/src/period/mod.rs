//! Named periods: a year, a quarter, a month, an ISO week, a school year, the last ones, two days.
//!
//! Pure: today is an argument; only [`today`] reads the clock.

mod flags;
mod typed;

use cra_domain::territory;
use jiff::Timestamp;
use jiff::civil::Date;

pub(crate) use cra_domain::period::Period;
use cra_domain::period::day_before;
pub(crate) use flags::PeriodArgs;
pub(crate) use typed::{cra_day, unit_of};

/// Paris, the time zone of days on the command line.
const DEPARTMENT: &str = "75";

/// Today in Paris, by the machine's clock.
pub(crate) fn today() -> Date {
    day_in_paris(Timestamp::now())
}

/// The day in Paris at an instant.
pub(crate) fn day_in_paris(instant: Timestamp) -> Date {
    territory::time_zone(DEPARTMENT).to_datetime(instant).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_that_of_paris() {
        for (instant, day) in [
            ("2026-12-31T22:59:59Z", "2026-12-31"),
            ("2026-12-31T23:00:00Z", "2027-01-01"),
            ("2026-06-30T22:00:00Z", "2026-07-01"),
        ] {
            assert_eq!(day_in_paris(instant.parse().unwrap()).to_string(), day);
        }
    }
}
