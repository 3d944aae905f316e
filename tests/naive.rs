//! The statistics once more, straight from their definitions: every event is replayed, every CRA looked at, every
//! figure counted in a plain loop. Slow and independent of the read models, which it judges; it shares with them the
//! contract, the words of the form and the table of communes.

use std::collections::{BTreeMap, HashMap};

use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use cra_contracts::v1::redirection::Organisation as Recipient;
use cra_domain::legacy::{self, FormVersion};
use cra_domain::territory::{self, Commune};
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBucket, Organisation, Status, SubTheme, Theme, Word,
};
use cra_domain::{event, spelling};
use jiff::Timestamp;

/// Path of a number of people that was left to the form.
const PARTICIPANTS: &str = "cra.participants";

/// One CRA as it stands.
struct Standing {
    revision: u64,
    withdrawn: bool,
    cra: v1::Cra,
    /// When it was first recorded, by the older system where there was one.
    recorded_at: Timestamp,
    defaulted_participants: bool,
}

/// The statistics of a selection when the log holds these events and no more.
pub(crate) fn statistics(events: &[v1::CraEvent], selection: &v1::Selection) -> v1::Statistics {
    let standing = replay(events);
    let selected: Vec<&Standing> =
        standing.values().filter(|s| !s.withdrawn && matches(selection, &s.cra)).collect();
    figures(&selected)
}

/// Every CRA after the last event. An event that does not follow the CRA's last one changes nothing.
fn replay(events: &[v1::CraEvent]) -> BTreeMap<String, Standing> {
    let mut all: BTreeMap<String, Standing> = BTreeMap::new();
    for event in events {
        let last = all.get_mut(&event.cra_id);
        if event.revision != last.as_ref().map_or(0, |s| s.revision) + 1
            || last.as_ref().is_some_and(|s| s.withdrawn)
        {
            continue;
        }
        let recorded_at = event::timestamp("recorded_at", event.recorded_at.as_ref()).unwrap();
        let first = |cra, recorded_at, defaulted_participants| Standing {
            revision: 1,
            withdrawn: false,
            cra,
            recorded_at,
            defaulted_participants,
        };
        match (event.fact.as_ref().unwrap(), last) {
            (Fact::Submitted(submitted), None) => {
                let defaulted = submitted.defaulted_fields.contains(&PARTICIPANTS.to_owned());
                all.insert(
                    event.cra_id.clone(),
                    first(submitted.cra.clone().unwrap(), recorded_at, defaulted),
                );
            }
            (Fact::Imported(imported), None) => {
                let form = FormVersion::from_number(imported.form_version).unwrap();
                if let Ok(upcast) = legacy::upcast(form, &imported.document) {
                    let standing = first(upcast.cra.to_message(), upcast.created_at, false);
                    all.insert(event.cra_id.clone(), standing);
                }
            }
            (Fact::Corrected(corrected), Some(standing)) => {
                standing.revision += 1;
                standing.cra = corrected.cra.clone().unwrap();
                standing.defaulted_participants =
                    corrected.defaulted_fields.contains(&PARTICIPANTS.to_owned());
            }
            (Fact::Withdrawn(_), Some(standing)) => {
                standing.revision += 1;
                standing.withdrawn = true;
            }
            _ => {}
        }
    }
    all
}

fn commune(cra: &v1::Cra) -> &'static Commune {
    let communes = territory::communes();
    communes.get(communes.resolve(&cra.place.as_ref().unwrap().commune_code).unwrap())
}

