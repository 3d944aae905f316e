//! The table of `cra breakdown`: a row per territory, structure, advisor, word or period.

use cra_contracts::v1::{self, Dimension};

use super::frame::{snapshot, title};
use super::labels::heading;
use super::table::{Column, Kind, Layout};
use super::text::{Tone, counted, minutes, printable, short_day, thousands, toned, wrapped};
use crate::style::Style;

/// Index of the code. The label precedes it; CRAs, acts, people, estimated time and last day follow.
const CODE: usize = 1;
const TOTAL: &str = "total";
/// With this minimum, the longest labels remain distinguishable.
pub(super) const LABEL_COLUMNS_MIN: usize = 20;
/// Width of an EPCI code.
const CODE_COLUMNS_MIN: usize = 9;

/// The cells of one row: all that is kept until the table is drawn.
pub(crate) fn cells(row: &v1::BreakdownRow) -> Vec<String> {
    let none = v1::Statistics::default();
    let statistics = row.statistics.as_ref().unwrap_or(&none);
    let total = statistics.time_spent.iter().find(|line| line.name == TOTAL);
    let label = if row.label.is_empty() { &row.code } else { &row.label };
    // The label of structures, advisors and venues is their code.
    let code = if row.label == row.code { "" } else { &row.code };
    vec![
        printable(label),
        printable(code),
        thousands(statistics.cras),
        thousands(statistics.acts),
        thousands(statistics.people),
        minutes(total.map_or(0, |total| total.estimated_minutes)),
        short_day(&row.last_date),
    ]
}

/// Description of the listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing<'a> {
    pub(crate) selection: &'a v1::Selection,
    pub(crate) dimension: Dimension,
    /// Number of rows that are not shown.
    pub(crate) rows_left: u64,
    pub(crate) snapshot: Option<&'a v1::Snapshot>,
}

/// The whole page.
pub(crate) fn page(listing: &Listing<'_>, mut rows: Vec<Vec<String>>, style: Style) -> String {
    let mut columns = vec![
        Column::new(heading(listing.dimension), Kind::Text(LABEL_COLUMNS_MIN), 0),
        Column::new("Code", Kind::Text(CODE_COLUMNS_MIN), 3),
        Column::new("CRA", Kind::Number, 0),
        Column::new("Accomp.", Kind::Number, 0),
        Column::new("Personnes", Kind::Number, 0),
        Column::new("Temps estimé", Kind::Number, 1),
        Column::new("Dernier jour", Kind::Number, 2),
    ];
    let has_codes = rows.iter().any(|row| row.get(CODE).is_some_and(|code| !code.is_empty()));
    if !has_codes {
        columns.remove(CODE);
        for row in &mut rows {
            row.remove(CODE);
        }
    }
    let mut text = title("Répartition", listing.selection, style);
    if rows.is_empty() {
        text += &format!("{}\n", toned(style, Tone::Quiet, "Aucun CRA ne correspond à la sélection."));
        return text + &snapshot(listing.snapshot, style);
    }
    let layout = Layout::of(columns, &rows, style);
    text += &layout.table(&rows);
    text += &left_out(&layout.left_out(), "--json", style);
    if listing.rows_left > 0 {
        let rest = counted(listing.rows_left, "autre ligne", "autres lignes");
        text += &format!("{}\n", toned(style, Tone::Quiet, &format!("et {rest} : --all ou --limit N")));
    }
    text + &snapshot(listing.snapshot, style)
}

/// Names the columns that the terminal has no room for, and the flag that shows them.
pub(super) fn left_out(headings: &[&str], flag: &str, style: Style) -> String {
    if headings.is_empty() {
        return String::new();
    }
    let reported = format!("sans la place pour : {} ({flag} les donne)", headings.join(", "));
    let lines = wrapped(&reported, style.columns);
    lines.iter().map(|line| format!("{}\n", toned(style, Tone::Quiet, line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    fn row(code: &str, label: &str, cras: u64) -> v1::BreakdownRow {
        let total = v1::TimeSpent {
            name: TOTAL.to_owned(),
            estimated_minutes: cras * 30,
            ..v1::TimeSpent::default()
        };
        let statistics = v1::Statistics {
            cras,
            acts: cras * 2,
            people: cras,
            time_spent: vec![total],
            ..v1::Statistics::default()
        };
        v1::BreakdownRow {
            code: code.to_owned(),
            label: label.to_owned(),
            statistics: Some(statistics),
            last_date: if cras == 0 { String::new() } else { "2024-03-28".to_owned() },
            last_recorded_at: None,
        }
    }

    fn drawn(rows: &[v1::BreakdownRow], rows_left: u64, columns: usize) -> String {
        let selection = v1::Selection::default();
        let listing =
            Listing { selection: &selection, dimension: Dimension::Department, rows_left, snapshot: None };
        let cells = rows.iter().map(cells).collect();
        page(&listing, cells, Style { columns, colour: false }).replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn a_row_shows_its_figures_and_the_number_of_remaining_rows() {
        let text = drawn(&[row("35", "Ille-et-Vilaine", 1_234), row("01", "Ain", 0)], 99, 100);
        let expected = [
            "Répartition toutes les dates",
            "",
            "Département      Code    CRA  Accomp.  Personnes  Temps estimé  Dernier jour",
            "────────────────────────────────────────────────────────────────────────────",
            "Ille-et-Vilaine  35    1 234    2 468      1 234         617 h    28/03/2024",
            "Ain              01        0        0          0         0 min",
            "et 99 autres lignes : --all ou --limit N",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_code_that_is_the_label_is_not_shown_twice() {
        let text = drawn(&[row("conseiller-1", "conseiller-1", 3)], 0, 100);
        assert!(!text.contains("Code"), "{text}");
        assert_eq!(text.matches("conseiller-1").count(), 1, "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_dropped_columns_are_named() {
        let long = "Communauté d'agglomération de la très longue vallée et de ses affluents";
        let rows = [row("249740119", long, 999_999_999), row("", "Hors EPCI", 1)];
        for columns in [60, 80, 120] {
            let text = drawn(&rows, 1, columns);
            assert_fits(&text, columns);
            assert_eq!(text.contains("sans la place pour"), columns < 120, "{text}");
        }
    }

    #[test]
    fn an_empty_result_is_stated() {
        assert!(drawn(&[], 0, 80).contains("Aucun CRA"));
    }
}
