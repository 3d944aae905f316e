//! XLSX with typed cells. Texts are never formulas; days and instants are dates, and instants are marked as UTC; shares
//! are percentages. Every sheet prints on A4 landscape with the file's title.

mod chart;
mod page;
mod table;

use std::borrow::Cow;
use std::io::{self, Write};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::about::About;
use super::cell::{Cell, Column, Kind};

pub(super) use chart::{CHART_ROWS_MAX, Chart, ChartArea, Series, draw};
pub(super) use page::{print_on_one_page, print_over_pages};
pub(super) use table::{Table, add_report_table};

/// Maximum number of characters of a cell, by the format.
const CELL_CHARACTERS_MAX: usize = 32_767;
/// Maximum bytes of a cell without its text, and of an escaped character.
const CELL_BYTES: u64 = 80;
const CHARACTER_BYTES: u64 = 6;
/// Colour of headings and charts.
pub(super) const ACCENT: Color = Color::RGB(0x00_00_91);
/// Secondary colour.
pub(super) const SECOND: Color = Color::RGB(0x6A_6A_F4);
/// Colour of explanations.
pub(super) const QUIET: Color = Color::RGB(0x66_66_66);
/// Colour of lines between rows.
const RULE: Color = Color::RGB(0xDD_DD_DD);

pub(super) struct Styles {
    head: Format,
    text: Format,
    code: Format,
    integer: Format,
    share: Format,
    day: Format,
    instant: Format,
    /// Format of an empty cell; `None` if it is omitted.
    blank: Option<Format>,
}

impl Styles {
    /// For long tables with pivot tables and filters: one line per row.
    fn data() -> Self {
        Self::over(&Format::new(), Format::new().set_bold())
    }

    /// For short tables to be read and printed.
    fn report() -> Self {
        let head = Format::new()
            .set_bold()
            .set_font_color(Color::White)
            .set_background_color(ACCENT)
            .set_text_wrap()
            .set_align(FormatAlign::Center)
            .set_align(FormatAlign::VerticalCenter);
        let row = Format::new()
            .set_align(FormatAlign::Top)
            .set_border_bottom(FormatBorder::Thin)
            .set_border_bottom_color(RULE);
        let styles = Self::over(&row, head);
        let code = row.clone().set_font_size(8).set_font_color(QUIET).set_indent(1);
        Self { text: row.clone().set_text_wrap(), code, blank: Some(row), ..styles }
    }

    fn over(row: &Format, head: Format) -> Self {
        Self {
            head,
            text: row.clone(),
            code: row.clone(),
            integer: row.clone().set_num_format("#,##0"),
            share: row.clone().set_num_format("0.0%"),
            day: row.clone().set_num_format("dd/mm/yyyy"),
            instant: row.clone().set_num_format("dd/mm/yyyy hh:mm:ss.000 \"UTC\""),
            blank: None,
        }
    }

    /// Writes a row; returns an upper bound of its size in the sheet.
    fn write<R>(
        &self,
        sheet: &mut Worksheet,
        number: u32,
        columns: &[Column<R>],
        row: &R,
    ) -> io::Result<u64> {
        let mut bytes = 0;
        for (index, column) in (0..).zip(columns) {
            let text = if column.is_code() { &self.code } else { &self.text };
            let cell = column.cell(row);
            bytes += bytes_of(&cell);
            self.write_cell(sheet, number, index, cell, text).map_err(failed)?;
        }
        Ok(bytes)
    }

    fn write_cell(
        &self,
        sheet: &mut Worksheet,
        row: u32,
        column: u16,
        cell: Cell<'_>,
        words: &Format,
    ) -> Result<(), XlsxError> {
        match cell {
            Cell::Absent => match &self.blank {
                Some(blank) => sheet.write_blank(row, column, blank)?,
                None => return Ok(()),
            },
            Cell::Text(text) => sheet.write_string_with_format(row, column, fitted(text), words)?,
            Cell::Integer(number) => sheet.write_with_format(row, column, number, &self.integer)?,
            Cell::Share(per_mille) => {
                sheet.write_number_with_format(row, column, f64::from(per_mille) / 1000.0, &self.share)?
            }
            Cell::Day(day) => match excel_day(day) {
                Ok(date) => sheet.write_datetime_with_format(row, column, date, &self.day)?,
                // The format has no dates before 1900.
                Err(_) => sheet.write_string_with_format(row, column, day.to_string(), words)?,
            },
            Cell::Instant(instant) => match excel_instant(instant) {
                Ok(date) => sheet.write_datetime_with_format(row, column, date, &self.instant)?,
                Err(_) => sheet.write_string_with_format(row, column, instant.to_string(), words)?,
            },
        };
        Ok(())
    }
}

/// Writes the file. The same content gives the same bytes: the workbook has the date of its snapshot.
pub(super) fn save(mut workbook: Workbook, about: &About, output: impl Write + Send) -> io::Result<()> {
    page::set_up(&mut workbook, about);
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

/// Upper bound of the size of a cell in the sheet.
fn bytes_of(cell: &Cell<'_>) -> u64 {
    match cell {
        Cell::Absent => 0,
        Cell::Text(text) => CELL_BYTES + CHARACTER_BYTES * text.len() as u64,
        _ => CELL_BYTES,
    }
}

/// The text, truncated to the length of a cell. Other formats contain it completely.
fn fitted(text: Cow<'_, str>) -> String {
    if text.len() <= CELL_CHARACTERS_MAX || text.chars().nth(CELL_CHARACTERS_MAX).is_none() {
        return text.into_owned();
    }
    text.chars().take(CELL_CHARACTERS_MAX - 1).chain(['…']).collect()
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

/// Maps negative years to one that the format refuses.
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
    fn a_text_longer_than_a_cell_is_truncated_with_a_mark() {
        let long = "é".repeat(CELL_CHARACTERS_MAX + 1);
        let cut = fitted(long.into());
        assert_eq!(cut.chars().count(), CELL_CHARACTERS_MAX);
        assert!(cut.ends_with("é…"));
        assert_eq!(fitted("é".repeat(CELL_CHARACTERS_MAX).into()).chars().last(), Some('é'));
    }
}