/// Fields combine with AND, the values of one field with OR; an empty field restricts nothing.
fn matches(selection: &v1::Selection, cra: &v1::Cra) -> bool {
    fn one_of<T: PartialEq>(wanted: &[T], is: &T) -> bool {
        wanted.is_empty() || wanted.contains(is)
    }
    fn any_of(wanted: &[i32], are: &[i32]) -> bool {
        wanted.is_empty() || wanted.iter().any(|number| are.contains(number))
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

fn participants(cra: &v1::Cra) -> u64 {
    u64::from(cra.participants.unwrap())
}

fn ages(cra: &v1::Cra) -> [u32; 5] {
    let a = cra.ages.unwrap_or_default();
    [a.under_12, a.from_12_to_18, a.from_18_to_35, a.from_35_to_60, a.over_60]
}

fn statuses(cra: &v1::Cra) -> [u32; 5] {
    let s = cra.statuses.unwrap_or_default();
    [s.student, s.unemployed, s.employed, s.retired, s.unspecified_or_mixed]
}

/// People of no band or status.
fn unspecified(people: [u32; 5], cra: &v1::Cra) -> u64 {
    participants(cra) - people.iter().map(|n| u64::from(*n)).sum::<u64>()
}

fn lines_with_people(people: [u32; 5], cra: &v1::Cra) -> Vec<i32> {
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
fn bucket(cra: &v1::Cra) -> i32 {
    let duration = cra.duration.unwrap_or_default();
    match (duration.band, duration.minutes) {
        (3, Some(minutes)) if minutes < 120 => 3,
        (3, Some(_)) => 4,
        (3, None) => 5,
        (band, _) => band,
    }
}

/// Estimate, lower and upper bound of the minutes.
fn minutes(cra: &v1::Cra) -> [u64; 3] {
    let duration = cra.duration.unwrap_or_default();
    match (duration.band, duration.minutes) {
        (1, _) => [30, 0, 30],
        (2, _) => [60, 30, 60],
        (3, Some(exact)) => [u64::from(exact); 3],
        (3, None) => [60, 60, 480],
        _ => [0, 0, 480],
    }
}

fn figures(selected: &[&Standing]) -> v1::Statistics {
    let sum = |of: &dyn Fn(&Standing) -> u64| selected.iter().map(|s| of(s)).sum::<u64>();
    let number = |is: &dyn Fn(&Standing) -> bool| sum(&|s| u64::from(is(s)));
    let workshop = |s: &Standing| s.cra.activity == Activity::Workshop.number();
    let (cras, acts) = (number(&|_| true), sum(&|s| participants(&s.cra)));
    let returning_people = sum(&|s| u64::from(s.cra.returning_participants));
    let channel = |s: &Standing| s.cra.place.as_ref().unwrap().channel;
    v1::Statistics {
        cras,
        acts,
        people: acts - returning_people,
        returning_people,
        workshops: number(&workshop),
        workshop_participants: sum(&|s| if workshop(s) { participants(&s.cra) } else { 0 }),
        individual_supports: number(&|s| s.cra.activity == Activity::Individual.number()),
        one_off_requests: number(&|s| s.cra.activity == Activity::OneOff.number()),
        workshops_with_defaulted_participants: number(&|s| workshop(s) && s.defaulted_participants),
        follow_up: Some(follow_up(selected, acts)),
        channels: breakdown::<Channel>(&|n| number(&|s| channel(s) == n), None),
        activities: breakdown::<Activity>(&|n| number(&|s| s.cra.activity == n), None),
        themes: breakdown::<Theme>(&|n| number(&|s| s.cra.themes.contains(&n)), None),
        sub_themes: breakdown::<SubTheme>(&|n| number(&|s| s.cra.sub_themes.contains(&n)), None),
        durations: breakdown::<DurationBucket>(
            &|n| number(&|s| bucket(&s.cra) == n),
            Some(("DURATION_BUCKET_UNSPECIFIED", number(&|s| bucket(&s.cra) == 0))),
        ),
        ages: breakdown::<AgeBand>(
            &|n| sum(&|s| u64::from(ages(&s.cra)[nth(n)])),
            Some(("AGE_BAND_UNSPECIFIED", sum(&|s| unspecified(ages(&s.cra), &s.cra)))),
        ),
        statuses: breakdown::<Status>(
            &|n| sum(&|s| u64::from(statuses(&s.cra)[nth(n)])),
            Some(("STATUS_UNSPECIFIED", sum(&|s| unspecified(statuses(&s.cra), &s.cra)))),
        ),
        redirections: redirections(selected),
        time_spent: time_spent(selected),
        entry_delay: Some(entry_delay(selected)),
    }
}

fn nth(number: i32) -> usize {
    usize::try_from(number - 1).unwrap()
}

fn count(name: &str, label: &str, count: u64) -> v1::Count {
    v1::Count { name: name.to_owned(), label: label.to_owned(), count, share_per_mille: 0 }
}

/// Every open value, closed ones when not 0, and what is unspecified when not 0.
fn breakdown<W: Word>(count_of: &dyn Fn(i32) -> u64, unspecified: Option<(&str, u64)>) -> Vec<v1::Count> {
    let mut lines = Vec::new();
    for word in W::ALL {
        let people_or_cras = count_of(word.number());
        if word.term().open || people_or_cras > 0 {
            lines.push(count(word.term().name, word.term().label, people_or_cras));
        }
    }
    if let Some((name, unspecified)) = unspecified.filter(|(_, count)| *count > 0) {
        lines.push(count(name, "Non renseigné", unspecified));
    }
    shared(lines)
}

fn shared(mut lines: Vec<v1::Count>) -> Vec<v1::Count> {
    let counts: Vec<u64> = lines.iter().map(|line| line.count).collect();
    for (line, share) in lines.iter_mut().zip(shares(&counts)) {
        line.share_per_mille = share;
    }
    lines
}

/// Largest remainder: each line its whole per milles, then one more for the line with the most left, ties to the
/// larger count, then to the earlier line, until they are a thousand.
fn shares(counts: &[u64]) -> Vec<u32> {
    let total: u64 = counts.iter().sum();
    let mut shares = vec![0; counts.len()];
    if total == 0 {
        return shares;
    }
    let mut remainders = Vec::new();
    for (share, count) in shares.iter_mut().zip(counts) {
        *share = u32::try_from(count * 1000 / total).unwrap();
        remainders.push(Some(count * 1000 % total));
    }
    while shares.iter().sum::<u32>() < 1000 {
        let mut best = 0;
        for line in 1..counts.len() {
            if (remainders[line], counts[line]) > (remainders[best], counts[best]) {
                best = line;
            }
        }
        shares[best] += 1;
        remainders[best] = None;
    }
    shares
}

fn follow_up(selected: &[&Standing], acts: u64) -> v1::FollowUpStatistics {
    let mut all = v1::FollowUpStatistics::default();
    for standing in selected {
        let Some(follow_up) = &standing.cra.follow_up else {
            continue;
        };
        all.individual += u64::from(follow_up.individual);
        all.workshop += u64::from(follow_up.workshop);
        all.redirected += follow_up.redirections.iter().map(|r| u64::from(r.people)).sum::<u64>();
    }
    all.total = all.individual + all.workshop + all.redirected;
    if let Some(thousandths) = (10_000 * all.total).checked_div(acts) {
        // One more digit, then half up.
        all.rate_per_mille = u32::try_from((thousandths + 5) / 10).unwrap();
    }
    all
}

/// People of one organisation, and how often it is written how.
#[derive(Default)]
struct Spelt {
    people: u64,
    spellings: BTreeMap<String, u64>,
}

fn redirections(selected: &[&Standing]) -> Vec<v1::Count> {
    let mut organisations: HashMap<String, Spelt> = HashMap::new();
    let mut fixed: HashMap<String, String> = HashMap::new();
    for standing in selected {
        for redirection in standing.cra.follow_up.iter().flat_map(|follow_up| &follow_up.redirections) {
            let known = match &redirection.organisation {
                Some(Recipient::Known(number)) => Organisation::from_number(*number),
                Some(Recipient::Other(name)) => Organisation::recognise(name),
                None => None,
            };
            let key = match (&redirection.organisation, known) {
                (_, Some(known)) => {
                    fixed.insert(known.term().name.to_owned(), known.term().label.to_owned());
                    known.term().name.to_owned()
                }
                (Some(Recipient::Other(name)), None) => spelling::key(name),
                _ => {
                    fixed.insert("ORGANISATION_UNSPECIFIED".into(), "Non précisé".into());
                    "ORGANISATION_UNSPECIFIED".into()
                }
            };
            let spelt = organisations.entry(key).or_default();
            spelt.people += u64::from(redirection.people);
            if let Some(Recipient::Other(name)) = &redirection.organisation {
                *spelt.spellings.entry(name.clone()).or_default() += 1;
            }
        }
    }
    let mut lines = Vec::new();
    for (key, spelt) in &organisations {
        let most = spelt.spellings.values().max();
        let most_frequent = || spelt.spellings.iter().find(|(_, times)| Some(*times) == most).unwrap().0;
        let label = fixed.get(key).unwrap_or_else(most_frequent);
        lines.push(count(key, label, spelt.people));
    }
    lines.sort_by_key(|line| (u64::MAX - line.count, line.label.clone(), line.name.clone()));
    shared(lines)
}

fn time_spent(selected: &[&Standing]) -> Vec<v1::TimeSpent> {
    let of = |is: &dyn Fn(&v1::Cra) -> bool, name: &str, label: &str| {
        let mut sums = [0; 3];
        for standing in selected.iter().filter(|s| is(&s.cra)) {
            for (sum, minutes) in sums.iter_mut().zip(minutes(&standing.cra)) {
                *sum += minutes;
            }
        }
        v1::TimeSpent {
            name: name.to_owned(),
            label: label.to_owned(),
            estimated_minutes: sums[0],
            minimum_minutes: sums[1],
            maximum_minutes: sums[2],
            share_per_mille: 0,
        }
    };
    let mut lines: Vec<v1::TimeSpent> = Activity::ALL
        .iter()
        .map(|activity| {
            of(&|cra| cra.activity == activity.number(), activity.term().name, activity.term().label)
        })
        .collect();
    let estimates: Vec<u64> = lines.iter().map(|line| line.estimated_minutes).collect();
    for (line, share) in lines.iter_mut().zip(shares(&estimates)) {
        line.share_per_mille = share;
    }
    let mut total = of(&|_| true, "total", "Total");
    total.share_per_mille = lines.iter().map(|line| line.share_per_mille).sum();
    lines.push(total);
    lines
}

/// Days from the activity to its record, both where it took place.
fn delay(standing: &Standing) -> u32 {
    let zone = territory::time_zone(commune(&standing.cra).department());
    let recorded = standing.recorded_at.to_zoned_datetime(zone).date();
    let done: jiff::civil::Date = standing.cra.date.parse().unwrap();
    let mut days = 0;
    let mut day = done;
    while day < recorded {
        day = day.tomorrow().unwrap();
        days += 1;
    }
    days
}

fn entry_delay(selected: &[&Standing]) -> v1::EntryDelay {
    let mut delays: Vec<u32> = selected.iter().map(|standing| delay(standing)).collect();
    delays.sort_unstable();
    let nearest_rank = |percent: usize| match (delays.len() * percent).div_ceil(100) {
        0 => 0,
        rank => delays[rank - 1],
    };
    v1::EntryDelay {
        median_days: nearest_rank(50),
        p90_days: nearest_rank(90),
        same_day: delays.iter().filter(|days| **days == 0).count() as u64,
    }
}
