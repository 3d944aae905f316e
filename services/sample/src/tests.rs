//! Guarantees of the fictitious month: valid, reproducible, and close to the shares of real samples.

use std::collections::{BTreeMap, BTreeSet};

use cra_domain::cra::{Submission, check_cra_id};
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBand, Status, Theme};
use jiff::civil::date;

use super::*;

fn month() -> Month {
    Month::last_complete(date(2024, 4, 10))
}

fn parsed(month: Month) -> Vec<cra_domain::cra::Cra> {
    // The first instant at which the month is the last complete one: the strictest.
    let next_month = month.first_day().last_of_month().tomorrow().unwrap().to_string();
    let now: jiff::Timestamp = format!("{next_month}T00:00:00Z").parse().unwrap();
    let cras = submissions(month).into_iter().map(|request| {
        check_cra_id(&request.cra_id).unwrap();
        match Submission::parse(request.cra.as_ref(), now) {
            Ok(submission) => submission.cra().clone(),
            Err(violations) => panic!("{request:?}: {violations:?}"),
        }
    });
    cras.collect()
}

/// Share of the CRAs with a property, per mille.
fn share(cras: &[cra_domain::cra::Cra], is: impl Fn(&cra_domain::cra::Cra) -> bool) -> usize {
    cras.iter().filter(|cra| is(cra)).count() * 1_000 / cras.len()
}

#[track_caller]
fn near(found: usize, expected: usize, tolerance: usize) {
    assert!(found.abs_diff(expected) <= tolerance, "{found} per mille, expected about {expected}");
}

#[test]
fn every_cra_of_a_year_of_samples_passes_the_rules_of_the_form() {
    for number in 1..=12 {
        assert_eq!(parsed(Month::last_complete(date(2025, number, 28))).len(), 2_000);
    }
}

#[test]
fn a_month_has_one_sample_and_another_month_another() {
    assert_eq!(submissions(month()), submissions(month()));
    let other = submissions(Month::last_complete(date(2024, 5, 10)));
    let ids: BTreeSet<_> = submissions(month()).into_iter().chain(other).map(|one| one.cra_id).collect();
    assert_eq!(ids.len(), 4_000, "no id twice");
}

#[test]
fn activities_and_their_places_have_the_shares_of_real_samples() {
    let cras = parsed(month());
    near(share(&cras, |cra| cra.place.channel == Channel::Venue), 680, 30);
    near(share(&cras, |cra| cra.place.channel == Channel::OtherPlace), 250, 30);
    near(share(&cras, |cra| cra.place.channel == Channel::Remote), 40, 15);
    near(share(&cras, |cra| cra.place.channel == Channel::Home), 30, 15);
    near(share(&cras, |cra| cra.activity == Activity::Individual), 585, 30);
    near(share(&cras, |cra| cra.activity == Activity::OneOff), 270, 30);
    near(share(&cras, |cra| cra.activity == Activity::Workshop), 150, 25);
    let workshops: Vec<_> = cras.iter().filter(|cra| cra.activity == Activity::Workshop).collect();
    let people: u32 = workshops.iter().map(|cra| cra.participants).sum();
    near(people as usize * 1_000 / workshops.len(), 6_500, 600);
    assert!(workshops.iter().all(|cra| cra.participants <= 28));
}

#[test]
fn themes_and_durations_have_the_shares_of_real_samples() {
    let cras = parsed(month());
    let about = |theme| share(&cras, |cra| cra.themes.contains(&theme));
    near(about(Theme::Equipment), 440, 35);
    near(about(Theme::OnlineProcedures), 330, 35);
    near(about(Theme::Internet), 210, 30);
    near(about(Theme::Email), 160, 30);
    near(share(&cras, |cra| cra.themes.len() == 1), 600, 35);
    near(share(&cras, |cra| cra.themes.len() == 2), 230, 30);
    near(share(&cras, |cra| cra.themes.len() == 3), 110, 25);
    let band = |band: DurationBand| {
        submissions(month())
            .iter()
            .filter(|request| {
                let duration = request.cra.as_ref().and_then(|cra| cra.duration);
                duration.is_some_and(|duration| duration.band == cra_domain::vocabulary::Word::number(band))
            })
            .count()
            * 1_000
            / CRAS
    };
    near(band(DurationBand::UpTo30Minutes), 230, 30);
    near(band(DurationBand::From30MinutesTo1Hour), 340, 35);
}

#[test]
fn people_are_plausible() {
    let cras = parsed(month());
    let sum = |count: &dyn Fn(&cra_domain::cra::Cra) -> u32| cras.iter().map(count).sum::<u32>() as usize;
    let acts = sum(&|cra| cra.participants);
    near(sum(&|cra| cra.returning_participants) * 1_000 / acts, 340, 40);
    let one = |cra: &&cra_domain::cra::Cra| cra.participants == 1;
    let retired: Vec<_> =
        cras.iter().filter(one).filter(|cra| cra.statuses.of(Status::Retired) == 1).collect();
    let over_60 = retired.iter().filter(|cra| cra.ages.of(AgeBand::Over60) == 1).count();
    assert!(over_60 * 100 / retired.len() >= 95, "the retired are mostly over 60");
    let children = cras.iter().filter(one).filter(|cra| cra.ages.of(AgeBand::Under12) == 1);
    assert!(children.into_iter().all(|cra| cra.statuses.of(Status::Employed) == 0));
}

#[test]
fn some_forty_advisors_share_the_month_unequally_across_the_country() {
    let cras = parsed(month());
    let mut by_advisor = BTreeMap::new();
    for cra in &cras {
        *by_advisor.entry(cra.advisor_id.to_string()).or_insert(0_usize) += 1;
    }
    assert_eq!(by_advisor.len(), 40);
    let (min, max) = (by_advisor.values().min().unwrap(), by_advisor.values().max().unwrap());
    assert!(*max > min * 3, "{min} to {max}");
    let structures: BTreeSet<_> = cras.iter().map(|cra| cra.structure_id.to_string()).collect();
    assert_eq!(structures.len(), 25);
    let codes: BTreeSet<_> = cras.iter().map(|cra| cra.place.commune_code.to_string()).collect();
    for expected in ["97411", "97105", "97302", "75118", "69383", "13203", "2A004"] {
        assert!(codes.contains(expected), "{expected} is missing");
    }
    for divided in ["75056", "69123", "13055"] {
        assert!(!codes.contains(divided), "{divided} is declared by its arrondissements");
    }
}
