//! Tables that always fit the terminal: texts are truncated first, then columns are dropped and named. Numbers are
//! shown completely or not at all.
//!
//! Cells do not wrap: a row is a line.

use super::text::{Tone, left, right, toned, width, wrapped};
use crate::style::Style;

const GAP: &str = "  ";
/// A heading widens its column up to this width before it wraps.
const HEADING_COLUMNS_MAX: usize = 16;

/// Content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Left-aligned; truncated if there is no room, but not below this width.
    Text(usize),
    /// Left-aligned and never truncated, because it is copied into other commands.
    Id,
    /// Right-aligned and never truncated.
    Number,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) heading: String,
    pub(super) kind: Kind,
    /// Without room, the column with the highest value is dropped first; 0 means never.
    pub(super) leaves: usize,
}

impl Column {
    pub(super) fn new(heading: impl Into<String>, kind: Kind, leaves: usize) -> Self {
        Self { heading: heading.into(), kind, leaves }
    }
}

/// A column of rows that arrive later: kind, width of its cells, heading, and when it is dropped.
pub(super) type FixedColumn = (Kind, usize, &'static str, usize);

/// The columns that fit the terminal, and their widths.
pub(super) struct Layout {
    columns: Vec<Column>,
    /// Per column; `None` if it was dropped.
    widths: Vec<Option<usize>>,
    style: Style,
}

impl Layout {
    /// The layout of complete rows.
    pub(super) fn of(columns: impl Into<Vec<Column>>, rows: &[Vec<String>], style: Style) -> Self {
        let columns = columns.into();
        let widest =
            |index: usize| rows.iter().filter_map(|row| row.get(index)).map(|cell| width(cell)).max();
        let contents: Vec<_> = (0..columns.len()).map(|index| widest(index).unwrap_or(0)).collect();
        Self::with(columns, &contents, style)
    }

    /// The layout of rows that arrive later. Widths are fixed, so that successive pages are aligned.
    pub(super) fn fixed(columns: &[FixedColumn], style: Style) -> Self {
        let contents: Vec<_> = columns.iter().map(|(_, width, ..)| *width).collect();
        let columns = columns.iter().map(|(kind, _, heading, leaves)| Column::new(*heading, *kind, *leaves));
        Self::with(columns.collect(), &contents, style)
    }

    fn with(columns: Vec<Column>, contents: &[usize], style: Style) -> Self {
        let room = style.columns;
        let least: Vec<_> =
            columns.iter().zip(contents).map(|(column, content)| column.least(*content)).collect();
        let mut widths: Vec<_> = least.into_iter().map(Some).collect();
        while taken(&widths) > room {
            let shown =
                (0..columns.len()).filter(|index| widths[*index].is_some() && columns[*index].leaves > 0);
            let Some(leaving) = shown.max_by_key(|index| columns[*index].leaves) else {
                break;
            };
            widths[leaving] = None;
        }
        // Even for unrealistically large figures, the table must fit.
        while taken(&widths) > room {
            let shown =
                columns.iter().zip(&mut widths).filter_map(|(column, width)| Some((column, width.as_mut()?)));
            let widest = shown
                .max_by_key(|(column, width)| (matches!(column.kind, Kind::Text(_)) && **width > 1, **width));
            match widest {
                Some((_, width)) if *width > 1 => *width -= 1,
                _ => break,
            }
        }
        let mut spare = room.saturating_sub(taken(&widths));
        let mut grown = true;
        while spare > 0 && grown {
            grown = false;
            for ((shown, column), content) in widths.iter_mut().zip(&columns).zip(contents) {
                if let Some(width) =
                    shown.as_mut().filter(|width| spare > 0 && **width < column.preferred(*content))
                {
                    *width += 1;
                    spare -= 1;
                    grown = true;
                }
            }
        }
        Self { columns, widths, style }
    }

    /// The headings and a rule.
    pub(super) fn head(&self) -> String {
        let headings: Vec<_> =
            self.shown().map(|(_, column, width)| (column, width, wrapped(&column.heading, width))).collect();
        let height = headings.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(0);
        let mut text = String::new();
        for level in 0..height {
            let cells = headings.iter().map(|(column, width, lines)| {
                let blank = height - lines.len();
                let part = level.checked_sub(blank).and_then(|level| lines.get(level));
                column.cell(part.map_or("", String::as_str), *width)
            });
            text += &format!("{}\n", toned(self.style, Tone::Title, joined(cells).trim_end()));
        }
        let rule = "─".repeat(taken(&self.widths).min(self.style.columns));
        text + &format!("{}\n", toned(self.style, Tone::Quiet, &rule))
    }

    pub(super) fn row(&self, cells: &[String]) -> String {
        let cells = self.shown().map(|(index, column, width)| {
            let cell = column.cell(cells.get(index).map_or("", String::as_str), width);
            if column.kind == Kind::Number { toned(self.style, Tone::Figure, &cell) } else { cell }
        });
        format!("{}\n", joined(cells).trim_end())
    }

    /// The headings and every row.
    pub(super) fn table(&self, rows: &[Vec<String>]) -> String {
        self.head() + &rows.iter().map(|row| self.row(row)).collect::<String>()
    }

    /// Headings of the dropped columns.
    pub(super) fn left_out(&self) -> Vec<&str> {
        let left = self.columns.iter().zip(&self.widths).filter(|(_, width)| width.is_none());
        left.map(|(column, _)| column.heading.as_str()).collect()
    }

    fn shown(&self) -> impl Iterator<Item = (usize, &Column, usize)> {
        let columns = self.columns.iter().zip(&self.widths).enumerate();
        columns.filter_map(|(index, (column, width))| width.map(|width| (index, column, width)))
    }
}

impl Column {
    fn least(&self, content: usize) -> usize {
        let longest_word = self.heading.split(' ').map(width).max().unwrap_or(0);
        match self.kind {
            Kind::Text(least) => content.max(longest_word).min(least),
            Kind::Id => content,
            Kind::Number => content.max(longest_word.min(HEADING_COLUMNS_MAX)),
        }
    }

    fn preferred(&self, content: usize) -> usize {
        content.max(width(&self.heading).min(HEADING_COLUMNS_MAX))
    }

    fn cell(&self, text: &str, columns: usize) -> String {
        if self.kind == Kind::Number { right(text, columns) } else { left(text, columns) }
    }
}

/// Total width of the shown columns.
fn taken(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + width(GAP) * shown.count().saturating_sub(1)
}

fn joined(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    fn columns() -> Vec<Column> {
        vec![
            Column::new("Libellé", Kind::Text(14), 0),
            Column::new("Code", Kind::Id, 2),
            Column::new("CRA enregistrés", Kind::Number, 0),
            Column::new("Temps", Kind::Number, 1),
        ]
    }

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        vec![
            row(["Naviguer sur Internet", "THEME_INTERNET", "12", "3 h"]),
            row(["Budget", "THEME_BUDGET", "1 234 567", "12 h 30"]),
        ]
    }

    fn drawn(columns_count: usize) -> (String, Vec<String>) {
        let (columns, rows) = (columns(), rows());
        let layout = Layout::of(columns, &rows, Style { columns: columns_count, colour: false });
        let text = layout.table(&rows);
        let left_out = layout.left_out().into_iter().map(str::to_owned).collect();
        (text, left_out)
    }

    #[test]
    fn with_enough_room_everything_is_complete_and_aligned() {
        let expected = [
            "Libellé                Code            CRA enregistrés    Temps",
            "───────────────────────────────────────────────────────────────",
            "Naviguer sur Internet  THEME_INTERNET               12      3 h",
            "Budget                 THEME_BUDGET          1 234 567  12 h 30",
        ];
        assert_eq!(drawn(80).0.lines().collect::<Vec<_>>(), expected);
        assert!(drawn(80).1.is_empty());
    }

    #[test]
    fn texts_are_truncated_before_columns_are_dropped_and_headings_wrap() {
        let expected = [
            "                                        CRA",
            "Libellé         Code            enregistrés    Temps",
            "────────────────────────────────────────────────────",
            "Naviguer sur …  THEME_INTERNET           12      3 h",
            "Budget          THEME_BUDGET      1 234 567  12 h 30",
        ];
        assert_eq!(drawn(52).0.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn columns_are_dropped_in_their_order_and_every_line_fits() {
        assert_eq!(drawn(45).1, ["Code"]);
        assert_eq!(drawn(30).1, ["Code", "Temps"]);
        for columns in 10..80 {
            assert_fits(&drawn(columns).0, columns);
        }
    }
}
