//! Parses periods that people type.

use cra_contracts::v1::Granularity;
use jiff::civil::{Date, ISOWeekDate, Weekday};

use cra_domain::period::{days_after, months_after};

use super::Period;
use crate::choice::choice;

const DAYS_PER_WEEK: i64 = 7;
const MONTHS_PER_QUARTER: i32 = 3;
const MONTHS_PER_YEAR: i32 = 12;
/// September; a school year begins on the 1st.
const SCHOOL_YEAR_BEGINS: i8 = 9;

/// `YYYY-MM-DD`, and no other form of ISO 8601, as in a CRA.
pub(crate) fn cra_day(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// `2026`.
pub(super) fn year(text: &str) -> Result<Period, String> {
    let first = number_of_year(text).and_then(|year| Date::new(year, 1, 1).ok());
    let first = first.ok_or_else(|| "expected a year such as 2026".to_owned())?;
    Ok(Period::months(first, MONTHS_PER_YEAR))
}

/// `2026-Q3`, or the French `2026-T3`.
pub(super) fn quarter(text: &str) -> Result<Period, String> {
    let said = text.split_once(['-', ' ']).and_then(|(year, quarter)| {
        let number = quarter.strip_prefix(['Q', 'q', 'T', 't'])?;
        let number = matches!(number, "1" | "2" | "3" | "4").then(|| number.parse::<i8>().ok())??;
        Date::new(number_of_year(year)?, number * 3 - 2, 1).ok()
    });
    let first =
        said.ok_or_else(|| "expected a quarter such as 2026-Q3 or 2026-T3, from 1 to 4".to_owned())?;
    Ok(Period::months(first, MONTHS_PER_QUARTER))
}

/// `2026-10`.
pub(super) fn month(text: &str) -> Result<Period, String> {
    let first = cra_day(&format!("{text}-01"));
    first.map(Period::month_of).ok_or_else(|| "expected a month such as 2024-03".to_owned())
}

/// `2026-W40`, or the French `2026-S40`: ISO 8601, Monday to Sunday.
pub(super) fn week(text: &str) -> Result<Period, String> {
    let said = text.split_once(['-', ' ']).and_then(|(year, week)| {
        let number = week.strip_prefix(['W', 'w', 'S', 's'])?;
        let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|it| it.is_ascii_digit());
        Some((number_of_year(year)?, is_number.then(|| number.parse::<i8>().ok())??))
    });
    let (year, number) = said.ok_or_else(|| "expected an ISO week such as 2026-W40".to_owned())?;
    let monday = ISOWeekDate::new(year, number, Weekday::Monday).map_err(|_| {
        let last = ISOWeekDate::new(year, 1, Weekday::Monday).map_or(52, ISOWeekDate::weeks_in_year);
        format!("{year} has the ISO weeks 01 to {last}")
    })?;
    Ok(Period::weeks(monday.date(), 1))
}

/// `2025-2026`: from 1 September to 31 August.
pub(super) fn school_year(text: &str) -> Result<Period, String> {
    let years = text.split_once(['-', '/']).and_then(|(first, second)| {
        let (first, second) = (number_of_year(first)?, number_of_year(second)?);
        (second == first + 1).then_some(first)
    });
    let first = years.and_then(|year| Date::new(year, SCHOOL_YEAR_BEGINS, 1).ok());
    let first = first.ok_or_else(|| "expected two consecutive years, such as 2025-2026".to_owned())?;
    Ok(Period::months(first, MONTHS_PER_YEAR))
}

fn number_of_year(text: &str) -> Option<i16> {
    let is_year = text.len() == 4 && text.bytes().all(|it| it.is_ascii_digit());
    text.parse().ok().filter(|year| is_year && *year > 0)
}

/// The last finished weeks, months, quarters or years, or the last days including today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    count: u16,
    unit: Granularity,
}

impl Last {
    /// The days, given today's date.
    pub(super) fn period(self, today: Date) -> Period {
        let count = i32::from(self.count);
        let months_before = |first: Date, months: i32| {
            let months = count * months;
            Period::months(months_after(first, -months), months)
        };
        match self.unit {
            Granularity::Unspecified | Granularity::Day => Period::last_days(today, count.into()),
            Granularity::Week => {
                let monday = days_after(today, -i64::from(today.weekday().to_monday_zero_offset()));
                Period::weeks(days_after(monday, -i64::from(count) * DAYS_PER_WEEK), count.into())
            }
            Granularity::Month => months_before(today, 1),
            Granularity::Quarter => {
                let into_quarter = i32::from((today.month() - 1) % 3);
                months_before(months_after(today.first_of_month(), -into_quarter), MONTHS_PER_QUARTER)
            }
            Granularity::Year => months_before(today.first_of_year(), MONTHS_PER_YEAR),
        }
    }
}

/// `month`, `3 months`, `30 days`; a hyphen may replace the space.
pub(super) fn last(text: &str) -> Result<Last, String> {
    let expected =
        || "expected week, month, quarter or year, or a number of them, or of days: 30 days".to_owned();
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit_of(unit.trim_start_matches([' ', '-', '\u{a0}'])).ok_or_else(expected)?;
    let count = match number {
        "" if unit == Granularity::Day => {
            return Err("expected a number of days, such as 30 days; or --today, --yesterday".to_owned());
        }
        "" => 1,
        number => number.parse().ok().filter(|count| *count > 0).ok_or_else(expected)?,
    };
    Ok(Last { count, unit })
}

