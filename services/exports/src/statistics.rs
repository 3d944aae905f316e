//! Every figure of one selection: as one long table (CSV), and as a workbook, which is a report: a summary sheet, a
//! sheet and a chart per section, the months, and the definitions.

use std::io::{self, Write};

use cra_contracts::v1;
use rust_xlsxwriter::Workbook;

use super::about::{About, Entry};
use super::cell::{Cell, Column, Kind};
use super::csv::Csv;
use super::definitions_sheet;
use super::figures::HEADLINE;
use super::periods::{MONTHS, PeriodFigures, add_months};
use super::summary;
use super::xlsx::{self, CHART_ROWS_MAX, Chart, ChartArea};
use cra_domain::definitions::{DEFINITIONS, RUBRICS};

/// Section of the lines that describe the file.
const SELECTION: &str = "selection";
/// Size of a section's chart and of a bar, in pixels.
const CHART_WIDTH: u32 = 620;
const CHART_HEIGHT_MIN: u32 = 340;
const BAR_HEIGHT: u32 = 36;
/// Number of columns of default width that a chart covers.
const CHART_COLUMNS: u16 = 10;
/// Number of rows of a section that print on one page with the chart.
const ROWS_OF_A_PAGE: usize = 40;

struct Line {
    section: &'static str,
    code: String,
    label: String,
    value: Option<u64>,
    per_mille: Option<u32>,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        let Entry { code, label, text, number } = entry;
        let label = if text.is_empty() { label.to_owned() } else { format!("{label} : {text}") };
        Self { section: SELECTION, code, label, value: number, per_mille: None }
    }
}

struct Section {
    title: &'static str,
    /// Unit of its values.
    unit: &'static str,
    lines: Vec<Line>,
    /// Number of lines in the chart, from the first; 0 for no chart.
    drawn: usize,
}

/// Writes the table: the description first, then every figure.
pub fn statistics_csv(statistics: &v1::Statistics, about: &About, output: impl Write) -> io::Result<()> {
    let columns = vec![
        Column::required("section", Kind::Text, |line: &Line| line.section.into()),
        code(),
        label(),
        value(),
        part(),
    ];
    let mut csv = Csv::begin(output, columns)?;
    for entry in about.entries() {
        csv.row(&entry.into())?;
    }
    for line in sections(statistics).iter().flat_map(|section| &section.lines) {
        csv.row(line)?;
    }
    csv.finish()
}

/// Writes the workbook. `months` are in order, including empty ones if the selection has two days.
pub fn statistics_workbook(
    statistics: &v1::Statistics,
    months: &[PeriodFigures],
    about: &About,
    output: impl Write + Send,
) -> io::Result<()> {
    let mut workbook = Workbook::new();
    let sections = sections(statistics);
    let drawn = |title| sections.iter().find(|section| section.title == title).map_or(0, |it| it.drawn);
    summary::add_to(&mut workbook, statistics, about, months.len(), &drawn)?;
    for section in &sections {
        add_section(&mut workbook, section)?;
    }
    add_months(&mut workbook, MONTHS, months)?;
    definitions_sheet::add(about, &mut workbook, DEFINITIONS)?;
    xlsx::save(workbook, about, output)
}

fn add_section(workbook: &mut Workbook, section: &Section) -> io::Result<()> {
    let mut columns = vec![label().headed("Libellé").wide(44), value().headed(section.unit).wide(14)];
    if section.lines.iter().any(|line| line.per_mille.is_some()) {
        columns.push(part().headed("Part").wide(9));
    }
    columns.push(code().headed("Code").wide(36).code());
    // An empty column separates the table from the chart.
    let chart_column = u16::try_from(columns.len() + 1).unwrap_or_default();
    let sheet = xlsx::add_report_table(workbook, section.title, &columns, &section.lines)?;
    let rows = section.lines.len();
    let last_row = u32::try_from(rows).unwrap_or(u32::MAX);
    let bars = BAR_HEIGHT * u32::try_from(section.drawn).unwrap_or_default();
    let height = CHART_HEIGHT_MIN.max(80 + bars);
    let area = ChartArea { row: 1, column: chart_column, width: CHART_WIDTH, height };
    xlsx::draw(sheet, &Chart::bars(section.title, section.title, section.unit, section.drawn), &area)?;
    let (last_row, last_column) = match section.drawn {
        0 => (last_row, chart_column - 2),
        _ => (last_row.max(area.last_row()), chart_column + CHART_COLUMNS),
    };
    if rows <= ROWS_OF_A_PAGE {
        xlsx::print_on_one_page(sheet, last_row, last_column)
    } else {
        xlsx::print_over_pages(sheet, last_row, last_column)
    }
}

fn code() -> Column<Line> {
    Column::required("code", Kind::Text, |line: &Line| line.code.as_str().into())
}

fn label() -> Column<Line> {
    Column::required("libelle", Kind::Text, |line: &Line| line.label.as_str().into())
}

