//! Pairs of CRAs that are probably one session, by the contract's definition.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cra_contracts::v1;
use cra_contracts::v1::redirection::Organisation as Recipient;
use cra_domain::vocabulary::{Activity, Organisation, Word as _};
use jiff::SignedDuration;

use super::log::{Log, Standing};
use super::selected;
use super::selection::commune;
use super::spelling;

const TEN_MINUTES: SignedDuration = SignedDuration::from_mins(10);

/// The pairs, ordered by the position of the later CRA, last first.
pub fn likely_doubles(events: &[v1::CraEvent], selection: &v1::Selection) -> Vec<v1::LikelyDouble> {
    let log = Log::of(events);
    let mut equals: BTreeMap<String, Vec<&Standing>> = BTreeMap::new();
    for standing in selected(&log, selection) {
        equals.entry(counted(&standing.cra)).or_default().push(standing);
    }
    let mut found: Vec<_> = equals.into_values().flat_map(pairs).collect();
    found.sort_by_key(|(_, later)| Reverse(later.position));
    let record_of = |standing: &Standing| v1::RecordedCra {
        record: Some(standing.record.clone()),
        position: standing.position,
        client_id: standing.client_id.clone(),
    };
    let double = |(earlier, later)| v1::LikelyDouble {
        earlier: Some(record_of(earlier)),
        later: Some(record_of(later)),
    };
    found.into_iter().map(double).collect()
}

/// Key of a CRA's content: equal CRAs have the same key.
fn counted(cra: &v1::Cra) -> String {
    let mut counted = v1::Cra { annotation: String::new(), ..cra.clone() };
    counted.themes.sort_unstable();
    counted.sub_themes.sort_unstable();
    commune(cra).code().clone_into(&mut counted.place.as_mut().unwrap().commune_code);
    counted.ages = Some(counted.ages.unwrap_or_default());
    counted.statuses = Some(counted.statuses.unwrap_or_default());
    counted.duration = Some(counted.duration.unwrap_or_default());
    let follow_up = counted.follow_up.take().unwrap_or_default();
    let mut people: BTreeMap<String, u32> = BTreeMap::new();
    for redirection in follow_up.redirections {
        *people.entry(organisation(redirection.organisation)).or_default() += redirection.people;
    }
    format!("{counted:?} {} {} {people:?}", follow_up.individual, follow_up.workshop)
}

fn organisation(organisation: Option<Recipient>) -> String {
    let known = match &organisation {
        Some(Recipient::Known(number)) => Organisation::from_number(*number),
        Some(Recipient::Other(name)) => spelling::known(name),
        None => None,
    };
    match (known, organisation) {
        (Some(known), _) => known.term().name.to_owned(),
        // A name without visible characters counts as none.
        (None, Some(Recipient::Other(name))) => spelling::key(&name),
        _ => String::new(),
    }
}

/// The pairs among equal CRAs: each with the latest earlier one that it may double, each doubled at most once.
fn pairs(mut equals: Vec<&Standing>) -> Vec<(&Standing, &Standing)> {
    equals.sort_by_key(|standing| (standing.recorded_at, standing.position));
    let mut is_doubled = vec![false; equals.len()];
    let mut found = Vec::new();
    for later in 0..equals.len() {
        let may_double = |earlier: &usize| {
            let is_other = equals[*earlier].client_id != equals[later].client_id;
            !is_doubled[*earlier] && (is_other || is_again(&equals, *earlier, later))
        };
        if let Some(earlier) = (0..later).rev().find(may_double) {
            is_doubled[earlier] = true;
            found.push((equals[earlier], equals[later]));
        }
    }
    found
}

/// Whether a client recorded both within ten minutes, and not as one of several single persons.
fn is_again(equals: &[&Standing], earlier: usize, later: usize) -> bool {
    let own: Vec<usize> =
        (0..equals.len()).filter(|index| equals[*index].client_id == equals[later].client_id).collect();
    let is_close =
        |a: usize, b: usize| equals[b].recorded_at.duration_since(equals[a].recorded_at) <= TEN_MINUTES;
    let row = own
        .chunk_by(|a, b| is_close(*a, *b))
        .find(|row| row.contains(&later))
        .expect("every CRA is in one row");
    let follow_each_other = row.windows(2).any(|pair| pair == [earlier, later]);
    let is_workshop = equals[later].cra.activity == Activity::Workshop.number();
    follow_each_other && (is_workshop || row.len() < 3)
}
