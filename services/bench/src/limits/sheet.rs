//! A workbook by `rust_xlsxwriter` alone, with the cells of some rows of an exported file again and again. No workbook of
//! the product can be written faster.

use std::fs;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

/// Rows that are repeated: few in memory compared with the workbook.
const ROWS: usize = 10_000;
/// Columns of the file that are numbers, by the beginnings of their names.
const NUMBERS: [&str; 7] =
    ["participants", "age_", "statut_", "duree_minutes", "suite_", "revision", "version_formulaire"];
const DAYS: [&str; 1] = ["date"];
const INSTANTS: [&str; 3] = ["enregistre_le", "corrige_le", "oublie_le"];

/// A cell as a workbook has it.
enum Cell {
    Absent,
    Text(String),
    Number(f64),
    Day(ExcelDateTime),
    Instant(ExcelDateTime),
}

/// How long a workbook of so many rows takes, with cells from a CSV file of the product, written next to it.
pub(crate) fn sheet_limit(csv: &Path, rows: u32) -> anyhow::Result<Duration> {
    let (names, sample) = sample(csv)?;
    let folder = csv.parent().context("the file has no folder")?;
    let target = folder.join("alone.xlsx");
    let begun = Instant::now();
    let mut workbook = Workbook::new();
    workbook.set_tempdir(folder)?;
    let integer = Format::new().set_num_format("#,##0");
    let day = Format::new().set_num_format("dd/mm/yyyy");
    let instant = Format::new().set_num_format("dd/mm/yyyy hh:mm:ss.000 \"UTC\"");
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    for (column, name) in (0..).zip(&names) {
        sheet.write_string(0, column, name)?;
    }
    for (row, cells) in (1..=rows).zip(sample.iter().cycle()) {
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Absent => continue,
                Cell::Text(text) => sheet.write_string(row, column, text)?,
                Cell::Number(number) => sheet.write_number_with_format(row, column, *number, &integer)?,
                Cell::Day(at) => sheet.write_datetime_with_format(row, column, at, &day)?,
                Cell::Instant(at) => sheet.write_datetime_with_format(row, column, at, &instant)?,
            };
        }
    }
    workbook.save(&target)?;
    let taken = begun.elapsed();
    fs::remove_file(target)?;
    Ok(taken)
}

/// The names of the columns, and the first rows.
fn sample(csv: &Path) -> anyhow::Result<(Vec<String>, Vec<Vec<Cell>>)> {
    let mut file = BufReader::new(fs::File::open(csv)?);
    // The byte order mark.
    file.read_exact(&mut [0; 3])?;
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(file);
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records().take(ROWS) {
        let record = record?;
        let cells = names.iter().zip(&record).map(|(name, text)| cell(name, text));
        rows.push(cells.collect::<anyhow::Result<Vec<_>>>()?);
    }
    anyhow::ensure!(!rows.is_empty(), "{} has no rows", csv.display());
    Ok((names, rows))
}

fn cell(name: &str, text: &str) -> anyhow::Result<Cell> {
    if text.is_empty() {
        return Ok(Cell::Absent);
    }
    Ok(if NUMBERS.iter().any(|number| name.starts_with(number)) {
        Cell::Number(text.parse()?)
    } else if DAYS.contains(&name) {
        Cell::Day(ExcelDateTime::parse_from_str(text)?)
    } else if INSTANTS.contains(&name) {
        // Milliseconds are what the format holds.
        let seconds = text.get(..19).with_context(|| format!("{name} is {text}"))?;
        Cell::Instant(ExcelDateTime::parse_from_str(seconds)?)
    } else {
        Cell::Text(text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_workbook_of_repeated_rows_is_written_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cras.csv");
        let content = "\u{feff}date;participants;enregistre_le;themes\r\n2026-01-02;3;2026-01-02T10:00:00.5Z;\"a;b\"\r\n";
        fs::File::create(&file).unwrap().write_all(content.as_bytes()).unwrap();
        let (names, rows) = sample(&file).unwrap();
        assert_eq!(names, ["date", "participants", "enregistre_le", "themes"]);
        assert!(matches!(
            &rows[0][..],
            [Cell::Day(_), Cell::Number(3.0), Cell::Instant(_), Cell::Text(text)] if text == "a;b"
        ));
        assert!(sheet_limit(&file, 50).unwrap() > Duration::ZERO);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
