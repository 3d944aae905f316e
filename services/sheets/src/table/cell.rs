//! One cell of a table: its type in the file, and the text that sets a field.

use std::borrow::Cow;

use jiff::civil::{Date, date};

use super::columns::Column;
use crate::fields::Field;

/// Serial days that are recognised as dates in a column without a date format: 2020 to 2099.
const PLAUSIBLE_SERIALS: std::ops::RangeInclusive<f64> = 43_831.0..=73_050.0;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Empty,
    Text(Cow<'a, str>),
    Number(f64),
    Day(Date),
    /// A formula that failed: the text that the spreadsheet shows for the error.
    Fault(String),
}

impl Cell<'_> {
    /// Whether the cell is empty or blank.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The cell's content as a fault shows it.
    pub(super) fn shown(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Fault(fault) => fault,
            Self::Empty | Self::Number(_) | Self::Day(_) => "",
        }
    }

    /// The cell's text for a column. Restores leading zeros that a spreadsheet removed from a code.
    pub(super) fn text(&self, column: Column) -> Result<Cow<'_, str>, String> {
        let text = match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text.trim()),
            Self::Day(day) => day.to_string().into(),
            Self::Number(number)
                if column == Column::Field(Field::Date) && PLAUSIBLE_SERIALS.contains(number) =>
            {
                serial_day(*number).map(|day| day.to_string()).unwrap_or_default().into()
            }
            Self::Number(number) => number_text(*number).into(),
            Self::Fault(fault) => return Err(format!("la cellule contient l'erreur {fault}")),
        };
        let lost_a_zero = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        Ok(match column {
            Column::Field(Field::CommuneCode | Field::PostalCode) if lost_a_zero => format!("0{text}").into(),
            _ => text,
        })
    }
}

fn number_text(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { number.to_string().replace('.', ",") }
}

/// Converts a serial number to its day: the number of days since 1899-12-30.
fn serial_day(serial: f64) -> Option<Date> {
    #[allow(clippy::cast_possible_truncation)] // only plausible serials are asked for
    let days = serial.floor() as i64;
    date(1899, 12, 30).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_as_its_column_asks() {
        let date = Column::Field(Field::Date);
        let code = Column::Field(Field::CommuneCode);
        for (cell, column, text) in [
            (Cell::Number(45_351.0), date, "2024-02-29"),
            (Cell::Day(jiff::civil::date(2024, 2, 29)), date, "2024-02-29"),
            (Cell::Number(1_004.0), code, "01004"),
            (Cell::Text("1004 ".into()), code, "01004"),
            (Cell::Text("2A004".into()), code, "2A004"),
            (Cell::Number(1_500.0), Column::Field(Field::PostalCode), "01500"),
            (Cell::Number(1_500.0), Column::Field(Field::Participants), "1500"),
            (Cell::Number(12.5), Column::Field(Field::Participants), "12,5"),
        ] {
            assert_eq!(cell.text(column).unwrap(), text, "{cell:?}");
        }
        assert!(Cell::Fault("#N/A".into()).text(date).unwrap_err().contains("#N/A"));
    }
}
