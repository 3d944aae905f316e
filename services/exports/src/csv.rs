//! CSV for French spreadsheets: UTF-8 with a byte order mark, `;`, CRLF, quotes as required by RFC 4180; integers
//! without separators, shares as `12,5`, days and instants in ISO 8601.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use cra_domain::spreadsheet::neutral;

use super::cell::{Cell, Column};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A table being written, or a part of one.
pub struct Csv<W: Write, R> {
    writer: csv::Writer<W>,
    columns: Arc<[Column<R>]>,
    /// The last formatted cell.
    text: String,
}

impl<W: Write, R> Csv<W, R> {
    /// Writes the names of the columns.
    pub fn begin(mut output: W, columns: impl Into<Arc<[Column<R>]>>) -> io::Result<Self> {
        output.write_all(BYTE_ORDER_MARK)?;
        let mut table = Self::part(output, columns);
        for column in &*table.columns {
            table.writer.write_field(neutral(column.name().into()).as_bytes())?;
        }
        table.writer.write_record(None::<&[u8]>)?;
        Ok(table)
    }

    /// Rows without the names of the columns: what follows the rows of another part.
    pub fn part(output: W, columns: impl Into<Arc<[Column<R>]>>) -> Self {
        let mut writer = csv::WriterBuilder::new();
        let writer = writer.delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(output);
        Self { writer, columns: columns.into(), text: String::new() }
    }

    /// Writes a row.
    pub fn row(&mut self, row: &R) -> io::Result<()> {
        let Self { writer, columns, text } = self;
        for column in &**columns {
            text.clear();
            match column.cell(row) {
                Cell::Absent => {}
                Cell::Text(text) => {
                    writer.write_field(neutral(text).as_bytes())?;
                    continue;
                }
                Cell::Integer(number) => write!(text, "{number}").map_err(io::Error::other)?,
                Cell::Share(per_mille) => text.push_str(&percent(per_mille)),
                Cell::Day(day) => write!(text, "{day}").map_err(io::Error::other)?,
                Cell::Instant(instant) => write!(text, "{instant}").map_err(io::Error::other)?,
            }
            writer.write_field(text.as_bytes())?;
        }
        Ok(writer.write_record(None::<&[u8]>)?)
    }

    /// Flushes the output.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// `12,5` for 125 per mille.
fn percent(per_mille: u32) -> String {
    format!("{},{}", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::super::cell::Kind;
    use super::*;

    fn table(rows: &[(&'static str, u64)]) -> String {
        let columns: Vec<Column<(&'static str, u64)>> = vec![
            Column::required("texte", Kind::Text, |row: &(&'static str, u64)| row.0.into()),
            Column::required("nombre", Kind::Integer, |row: &(&'static str, u64)| row.1.into()),
            Column::optional("part", Kind::Share, |row: &(&'static str, u64)| {
                u32::try_from(row.1).map_or(Cell::Absent, Cell::Share)
            }),
        ];
        let mut file = Vec::new();
        let mut csv = Csv::begin(&mut file, columns).unwrap();
        for row in rows {
            csv.row(row).unwrap();
        }
        csv.finish().unwrap();
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn a_file_without_rows_has_its_column_names() {
        assert_eq!(table(&[]), "\u{feff}texte;nombre;part\r\n");
    }

    #[test]
    fn texts_are_quoted_if_necessary_and_missing_cells_are_empty() {
        assert_eq!(
            table(&[("a;b", 7), ("dit \"oui\"", u64::MAX), ("à\nb", 1000), ("", 0)]),
            "\u{feff}texte;nombre;part\r\n\"a;b\";7;0,7\r\n\"dit \"\"oui\"\"\";18446744073709551615;\r\n\
             \"à\nb\";1000;100,0\r\n;0;0,0\r\n"
        );
    }

    #[test]
    fn parts_of_a_table_are_the_table() {
        let rows = [("a;b", 7), ("", 0), ("à\nb", 1000)];
        let columns = || -> Arc<[Column<(&'static str, u64)>]> {
            let text = Column::required("texte", Kind::Text, |row: &(&'static str, u64)| row.0.into());
            vec![text].into()
        };
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        let mut csv = Csv::begin(&mut whole, columns()).unwrap();
        for row in &rows {
            csv.row(row).unwrap();
        }
        csv.finish().unwrap();
        Csv::begin(&mut parts, columns()).unwrap().finish().unwrap();
        for part in rows.chunks(2) {
            let mut csv = Csv::part(&mut parts, columns());
            for row in part {
                csv.row(row).unwrap();
            }
            csv.finish().unwrap();
        }
        assert_eq!(String::from_utf8(parts), String::from_utf8(whole));
    }

    #[test]
    fn shares_are_written_as_in_french() {
        assert_eq!([percent(0), percent(5), percent(125), percent(1000)], ["0,0", "0,5", "12,5", "100,0"]);
    }
}
