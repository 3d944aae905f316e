//! The figures per period: as a file with a row per period, and as a sheet with its chart.

use std::io::{self, Write};

use cra_contracts::v1::{self, Granularity};
use cra_domain::french;
use jiff::civil::Date;
use rust_xlsxwriter::{ChartType, Workbook};

use super::about::About;
use super::cell::{Column, Kind};
use super::csv::Csv;
use super::definitions_sheet;
use super::figures::{self, HEADLINE};
use super::xlsx::{self, Chart, ChartArea, Series};
use cra_domain::definitions::DEFINITIONS;

/// Maximum number of periods on one page with their chart.
const PERIODS_OF_A_PAGE: usize = 36;
/// Columns before the figures.
const NAMES: u16 = 3;
/// Size of the chart in pixels.
const CHART_WIDTH: u32 = 1_240;
const CHART_HEIGHT: u32 = 420;

/// The figures of one period, truncated to the selection.
pub struct PeriodFigures {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Figures of the period.
    pub statistics: v1::Statistics,
}

/// Name of a period, whole or truncated.
fn label(from: Date, granularity: Granularity) -> String {
    match granularity {
        Granularity::Unspecified | Granularity::Day => french::day(from),
        Granularity::Week => {
            let week = from.iso_week_date();
            format!("semaine {} de {}", week.week(), week.year())
        }
        Granularity::Month => french::month(from),
        Granularity::Quarter => format!("T{} {}", (from.month() + 2) / 3, from.year()),
        Granularity::Year => from.year().to_string(),
    }
}

fn columns(granularity: Granularity) -> Vec<Column<PeriodFigures>> {
    let mut columns = vec![
        Column::required("periode", Kind::Text, move |period: &PeriodFigures| {
            label(period.from, granularity).into()
        })
        .headed("Période")
        .wide(22),
        Column::required("debut", Kind::Day, |period: &PeriodFigures| period.from.into()).headed("Du"),
        Column::required("fin", Kind::Day, |period: &PeriodFigures| period.to.into()).headed("Au"),
    ];
    columns.extend(figures::headline(|period: &PeriodFigures| &period.statistics));
    columns
}

/// Writes the file: a row per period with every figure.
pub fn series_csv(periods: &[PeriodFigures], granularity: Granularity, output: impl Write) -> io::Result<()> {
    let mut columns = columns(granularity);
    columns.extend(figures::breakdowns(|period: &PeriodFigures| &period.statistics));
    let mut csv = Csv::begin(output, columns)?;
    for period in periods {
        csv.row(period)?;
    }
    csv.finish()
}

/// Writes the workbook: the periods with their chart, and the description of the file.
pub fn series_workbook(
    periods: &[PeriodFigures],
    granularity: Granularity,
    about: &About,
    output: impl Write + Send,
) -> io::Result<()> {
    let mut workbook = Workbook::new();
    add_periods(&mut workbook, "Série", periods, granularity, &OF_A_SERIES)?;
    definitions_sheet::add(about, &mut workbook, DEFINITIONS)?;
    xlsx::save(workbook, about, output)
}

/// Content of a chart of the periods.
struct Drawing {
    title: &'static str,
    /// Figures of the headline, by index.
    figures: [u16; 2],
    kind: ChartType,
}

const OF_MONTHS: Drawing =
    Drawing { title: "Comptes-rendus et accompagnements par mois", figures: [0, 1], kind: ChartType::Column };
const OF_A_SERIES: Drawing = Drawing {
    title: "Accompagnements et personnes accompagnées par période",
    figures: [1, 2],
    kind: ChartType::Line,
};

impl Drawing {
    fn chart(&self, sheet: &'static str, periods: usize) -> Chart<'static> {
        let values = self
            .figures
            .iter()
            .map(|figure| Series { column: NAMES + figure, name: HEADLINE[usize::from(*figure)].2 });
        let Self { title, kind, .. } = *self;
        // Columns would be too thin.
        let kind = if periods > PERIODS_OF_A_PAGE { ChartType::Line } else { kind };
        Chart { sheet, title, names: 0, values: values.collect(), rows: periods, kind }
    }
}

/// Sheet of the months.
pub(super) const MONTHS: &str = "Mois";

/// The chart of the months in the sheet of that name.
pub(super) fn months_chart(sheet: &'static str, months: usize) -> Chart<'static> {
    OF_MONTHS.chart(sheet, months)
}

pub(super) fn add_months(
    workbook: &mut Workbook,
    name: &'static str,
    months: &[PeriodFigures],
) -> io::Result<()> {
    add_periods(workbook, name, months, Granularity::Month, &OF_MONTHS)
}

/// Adds the sheet of periods: the chart is below on the same page, or to the right of a table that is longer than a
/// page.
fn add_periods(
    workbook: &mut Workbook,
    name: &'static str,
    periods: &[PeriodFigures],
    granularity: Granularity,
    drawing: &Drawing,
) -> io::Result<()> {
    let columns = columns(granularity);
    let width = u16::try_from(columns.len()).unwrap_or_default();
    // More columns would be too small to read.
    let last_printed = NAMES + u16::try_from(HEADLINE.len()).unwrap_or_default() - 1;
    let sheet = xlsx::add_report_table(workbook, name, &columns, periods)?;
    let rows = u32::try_from(periods.len()).unwrap_or(u32::MAX);
    let chart = drawing.chart(name, periods.len());
    let size = |row, column| ChartArea { row, column, width: CHART_WIDTH, height: CHART_HEIGHT };
    if periods.len() <= PERIODS_OF_A_PAGE {
        let area = size(rows + 2, 0);
        xlsx::draw(sheet, &chart, &area)?;
        xlsx::print_on_one_page(sheet, area.last_row(), last_printed)
    } else {
        xlsx::draw(sheet, &chart, &size(1, width + 1))?;
        xlsx::print_over_pages(sheet, rows, last_printed)
    }
}
