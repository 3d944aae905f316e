//! Tables in sheets. A long table is buffered row by row in an unnamed file, and continues in another sheet at the
//! format's maximum of rows; a short one is kept in memory, so that a chart can show cached values.

use std::io;
use std::path::Path;

use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};

use super::page::print_over_pages;
use super::{Cell, Column, Kind, Styles, failed};

/// Maximum number of rows of a sheet below its header, by the format.
const SHEET_ROWS_MAX: u32 = 1_048_575;
/// Height of a line of text and padding of a header, in pixels.
const LINE_PIXELS: u32 = 20;
const HEAD_PIXELS: u32 = 8;
/// Width of a number with separators, in characters.
const NUMBER_CHARACTERS: u16 = 12;
/// Maximum size of a sheet in a plain archive, with a margin.
const PLAIN_SHEET_BYTES: u64 = 4_000_000_000;
/// Width of the filter arrow, in characters.
const FILTER_CHARACTERS: u16 = 4;

/// A table of any length, in as many sheets as needed. Its first columns are printed.
pub(in super::super) struct Table<R> {
    workbook: Workbook,
    styles: Styles,
    name: &'static str,
    columns: Vec<Column<R>>,
    printed_columns: usize,
    sheet_rows_max: u32,
    sheets: usize,
    /// Number of rows of the last sheet.
    rows: u32,
    /// Upper bound of the uncompressed size of the last sheet, and of the largest one.
    bytes: u64,
    largest: u64,
}

impl<R> Table<R> {
    /// Starts a workbook with the table's first sheet. Rows are buffered in an unnamed file in `folder`.
    pub(in super::super) fn begin(
        name: &'static str,
        columns: Vec<Column<R>>,
        printed_columns: usize,
        folder: &Path,
    ) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder).map_err(failed)?;
        let mut table = Self {
            workbook,
            styles: Styles::data(),
            name,
            columns,
            printed_columns,
            sheet_rows_max: SHEET_ROWS_MAX,
            sheets: 0,
            rows: 0,
            bytes: 0,
            largest: 0,
        };
        table.begin_sheet()?;
        Ok(table)
    }

    fn begin_sheet(&mut self) -> io::Result<()> {
        self.sheets += 1;
        (self.rows, self.bytes) = (0, 0);
        let name =
            if self.sheets == 1 { self.name.to_owned() } else { format!("{} {}", self.name, self.sheets) };
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        begin_sheet(sheet, &name, &self.columns, Column::name, &self.styles).map_err(failed)
    }

    pub(in super::super) fn row(&mut self, row: &R) -> io::Result<()> {
        if self.rows == self.sheet_rows_max {
            self.end_sheet()?;
            self.begin_sheet()?;
        }
        self.rows += 1;
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
        self.bytes += self.styles.write(sheet, self.rows, &self.columns, row)?;
        Ok(())
    }

    /// Sets filters and print layout, once the last row is known.
    fn end_sheet(&mut self) -> io::Result<()> {
        self.largest = self.largest.max(self.bytes);
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
        let last = |columns: usize| u16::try_from(columns.saturating_sub(1)).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, self.rows, last(self.columns.len())).map_err(failed)?;
        print_over_pages(sheet, self.rows, last(self.printed_columns.min(self.columns.len())))
    }

    /// The workbook, for additional sheets.
    pub(in super::super) fn finish(mut self) -> io::Result<Workbook> {
        self.end_sheet()?;
        // Only if a sheet may need it, because not every office suite reads such archives.
        self.workbook.use_zip_large_file(self.largest > PLAIN_SHEET_BYTES);
        Ok(self.workbook)
    }
}

