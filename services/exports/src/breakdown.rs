//! The table of a breakdown: a row per territory, structure, advisor, month, …, with a column per figure.

use std::io::{self, Write};
use std::path::Path;

use cra_contracts::v1;
use cra_domain::cra::{DecodeError, parse_day};
use cra_domain::event::timestamp;
use jiff::civil::Date;
use jiff::{Timestamp, Unit};
use rust_xlsxwriter::ChartType;

use super::about::About;
use super::cell::{Column, Kind};
use super::definitions_sheet;
use super::figures::{self, HEADLINE};
use super::xlsx::{self, CHART_ROWS_MAX, Chart, ChartArea, Series, Table};
use cra_domain::definitions::DEFINITIONS;

/// Maximum number of organisations in one row, most people first.
const REDIRECTIONS_MAX: usize = 20;

/// Columns that are printed: code, label and the headline; more would be too small to read.
const PRINTED_COLUMNS: usize = 2 + HEADLINE.len();

/// One row.
pub struct BreakdownLine {
    code: String,
    label: String,
    statistics: v1::Statistics,
    last_day: Option<Date>,
    last_recorded_at: Option<Timestamp>,
}

impl TryFrom<v1::BreakdownRow> for BreakdownLine {
    type Error = DecodeError;

    fn try_from(row: v1::BreakdownRow) -> Result<Self, DecodeError> {
        let last_recorded_at = row.last_recorded_at.as_ref().map(|at| {
            let instant = timestamp("last_recorded_at", Some(at))?;
            instant.round(Unit::Microsecond).map_err(|error| DecodeError::new("last_recorded_at", error))
        });
        Ok(Self {
            last_day: parse_day(&row.last_date),
            last_recorded_at: last_recorded_at.transpose()?,
            statistics: row.statistics.unwrap_or_default(),
            code: row.code,
            label: row.label,
        })
    }
}

impl BreakdownLine {
    fn redirections(&self) -> Option<String> {
        let named = self.statistics.redirections.iter().take(REDIRECTIONS_MAX);
        let named: Vec<String> = named.map(|count| format!("{}: {}", count.label, count.count)).collect();
        (!named.is_empty()).then(|| named.join(" | "))
    }
}

/// The columns, in the order of the file.
#[must_use]
pub fn columns() -> Vec<Column<BreakdownLine>> {
    let mut columns = vec![
        Column::required("code", Kind::Text, |row: &BreakdownLine| row.code.as_str().into()),
        Column::required("libelle", Kind::Text, |row: &BreakdownLine| row.label.as_str().into()),
    ];
    columns.extend(figures::headline(|row: &BreakdownLine| &row.statistics));
    columns.extend(figures::breakdowns(|row: &BreakdownLine| &row.statistics));
    columns.extend([
        Column::optional("redirections_principales", Kind::Text, |row: &BreakdownLine| {
            row.redirections().into()
        }),
        Column::optional("derniere_activite", Kind::Day, |row: &BreakdownLine| row.last_day.into()),
        Column::optional("dernier_enregistrement", Kind::Instant, |row: &BreakdownLine| {
            row.last_recorded_at.into()
        }),
    ]);
    columns
}

struct Bar {
    label: String,
    cras: u64,
}

/// The workbook of a breakdown: a chart of its first rows, the table, and the description of the file.
pub struct BreakdownWorkbook {
    table: Table<BreakdownLine>,
    bars: Vec<Bar>,
}

impl BreakdownWorkbook {
    /// Starts the workbook. Rows are buffered in an unnamed file in `folder`.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            table: Table::begin("Répartition", columns(), PRINTED_COLUMNS, folder)?, bars: Vec::new()
        })
    }

    /// Adds a row.
    pub fn row(&mut self, row: &BreakdownLine) -> io::Result<()> {
        if self.bars.len() < CHART_ROWS_MAX {
            self.bars.push(Bar { label: row.label.clone(), cras: row.statistics.cras });
        }
        self.table.row(row)
    }

    /// Writes the file.
    pub fn finish(self, about: &About, output: impl Write + Send) -> io::Result<()> {
        const CHART: &str = "Graphique";
        const CRAS: &str = "CRA enregistrés";
        let mut workbook = self.table.finish()?;
        let columns = [
            Column::required("libelle", Kind::Text, |bar: &Bar| bar.label.as_str().into())
                .headed("Libellé")
                .wide(44),
            Column::required("cras", Kind::Integer, |bar: &Bar| bar.cras.into()).headed(CRAS).wide(14),
        ];
        let sheet = xlsx::add_report_table(&mut workbook, CHART, &columns, &self.bars)?;
        let title = about.title();
        let chart = Chart {
            sheet: CHART,
            title: &title,
            names: 0,
            values: vec![Series { column: 1, name: CRAS }],
            rows: self.bars.len(),
            kind: ChartType::Bar,
        };
        let bars = u32::try_from(self.bars.len().max(8)).unwrap_or_default();
        let area = ChartArea { row: 1, column: 3, width: 760, height: 80 + 24 * bars };
        xlsx::draw(sheet, &chart, &area)?;
        // The chart covers twelve columns of default width.
        xlsx::print_on_one_page(sheet, area.last_row(), 3 + 12)?;
        definitions_sheet::add(about, &mut workbook, DEFINITIONS)?;
        xlsx::save(workbook, about, output)
    }
}
