//! The periods of a series on a page and in its file: bounds the days that the address omits, and chooses a legible
//! length.

use cra_contracts::v1::{self, Granularity};
use cra_domain::cra::parse_day;
use cra_domain::period::Period;
use jiff::civil::{Date, date};

/// No CRA is older than this day.
const FIRST_DAY: Date = date(2020, 1, 1);
/// Upper bound on the periods of the chart; more are not legible.
const POINTS_MAX: i64 = 370;
/// The selection of a series, with the days bounded that the address omits.
pub(crate) fn bounded(
    selection: &v1::Selection,
    publication: Option<&v1::Publication>,
    today: Date,
) -> v1::Selection {
    let mut bounded = selection.clone();
    if bounded.from.is_empty() {
        bounded.from = publication.map_or_else(|| FIRST_DAY.to_string(), |it| it.from.clone());
        if !bounded.to.is_empty() && bounded.to < bounded.from {
            bounded.from.clone_from(&bounded.to);
        }
    }
    if bounded.to.is_empty() {
        bounded.to = publication.map_or_else(|| today.to_string(), |it| it.to.clone());
        if bounded.to < bounded.from {
            bounded.to.clone_from(&bounded.from);
        }
    }
    bounded
}

/// The length of the chart's periods: the requested one, or one that fits the days. A longer one if there would be too
/// many periods.
pub(crate) fn step(
    requested: Option<Granularity>,
    selection: &v1::Selection,
    is_public: bool,
) -> Granularity {
    let days =
        |it: &v1::Selection| Period::between(parse_day(&it.from)?, parse_day(&it.to)?).map(Period::days);
    let days = days(selection).unwrap_or(1);
    let fitting = match days {
        ..=45 => Granularity::Day,
        46..=120 => Granularity::Week,
        _ => Granularity::Month,
    };
    let requested = requested.unwrap_or(fitting);
    let steps = [
        (Granularity::Day, 1),
        (Granularity::Week, 7),
        (Granularity::Month, 30),
        (Granularity::Quarter, 91),
        (Granularity::Year, 365),
    ];
    let fits = |(step, length): &(Granularity, i64)| {
        let is_published = !is_public || *length >= 30;
        is_published && *step >= requested && days / length <= POINTS_MAX
    };
    steps.iter().find(|step| fits(step)).map_or(Granularity::Year, |(step, _)| *step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(from: &str, to: &str) -> v1::Selection {
        v1::Selection { from: from.to_owned(), to: to.to_owned(), ..Default::default() }
    }

    #[test]
    fn open_days_are_bounded_by_the_first_cra_and_today() {
        let today = date(2026, 11, 27);
        for (from, to, expected) in [
            ("", "", ("2020-01-01", "2026-11-27")),
            ("2024-03-01", "", ("2024-03-01", "2026-11-27")),
            ("", "2024-03-01", ("2020-01-01", "2024-03-01")),
            ("2027-01-01", "", ("2027-01-01", "2027-01-01")),
            ("", "2019-01-01", ("2019-01-01", "2019-01-01")),
        ] {
            let bounded = bounded(&selection(from, to), None, today);
            assert_eq!((&*bounded.from, &*bounded.to), expected);
        }
    }

    #[test]
    fn the_chart_has_periods_that_can_be_read_apart() {
        let month = selection("2024-03-01", "2024-03-31");
        let quarter = selection("2024-01-01", "2024-03-31");
        let ever = selection("2020-01-01", "2026-11-27");
        assert_eq!(step(None, &month, false), Granularity::Day);
        assert_eq!(step(None, &month, true), Granularity::Month, "public figures are of months");
        assert_eq!(step(None, &quarter, false), Granularity::Week);
        assert_eq!(step(None, &ever, false), Granularity::Month);
        assert_eq!(step(Some(Granularity::Day), &ever, false), Granularity::Week);
        assert_eq!(step(Some(Granularity::Year), &month, false), Granularity::Year);
    }
}