/// Adds a sheet with a short table, to be read and printed. It prints on several pages unless set to one.
pub(in super::super) fn add_report_table<'a, R>(
    workbook: &'a mut Workbook,
    name: &str,
    columns: &[Column<R>],
    rows: &[R],
) -> io::Result<&'a mut Worksheet> {
    let styles = Styles::report();
    let sheet = workbook.add_worksheet();
    begin_sheet(sheet, name, columns, Column::heading, &styles).map_err(failed)?;
    let widths: Vec<u16> = columns.iter().map(report_width).collect();
    for (index, width) in (0..).zip(&widths) {
        sheet.set_column_width(index, *width).map_err(failed)?;
    }
    let of_head = columns.iter().zip(&widths).map(|(column, width)| lines(column.heading(), *width));
    let pixels = HEAD_PIXELS + LINE_PIXELS * of_head.max().unwrap_or(1);
    sheet.set_row_height_pixels(0, pixels).map_err(failed)?.set_screen_gridlines(false);
    for (number, row) in (1..).zip(rows) {
        styles.write(sheet, number, columns, row)?;
        let of_cell = |(column, width): (&Column<R>, &u16)| match column.cell(row) {
            Cell::Text(text) if !column.is_code() => lines(&text, *width),
            _ => 1,
        };
        // Not every office suite adapts the row height to its texts.
        let lines = columns.iter().zip(&widths).map(of_cell).max().unwrap_or(1);
        if lines > 1 {
            sheet.set_row_height_pixels(number, LINE_PIXELS * lines).map_err(failed)?;
        }
    }
    let last = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    print_over_pages(sheet, u32::try_from(rows.len()).unwrap_or(u32::MAX), last)?;
    Ok(sheet)
}

/// Starts a sheet; `title` is the heading of a column.
fn begin_sheet<R>(
    sheet: &mut Worksheet,
    name: &str,
    columns: &[Column<R>],
    title: fn(&Column<R>) -> &str,
    styles: &Styles,
) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (index, column) in (0..).zip(columns) {
        sheet.set_column_width(index, width(column))?;
        sheet.write_with_format(0, index, title(column), &styles.head)?;
    }
    Ok(())
}

/// Number of lines of a text in a column of this width, wrapped at spaces.
fn lines(text: &str, width: u16) -> u32 {
    let (width, mut lines, mut used) = (usize::from(width.max(2)) - 1, 1_u32, 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            (lines, used) = (lines.saturating_add(1), 0);
        }
        used += length + usize::from(used > 0);
    }
    lines
}

/// Width of a report column: as set, otherwise that of a number or of the longest word of the heading.
fn report_width<R>(column: &Column<R>) -> u16 {
    let words = column.heading().split_whitespace().map(|word| word.chars().count());
    let longest = words.max().and_then(|longest| u16::try_from(longest).ok()).unwrap_or_default();
    column.width().unwrap_or_else(|| NUMBER_CHARACTERS.max(longest + 3))
}

/// Width of a column in characters: as set, otherwise by its type; its name is never truncated.
fn width<R>(column: &Column<R>) -> u16 {
    if let Some(width) = column.width() {
        return width;
    }
    let name = u16::try_from(column.name().len()).unwrap_or(u16::MAX).saturating_add(FILTER_CHARACTERS);
    let content = match column.kind() {
        Kind::Text => 26,
        Kind::Instant => 30,
        Kind::Integer | Kind::Share | Kind::Day => 12,
    };
    content.max(name.min(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_text_depend_on_its_words() {
        for (text, expected) in
            [("", 1), ("un", 1), ("un deux", 1), ("un deux trois", 2), ("a b c d e f g h", 2)]
        {
            assert_eq!(lines(text, 11), expected, "{text}");
        }
    }

    #[test]
    fn rows_beyond_a_sheet_continue_in_the_next_with_the_same_header() {
        let folder = tempfile::tempdir().unwrap();
        let columns = vec![Column::required("n", Kind::Integer, |n: &u64| (*n).into())];
        let mut table = Table { sheet_rows_max: 2, ..Table::begin("N", columns, 1, folder.path()).unwrap() };
        for n in 0..5 {
            table.row(&n).unwrap();
        }
        assert_eq!((table.sheets, table.rows), (3, 1));
        let mut workbook = table.finish().unwrap();
        let names: Vec<String> = workbook.worksheets().iter().map(Worksheet::name).collect();
        assert_eq!(names, ["N", "N 2", "N 3"]);
        workbook.save_to_writer(Vec::new()).unwrap();
    }
}