/// The unit that a word names, in English or French, singular or plural.
pub(crate) fn unit_of(word: &str) -> Option<Granularity> {
    let known = |word: &str| choice::<Granularity>(word).ok();
    known(word).or_else(|| word.strip_suffix(['s', 'S']).and_then(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(period: Period) -> (String, String) {
        (period.from().to_string(), period.to().to_string())
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn each_kind_of_period_includes_all_of_its_days() {
        for (said, expected) in [
            (year("2024"), ("2024-01-01", "2024-12-31")),
            (quarter("2024-Q1"), ("2024-01-01", "2024-03-31")),
            (quarter("2026-T2"), ("2026-04-01", "2026-06-30")),
            (quarter("2026-q3"), ("2026-07-01", "2026-09-30")),
            (quarter("2026-t4"), ("2026-10-01", "2026-12-31")),
            (month("2024-02"), ("2024-02-01", "2024-02-29")),
            (month("2023-02"), ("2023-02-01", "2023-02-28")),
            (week("2026-W40"), ("2026-09-28", "2026-10-04")),
            (week("2026-s40"), ("2026-09-28", "2026-10-04")),
            // The first days of January may belong to the last week of the previous year, and vice versa.
            (week("2021-W01"), ("2021-01-04", "2021-01-10")),
            (week("2020-W53"), ("2020-12-28", "2021-01-03")),
            (week("2026-W1"), ("2025-12-29", "2026-01-04")),
            (week("2026-W53"), ("2026-12-28", "2027-01-03")),
            (school_year("2023-2024"), ("2023-09-01", "2024-08-31")),
            (school_year("2025/2026"), ("2025-09-01", "2026-08-31")),
        ] {
            assert_eq!(days(said.unwrap()), pair(expected.0, expected.1));
        }
    }

    #[test]
    fn a_malformed_period_is_refused_with_an_example() {
        type Parse = fn(&str) -> Result<Period, String>;
        let refused: [(Parse, &[&str], &str); 5] = [
            (year, &["26", "20260", "0000", "-2026", "+202", "deux mille", ""], "such as 2026"),
            (quarter, &["2026-Q5", "2026-Q0", "2026-3", "2026Q3", "Q3", "26-Q3", "2026-Q03"], "2026-T3"),
            (month, &["2024-13", "2024-2", "2024", "fevrier", "2024-00"], "2024-03"),
            (week, &["2026-40", "2026-W", "2026-W400", "W40", "2026-W+4"], "2026-W40"),
            (school_year, &["2025", "2025-2027", "2026-2025", "2025-26", "2025-2025"], "2025-2026"),
        ];
        for (parse, texts, example) in refused {
            for text in texts {
                let error = parse(text).unwrap_err();
                assert!(error.contains(example), "{text}: {error}");
            }
        }
    }

    #[test]
    fn an_iso_week_beyond_the_year_is_refused_with_the_valid_range() {
        assert_eq!(week("2025-W53").unwrap_err(), "2025 has the ISO weeks 01 to 52");
        assert_eq!(week("2020-W54").unwrap_err(), "2020 has the ISO weeks 01 to 53");
        assert_eq!(week("2026-W00").unwrap_err(), "2026 has the ISO weeks 01 to 53");
    }

    #[test]
    fn the_last_periods_are_finished_and_the_last_days_include_today() {
        for (today, said, expected) in [
            ("2026-11-26", "month", ("2026-10-01", "2026-10-31")),
            ("2024-03-31", "mois", ("2024-02-01", "2024-02-29")),
            ("2026-01-01", "month", ("2025-12-01", "2025-12-31")),
            ("2026-11-26", "week", ("2026-11-16", "2026-11-22")),
            ("2026-11-23", "semaine", ("2026-11-16", "2026-11-22")),
            ("2027-01-03", "week", ("2026-12-21", "2026-12-27")),
            ("2026-11-26", "quarter", ("2026-07-01", "2026-09-30")),
            ("2026-02-28", "trimestre", ("2025-10-01", "2025-12-31")),
            ("2026-12-31", "year", ("2025-01-01", "2025-12-31")),
            ("2026-11-26", "30 days", ("2026-10-28", "2026-11-26")),
            ("2026-11-26", "1 day", ("2026-11-26", "2026-11-26")),
            ("2024-03-01", "2-jours", ("2024-02-29", "2024-03-01")),
            ("2026-11-26", "3 months", ("2026-08-01", "2026-10-31")),
            ("2026-11-26", "2 semaines", ("2026-11-09", "2026-11-22")),
            ("2026-11-26", "2quarters", ("2026-04-01", "2026-09-30")),
            ("2026-11-26", "2 ans", ("2024-01-01", "2025-12-31")),
        ] {
            let period = last(said).unwrap().period(today.parse().unwrap());
            assert_eq!(days(period), pair(expected.0, expected.1), "{today} {said}");
        }
    }

    #[test]
    fn an_unknown_unit_and_a_count_of_zero_are_refused() {
        for text in ["", "decade", "30", "0 days", "-3 days", "99999999 days", "month 3", "days"] {
            let error = last(text).unwrap_err();
            assert!(error.contains("30 days"), "{text}: {error}");
        }
        assert!(last("day").unwrap_err().contains("--yesterday"));
    }
}