fn value() -> Column<Line> {
    Column::optional("valeur", Kind::Integer, |line: &Line| line.value.into())
}

fn part() -> Column<Line> {
    Column::optional("part", Kind::Share, |line: &Line| line.per_mille.map_or(Cell::Absent, Cell::Share))
}

fn sections(statistics: &v1::Statistics) -> Vec<Section> {
    vec![
        headline(statistics),
        follow_up(statistics),
        counts("channels", "CRA", &statistics.channels),
        counts("activities", "CRA", &statistics.activities),
        counts("themes", "CRA", &statistics.themes),
        counts("sub_themes", "CRA", &statistics.sub_themes),
        counts("durations", "CRA", &statistics.durations),
        counts("ages", "Participants", &statistics.ages),
        counts("statuses", "Participants", &statistics.statuses),
        counts("redirections", "Personnes", &statistics.redirections),
        time("time_spent", statistics, |time| (time.estimated_minutes, Some(time.share_per_mille))),
        time("time_spent_minimum", statistics, |time| (time.minimum_minutes, None)),
        time("time_spent_maximum", statistics, |time| (time.maximum_minutes, None)),
        entry_delay(statistics),
    ]
}

fn section(name: &'static str, unit: &'static str, lines: Vec<Line>, drawn: usize) -> Section {
    let title = RUBRICS.iter().find(|(section, _)| *section == name).map_or(name, |(_, title)| title);
    Section { title, unit, lines, drawn }
}

fn line(section: &'static str, code: &str, label: &str, value: impl Into<Option<u64>>) -> Line {
    let (code, label) = (code.to_owned(), label.to_owned());
    Line { section, code, label, value: value.into(), per_mille: None }
}

fn headline(statistics: &v1::Statistics) -> Section {
    let lines =
        HEADLINE.iter().map(|(_, code, label, value)| line("headline", code, label, value(statistics)));
    section("headline", "Nombre", lines.collect(), 0)
}

fn follow_up(statistics: &v1::Statistics) -> Section {
    const SECTION: &str = "follow_up";
    let follow_up = statistics.follow_up.unwrap_or_default();
    let rate = line(SECTION, "rate", "Part des accompagnements avec une suite", None);
    let lines = vec![
        line(SECTION, "individual", "Accompagnement individuel", follow_up.individual),
        line(SECTION, "workshop", "Atelier", follow_up.workshop),
        line(SECTION, "redirected", "Redirection", follow_up.redirected),
        line(SECTION, "total", "Total", follow_up.total),
        Line { per_mille: Some(follow_up.rate_per_mille), ..rate },
    ];
    // Neither the total nor the rate.
    section(SECTION, "Personnes", lines, 3)
}

fn counts(name: &'static str, unit: &'static str, counts: &[v1::Count]) -> Section {
    let lines = counts.iter().map(|count| Line {
        per_mille: Some(count.share_per_mille),
        ..line(name, &count.name, &count.label, count.count)
    });
    section(name, unit, lines.collect(), counts.len().min(CHART_ROWS_MAX))
}

fn time(
    name: &'static str,
    statistics: &v1::Statistics,
    minutes: fn(&v1::TimeSpent) -> (u64, Option<u32>),
) -> Section {
    let lines = statistics.time_spent.iter().map(|time| {
        let (minutes, per_mille) = minutes(time);
        Line { per_mille, ..line(name, &time.name, &time.label, minutes) }
    });
    // The last line is the total.
    section(name, "Minutes", lines.collect(), statistics.time_spent.len().saturating_sub(1))
}

fn entry_delay(statistics: &v1::Statistics) -> Section {
    const SECTION: &str = "entry_delay";
    let delay = statistics.entry_delay.unwrap_or_default();
    let lines = vec![
        line(SECTION, "median_days", "Délai médian en jours", u64::from(delay.median_days)),
        line(SECTION, "p90_days", "Délai de 9 CRA sur 10 en jours", u64::from(delay.p90_days)),
        line(SECTION, "same_day", "CRA saisis le jour même", delay.same_day),
    ];
    section(SECTION, "Nombre", lines, 0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use cra_analytics::dictionary::Dictionary;
    use cra_analytics::totals::Totals;

    #[test]
    fn every_figure_has_one_section_a_sheet_and_a_meaning() {
        let statistics = cra_analytics::figures::statistics(&Totals::default(), &Dictionary::default());
        let sections = sections(&statistics);
        let mut seen = HashSet::new();
        for line in sections.iter().flat_map(|section| &section.lines) {
            assert!(seen.insert((line.section, line.code.as_str())), "{} {}", line.section, line.code);
            let defined = DEFINITIONS.iter().any(|definition| {
                definition.section == line.section
                    && (definition.code.is_empty()
                        || definition.code == line.code && definition.label == line.label)
            });
            assert!(defined, "{} {} {}", line.section, line.code, line.label);
        }
        let titles: Vec<_> = sections.iter().map(|section| section.title).collect();
        assert_eq!(titles, RUBRICS.map(|(_, title)| title));
    }
}
