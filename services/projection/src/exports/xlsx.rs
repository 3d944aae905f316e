//! XLSX: typed cells. Texts are texts whatever they start with, so nothing runs; days and moments (UTC) are dates,
//! shares percentages. A long table goes row by row through a nameless file on disk, and on in a further sheet where
//! the format's rows end.

use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{
    Chart, ChartType, DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError,
};

use super::about::About;
use super::cell::{Cell, Column, Kind};

/// Rows of a sheet below its head: the format's own bound.
const SHEET_ROWS_MAX: u32 = 1_048_575;
/// Characters of a cell: the format's own bound.
const CELL_CHARACTERS_MAX: usize = 32_767;
/// Bars of a chart: more cannot be read.
pub(super) const CHART_ROWS_MAX: usize = 20;

/// How cells look.
struct Styles {
    head: Format,
    share: Format,
    day: Format,
    instant: Format,
}

impl Styles {
    fn new() -> Self {
        Self {
            head: Format::new().set_bold(),
            share: Format::new().set_num_format("0.0%"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
        }
    }

    fn write<R>(&self, sheet: &mut Worksheet, number: u32, columns: &[Column<R>], row: &R) -> io::Result<()> {
        for (place, column) in (0..).zip(columns) {
            self.write_cell(sheet, number, place, column.cell(row)).map_err(failed)?;
        }
        Ok(())
    }

    fn write_cell(
        &self,
        sheet: &mut Worksheet,
        row: u32,
        place: u16,
        cell: Cell<'_>,
    ) -> Result<(), XlsxError> {
        match cell {
            Cell::Absent => return Ok(()),
            Cell::Text(text) => sheet.write_string(row, place, fitted(&text))?,
            Cell::Integer(number) => sheet.write(row, place, number)?,
            Cell::Share(per_mille) => {
                sheet.write_number_with_format(row, place, f64::from(per_mille) / 1000.0, &self.share)?
            }
            Cell::Day(day) => match excel_day(day) {
                Ok(date) => sheet.write_datetime_with_format(row, place, date, &self.day)?,
                // Before 1900 the format has no dates.
                Err(_) => sheet.write_string(row, place, day.to_string())?,
            },
            Cell::Instant(instant) => match excel_instant(instant) {
                Ok(date) => sheet.write_datetime_with_format(row, place, date, &self.instant)?,
                Err(_) => sheet.write_string(row, place, instant.to_string())?,
            },
        };
        Ok(())
    }
}

/// A table of any length, in as many sheets as it asks for.
pub(super) struct Table<R> {
    workbook: Workbook,
    styles: Styles,
    name: &'static str,
    columns: Vec<Column<R>>,
    sheet_rows_max: u32,
    sheets: usize,
    /// Rows of the last sheet.
    rows: u32,
}

impl<R> Table<R> {
    /// Begins a workbook with the table's first sheet. Rows pass through a nameless file in `folder`.
    pub(super) fn begin(name: &'static str, columns: Vec<Column<R>>, folder: &Path) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(folder).map_err(failed)?;
        // A full sheet may pass 4 GiB before it is compressed.
        workbook.use_zip_large_file(true);
        let (styles, sheet_rows_max) = (Styles::new(), SHEET_ROWS_MAX);
        let mut table = Self { workbook, styles, name, columns, sheet_rows_max, sheets: 0, rows: 0 };
        table.begin_sheet()?;
        Ok(table)
    }

    fn begin_sheet(&mut self) -> io::Result<()> {
        self.sheets += 1;
        self.rows = 0;
        let name =
            if self.sheets == 1 { self.name.to_owned() } else { format!("{} {}", self.name, self.sheets) };
        let sheet = self.workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        begin_sheet(sheet, &name, &self.columns, &self.styles).map_err(failed)
    }

    /// Takes a row in.
    pub(super) fn row(&mut self, row: &R) -> io::Result<()> {
        if self.rows == self.sheet_rows_max {
            self.begin_sheet()?;
        }
        self.rows += 1;
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1).map_err(failed)?;
        self.styles.write(sheet, self.rows, &self.columns, row)
    }

    /// The workbook, for further sheets.
    pub(super) fn finish(self) -> Workbook {
        self.workbook
    }
}

/// Adds a sheet with a short table: held in memory, so that a chart beside it shows its values at once.
pub(super) fn add_short_table<'a, R>(
    workbook: &'a mut Workbook,
    name: &str,
    columns: &[Column<R>],
    rows: &[R],
) -> io::Result<&'a mut Worksheet> {
    let styles = Styles::new();
    let sheet = workbook.add_worksheet();
    begin_sheet(sheet, name, columns, &styles).map_err(failed)?;
    for (number, row) in (1..).zip(rows) {
        styles.write(sheet, number, columns, row)?;
    }
    Ok(sheet)
}

