//! Tables in sheets. A long table goes row by row through a nameless file on disk, and on in a further sheet where the
//! format's rows end; a short one is held in memory, so that a chart shows its values at once.

use std::io;
use std::path::Path;

use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};

use super::page::print_over_pages;
use super::{Cell, Column, Kind, Styles, failed};

/// Rows of a sheet below its head: the format's own bound.
const SHEET_ROWS_MAX: u32 = 1_048_575;
/// Pixels of a line of text, and around the lines of a head.
const LINE_PIXELS: u32 = 20;
const HEAD_PIXELS: u32 = 8;
/// Characters of a number, with its separators.
const NUMBER_CHARACTERS: u16 = 12;
/// Bytes of a cell beside its text, at most, and of a character of the text, escaped.
const CELL_BYTES: u64 = 80;
const CHARACTER_BYTES: u64 = 6;
/// Bytes of a sheet that fit a plain archive, with room for what is around the cells.
const PLAIN_SHEET_BYTES: u64 = 4_000_000_000;
/// Characters beside a name: the arrow of the filter.
const FILTER_CHARACTERS: u16 = 4;

/// A table of any length, in as many sheets as it asks for. It prints its first columns.
pub(in super::super) struct Table<R> {
    workbook: Workbook,
    styles: Styles,
    name: &'static str,
    columns: Vec<Column<R>>,
    printed_columns: usize,
    sheet_rows_max: u32,
    sheets: usize,
    /// Rows of the last sheet.
    rows: u32,
    /// Bytes of the last sheet before it is compressed, at most, and of the largest one.
    bytes: u64,
    largest: u64,
}

impl<R> Table<R> {
    /// Begins a workbook with the table's first sheet. Rows pass through a nameless file in `folder`.
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

    /// Takes a row in.
    pub(in super::super) fn row(&mut self, row: &R) -> io::Result<()> {
        if self.rows == self.sheet_rows_max {
            self.end_sheet()?;
            self.begin_sheet()?;
        }
        self.rows += 1;
        self.bytes += self.columns.iter().map(|column| bytes_of(&column.cell(row))).sum::<u64>();
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
        self.styles.write(sheet, self.rows, &self.columns, row)
    }

    /// Filters over the columns, and how the sheet prints: known when its last row is.
    fn end_sheet(&mut self) -> io::Result<()> {
        self.largest = self.largest.max(self.bytes);
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
        let last = |columns: usize| u16::try_from(columns.saturating_sub(1)).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, self.rows, last(self.columns.len())).map_err(failed)?;
        print_over_pages(sheet, self.rows, last(self.printed_columns.min(self.columns.len())))
    }

    /// The workbook, for further sheets.
    pub(in super::super) fn finish(mut self) -> io::Result<Workbook> {
        self.end_sheet()?;
        // Only where a sheet may need it: office suites do not read every archive of that form.
        self.workbook.use_zip_large_file(self.largest > PLAIN_SHEET_BYTES);
        Ok(self.workbook)
    }
}

/// Adds a sheet with a short table, to be read and printed. It prints over pages unless it is set to one.
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
    for (place, width) in (0..).zip(&widths) {
        sheet.set_column_width(place, *width).map_err(failed)?;
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
        // Not every office suite heightens a row for the lines of its texts.
        let lines = columns.iter().zip(&widths).map(of_cell).max().unwrap_or(1);
        if lines > 1 {
            sheet.set_row_height_pixels(number, LINE_PIXELS * lines).map_err(failed)?;
        }
    }
    let last = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    print_over_pages(sheet, u32::try_from(rows.len()).unwrap_or(u32::MAX), last)?;
    Ok(sheet)
}

/// Begins a sheet; `title` is what a column is called there.
fn begin_sheet<R>(
    sheet: &mut Worksheet,
    name: &str,
    columns: &[Column<R>],
    title: fn(&Column<R>) -> &str,
    styles: &Styles,
) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (place, column) in (0..).zip(columns) {
        sheet.set_column_width(place, width(column))?;
        sheet.write_with_format(0, place, title(column), &styles.head)?;
    }
    Ok(())
}

/// Bytes of a cell in the sheet, at most.
fn bytes_of(cell: &Cell<'_>) -> u64 {
    match cell {
        Cell::Absent => 0,
        Cell::Text(text) => CELL_BYTES + CHARACTER_BYTES * text.len() as u64,
        _ => CELL_BYTES,
    }
}

/// Lines that a text takes in a column of so many characters, parted at spaces.
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

/// Width of a column of a report: as the column says, else as a number or the longest word of the heading needs.
fn report_width<R>(column: &Column<R>) -> u16 {
    let words = column.heading().split_whitespace().map(|word| word.chars().count());
    let longest = words.max().and_then(|longest| u16::try_from(longest).ok()).unwrap_or_default();
    column.width().unwrap_or_else(|| NUMBER_CHARACTERS.max(longest + 3))
}

/// Width of a column in characters: as the column says, else as its kind needs; its name is never cut.
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
    fn a_text_takes_the_lines_that_its_words_fill() {
        for (text, expected) in
            [("", 1), ("un", 1), ("un deux", 1), ("un deux trois", 2), ("a b c d e f g h", 2)]
        {
            assert_eq!(lines(text, 11), expected, "{text}");
        }
    }

    #[test]
    fn rows_past_a_sheet_go_on_in_the_next_under_the_same_head() {
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
