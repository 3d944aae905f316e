//! Which CRAs a selection counts, and values of one CRA.

use cra_contracts::v1;
use cra_domain::territory::{self, Commune};

/// Fields combine with AND, the values of one field with OR; an empty field restricts nothing.
pub(super) fn matches(selection: &v1::Selection, cra: &v1::Cra) -> bool {
    fn one_of<T: PartialEq>(allowed: &[T], is: &T) -> bool {
        allowed.is_empty() || allowed.contains(is)
    }
    fn any_of(allowed: &[i32], are: &[i32]) -> bool {
        allowed.is_empty() || allowed.iter().any(|number| are.contains(number))
    }
    let (place, commune) = (cra.place.as_ref().unwrap(), commune(cra));
    let communes = territory::communes();
    let in_commune = |code: &String| {
        let selected = communes.resolve(code).unwrap();
        commune.id() == selected || commune.parent() == Some(selected)
    };
    // ISO 8601 days sort as texts.
    (selection.from.is_empty() || cra.date >= selection.from)
        && (selection.to.is_empty() || cra.date <= selection.to)
        && one_of(&selection.region_codes, &commune.region().to_owned())
        && one_of(&selection.department_codes, &commune.department().to_owned())
        && one_of(&selection.epci_codes, &commune.epci().unwrap_or_default().to_owned())
        && (selection.commune_codes.is_empty() || selection.commune_codes.iter().any(in_commune))
        && one_of(&selection.postal_codes, &place.postal_code)
        && one_of(&selection.structure_ids, &cra.structure_id)
        && one_of(&selection.advisor_ids, &cra.advisor_id)
        && one_of(&selection.venue_ids, &place.venue_id)
        && one_of(&selection.channels, &place.channel)
        && one_of(&selection.activities, &cra.activity)
        && any_of(&selection.themes, &cra.themes)
        && any_of(&selection.sub_themes, &cra.sub_themes)
        && one_of(&selection.durations, &bucket(cra))
        && any_of(&selection.ages, &lines_with_people(ages(cra), cra))
        && any_of(&selection.statuses, &lines_with_people(statuses(cra), cra))
}

pub(super) fn commune(cra: &v1::Cra) -> &'static Commune {
    let communes = territory::communes();
    communes.get(communes.resolve(&cra.place.as_ref().unwrap().commune_code).unwrap())
}

pub(super) fn participants(cra: &v1::Cra) -> u64 {
    u64::from(cra.participants.unwrap())
}

pub(super) fn ages(cra: &v1::Cra) -> [u32; 5] {
    let a = cra.ages.unwrap_or_default();
    [a.under_12, a.from_12_to_18, a.from_18_to_35, a.from_35_to_60, a.over_60]
}

pub(super) fn statuses(cra: &v1::Cra) -> [u32; 5] {
    let s = cra.statuses.unwrap_or_default();
    [s.student, s.unemployed, s.employed, s.retired, s.unspecified_or_mixed]
}

/// Number of people without a band or status.
pub(super) fn unspecified(people: [u32; 5], cra: &v1::Cra) -> u64 {
    participants(cra) - people.iter().map(|n| u64::from(*n)).sum::<u64>()
}

pub(super) fn lines_with_people(people: [u32; 5], cra: &v1::Cra) -> Vec<i32> {
    let mut lines = Vec::new();
    if unspecified(people, cra) > 0 {
        lines.push(0);
    }
    for (number, people) in (1..).zip(people) {
        if people > 0 {
            lines.push(number);
        }
    }
    lines
}

/// Number of the duration bucket.
pub(super) fn bucket(cra: &v1::Cra) -> i32 {
    let duration = cra.duration.unwrap_or_default();
    match (duration.band, duration.minutes) {
        (3, Some(minutes)) if minutes < 120 => 3,
        (3, Some(_)) => 4,
        (3, None) => 5,
        (band, _) => band,
    }
}

/// Estimate, lower and upper bound of the minutes.
pub(super) fn minutes(cra: &v1::Cra) -> [u64; 3] {
    let duration = cra.duration.unwrap_or_default();
    match (duration.band, duration.minutes) {
        (1, _) => [30, 0, 30],
        (2, _) => [60, 30, 60],
        (3, Some(exact)) => [u64::from(exact); 3],
        (3, None) => [60, 60, 480],
        _ => [0, 0, 480],
    }
}
