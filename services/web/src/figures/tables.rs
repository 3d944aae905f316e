//! Breakdowns as tables with bars.

use std::collections::HashMap;

use cra_contracts::v1::{self, Dimension};
use cra_domain::definitions::{heading, rubric};
use cra_domain::{french, spelling};

use super::words::{Change, is_hidden, meaning, percent};
use crate::address::{Address, BREAKDOWNS, with_value, word};
use crate::names::{Kind, Names};

/// Number of organisations that the page lists; files contain all of them.
const REDIRECTIONS_MAX: usize = 15;

/// One breakdown.
pub(super) struct Table {
    pub(super) id: &'static str,
    pub(super) title: String,
    /// Unit of its numbers.
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
    /// Heading of the first column.
    pub(super) heading: &'static str,
    pub(super) has_shares: bool,
    pub(super) rows: Vec<Row>,
    /// Text about rows that are not shown; empty if all are.
    pub(super) rest: String,
}

pub(super) struct Row {
    pub(super) label: String,
    /// Text below the label; empty for none.
    pub(super) note: String,
    /// Address of the page of this value only; empty for none.
    pub(super) link: String,
    pub(super) count: String,
    pub(super) is_zero: bool,
    pub(super) share: String,
    /// Length of the bar as CSS, such as `12.50%`.
    pub(super) bar: String,
    pub(super) change: Option<Change>,
}

type Lines = fn(&v1::Statistics) -> &[v1::Count];

/// Section, parameter of its values in addresses, unit, heading, lines.
const SECTIONS: [(&str, &str, &str, &str, Lines); 7] = [
    ("activities", "activite", "CRA", "Type d'activité", |it| &it.activities),
    ("channels", "canal", "CRA", "Canal", |it| &it.channels),
    ("durations", "duree", "CRA", "Durée", |it| &it.durations),
    ("ages", "age", "accompagnements", "Tranche d'âge", |it| &it.ages),
    ("statuses", "statut", "accompagnements", "Statut", |it| &it.statuses),
    ("themes", "theme", "mentions", "Thématique", |it| &it.themes),
    ("sub_themes", "sous-theme", "mentions", "Sous-thématique", |it| &it.sub_themes),
];

pub(super) fn breakdowns(
    address: &Address,
    statistics: &v1::Statistics,
    former: Option<&v1::Statistics>,
) -> Vec<Table> {
    let sections = SECTIONS
        .iter()
        .filter(|(section, .., lines)| !is_hidden(statistics, section) && !lines(statistics).is_empty());
    sections
        .map(|(section, field, unit, heading, lines)| Table {
            id: field,
            title: rubric(section).to_owned(),
            unit,
            meaning: meaning(section, ""),
            heading,
            has_shares: true,
            rows: counted(lines(statistics), former.map(lines), |name| link(address, field, name)),
            rest: String::new(),
        })
        .collect()
}

/// The page of one value: the selection with this value in its field.
fn link(address: &Address, field: &str, name: &str) -> String {
    let name = if name.ends_with("_UNSPECIFIED") { "non-renseigne" } else { name };
    with_value(&address.selection, field, name)
        .map(|selection| address.with(|it| it.selection = selection))
        .unwrap_or_default()
}

fn counted(lines: &[v1::Count], former: Option<&[v1::Count]>, link: impl Fn(&str) -> String) -> Vec<Row> {
    let max = lines.iter().map(|line| line.count).max().unwrap_or_default();
    let former: Option<HashMap<_, _>> =
        former.map(|lines| lines.iter().map(|line| (spelling::key(&line.name), line.count)).collect());
    let row = |line: &v1::Count| Row {
        label: line.label.clone(),
        note: String::new(),
        link: link(&line.name),
        count: french::thousands(line.count),
        is_zero: line.count == 0,
        share: french::share(line.share_per_mille),
        bar: percent(line.count, max),
        change: former.as_ref().map(|former| {
            Change::of(line.count, former.get(&spelling::key(&line.name)).copied().unwrap_or_default())
        }),
    };
    lines.iter().map(row).collect()
}

/// People redirected to other organisations, largest number first.
pub(super) fn redirections(statistics: &v1::Statistics, former: Option<&v1::Statistics>) -> Option<Table> {
    let lines = &statistics.redirections;
    if lines.is_empty() || is_hidden(statistics, "redirections") {
        return None;
    }
    let shown = lines.len().min(REDIRECTIONS_MAX);
    let others = lines.len() - shown;
    Some(Table {
        id: "redirections",
        title: rubric("redirections").to_owned(),
        unit: "personnes",
        meaning: meaning("redirections", ""),
        heading: "Structure",
        has_shares: true,
        rows: counted(&lines[..shown], former.map(|it| &it.redirections[..]), |_| String::new()),
        rest: match others {
            0 => String::new(),
            1 => "Une autre structure est dans les fichiers.".to_owned(),
            others => {
                format!("{} autres structures sont dans les fichiers.", french::thousands(others as u64))
            }
        },
    })
}