fn begin_sheet<R>(
    sheet: &mut Worksheet,
    name: &str,
    columns: &[Column<R>],
    styles: &Styles,
) -> Result<(), XlsxError> {
    sheet.set_name(name)?.set_freeze_panes(1, 0)?;
    for (place, column) in (0..).zip(columns) {
        sheet.set_column_width(place, width(column))?;
        sheet.write_with_format(0, place, column.name(), &styles.head)?;
    }
    Ok(())
}

/// Width of a column in characters.
fn width<R>(column: &Column<R>) -> u16 {
    let name = u16::try_from(column.name().len()).unwrap_or(u16::MAX).saturating_add(2);
    let content = match column.kind() {
        Kind::Text => 30,
        Kind::Instant => 25,
        Kind::Integer | Kind::Share | Kind::Day => 12,
    };
    content.max(name.min(60))
}

/// What a chart shows of a sheet: a column of names, columns of values, so many rows below the head.
pub(super) struct Drawn<'a> {
    pub(super) sheet: &'a str,
    pub(super) title: &'a str,
    pub(super) names: u16,
    pub(super) values: &'a [(u16, &'a str)],
    pub(super) rows: usize,
}

/// Draws a chart into its sheet, right of the columns in use. Nothing of no rows.
pub(super) fn draw(
    sheet: &mut Worksheet,
    place: u16,
    drawn: &Drawn<'_>,
    chart_type: ChartType,
) -> io::Result<()> {
    let Some(last) = u32::try_from(drawn.rows).ok().filter(|rows| *rows > 0) else {
        return Ok(());
    };
    let mut chart = Chart::new(chart_type);
    chart.title().set_name(drawn.title);
    for (values, name) in drawn.values {
        chart
            .add_series()
            .set_name(*name)
            .set_categories((drawn.sheet, 1, drawn.names, last, drawn.names))
            .set_values((drawn.sheet, 1, *values, last, *values));
    }
    if drawn.values.len() == 1 {
        chart.legend().set_hidden();
    }
    if chart_type == ChartType::Bar {
        // The first row on top.
        chart.y_axis().set_reverse();
    }
    chart.set_width(800).set_height(160 + 24 * last.clamp(8, 40));
    sheet.insert_chart(1, place, &chart).map_err(failed)?;
    Ok(())
}

/// Writes the file. The same content gives the same bytes: the workbook is dated by its snapshot.
pub(super) fn save(mut workbook: Workbook, about: &About, output: impl Write + Send) -> io::Result<()> {
    let mut properties = DocProperties::new().set_title(about.title());
    let dated = about.recorded_at().unwrap_or(Timestamp::UNIX_EPOCH);
    if let Ok(created) = excel_instant(dated) {
        properties = properties.set_creation_datetime(&created);
    }
    workbook.set_properties(&properties);
    workbook.save_to_writer(output).map_err(failed)
}

pub(super) fn failed(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(inner) => inner,
        other => io::Error::other(other),
    }
}

/// The text, cut where a cell ends. The other formats give it whole.
fn fitted(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CELL_CHARACTERS_MAX - 1).chain(['…']).collect(),
    }
}

fn excel_day(day: Date) -> Result<ExcelDateTime, XlsxError> {
    ExcelDateTime::from_ymd(unsigned(day.year()), byte(day.month()), byte(day.day()))
}

fn excel_instant(instant: Timestamp) -> Result<ExcelDateTime, XlsxError> {
    let utc = TimeZone::UTC.to_datetime(instant);
    let millisecond = unsigned(utc.millisecond());
    excel_day(utc.date())?.and_hms_milli(
        unsigned(utc.hour().into()),
        byte(utc.minute()),
        byte(utc.second()),
        millisecond,
    )
}

/// Years before 0 become one that the format refuses.
fn unsigned(number: i16) -> u16 {
    u16::try_from(number).unwrap_or_default()
}

fn byte(number: i8) -> u8 {
    u8::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_longer_than_a_cell_is_cut_and_says_so() {
        let long = "é".repeat(CELL_CHARACTERS_MAX + 1);
        let cut = fitted(&long);
        assert_eq!(cut.chars().count(), CELL_CHARACTERS_MAX);
        assert!(cut.ends_with("é…"));
        assert_eq!(fitted(&"é".repeat(CELL_CHARACTERS_MAX)).chars().last(), Some('é'));
    }

    #[test]
    fn rows_past_a_sheet_go_on_in_the_next_under_the_same_head() {
        let folder = tempfile::tempdir().unwrap();
        let columns = vec![Column::required("n", Kind::Integer, |n: &u64| (*n).into())];
        let mut table = Table { sheet_rows_max: 2, ..Table::begin("N", columns, folder.path()).unwrap() };
        for n in 0..5 {
            table.row(&n).unwrap();
        }
        assert_eq!((table.sheets, table.rows), (3, 1));
        let mut workbook = table.finish();
        let names: Vec<String> = workbook.worksheets().iter().map(Worksheet::name).collect();
        assert_eq!(names, ["N", "N 2", "N 3"]);
        workbook.save_to_writer(Vec::new()).unwrap();
    }
}
