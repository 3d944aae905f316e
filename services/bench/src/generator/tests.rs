//! What the data guarantees: valid, the same for the same seed, in the log's order, with the shares of real data.

use std::collections::{BTreeMap, BTreeSet};

use cra_contracts::v1::{Activity, Channel, DurationBand, Theme};
use cra_domain::event::{Event, Fact};

use super::*;

const CRAS: u64 = 20_000;

/// Every event as it is stored.
fn stored(generator: &Generator) -> Vec<Stored> {
    generator.steps().map(|step| generator.event(step).unwrap()).collect()
}

/// Events, read back as the projection reads them.
fn events(stored: &[Stored]) -> Vec<Event<'_>> {
    let events = stored.iter().map(|stored| {
        let event = Event::decode(&stored.payload).unwrap();
        assert_eq!((event.cra_id, event.event_id), (stored.cra_id, stored.event_id));
        assert_eq!(event.recorded_at, stored.recorded_at);
        event
    });
    events.collect()
}

fn forms() -> Vec<v1::Cra> {
    let generator = Generator::new(1, CRAS);
    (0..CRAS).map(|number| generator.form(number, 1)).collect()
}

/// Per mille of the CRAs for which it is true.
fn share(forms: &[v1::Cra], is: impl Fn(&v1::Cra) -> bool) -> usize {
    forms.iter().filter(|form| is(form)).count() * 1_000 / forms.len()
}

#[track_caller]
fn near(found: usize, expected: usize, tolerance: usize) {
    assert!(found.abs_diff(expected) <= tolerance, "{found}, expected about {expected}");
}

#[test]
fn every_event_keeps_the_rules_and_follows_in_time_and_revision() {
    let stored = stored(&Generator::new(7, 4_000));
    let events = events(&stored);
    let mut revisions = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for pair in events.windows(2) {
        assert!(pair[0].recorded_at <= pair[1].recorded_at, "the log's order is that of records");
    }
    for event in &events {
        assert!(ids.insert(event.event_id), "no event twice");
        let revision = revisions.entry(event.cra_id).or_insert(0);
        *revision += 1;
        assert_eq!(event.revision, *revision);
    }
    assert_eq!(revisions.len(), 4_000);
}

#[test]
fn the_same_seed_gives_the_same_data_and_another_seed_other_data() {
    let payloads = |seed| {
        let generator = Generator::new(seed, 1_000);
        let payloads: Vec<_> = generator.steps().map(|step| generator.event(step).unwrap().payload).collect();
        payloads.concat()
    };
    assert_ne!(payloads(1), payloads(2));
    // When this changes, so must the version: logs that were kept hold the former data.
    let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, &payloads(1));
    assert_eq!((VERSION, digest.to_string().as_str()), (1, "86a30cc1-526d-58e9-b3df-0042e1e6c89e"));
}

#[test]
fn places_activities_and_durations_have_the_shares_of_real_data() {
    let forms = forms();
    let channel = |channel: Channel| {
        share(&forms, |form| form.place.as_ref().is_some_and(|place| place.channel() == channel))
    };
    near(channel(Channel::Venue), 680, 20);
    near(channel(Channel::OtherPlace), 250, 20);
    near(channel(Channel::Remote), 40, 10);
    near(channel(Channel::Home), 30, 10);
    let activity = |activity: Activity| share(&forms, |form| form.activity() == activity);
    near(activity(Activity::Individual), 590, 20);
    near(activity(Activity::OneOff), 270, 20);
    near(activity(Activity::Workshop), 150, 20);
    let band = |band: DurationBand| share(&forms, |form| form.duration.is_some_and(|d| d.band() == band));
    near(band(DurationBand::UpTo30Minutes), 230, 20);
    near(band(DurationBand::From30MinutesTo1Hour), 340, 20);
    let minutes = forms.iter().filter_map(|form| form.duration?.minutes);
    assert!(minutes.clone().all(|minutes| (60..=360).contains(&minutes)));
}

#[test]
fn workshops_and_themes_have_the_sizes_and_shares_of_real_data() {
    let forms = forms();
    let people: Vec<_> = forms.iter().filter(|form| form.activity() == Activity::Workshop).collect();
    let people: Vec<_> = people.iter().map(|form| form.participants.unwrap_or(5)).collect();
    near(usize::try_from(people.iter().sum::<u32>()).unwrap() * 10 / people.len(), 65, 5);
    assert_eq!(people.iter().max(), Some(&28));
    let count = |count: usize| share(&forms, |form| form.themes.len() == count);
    near(count(1), 600, 20);
    near(count(2), 230, 20);
    near(count(3), 110, 20);
    let theme = |theme: Theme| share(&forms, |form| form.themes.contains(&theme.into()));
    near(theme(Theme::Equipment), 440, 40);
    near(theme(Theme::OnlineProcedures), 330, 40);
    near(theme(Theme::Internet), 210, 30);
    near(theme(Theme::Email), 160, 30);
}

#[test]
fn activities_are_recorded_late_and_some_are_corrected_or_withdrawn() {
    let generator = Generator::new(1, CRAS);
    let stored = stored(&generator);
    let events = events(&stored);
    let (mut delays, mut corrected, mut withdrawn) = (Vec::new(), 0, 0);
    for event in &events {
        match &event.fact {
            Fact::Submitted { cra, .. } => {
                delays.push((cra.place.day_of(event.recorded_at) - cra.date).get_days());
            }
            Fact::Corrected { .. } => corrected += 1,
            Fact::Withdrawn { .. } => withdrawn += 1,
            Fact::Imported { .. } => unreachable!("none is made"),
        }
    }
    delays.sort_unstable();
    assert_eq!(delays[delays.len() / 2], 3);
    // One more in the Pacific, where the next day has begun.
    assert!((0..=111).contains(&delays[0]) && delays[delays.len() - 1] <= 111);
    near(corrected, 200, 50);
    near(withdrawn, 60, 25);
    let (first, last) = (&events[0], &events[events.len() - 1]);
    let days = last.recorded_at.duration_since(first.recorded_at).as_hours() / 24;
    assert_eq!(u64::try_from(days).unwrap(), DAYS - 1);
}

#[test]
fn a_cra_of_today_is_valid_at_any_hour() {
    let generator = Generator::new(3, 1_000);
    let today = Date::constant(2026, 3, 1);
    for hour in ["00:01", "06:00", "23:59"] {
        let now: Timestamp = format!("{today}T{hour}:00Z").parse().unwrap();
        for number in 1_000..1_500 {
            let form = generator.form_recorded_on(number, today);
            assert!(Submission::parse(Some(&form), now).is_ok(), "{form:?} at {now}");
        }
    }
}
