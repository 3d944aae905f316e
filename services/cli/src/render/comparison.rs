//! The pages of `cra stats --compare` and `cra series --compare`: each figure of both periods and their difference.

use cra_contracts::v1::{self, Granularity};

use super::frame::{snapshot, title};
use super::rows::left_out;
use super::series::period;
use super::table::{Column, Kind, Layout};
use super::text::{Tone, counted, day, minutes, printable, share, thousands, toned, wrapped};
use crate::comparison::{Comparand, Comparison, Difference, Figure, Unit, figures, pairs};
use crate::style::Style;

const ABOUT: &str = "Comptes-rendus d'activité";
const LABEL_COLUMNS_MIN: usize = 24;
const REDIRECTIONS: &str = "redirections";
const REDIRECTIONS_MAX: usize = 15;
/// Replaces a missing figure.
const NOTHING: &str = "–";

const SECTIONS: [(&str, &str, &str); 11] = [
    ("channels", "Canaux", "CRA"),
    ("activities", "Types d'activité", "CRA"),
    ("themes", "Thématiques", "CRA ; un CRA compte dans chacune"),
    ("sub_themes", "Sous-thématiques", "CRA"),
    ("durations", "Durées", "CRA"),
    ("ages", "Tranches d'âge", "accompagnements"),
    ("statuses", "Statuts", "accompagnements"),
    ("follow_up", "Suites envisagées", "personnes"),
    (REDIRECTIONS, "Redirections", "personnes"),
    ("time_spent", "Temps passé", ""),
    ("entry_delay", "Délai de saisie", ""),
];

/// Every figure of both periods.
pub(crate) fn statistics(
    selection: &v1::Selection,
    comparison: &Comparison,
    [current, other]: [&v1::GetStatisticsResponse; 2],
    style: Style,
) -> String {
    let both = [current, other].map(|answer| answer.statistics.as_ref());
    let figures = figures(both);
    let columns = [
        Column::new("", Kind::Text(LABEL_COLUMNS_MIN), 0),
        Column::new("Période", Kind::Number, 0),
        Column::new(heading(comparison.with), Kind::Number, 0),
        Column::new("Écart", Kind::Number, 0),
        Column::new("En %", Kind::Number, 0),
    ];
    let rows: Vec<_> = figures.iter().map(cells).collect();
    let layout = Layout::of(columns, &rows, style);
    let mut text = head(selection, comparison, style) + &layout.head();
    let (mut section, mut lines) = ("", 0);
    for (figure, row) in figures.iter().zip(&rows) {
        if figure.section != section {
            (section, lines) = (figure.section, 0);
            text += &section_title(section, style);
        }
        lines += 1;
        if section != REDIRECTIONS || lines <= REDIRECTIONS_MAX {
            text += &layout.row(row);
        }
    }
    let redirections = figures.iter().filter(|figure| figure.section == REDIRECTIONS).count();
    if redirections > REDIRECTIONS_MAX {
        let more =
            counted((redirections - REDIRECTIONS_MAX) as u64, "autre redirection", "autres redirections");
        text += &format!("\n{}\n", toned(style, Tone::Quiet, &format!("et {more} : --json")));
    }
    let rounded_to = both.iter().flatten().map(|it| it.rounded_to).max().unwrap_or(0);
    text + &rounded(rounded_to, style) + &snapshot(current.snapshot.as_ref(), style)
}

/// A line per period and its counterpart.
pub(crate) fn series(
    selection: &v1::Selection,
    granularity: Granularity,
    comparison: &Comparison,
    [current, other]: [&v1::GetTimeSeriesResponse; 2],
    style: Style,
) -> String {
    let mut columns = vec![
        Column::new("Période", Kind::Text(LABEL_COLUMNS_MIN), 0),
        Column::new("Comparée à", Kind::Text(LABEL_COLUMNS_MIN), 0),
    ];
    // If the width does not suffice, the last figures are dropped first, and of each the derived ones. Dropped columns
    // are named.
    for (headings, leaves) in [
        (["CRA", "comparés à", "Écart", "En %"], [0, 0, 0, 0]),
        (["Accomp.", "Accomp. comparés", "Écart accomp.", "% accomp."], [4, 4, 3, 5]),
        (["Personnes", "Personnes comparées", "Écart personnes", "% personnes"], [7, 7, 6, 8]),
    ] {
        columns
            .extend(headings.iter().zip(leaves).map(|(it, leaves)| Column::new(*it, Kind::Number, leaves)));
    }
    let label =
        |point: Option<&v1::TimePoint>| point.map_or(NOTHING.to_owned(), |it| period(it, granularity));
    let rows: Vec<_> = pairs(current, other)
        .map(|both| {
            let figures = figures(both.map(|point| point.and_then(|it| it.statistics.as_ref())));
            let mut row = both.map(label).to_vec();
            row.extend(figures.iter().take(3).flat_map(|figure| cells(figure).into_iter().skip(1)));
            row
        })
        .collect();
    let layout = Layout::of(columns, &rows, style);
    let mut text = head(selection, comparison, style) + &layout.table(&rows);
    let statistics =
        [current, other].into_iter().flat_map(|it| &it.points).filter_map(|it| it.statistics.as_ref());
    let rounded_to = statistics.map(|it| it.rounded_to).max().unwrap_or(0);
    text += &left_out(&layout.left_out(), "--json", style);
    text + &rounded(rounded_to, style) + &snapshot(current.snapshot.as_ref(), style)
}