type FollowUpPart = (&'static str, fn(&v1::FollowUpStatistics) -> u64);

/// Looks up the headings by their codes in the definitions.
const FOLLOW_UP_PARTS: [FollowUpPart; 3] =
    [("individual", |it| it.individual), ("workshop", |it| it.workshop), ("redirected", |it| it.redirected)];

pub(super) fn follow_up(statistics: &v1::Statistics, former: Option<&v1::Statistics>) -> Option<Table> {
    let now = statistics.follow_up.filter(|_| !is_hidden(statistics, "follow_up"))?;
    let former = former.and_then(|it| it.follow_up);
    let max = FOLLOW_UP_PARTS.iter().map(|(_, value)| value(&now)).max().unwrap_or_default();
    let rows = FOLLOW_UP_PARTS.iter().map(|(code, value)| Row {
        label: cra_domain::definitions::definition("follow_up", code).map_or("", |it| it.label).to_owned(),
        note: String::new(),
        link: String::new(),
        count: french::thousands(value(&now)),
        is_zero: value(&now) == 0,
        share: String::new(),
        bar: percent(value(&now), max),
        change: former.as_ref().map(|former| Change::of(value(&now), value(former))),
    });
    let rate = french::share(now.rate_per_mille);
    Some(Table {
        id: "suites",
        title: rubric("follow_up").to_owned(),
        unit: "personnes",
        meaning: meaning("follow_up", "rate"),
        heading: "Suite",
        has_shares: false,
        rows: rows.collect(),
        rest: format!("{rate} des accompagnements ont une suite."),
    })
}

/// Durations per activity, with their lower and upper bounds.
pub(super) fn time_spent(statistics: &v1::Statistics, former: Option<&v1::Statistics>) -> Option<Table> {
    let lines = &statistics.time_spent;
    if lines.is_empty() || is_hidden(statistics, "time_spent") {
        return None;
    }
    let is_total = |line: &&v1::TimeSpent| line.name == "total";
    let total = lines.iter().find(is_total);
    let max = lines.iter().filter(|line| !is_total(line)).map(|line| line.estimated_minutes).max();
    let row = |line: &v1::TimeSpent| Row {
        label: line.label.clone(),
        note: format!(
            "entre {} et {}",
            french::minutes(line.minimum_minutes),
            french::minutes(line.maximum_minutes)
        ),
        link: String::new(),
        count: french::minutes(line.estimated_minutes),
        is_zero: line.estimated_minutes == 0,
        share: french::share(line.share_per_mille),
        bar: percent(line.estimated_minutes, max.unwrap_or_default()),
        change: former
            .and_then(|it| it.time_spent.iter().find(|it| it.name == line.name))
            .map(|former| Change::in_unit(line.estimated_minutes, former.estimated_minutes, french::minutes)),
    };
    Some(Table {
        id: "temps",
        title: rubric("time_spent").to_owned(),
        unit: "temps estimé",
        meaning: meaning("time_spent", ""),
        heading: "Type d'activité",
        has_shares: true,
        rows: lines.iter().filter(|line| !is_total(line)).map(row).collect(),
        rest: total.map_or_else(String::new, |total| {
            format!(
                "En tout {}, entre {} et {}.",
                french::minutes(total.estimated_minutes),
                french::minutes(total.minimum_minutes),
                french::minutes(total.maximum_minutes)
            )
        }),
    })
}

/// Rows of territories, structures, advisors or venues.
pub(super) fn rows(
    address: &Address,
    by: Dimension,
    answer: &v1::ListBreakdownResponse,
    names: &Names,
) -> Table {
    let field = word(&BREAKDOWNS, by);
    let name_of = |code: &str| names.get(Kind::of_parameter(field)?, code);
    let cras = |row: &v1::BreakdownRow| row.statistics.as_ref().map_or(0, |it| it.cras);
    let max = answer.rows.iter().map(cras).max().unwrap_or_default();
    let row = |row: &v1::BreakdownRow| {
        let of = row.statistics.as_ref();
        let people = of.map_or(0, |it| it.people);
        let (label, shows_code) = match (name_of(&row.code).unwrap_or(&row.label), by) {
            ("", _) => (row.code.clone(), false),
            (
                label,
                Dimension::Region
                | Dimension::Epci
                | Dimension::Advisor
                | Dimension::Structure
                | Dimension::Venue,
            ) => (label.to_owned(), false),
            (label, _) => (label.to_owned(), true),
        };
        let label =
            if shows_code && !row.code.is_empty() { format!("{label} ({})", row.code) } else { label };
        Row {
            label,
            note: format!("{} accompagnées", french::counted(people, "personne", "personnes")),
            link: if row.code.is_empty() { String::new() } else { link(address, field, &row.code) },
            count: french::thousands(cras(row)),
            is_zero: cras(row) == 0,
            share: String::new(),
            bar: percent(cras(row), max),
            change: None,
        }
    };
    Table {
        id: "territoires",
        title: format!("Par {}", heading(by).to_lowercase().replace("epci", "EPCI")),
        unit: "CRA",
        meaning: meaning("headline", "cras"),
        heading: heading(by),
        has_shares: false,
        rows: answer.rows.iter().map(row).collect(),
        rest: String::new(),
    }
}
