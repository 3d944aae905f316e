//! Which rows a selection of the contract takes: fields combine with AND, the values of one with OR.

use std::collections::HashSet;

use cra_contracts::v1;
use cra_domain::territory;

use super::{Row, day_number, last_number};

/// A selection, read once.
pub(crate) struct Selected {
    days: (i32, i32),
    /// By the index of the commune; `None` where no territory is asked for.
    communes: Option<Vec<bool>>,
    postal_codes: HashSet<u32>,
    structures: HashSet<u32>,
    advisors: HashSet<u32>,
    /// Advisor and number of the venue.
    venues: HashSet<(u32, u32)>,
    channels: u32,
    activities: u32,
    themes: u32,
    sub_themes: u32,
    durations: u32,
    ages: u32,
    statuses: u32,
}

impl Selected {
    /// Reads a selection. Its codes and ids are those of the data: what is unknown selects nothing.
    pub(crate) fn of(selection: &v1::Selection) -> Self {
        let bound = |day: &str, unbounded| if day.is_empty() { unbounded } else { day_number(day) };
        Self {
            days: (bound(&selection.from, i32::MIN), bound(&selection.to, i32::MAX)),
            communes: communes(selection),
            postal_codes: selection.postal_codes.iter().filter_map(|code| code.parse().ok()).collect(),
            structures: selection.structure_ids.iter().map(|id| last_number(id)).collect(),
            advisors: selection.advisor_ids.iter().map(|id| last_number(id)).collect(),
            venues: selection.venue_ids.iter().map(|id| venue(id)).collect(),
            channels: bits(&selection.channels),
            activities: bits(&selection.activities),
            themes: bits(&selection.themes),
            sub_themes: bits(&selection.sub_themes),
            durations: bits(&selection.durations),
            ages: bits(&selection.ages),
            statuses: bits(&selection.statuses),
        }
    }

    /// Whether it takes a row.
    pub(crate) fn takes(&self, row: &Row) -> bool {
        let word = |asked: u32, number: u8| asked == 0 || asked & 1 << number != 0;
        let people = |asked: u32, counts: &[u8; 5]| {
            asked == 0 || (1..).zip(counts).any(|(number, people)| asked & 1 << number != 0 && *people > 0)
        };
        let id = |asked: &HashSet<u32>, number: u32| asked.is_empty() || asked.contains(&number);
        (self.days.0..=self.days.1).contains(&row.day)
            && self.communes.as_ref().is_none_or(|communes| communes[usize::from(row.commune)])
            && id(&self.postal_codes, row.postal_code)
            && id(&self.structures, row.structure.into())
            && id(&self.advisors, row.advisor.into())
            && (self.venues.is_empty() || self.venues.contains(&(row.advisor.into(), row.venue.into())))
            && word(self.channels, row.channel)
            && word(self.activities, row.activity)
            && word(self.durations, row.duration)
            && (self.themes == 0 || self.themes & row.themes != 0)
            && (self.sub_themes == 0 || self.sub_themes & u32::from(row.sub_themes) != 0)
            && people(self.ages, &row.ages)
            && people(self.statuses, &row.statuses)
    }
}

fn bits(numbers: &[i32]) -> u32 {
    numbers.iter().fold(0, |bits, number| bits | 1 << number)
}

/// `lieu-0042-3` is the third of advisor 42.
fn venue(id: &str) -> (u32, u32) {
    let (advisor, number) = id.rsplit_once('-').unwrap_or((id, ""));
    (last_number(advisor), number.parse().unwrap_or_default())
}

fn communes(selection: &v1::Selection) -> Option<Vec<bool>> {
    let communes = territory::communes();
    let asked = [
        &selection.region_codes,
        &selection.department_codes,
        &selection.epci_codes,
        &selection.commune_codes,
    ];
    if asked.iter().all(|codes| codes.is_empty()) {
        return None;
    }
    let chosen: HashSet<_> =
        selection.commune_codes.iter().filter_map(|code| communes.expand(code)).flatten().collect();
    let has = |codes: &[String], code: Option<&str>| {
        codes.is_empty() || code.is_some_and(|code| codes.iter().any(|asked| asked == code))
    };
    let taken = communes.all().iter().map(|commune| {
        has(&selection.region_codes, Some(commune.region()))
            && has(&selection.department_codes, Some(commune.department()))
            && has(&selection.epci_codes, commune.epci())
            && (selection.commune_codes.is_empty() || chosen.contains(&commune.id()))
    });
    Some(taken.collect())
}
