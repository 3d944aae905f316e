//! Tables in workbooks: XLSX, XLS, XLSB and ODS. Every sheet with the headings of CRAs is read; the other sheets
//! describe the table.

use std::io::Cursor;
use std::ops::ControlFlow;

use calamine::{Data, ExcelDateTime, Range, Reader as _, Sheets, open_workbook_auto_from_rs};
use cra_domain::spreadsheet::without_mark;
use jiff::civil::Date;

use super::Rows;
use super::bounds::Bounds;
use super::cell::Cell;
use super::columns::{Columns, HEADING_ROWS_MAX};
use crate::kind::NotRead;

/// Name of a sheet that only this product's exports have. Their texts are as recorded.
const EXPORT_SHEET: &str = "Définitions";
/// Number of sheets that a message names.
const NAMES_SHOWN: usize = 10;

/// A workbook with at least one table of CRAs.
pub(crate) struct Workbook {
    sheets: Vec<Sheet>,
}

struct Sheet {
    /// Number of the table, from 1, if there are several.
    number: u32,
    name: String,
    range: Range<Data>,
    columns: Columns,
    /// Index of the row of headings in the range, from 0.
    headings: usize,
    is_export: bool,
}

impl Workbook {
    /// Opens a workbook. An error says in one line why it cannot be read, or what kind of file it is.
    pub(crate) fn open(bytes: Vec<u8>, bounds: Bounds) -> Result<Self, NotRead> {
        bounds.check(&bytes)?;
        let other = of_another_program(&bytes);
        let opened = open_workbook_auto_from_rs(Cursor::new(bytes));
        let mut workbook: Sheets<_> = opened.map_err(|error| {
            other.unwrap_or_else(|| {
                NotRead::unusable(
                    format!("it cannot be read as a workbook ({error}); is it protected by a password?"),
                    "Ce classeur ne peut pas être lu : est-il abîmé, ou protégé par un mot de passe ?",
                )
            })
        })?;
        let names = workbook.sheet_names();
        let is_export = names.iter().any(|name| name == EXPORT_SHEET);
        let mut sheets: Vec<Sheet> = Vec::new();
        let mut remaining = bounds;
        for name in &names {
            // A chart has no cells.
            let Some(range) = remaining.range(&mut workbook, name)? else { continue };
            if let Some((headings, columns)) = headings(&range) {
                let number = u32::try_from(sheets.len() + 1).unwrap_or(u32::MAX);
                let before =
                    range.start().map_or(0, |(_, column)| usize::try_from(column).unwrap_or_default());
                let (name, columns) = (name.clone(), columns.after(before));
                sheets.push(Sheet { number, name, range, columns, headings, is_export });
            }
        }
        if sheets.is_empty() {
            let names: Vec<_> = names.iter().take(NAMES_SHOWN).map(|name| format!("« {name} »")).collect();
            let names = names.join(", ");
            return Err(NotRead::unusable(
                format!(
                    "it is a workbook without a sheet of CRAs (its sheets: {names}); `cra template FILE.xlsx` writes one to \
                     fill in"
                ),
                format!(
                    "Aucune feuille de ce classeur n'a les colonnes d'un compte-rendu (feuilles : {names})."
                ),
            ));
        }
        Ok(Self { sheets })
    }

    /// The name of each sheet with a table.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.sheets.iter().map(|sheet| sheet.name.as_str())
    }

    /// The columns of each table.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Columns> {
        self.sheets.iter().map(|sheet| &sheet.columns)
    }

    /// Passes each row below the headings to `rows`.
    pub(super) fn read(&self, rows: &mut Rows<'_>) {
        let several = self.sheets.len() > 1;
        for sheet in &self.sheets {
            rows.begin(&sheet.columns, several.then_some(sheet.number));
            let first = sheet.range.start().map_or(0, |(row, _)| u64::from(row));
            for (index, row) in sheet.range.rows().enumerate().skip(sheet.headings + 1) {
                let cells: Vec<Cell<'_>> = row.iter().map(|cell| read(cell, sheet.is_export)).collect();
                if rows.give(first + index as u64 + 1, Ok(&cells)) == ControlFlow::Break(()) {
                    return;
                }
            }
        }
    }
}

/// Names the kind of an archive without a workbook, by the names of its files.
fn of_another_program(bytes: &[u8]) -> Option<NotRead> {
    let names = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
    if !bytes.starts_with(b"PK") || names(b"xl/") || names(b"content.xml") {
        return None;
    }
    Some(if names(b"word/") || names(b"ppt/") {
        NotRead::unusable(
            "it is a text document or a presentation: save the table as CSV or XLSX",
            "Ce fichier est un texte ou une présentation : enregistrez le tableau au format XLSX ou CSV.",
        )
    } else {
        NotRead::unusable(
            "it is a ZIP archive without a workbook: unpack it first",
            "Ce fichier est une archive ZIP sans classeur : décompressez-la d'abord.",
        )
    })
}

fn headings(range: &Range<Data>) -> Option<(usize, Columns)> {
    range.rows().take(HEADING_ROWS_MAX).enumerate().find_map(|(index, row)| {
        let texts: Vec<String> = row.iter().map(ToString::to_string).collect();
        Some((index, Columns::of(texts.iter().map(String::as_str))?))
    })
}

fn read(cell: &Data, is_export: bool) -> Cell<'_> {
    match cell {
        Data::Empty => Cell::Empty,
        Data::String(text) if is_export => Cell::Text(text.into()),
        Data::String(text) => Cell::Text(without_mark(text).into()),
        Data::Float(number) => Cell::Number(*number),
        #[allow(clippy::cast_precision_loss)] // no count of people comes near
        Data::Int(number) => Cell::Number(*number as f64),
        Data::Bool(value) => Cell::Text(if *value { "VRAI" } else { "FAUX" }.into()),
        Data::DateTime(moment) => day(*moment).map_or(Cell::Number(moment.as_f64()), Cell::Day),
        Data::DateTimeIso(text) => match text.get(..10).and_then(|day| day.parse::<Date>().ok()) {
            Some(day) => Cell::Day(day),
            None => Cell::Text(text.into()),
        },
        Data::DurationIso(text) => Cell::Text(text.into()),
        Data::Error(error) => Cell::Fault(error.to_string()),
    }
}

fn day(moment: ExcelDateTime) -> Option<Date> {
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}