/// The days of both periods, and whether the first one is finished.
fn head(selection: &v1::Selection, comparison: &Comparison, style: Style) -> String {
    let Comparison { with, current, other, unfinished_of_days } = comparison;
    let selection = Comparison::selection(selection, *current);
    let with = match with {
        Comparand::Previous => "à la période précédente",
        Comparand::LastYear => "à la même période un an plus tôt",
    };
    let (from, to) = (day(&other.from().to_string()), day(&other.to().to_string()));
    let days = if from == to { format!("le {from}") } else { format!("du {from} au {to}") };
    let mut lines = wrapped(&format!("comparés {with}, {days}"), style.columns);
    if let Some(whole) = unfinished_of_days {
        let passed = counted(current.days().unsigned_abs(), "jour", "jours");
        let compared = match other.days() {
            1 => "au premier jour".to_owned(),
            days => format!("aux {days} premiers jours"),
        };
        let reported = format!("période en cours : {passed} sur {whole}, face {compared} de l'autre");
        lines.extend(wrapped(&reported, style.columns));
    }
    let lines: String = lines.iter().map(|line| format!("{}\n", toned(style, Tone::Quiet, line))).collect();
    let title = title(ABOUT, &selection, style);
    format!("{}\n{lines}\n", title.trim_end_matches('\n'))
}

fn heading(with: Comparand) -> &'static str {
    match with {
        Comparand::Previous => "Précédente",
        Comparand::LastYear => "Un an plus tôt",
    }
}

fn section_title(section: &str, style: Style) -> String {
    let known = SECTIONS.iter().find(|(name, ..)| *name == section);
    let (title, unit) = known.map_or((section, ""), |(_, title, unit)| (*title, *unit));
    let title = toned(style, Tone::Title, title);
    if unit.is_empty() {
        format!("\n{title}\n")
    } else {
        format!("\n{title} {}\n", toned(style, Tone::Quiet, unit))
    }
}

/// Label, both figures, absolute and relative difference.
fn cells(figure: &Figure<'_>) -> Vec<String> {
    let label = if figure.label.is_empty() { &figure.name } else { &figure.label };
    let value = |value: Option<u64>| value.map_or(NOTHING.to_owned(), |it| shown(it, figure.unit));
    let difference = figure.difference();
    vec![
        printable(label),
        value(figure.current),
        value(figure.other),
        difference.map_or(NOTHING.to_owned(), |it| absolute(it, figure.unit)),
        difference.and_then(|it| it.per_mille).map_or(NOTHING.to_owned(), |per_mille| {
            let size = u64::try_from(per_mille.unsigned_abs()).unwrap_or(u64::MAX);
            format!("{}{},{}\u{a0}%", sign(per_mille), thousands(size / 10), size % 10)
        }),
    ]
}

fn absolute(difference: Difference, unit: Unit) -> String {
    let size = u64::try_from(difference.absolute.unsigned_abs()).unwrap_or(u64::MAX);
    let size = match unit {
        // A difference of shares is in percentage points.
        Unit::PerMille => shown(size, unit).replace('%', "pt"),
        Unit::Count | Unit::Minutes | Unit::Days => shown(size, unit),
    };
    format!("{}{size}", sign(difference.absolute))
}

fn shown(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Count | Unit::Days => thousands(value),
        Unit::Minutes => minutes(value),
        Unit::PerMille => share(u32::try_from(value).unwrap_or(u32::MAX)),
    }
}

fn sign(number: i128) -> &'static str {
    match number.signum() {
        1 => "+",
        -1 => "−",
        _ => "",
    }
}

fn rounded(to: u64, style: Style) -> String {
    if to == 0 {
        return String::new();
    }
    let reported = format!(
        "comptes arrondis à un multiple de {to}, par département et par mois : un petit écart peut en venir"
    );
    wrapped(&reported, style.columns)
        .iter()
        .map(|line| format!("{}\n", toned(style, Tone::Quiet, line)))
        .collect()
}

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
