//! Days, times and numbers in French notation, for files, terminals and labels.

mod articles;
mod numbers;

use std::sync::LazyLock;

pub use articles::{de, listed};
pub use numbers::{NO_BREAK_SPACE, counted, minutes, share, thousands};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// January first.
pub const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// Monday first.
pub const WEEKDAYS: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];

/// `1er mars 2024`.
#[must_use]
pub fn day(date: Date) -> String {
    let ordinal = if date.day() == 1 { "er" } else { "" };
    format!("{}{ordinal} {}", date.day(), month(date))
}

/// `mars 2024`.
#[must_use]
pub fn month(date: Date) -> String {
    let name = usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index));
    format!("{} {}", name.unwrap_or(&""), date.year())
}

/// `1er mars 2024 à 10:05:00 (heure de Paris)`; Paris time, wherever the reader is.
#[must_use]
pub fn moment(instant: Timestamp) -> String {
    let local = PARIS.to_datetime(instant);
    format!("{} à {} (heure de Paris)", day(local.date()), local.strftime("%H:%M:%S"))
}

static PARIS: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/Paris").expect("the bundled time zones hold Paris"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments_read_as_in_french() {
        assert_eq!(day(jiff::civil::date(2024, 3, 1)), "1er mars 2024");
        assert_eq!(day(jiff::civil::date(2024, 12, 25)), "25 décembre 2024");
        assert_eq!(
            moment("2024-08-02T09:05:00Z".parse().unwrap()),
            "2 août 2024 à 11:05:00 (heure de Paris)"
        );
        assert_eq!(
            moment("2023-12-31T23:30:00Z".parse().unwrap()),
            "1er janvier 2024 à 00:30:00 (heure de Paris)"
        );
    }
}
