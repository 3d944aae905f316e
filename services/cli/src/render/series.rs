//! The page of `cra series`: a line per period with its CRAs, acts and people, and a bar for its CRAs.

use cra_contracts::v1::{self, Granularity};
use cra_domain::french;
use jiff::civil::Date;

use super::breakdown::bar;
use super::frame::{snapshot, title};
use super::text::{Tone, left, printable, right, short_day, thousands, toned, width};
use crate::style::Style;

const HEADINGS: [&str; 3] = ["CRA", "Accomp.", "Personnes"];
const FIGURE_COLUMNS: usize = 11;
const GAP: &str = "  ";

/// The whole page.
pub(crate) fn page(
    selection: &v1::Selection,
    granularity: Granularity,
    answer: &v1::GetTimeSeriesResponse,
    style: Style,
) -> String {
    let none = v1::Statistics::default();
    let lines: Vec<_> = answer
        .points
        .iter()
        .map(|point| (period(point, granularity), point.statistics.as_ref().unwrap_or(&none)))
        .collect();
    let label_columns = lines.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    let most = lines.iter().map(|(_, statistics)| statistics.cras).max().unwrap_or(0);
    let bar_columns =
        style.columns.saturating_sub(label_columns + FIGURE_COLUMNS * HEADINGS.len() + width(GAP));

    let headings: String = HEADINGS.iter().map(|heading| right(heading, FIGURE_COLUMNS)).collect();
    let mut text = title("Comptes-rendus d'activité", selection, style);
    text += &format!("{}{}\n", " ".repeat(label_columns), toned(style, Tone::Title, &headings));
    for (label, statistics) in &lines {
        let figures: String = [statistics.cras, statistics.acts, statistics.people]
            .map(|figure| right(&thousands(figure), FIGURE_COLUMNS))
            .concat();
        let line = format!("{}{figures}", left(label, label_columns));
        text += &match statistics.cras {
            0 => format!("{}\n", toned(style, Tone::Quiet, &line)),
            cras => format!("{line}{GAP}{}\n", toned(style, Tone::Bar, &bar(cras, most, bar_columns))),
        };
    }
    text + &snapshot(answer.snapshot.as_ref(), style)
}

/// Name of a whole period; the days of one that the selection truncates.
pub(super) fn period(point: &v1::TimePoint, granularity: Granularity) -> String {
    let (Ok(from), Ok(to)) = (point.from.parse::<Date>(), point.to.parse::<Date>()) else {
        return printable(&format!("{} – {}", point.from, point.to));
    };
    let year = from.year();
    let is_whole = |first: bool, last: Date| first && to == last;
    match granularity {
        Granularity::Day => short_day(&point.from),
        Granularity::Month if is_whole(from.day() == 1, from.last_of_month()) => french::month(from),
        Granularity::Quarter if is_whole(begins_a_quarter(from), last_of_quarter(from)) => {
            format!("T{} {year}", (from.month() + 2) / 3)
        }
        Granularity::Year if is_whole(from == from.first_of_year(), from.last_of_year()) => year.to_string(),
        _ => format!("{} au {}", short_day(&point.from), short_day(&point.to)),
    }
}

fn begins_a_quarter(day: Date) -> bool {
    day.day() == 1 && day.month() % 3 == 1
}

fn last_of_quarter(first: Date) -> Date {
    let last_month = first.with().day(1).month((first.month() + 2) / 3 * 3).build();
    last_month.map_or(first, Date::last_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(from: &str, to: &str, cras: u64) -> v1::TimePoint {
        let statistics = v1::Statistics { cras, acts: cras * 2, people: cras, ..v1::Statistics::default() };
        v1::TimePoint { from: from.to_owned(), to: to.to_owned(), statistics: Some(statistics) }
    }

    fn answer() -> v1::GetTimeSeriesResponse {
        let points = vec![
            point("2024-01-15", "2024-01-31", 10),
            point("2024-02-01", "2024-02-29", 0),
            point("2024-03-01", "2024-03-31", 2_500),
        ];
        v1::GetTimeSeriesResponse { points, snapshot: None }
    }

    fn selection() -> v1::Selection {
        v1::Selection {
            from: "2024-01-15".to_owned(),
            to: "2024-03-31".to_owned(),
            ..v1::Selection::default()
        }
    }

    #[test]
    fn every_period_has_its_line_including_empty_ones() {
        let style = Style { columns: 72, colour: false };
        let text = page(&selection(), Granularity::Month, &answer(), style).replace('\u{202f}', " ");
        let expected = [
            "Comptes-rendus d'activité du 15 janvier 2024 au 31 mars 2024",
            "",
            "                                CRA    Accomp.  Personnes",
            "15/01/2024 au 31/01/2024         10         20         10  ▏",
            "février 2024                      0          0          0",
            "mars 2024                     2 500      5 000      2 500  █████████████",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_period_has_its_name_unless_it_is_truncated() {
        let reported = |from: &str, to: &str, granularity| period(&point(from, to, 1), granularity);
        assert_eq!(reported("2024-02-05", "2024-02-05", Granularity::Day), "05/02/2024");
        assert_eq!(reported("2024-02-05", "2024-02-11", Granularity::Week), "05/02/2024 au 11/02/2024");
        assert_eq!(reported("2024-04-01", "2024-06-30", Granularity::Quarter), "T2 2024");
        assert_eq!(reported("2024-10-01", "2024-12-31", Granularity::Quarter), "T4 2024");
        assert_eq!(reported("2024-04-02", "2024-06-30", Granularity::Quarter), "02/04/2024 au 30/06/2024");
        assert_eq!(reported("2024-01-01", "2024-12-31", Granularity::Year), "2024");
        assert_eq!(reported("2024-01-01", "2024-12-30", Granularity::Year), "01/01/2024 au 30/12/2024");
        assert_eq!(reported("x", "", Granularity::Month), "x – ");
    }

    #[test]
    fn the_page_fits_every_terminal() {
        for columns in [60, 80, 120] {
            for line in
                page(&selection(), Granularity::Week, &answer(), Style { columns, colour: false }).lines()
            {
                assert!(width(line) <= columns, "{columns}: {line}");
            }
        }
    }
}
