//! The figures of two answers, paired, and their differences.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use cra_contracts::v1;
use cra_domain::spelling;
use serde::Serialize;

/// Unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Count,
    Minutes,
    PerMille,
    Days,
}

/// One figure of both periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figure<'a> {
    /// Path of the message that contains the figure; empty for the statistics themselves.
    pub(crate) section: &'static str,
    /// Field name, or the value that is counted.
    pub(crate) name: Cow<'a, str>,
    /// French label.
    pub(crate) label: Cow<'a, str>,
    pub(crate) unit: Unit,
    /// `None` if public figures omit it, or if there is no such period.
    pub(crate) current: Option<u64>,
    pub(crate) other: Option<u64>,
}

/// Difference between the current figure and the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) absolute: i128,
    /// Relative to the other figure, rounded half away from 0; `None` if that is 0.
    pub(crate) per_mille: Option<i128>,
}

impl Figure<'_> {
    /// The difference; `None` if one of the two figures is missing.
    pub(crate) fn difference(&self) -> Option<Difference> {
        let (current, other) = (i128::from(self.current?), i128::from(self.other?));
        let absolute = current - other;
        let per_mille = (other > 0).then(|| {
            let doubled = 2 * absolute.abs() * 1_000 + other;
            absolute.signum() * (doubled / (2 * other))
        });
        Some(Difference { absolute, per_mille })
    }
}

/// Statistics of both periods; `None` if a series has no such period.
pub(crate) type Both<'a> = [Option<&'a v1::Statistics>; 2];

type Scalar = (&'static str, &'static str, fn(&v1::Statistics) -> u64);
type Lines = (&'static str, fn(&v1::Statistics) -> &[v1::Count]);

const FOLLOW_UP: &str = "follow_up";
const TIME_SPENT: &str = "time_spent";
const ENTRY_DELAY: &str = "entry_delay";

const HEADLINE: [Scalar; 9] = [
    ("cras", "CRA enregistrés", |s| s.cras),
    ("acts", "Accompagnements", |s| s.acts),
    ("people", "Personnes accompagnées", |s| s.people),
    ("returning_people", "Personnes déjà accompagnées", |s| s.returning_people),
    ("workshops", "Ateliers collectifs", |s| s.workshops),
    ("workshop_participants", "Participants aux ateliers", |s| s.workshop_participants),
    ("workshops_with_defaulted_participants", "Ateliers à 5 participants par défaut", |s| {
        s.workshops_with_defaulted_participants
    }),
    ("individual_supports", "Accompagnements individuels", |s| s.individual_supports),
    ("one_off_requests", "Demandes ponctuelles", |s| s.one_off_requests),
];

const BREAKDOWNS: [Lines; 8] = [
    ("channels", |s| &s.channels),
    ("activities", |s| &s.activities),
    ("themes", |s| &s.themes),
    ("sub_themes", |s| &s.sub_themes),
    ("durations", |s| &s.durations),
    ("ages", |s| &s.ages),
    ("statuses", |s| &s.statuses),
    ("redirections", |s| &s.redirections),
];

/// Every figure of both periods, in the order of the contract.
pub(crate) fn figures(both: Both<'_>) -> Vec<Figure<'_>> {
    let mut figures = Vec::new();
    for (name, label, value) in HEADLINE {
        let values = both.map(|side| side.filter(|it| !is_hidden(it, name, name)).map(value));
        figures.push(figure("", name, label, Unit::Count, values));
    }
    follow_up(both, &mut figures);
    for (section, lines) in BREAKDOWNS {
        breakdown(section, both.map(|side| side.map(|it| (it, lines(it)))), &mut figures);
    }
    time_spent(both, &mut figures);
    entry_delay(both, &mut figures);
    figures
}

fn figure<'a>(
    section: &'static str,
    name: impl Into<Cow<'a, str>>,
    label: impl Into<Cow<'a, str>>,
    unit: Unit,
    [current, other]: [Option<u64>; 2],
) -> Figure<'a> {
    Figure { section, name: name.into(), label: label.into(), unit, current, other }
}

