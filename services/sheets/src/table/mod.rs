//! CRAs in tables: CSV as spreadsheets and exports write it (`csv`), and workbooks (`workbook`). [`columns`] recognises
//! the headings, [`row`] makes CRAs of rows. Only the form of cells is checked.

pub(crate) mod bounds;
mod cell;
pub mod columns;
pub(crate) mod csv;
mod fault;
pub mod row;
pub(crate) mod workbook;

use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use self::cell::Cell;
use self::columns::Columns;
use self::csv::Dialect;
pub use self::fault::CellFault;
use self::row::{Row, RowFault, WholeFault};
use self::workbook::Workbook;
use super::Location;

/// Columns of the table that is being read, to report what is wrong with a row.
#[derive(Clone, Debug, Default)]
pub struct Headings(Arc<Mutex<Option<Columns>>>);

impl Headings {
    fn set(&self, columns: &Columns) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(columns.clone());
    }

    /// The headings of the columns that a path concerns; empty if no table is read.
    pub fn of_violation(&self, path: &str) -> Vec<String> {
        let columns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        columns.as_ref().map_or_else(Vec::new, |columns| {
            columns.headings_of_violation(path).into_iter().map(str::to_owned).collect()
        })
    }
}

/// A table to read.
pub struct Table(Source);

enum Source {
    Csv(Box<dyn BufRead + Send>, Dialect),
    Workbook(Workbook),
}

impl Table {
    pub(crate) fn csv(text: Box<dyn BufRead + Send>, dialect: Dialect) -> Self {
        Self(Source::Csv(text, dialect))
    }

    pub(crate) fn workbook(workbook: Workbook) -> Self {
        Self(Source::Workbook(workbook))
    }

    /// The name of each sheet with a table, as written in the file; empty for a text.
    #[must_use]
    pub fn sheets(&self) -> Vec<&str> {
        match &self.0 {
            Source::Csv(..) => Vec::new(),
            Source::Workbook(workbook) => workbook.names().collect(),
        }
    }

    /// The columns of each table in the file.
    #[must_use]
    pub fn columns(&self) -> Vec<&Columns> {
        match &self.0 {
            Source::Csv(_, dialect) => vec![&dialect.columns],
            Source::Workbook(workbook) => workbook.columns().collect(),
        }
    }

    /// Passes each row that is not empty to `each`, until it breaks.
    pub fn read(self, headings: &Headings, each: &mut Each<'_>) -> io::Result<()> {
        let mut rows = Rows { columns: Columns::default(), sheet: None, headings, each };
        match self.0 {
            Source::Csv(text, dialect) => {
                rows.begin(&dialect.columns, None);
                csv::read(text, &dialect, &mut rows)
            }
            Source::Workbook(workbook) => {
                workbook.read(&mut rows);
                Ok(())
            }
        }
    }
}

/// Receives a row, or the reason why it cannot be read.
pub type Each<'a> = dyn FnMut(Location, Result<Row, RowFault>) -> ControlFlow<()> + 'a;

/// Passes the rows of a table on, with their location.
struct Rows<'a> {
    columns: Columns,
    sheet: Option<u32>,
    headings: &'a Headings,
    each: &'a mut Each<'a>,
}

impl Rows<'_> {
    fn begin(&mut self, columns: &Columns, sheet: Option<u32>) {
        self.columns.clone_from(columns);
        self.sheet = sheet;
        self.headings.set(columns);
    }

    fn give(&mut self, number: u64, cells: Result<&[Cell<'_>], WholeFault>) -> ControlFlow<()> {
        let location = Location::Row { sheet: self.sheet, number };
        match cells {
            Ok(cells) if cells.iter().all(Cell::is_empty) => ControlFlow::Continue(()),
            Ok(cells) => (self.each)(location, row::read(&self.columns, cells)),
            Err(fault) => (self.each)(location, Err(RowFault::Whole(fault))),
        }
    }
}
