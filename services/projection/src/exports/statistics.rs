//! Every figure of one selection: as one long table (CSV), and as a workbook with a sheet and a chart per section, the
//! months, and what the figures mean.

use std::io::{self, Write};

use cra_contracts::v1;
use cra_domain::french;
use jiff::civil::Date;
use rust_xlsxwriter::{ChartType, Workbook};

use super::about::About;
use super::cell::{Cell, Column, Kind};
use super::csv::Csv;
use super::definitions::DEFINITIONS;
use super::figures::{self, HEADLINE};
use super::xlsx::{self, CHART_ROWS_MAX, Drawn};

/// One figure.
struct Line {
    section: &'static str,
    code: String,
    label: String,
    value: Option<u64>,
    per_mille: Option<u32>,
}

/// Figures that belong together.
struct Section {
    title: &'static str,
    lines: Vec<Line>,
    /// How many of the lines a chart shows, from the first; 0 for no chart.
    drawn: usize,
}

/// One month of the selection, cut to it.
pub struct Month {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Its figures.
    pub statistics: v1::Statistics,
}

/// Writes the table.
pub fn statistics_csv(statistics: &v1::Statistics, output: impl Write) -> io::Result<()> {
    let mut columns = vec![Column::required("section", Kind::Text, |line: &Line| line.section.into())];
    columns.extend(columns_of_a_section());
    let mut csv = Csv::begin(output, columns)?;
    for line in sections(statistics).iter().flat_map(|section| &section.lines) {
        csv.row(line)?;
    }
    csv.finish()
}

/// Writes the workbook. `months` come in order, empty ones included where the selection has two days.
pub fn statistics_workbook(
    statistics: &v1::Statistics,
    months: &[Month],
    about: &About,
    output: impl Write + Send,
) -> io::Result<()> {
    let mut workbook = Workbook::new();
    for section in sections(statistics) {
        let sheet =
            xlsx::add_short_table(&mut workbook, section.title, &columns_of_a_section(), &section.lines)?;
        let drawn = Drawn {
            sheet: section.title,
            title: section.title,
            names: 1,
            values: &[(2, section.title)],
            rows: section.drawn,
        };
        xlsx::draw(sheet, 5, &drawn, ChartType::Bar)?;
    }
    add_months(&mut workbook, months)?;
    about.add_to(&mut workbook, DEFINITIONS)?;
    xlsx::save(workbook, about, output)
}

fn columns_of_a_section() -> Vec<Column<Line>> {
    vec![
        Column::required("code", Kind::Text, |line: &Line| line.code.as_str().into()),
        Column::required("libelle", Kind::Text, |line: &Line| line.label.as_str().into()),
        Column::optional("valeur", Kind::Integer, |line: &Line| line.value.into()),
        Column::optional("part", Kind::Share, |line: &Line| line.per_mille.map_or(Cell::Absent, Cell::Share)),
    ]
}

fn add_months(workbook: &mut Workbook, months: &[Month]) -> io::Result<()> {
    const TITLE: &str = "Mois";
    let mut columns = vec![
        Column::required("mois", Kind::Text, |month: &Month| french::month(month.from).into()),
        Column::required("debut", Kind::Day, |month: &Month| month.from.into()),
        Column::required("fin", Kind::Day, |month: &Month| month.to.into()),
    ];
    let before = u16::try_from(columns.len()).unwrap_or_default();
    columns.extend(figures::headline(|month: &Month| &month.statistics));
    let right = u16::try_from(columns.len()).unwrap_or_default() + 1;
    let sheet = xlsx::add_short_table(workbook, TITLE, &columns, months)?;
    let drawn = Drawn {
        sheet: TITLE,
        title: "Comptes-rendus et accompagnements par mois",
        names: 0,
        // The first two figures of the headline.
        values: &[(before, HEADLINE[0].2), (before + 1, HEADLINE[1].2)],
        rows: months.len(),
    };
    xlsx::draw(sheet, right, &drawn, ChartType::Column)
}

