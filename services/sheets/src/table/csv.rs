//! Tables as text, delimited by `;`, `,` or tab, which the headings determine. Quoted cells may span lines. Rows are
//! numbered as in a spreadsheet.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use cra_domain::spreadsheet::without_mark;
use csv::{ByteRecord, Reader, ReaderBuilder};

use super::Rows;
use super::cell::Cell;
use super::columns::{Columns, HEADING_ROWS_MAX};
use super::row::WholeFault;
use crate::source::{ITEM_BYTES_MAX, Metered};

const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// Delimiter of a table, and where its headings are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dialect {
    delimiter: u8,
    /// Whether the lines of the text end with CRLF. Needed to number the rows.
    ends_lines_with_crlf: bool,
    pub(crate) columns: Columns,
}

impl Dialect {
    /// Detects the dialect by the first bytes of a text; `None` if no delimiter yields headings of CRAs.
    pub(crate) fn of(start: &str) -> Option<Self> {
        let ends_lines_with_crlf = start.lines().next().is_some_and(|_| start.contains("\r\n"));
        let read = DELIMITERS.into_iter().filter_map(|delimiter| {
            let mut reader = reader(delimiter, start.as_bytes());
            let columns =
                reader.byte_records().take(HEADING_ROWS_MAX).flatten().find_map(|row| columns_of(&row))?;
            Some(Self { delimiter, ends_lines_with_crlf, columns })
        });
        read.max_by_key(|dialect| dialect.columns.of_cras())
    }
}

/// The first cells of a text, to describe a table that is not one of CRAs.
pub(crate) fn first_row(start: &str) -> Vec<String> {
    let rows = DELIMITERS.into_iter().filter_map(|delimiter| {
        let mut reader = reader(delimiter, start.as_bytes());
        let row = reader.byte_records().flatten().next()?;
        Some(row.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect::<Vec<_>>())
    });
    rows.max_by_key(Vec::len).unwrap_or_default()
}

fn reader<R: io::Read>(delimiter: u8, input: R) -> Reader<R> {
    ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(input)
}

fn columns_of(row: &ByteRecord) -> Option<Columns> {
    let texts: Vec<String> = row.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
    Columns::of(texts.iter().map(String::as_str))
}

/// Passes each row below the headings to `rows`.
pub(super) fn read(text: impl BufRead, dialect: &Dialect, rows: &mut Rows<'_>) -> io::Result<()> {
    let (metered, meter) = Metered::new(text, 0);
    let mut reader = reader(dialect.delimiter, metered);
    let mut record = ByteRecord::new();
    let (mut number, mut line_ends_in_cells, mut is_below) = (0, 0, false);
    loop {
        meter.start_item();
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                let is_too_long = matches!(error.kind(), csv::ErrorKind::Io(io) if io.kind() == io::ErrorKind::FileTooLarge);
                if !is_too_long {
                    return Err(error.into());
                }
                let _ = rows.give(number + 1, Err(WholeFault::TooLong(error.to_string())));
                return Ok(());
            }
        }
        // The reader counts a line at its line end, and has not counted the one of a CRLF at the CR. Blank lines are
        // rows of a spreadsheet too.
        let end = reader.position().line() - u64::from(!dialect.ends_lines_with_crlf);
        line_ends_in_cells += record.iter().map(line_ends).sum::<u64>();
        number = (number + 1).max(end.saturating_sub(line_ends_in_cells));
        if !is_below {
            is_below = columns_of(&record).is_some_and(|columns| columns == dialect.columns);
            continue;
        }
        let flow = match std::str::from_utf8(record.as_slice()) {
            Err(_) => rows.give(number, Err(WholeFault::NotText)),
            Ok(_) if record.len() > ITEM_BYTES_MAX => rows.give(number, Err(WholeFault::TooManyCells)),
            Ok(_) => rows.give(number, Ok(&record.iter().map(cell).collect::<Vec<_>>())),
        };
        if flow == ControlFlow::Break(()) {
            return Ok(());
        }
    }
}

fn line_ends(cell: &[u8]) -> u64 {
    cell.split(|byte| *byte == b'\n').skip(1).count() as u64
}

/// The record is valid UTF-8 as a whole; a cell that is cut within a letter is not.
fn cell(bytes: &[u8]) -> Cell<'_> {
    match std::str::from_utf8(bytes) {
        Ok("") | Err(_) => Cell::Empty,
        Ok(text) => Cell::Text(without_mark(text).into()),
    }
}
