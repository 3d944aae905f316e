//! Every figure of some CRAs, each counted in a separate loop.

use std::collections::{BTreeMap, HashMap, HashSet};

use cra_contracts::v1;
use cra_contracts::v1::redirection::Organisation as Recipient;
use cra_domain::territory;
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBucket, Organisation, Status, SubTheme, Theme, Word as _,
};

use super::lines::{breakdown, count, shared, shares};
use super::log::Standing;
use super::order::french;
use super::selection::{ages, bucket, commune, minutes, participants, statuses, unspecified};
use super::spelling;

/// The statistics of these CRAs.
pub(super) fn figures(selected: &[&Standing]) -> v1::Statistics {
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
        ..v1::Statistics::default()
    }
}

fn nth(number: i32) -> usize {
    usize::try_from(number - 1).unwrap()
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

/// People of one organisation, and the number of each spelling.
#[derive(Default)]
struct Spelt {
    people: u64,
    spellings: BTreeMap<String, u64>,
}

fn redirections(selected: &[&Standing]) -> Vec<v1::Count> {
    let mut organisations: HashMap<String, Spelt> = HashMap::new();
    let mut fixed: HashMap<String, String> = HashMap::new();
    for standing in selected {
        // A CRA that names an organisation twice counts its spelling once.
        let mut spelt_so = HashSet::new();
        for redirection in standing.cra.follow_up.iter().flat_map(|follow_up| &follow_up.redirections) {
            let known = match &redirection.organisation {
                Some(Recipient::Known(number)) => Organisation::from_number(*number),
                Some(Recipient::Other(name)) => spelling::known(name),
                None => None,
            };
            let key = match (&redirection.organisation, known) {
                (_, Some(known)) => {
                    fixed.insert(known.term().name.to_owned(), known.term().label.to_owned());
                    known.term().name.to_owned()
                }
                (Some(Recipient::Other(name)), None) if !spelling::key(name).is_empty() => {
                    spelling::key(name)
                }
                _ => {
                    fixed.insert("ORGANISATION_UNSPECIFIED".into(), "Non précisé".into());
                    "ORGANISATION_UNSPECIFIED".into()
                }
            };
            let spelt = organisations.entry(key).or_default();
            spelt.people += u64::from(redirection.people);
            if let Some(Recipient::Other(name)) = &redirection.organisation
                && spelt_so.insert(name)
            {
                *spelt.spellings.entry(name.clone()).or_default() += 1;
            }
        }
    }
    let mut lines = Vec::new();
    for (key, spelt) in &organisations {
        let max = spelt.spellings.values().max();
        let most_frequent = || spelt.spellings.iter().find(|(_, times)| Some(*times) == max).unwrap().0;
        let line = match fixed.get(key) {
            Some(label) => count(key, label, spelt.people),
            None => count(&spelling::plain(most_frequent()), most_frequent(), spelt.people),
        };
        lines.push(line);
    }
    lines.sort_by(|a, b| b.count.cmp(&a.count).then(french(&a.label, &b.label)).then(a.name.cmp(&b.name)));
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

/// Days from the activity to its record, both in the time zone of the activity.
fn delay(standing: &Standing) -> u32 {
    let zone = territory::time_zone(commune(&standing.cra).department());
    let recorded = zone.to_datetime(standing.recorded_at).date();
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