fn follow_up<'a>(both: Both<'a>, figures: &mut Vec<Figure<'a>>) {
    type Part = (&'static str, &'static str, Unit, fn(&v1::FollowUpStatistics) -> u64);
    const PARTS: [Part; 5] = [
        ("individual", "Accompagnement individuel", Unit::Count, |it| it.individual),
        ("workshop", "Atelier", Unit::Count, |it| it.workshop),
        ("redirected", "Redirection", Unit::Count, |it| it.redirected),
        ("total", "Total", Unit::Count, |it| it.total),
        ("rate_per_mille", "Part des accompagnements", Unit::PerMille, |it| it.rate_per_mille.into()),
    ];
    let sides = both.map(|side| side.and_then(|it| it.follow_up.as_ref().map(|part| (it, part))));
    for (name, label, unit, value) in PARTS {
        let values = sides
            .map(|side| side.filter(|(it, _)| !is_hidden(it, FOLLOW_UP, name)).map(|(_, part)| value(part)));
        figures.push(figure(FOLLOW_UP, name, label, unit, values));
    }
}

/// The lines of both: those of the current period in its order, then those that only the other one has. Free names of
/// organisations are shown in their most frequent spelling, which may differ between the periods.
fn breakdown<'a>(
    section: &'static str,
    sides: [Option<(&'a v1::Statistics, &'a [v1::Count])>; 2],
    figures: &mut Vec<Figure<'a>>,
) {
    let by_key = |(_, lines): (&v1::Statistics, &[v1::Count])| -> HashMap<String, u64> {
        lines.iter().map(|line| (spelling::key(&line.name), line.count)).collect()
    };
    let counts = sides.map(|side| side.map(by_key));
    let mut listed = HashSet::new();
    for line in sides.iter().flatten().flat_map(|(_, lines)| *lines) {
        let key = spelling::key(&line.name);
        if listed.contains(&key) {
            continue;
        }
        let value = |side: usize| {
            sides[side].filter(|(it, _)| !is_hidden(it, section, &line.name))?;
            // A missing line counts 0.
            counts[side].as_ref().map(|counts| counts.get(&key).copied().unwrap_or(0))
        };
        let values = [value(0), value(1)];
        figures.push(figure(section, &*line.name, &*line.label, Unit::Count, values));
        listed.insert(key);
    }
}

fn time_spent<'a>(both: Both<'a>, figures: &mut Vec<Figure<'a>>) {
    type Bound = (&'static str, &'static str, fn(&v1::TimeSpent) -> u64);
    const BOUNDS: [Bound; 3] = [
        ("estimated_minutes", "estimation", |it| it.estimated_minutes),
        ("minimum_minutes", "au moins", |it| it.minimum_minutes),
        ("maximum_minutes", "au plus", |it| it.maximum_minutes),
    ];
    let [current, other] = both.map(|side| side.map_or(&[][..], |it| &it.time_spent));
    let names = if current.is_empty() { other } else { current };
    for line in names {
        for (bound, label, minutes) in BOUNDS {
            let values = both.map(|side| {
                let side = side.filter(|it| !is_hidden(it, TIME_SPENT, &line.name))?;
                side.time_spent.iter().find(|it| it.name == line.name).map(minutes)
            });
            let (name, label) = (format!("{}.{bound}", line.name), format!("{}, {label}", line.label));
            figures.push(figure(TIME_SPENT, name, label, Unit::Minutes, values));
        }
    }
}

fn entry_delay<'a>(both: Both<'a>, figures: &mut Vec<Figure<'a>>) {
    type Part = (&'static str, &'static str, Unit, fn(&v1::EntryDelay) -> u64);
    const PARTS: [Part; 3] = [
        ("median_days", "Médiane, en jours", Unit::Days, |it| it.median_days.into()),
        ("p90_days", "9 CRA sur 10, en jours", Unit::Days, |it| it.p90_days.into()),
        ("same_day", "CRA saisis le jour même", Unit::Count, |it| it.same_day),
    ];
    let sides = both.map(|side| side.and_then(|it| it.entry_delay.as_ref()));
    for (name, label, unit, value) in PARTS {
        figures.push(figure(ENTRY_DELAY, name, label, unit, sides.map(|side| side.map(value))));
    }
}

