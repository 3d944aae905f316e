//! The page of `cra stats`: headline figures, breakdowns, time spent, entry delay, redirections and the snapshot.
//! Labels of the breakdowns come from the service; the others follow the official statistics.

use cra_contracts::v1;

use super::breakdown::{Breakdown, label_columns, section};
use super::frame::{snapshot, title};
use super::text::{Tone, counted, left, minutes, printable, right, share, thousands, toned, width};
use crate::style::Style;

const REDIRECTIONS_MAX: usize = 15;
const INDENT: &str = "  ";
const FIGURE_COLUMNS: usize = 11;
const DURATION_COLUMNS: usize = 14;

/// The whole page.
pub(crate) fn page(selection: &v1::Selection, answer: &v1::GetStatisticsResponse, style: Style) -> String {
    let none = v1::Statistics::default();
    let statistics = answer.statistics.as_ref().unwrap_or(&none);
    figures(selection, statistics, style) + &snapshot(answer.snapshot.as_ref(), style)
}

/// The page without the snapshot.
pub(super) fn figures(selection: &v1::Selection, statistics: &v1::Statistics, style: Style) -> String {
    let mut text = title("Comptes-rendus d'activité", selection, style);
    text += &headline(statistics, style);
    for breakdown in breakdowns(statistics) {
        text += &section(&breakdown, style);
    }
    text += &time_spent(&statistics.time_spent, style);
    text += &follow_up(statistics, style);
    let redirections = Breakdown {
        title: "Redirections",
        unit: "personnes",
        lines: &statistics.redirections,
        lines_max: REDIRECTIONS_MAX,
    };
    text += &section(&redirections, style);
    text + &entry_delay(statistics, style)
}

fn headline(statistics: &v1::Statistics, style: Style) -> String {
    let people = counted(statistics.workshop_participants, "participant", "participants");
    let defaulted = match statistics.workshops_with_defaulted_participants {
        0 => String::new(),
        number => figure("  dont 5 participants par défaut", number, "", style),
    };
    [
        figure("CRA enregistrés", statistics.cras, "", style),
        figure("Accompagnements", statistics.acts, "", style),
        figure("Personnes accompagnées", statistics.people, "", style),
        figure("Personnes déjà accompagnées", statistics.returning_people, "", style),
        figure("Ateliers collectifs", statistics.workshops, &people, style),
        defaulted,
        figure("Accompagnements individuels", statistics.individual_supports, "", style),
        figure("Demandes ponctuelles", statistics.one_off_requests, "", style),
    ]
    .concat()
}

fn figure(label: &str, number: u64, note: &str, style: Style) -> String {
    let label = left(label, label_columns(style));
    let number = toned(style, Tone::Figure, &right(&thousands(number), FIGURE_COLUMNS));
    let used = width(INDENT) + label_columns(style) + FIGURE_COLUMNS;
    if note.is_empty() {
        return format!("{INDENT}{label}{number}\n");
    }
    if used + 2 + width(note) <= style.columns {
        return format!("{INDENT}{label}{number}  {}\n", toned(style, Tone::Quiet, note));
    }
    format!("{INDENT}{label}{number}\n{INDENT}{INDENT}{}\n", toned(style, Tone::Quiet, note))
}

fn breakdowns(statistics: &v1::Statistics) -> [Breakdown<'_>; 7] {
    let of = |title, unit, lines| Breakdown { title, unit, lines, lines_max: usize::MAX };
    [
        of("Canaux", "CRA", &statistics.channels[..]),
        of("Types d'activité", "CRA", &statistics.activities),
        of("Thématiques", "CRA ; un CRA compte dans chacune", &statistics.themes),
        of("Sous-thématiques", "CRA", &statistics.sub_themes),
        of("Durées", "CRA", &statistics.durations),
        of("Tranches d'âge", "accompagnements", &statistics.ages),
        of("Statuts", "accompagnements", &statistics.statuses),
    ]
}

fn time_spent(lines: &[v1::TimeSpent], style: Style) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let heading = format!("\n{} ", toned(style, Tone::Title, "Temps passé"));
    let mut text = heading + &toned(style, Tone::Quiet, "estimation, part, bornes") + "\n";
    // These figures are longer than those of the breakdowns; the shares stay in the same column.
    let label_columns = label_columns(style) + FIGURE_COLUMNS - DURATION_COLUMNS;
    for line in lines {
        let label = if line.label.is_empty() { &line.name } else { &line.label };
        let label = left(&printable(label), label_columns);
        let estimate = toned(style, Tone::Figure, &right(&minutes(line.estimated_minutes), DURATION_COLUMNS));
        let share = right(&share(line.share_per_mille), 9);
        let bounds = format!("{} à {}", minutes(line.minimum_minutes), minutes(line.maximum_minutes));
        text += &format!("{INDENT}{label}{estimate}{share}  {}\n", toned(style, Tone::Quiet, &bounds));
    }
    text
}

fn follow_up(statistics: &v1::Statistics, style: Style) -> String {
    let Some(follow_up) = statistics.follow_up else {
        return String::new();
    };
    let rate = format!("soit {} des accompagnements", share(follow_up.rate_per_mille));
    let heading = format!("\n{} ", toned(style, Tone::Title, "Suites envisagées"));
    let lines = [
        figure("Accompagnement individuel", follow_up.individual, "", style),
        figure("Atelier", follow_up.workshop, "", style),
        figure("Redirection", follow_up.redirected, "", style),
        figure("Total", follow_up.total, &rate, style),
    ];
    heading + &toned(style, Tone::Quiet, "personnes") + "\n" + &lines.concat()
}

fn entry_delay(statistics: &v1::Statistics, style: Style) -> String {
    let Some(delay) = statistics.entry_delay else {
        return String::new();
    };
    let days = |number: u32| counted(number.into(), "jour", "jours");
    format!(
        "\n{}\n{INDENT}médiane {}, 9 CRA sur 10 en {} au plus\n{INDENT}{} le jour même\n",
        toned(style, Tone::Title, "Délai de saisie"),
        days(delay.median_days),
        days(delay.p90_days),
        counted(delay.same_day, "CRA saisi", "CRA saisis"),
    )
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
