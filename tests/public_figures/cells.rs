//! Counts by name, as a reader of the answers knows them.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;

use super::publishing::ask;
use crate::harness::Statistics;

/// Counts by figure, or by breakdown and line.
pub(super) type Counts = BTreeMap<String, u64>;

/// Shown base cells, by department and month.
pub(super) type Cells = BTreeMap<(String, String), Counts>;

/// Every count of an answer.
pub(super) fn counts(s: &pb::Statistics) -> Counts {
    let follow_up = s.follow_up.unwrap();
    let figures = [
        ("cras", s.cras),
        ("acts", s.acts),
        ("people", s.people),
        ("returning_people", s.returning_people),
        ("workshops", s.workshops),
        ("workshop_participants", s.workshop_participants),
        ("individual_supports", s.individual_supports),
        ("one_off_requests", s.one_off_requests),
        ("workshops_with_defaulted_participants", s.workshops_with_defaulted_participants),
        ("follow_up.individual", follow_up.individual),
        ("follow_up.workshop", follow_up.workshop),
        ("follow_up.redirected", follow_up.redirected),
        ("follow_up.total", follow_up.total),
    ];
    let lists = [
        ("channels", &s.channels),
        ("activities", &s.activities),
        ("themes", &s.themes),
        ("sub_themes", &s.sub_themes),
        ("durations", &s.durations),
        ("ages", &s.ages),
        ("statuses", &s.statuses),
    ];
    let lines = lists.into_iter().flat_map(|(list, lines)| {
        lines.iter().map(move |line| (format!("{list}.{}", line.name), line.count))
    });
    figures.into_iter().map(|(name, count)| (name.to_owned(), count)).chain(lines).collect()
}

/// The sum of counts.
pub(super) fn sum<'a>(cells: impl Iterator<Item = &'a Counts>) -> Counts {
    let mut sum = Counts::new();
    for (name, count) in cells.flatten() {
        *sum.entry(name.clone()).or_default() += count;
    }
    sum
}

/// Counts other than 0: a line with count 0 may be omitted.
pub(super) fn nonzero(mut counts: Counts) -> Counts {
    counts.retain(|_, count| *count > 0);
    counts
}

/// First and last day of a month such as `2024-02`.
pub(super) fn days(month: &str) -> (String, String) {
    let first: jiff::civil::Date = format!("{month}-01").parse().unwrap();
    (first.to_string(), first.last_of_month().to_string())
}

/// Whole months of some departments; of all if none is named.
pub(super) fn selection(departments: &[&str], from: &str, to: &str) -> pb::Selection {
    pb::Selection {
        from: days(from).0,
        to: days(to).1,
        department_codes: departments.iter().map(|code| (*code).to_owned()).collect(),
        ..pb::Selection::default()
    }
}

/// The base cells of some departments and months, each queried separately.
pub(super) async fn base_cells(
    statistics: &mut Statistics,
    token: &str,
    departments: &[&str],
    months: &[&str],
) -> Cells {
    let mut cells = Cells::new();
    for department in departments {
        for month in months {
            let answer = ask(statistics, token, selection(&[department], month, month)).await;
            let (shown, snapshot) = answer.unwrap();
            assert!(
                shown.redirections.is_empty() && shown.time_spent.is_empty() && shown.entry_delay.is_none()
            );
            assert_eq!(shown.hidden_fields, ["redirections", "time_spent", "entry_delay"]);
            assert_eq!(shown.rounded_to, 5);
            assert_eq!((snapshot.position, snapshot.generation.as_str()), (0, ""));
            cells.insert(((*department).to_owned(), (*month).to_owned()), counts(&shown));
        }
    }
    cells
}