/// Whether public figures omit a field or one of its lines.
fn is_hidden(statistics: &v1::Statistics, field: &str, line: &str) -> bool {
    let hides = |hidden: &String| {
        hidden == field || hidden.strip_prefix(field).and_then(|rest| rest.strip_prefix('.')) == Some(line)
    };
    statistics.hidden_fields.iter().any(hides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, count: u64) -> v1::Count {
        v1::Count { name: name.to_owned(), label: name.to_owned(), count, share_per_mille: 0 }
    }

    fn found<'a>(figures: &'a [Figure<'a>], section: &str, name: &str) -> &'a Figure<'a> {
        figures.iter().find(|it| it.section == section && it.name == name).unwrap()
    }

    #[test]
    fn a_difference_is_absolute_and_in_per_mille_of_the_other_without_division_by_0() {
        let difference = |current, other| {
            let figure = figure("", "cras", "CRA", Unit::Count, [Some(current), Some(other)]);
            let difference = figure.difference().unwrap();
            (difference.absolute, difference.per_mille)
        };
        assert_eq!(difference(9, 8), (1, Some(125)));
        assert_eq!(difference(7, 8), (-1, Some(-125)));
        assert_eq!(difference(0, 8), (-8, Some(-1_000)));
        assert_eq!(difference(5, 0), (5, None));
        assert_eq!(difference(0, 0), (0, None));
        // Half away from 0.
        assert_eq!(difference(2_001, 2_000), (1, Some(1)));
        assert_eq!(difference(1_999, 2_000), (-1, Some(-1)));
        assert_eq!(difference(u64::MAX, 1).0, i128::from(u64::MAX) - 1);
    }

    #[test]
    fn lines_are_paired_by_name_and_a_missing_line_counts_0() {
        let with =
            |lines: Vec<v1::Count>| v1::Statistics { redirections: lines, ..v1::Statistics::default() };
        let (current, other) =
            (with(vec![line("a", 5), line("b", 1)]), with(vec![line("c", 7), line("b", 3)]));
        let figures = figures([Some(&current), Some(&other)]);
        let lines: Vec<_> = figures.iter().filter(|it| it.section == "redirections").collect();
        let reported: Vec<_> = lines.iter().map(|it| (&*it.name, it.current, it.other)).collect();
        assert_eq!(reported, [("a", Some(5), Some(0)), ("b", Some(1), Some(3)), ("c", Some(0), Some(7))]);
    }

    #[test]
    fn an_organisation_is_one_line_whatever_its_most_frequent_spelling_in_each_period() {
        let with = |name: &str, count| v1::Statistics {
            redirections: vec![line(name, count)],
            ..v1::Statistics::default()
        };
        let (current, other) = (with("maison de l'emploi", 5), with("maison de l emploi", 4));
        let figures = figures([Some(&current), Some(&other)]);
        let lines: Vec<_> = figures.iter().filter(|it| it.section == "redirections").collect();
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].current, lines[0].other), (Some(5), Some(4)));
    }

    #[test]
    fn an_omitted_figure_or_one_without_counterpart_has_no_difference() {
        let hidden = v1::Statistics {
            people: 10,
            hidden_fields: vec!["people".to_owned(), "ages.B".to_owned()],
            ages: vec![line("A", 10)],
            ..v1::Statistics::default()
        };
        let whole =
            v1::Statistics { people: 20, ages: vec![line("A", 10), line("B", 10)], ..Default::default() };
        let figures_of_both = figures([Some(&hidden), Some(&whole)]);
        let people = found(&figures_of_both, "", "people");
        assert_eq!((people.current, people.other, people.difference()), (None, Some(20), None));
        assert_eq!(found(&figures_of_both, "ages", "B").current, None);
        assert_eq!(found(&figures_of_both, "ages", "A").current, Some(10));

        let alone = figures([Some(&whole), None]);
        assert_eq!(found(&alone, "", "cras").difference(), None);
        assert_eq!(found(&alone, "ages", "A").other, None);
    }
}
