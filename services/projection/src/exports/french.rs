//! Days and moments as a French reader writes them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = [
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

/// `1er mars 2024`.
pub(super) fn day(date: Date) -> String {
    let ordinal = if date.day() == 1 { "er" } else { "" };
    format!("{}{ordinal} {}", date.day(), month(date))
}

/// `mars 2024`.
pub(super) fn month(date: Date) -> String {
    let name = usize::try_from(date.month() - 1).ok().and_then(|index| MONTHS.get(index));
    format!("{} {}", name.unwrap_or(&""), date.year())
}

/// `1er mars 2024 à 09:05:00 UTC`.
pub(super) fn instant(instant: Timestamp) -> String {
    let utc = TimeZone::UTC.to_datetime(instant);
    format!("{} à {} UTC", day(utc.date()), utc.strftime("%H:%M:%S"))
}

/// `12,5` for 125 per mille.
pub(super) fn percent(per_mille: u32) -> String {
    format!("{},{}", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_moments_and_shares_read_as_in_french() {
        assert_eq!(day(jiff::civil::date(2024, 3, 1)), "1er mars 2024");
        assert_eq!(day(jiff::civil::date(2024, 12, 25)), "25 décembre 2024");
        assert_eq!(instant("2024-08-02T09:05:00Z".parse().unwrap()), "2 août 2024 à 09:05:00 UTC");
        assert_eq!([percent(0), percent(5), percent(125), percent(1000)], ["0,0", "0,5", "12,5", "100,0"]);
    }
}