fn sections(statistics: &v1::Statistics) -> Vec<Section> {
    vec![
        headline(statistics),
        follow_up(statistics),
        counts("channels", "Canaux", &statistics.channels),
        counts("activities", "Activités", &statistics.activities),
        counts("themes", "Thématiques", &statistics.themes),
        counts("sub_themes", "Sous-thématiques", &statistics.sub_themes),
        counts("durations", "Durées", &statistics.durations),
        counts("ages", "Âges", &statistics.ages),
        counts("statuses", "Statuts", &statistics.statuses),
        counts("redirections", "Redirections", &statistics.redirections),
        time("time_spent", "Temps passé", statistics, |time| {
            (time.estimated_minutes, Some(time.share_per_mille))
        }),
        time("time_spent_minimum", "Temps minimum", statistics, |time| (time.minimum_minutes, None)),
        time("time_spent_maximum", "Temps maximum", statistics, |time| (time.maximum_minutes, None)),
        entry_delay(statistics),
    ]
}

fn line(section: &'static str, code: &str, label: &str, value: impl Into<Option<u64>>) -> Line {
    let (code, label) = (code.to_owned(), label.to_owned());
    Line { section, code, label, value: value.into(), per_mille: None }
}

fn headline(statistics: &v1::Statistics) -> Section {
    let lines =
        HEADLINE.iter().map(|(_, code, label, value)| line("headline", code, label, value(statistics)));
    Section { title: "Chiffres clés", lines: lines.collect(), drawn: 0 }
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
    // Not the total, nor the rate.
    Section { title: "Suites envisagées", lines, drawn: 3 }
}

fn counts(section: &'static str, title: &'static str, counts: &[v1::Count]) -> Section {
    let lines = counts.iter().map(|count| Line {
        per_mille: Some(count.share_per_mille),
        ..line(section, &count.name, &count.label, count.count)
    });
    Section { title, lines: lines.collect(), drawn: counts.len().min(CHART_ROWS_MAX) }
}

fn time(
    section: &'static str,
    title: &'static str,
    statistics: &v1::Statistics,
    minutes: fn(&v1::TimeSpent) -> (u64, Option<u32>),
) -> Section {
    let lines = statistics.time_spent.iter().map(|time| {
        let (minutes, per_mille) = minutes(time);
        Line { per_mille, ..line(section, &time.name, &time.label, minutes) }
    });
    // The last line is the total.
    Section { title, lines: lines.collect(), drawn: statistics.time_spent.len().saturating_sub(1) }
}

fn entry_delay(statistics: &v1::Statistics) -> Section {
    const SECTION: &str = "entry_delay";
    let delay = statistics.entry_delay.unwrap_or_default();
    let lines = vec![
        line(SECTION, "median_days", "Délai médian en jours", u64::from(delay.median_days)),
        line(SECTION, "p90_days", "Délai de 9 CRA sur 10 en jours", u64::from(delay.p90_days)),
        line(SECTION, "same_day", "CRA saisis le jour même", delay.same_day),
    ];
    Section { title: "Délai de saisie", lines, drawn: 0 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::views::dictionary::Dictionary;
    use crate::views::tally::Tally;

    #[test]
    fn every_figure_has_one_place_and_a_meaning() {
        let statistics = crate::views::figures::statistics(&Tally::default(), &Dictionary::default());
        let sections = sections(&statistics);
        let mut places = HashSet::new();
        for line in sections.iter().flat_map(|section| &section.lines) {
            assert!(places.insert((line.section, line.code.as_str())), "{} {}", line.section, line.code);
            let defined = DEFINITIONS.iter().any(|definition| {
                definition.section == line.section
                    && (definition.code.is_empty()
                        || definition.code == line.code && definition.label == line.label)
            });
            assert!(defined, "{} {} {}", line.section, line.code, line.label);
        }
    }
}
