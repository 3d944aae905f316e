//! Pairs of CRAs that are probably one session recorded twice: which content must be equal, and which of the equal CRAs
//! are pairs. Source of the rule: the comment of `ListLikelyDoubles` in the contract.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use cra_domain::vocabulary::Activity;
use hashbrown::HashMap;

use super::dictionary::{Code, Dictionary};
use super::figures::organisation;
use super::packed_fact::{FactRef, PEOPLE_LINES};

/// Ten minutes, in nanoseconds: the window in which the same client is assumed to resend a session.
const AGAIN_WITHIN: i64 = 600 * 1_000_000_000;
/// Number of equal CRAs of one person each from which a client is assumed to enter separate sessions.
const SERIES_FROM: usize = 3;

/// Everything of a CRA that a figure or a selection reads, except when and by whom it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    numbers: ContentKey,
    /// People per organisation, by the name of its line.
    redirections: BTreeMap<String, u64>,
}

/// The content without the names of organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ContentKey {
    day: i32,
    advisor: Code,
    structure: Code,
    venue: Option<Code>,
    postal_code: u32,
    commune: u16,
    topics: u32,
    /// Channel, activity and kind of duration.
    activity_key: usize,
    minutes: u32,
    participants: u32,
    returning: u32,
    follow_up_individual: u32,
    follow_up_workshop: u32,
    people: [u32; PEOPLE_LINES],
    redirected: u64,
}

impl ContentKey {
    fn of(fact: &FactRef<'_>) -> Self {
        let fixed = fact.fixed();
        Self {
            day: fixed.day,
            advisor: fixed.advisor,
            structure: fixed.structure,
            venue: fact.venue(),
            postal_code: fixed.postal_code,
            commune: fixed.commune,
            topics: fact.topics(),
            activity_key: fact.activity_key().index(),
            minutes: fact.minutes(),
            participants: fact.participants(),
            returning: fact.returning(),
            follow_up_individual: fact.follow_up_individual(),
            follow_up_workshop: fact.follow_up_workshop(),
            people: fact.people(),
            redirected: fact.redirections().iter().map(|it| u64::from(it.people)).sum(),
        }
    }
}

/// A digest that is equal for equal contents, and rarely for others.
pub fn digest(fact: &FactRef<'_>, hasher: &impl BuildHasher) -> u64 {
    hasher.hash_one(ContentKey::of(fact))
}

impl Content {
    /// The content of a fact.
    #[must_use]
    pub fn of(fact: &FactRef<'_>, dictionary: &Dictionary) -> Self {
        let mut redirections = BTreeMap::new();
        for redirected in fact.redirections() {
            let name = organisation(redirected.to, dictionary).key.to_owned();
            *redirections.entry(name).or_default() += u64::from(redirected.people);
        }
        Self { numbers: ContentKey::of(fact), redirections }
    }
}

/// One of several CRAs with equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equal {
    /// Time of the first record, in the older system if there was one, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Position of its event.
    pub position: u64,
    /// The client that recorded it.
    pub client: Code,
}

/// Two CRAs that are probably one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Position of the CRA recorded first.
    pub earlier: u64,
    /// Position of the other one, which is in one pair only.
    pub later: u64,
}

/// The pairs among CRAs with equal content and this activity.
#[must_use]
pub fn pairs(mut equals: Vec<Equal>, activity: Activity) -> Vec<Pair> {
    equals.sort_unstable_by_key(|equal| (equal.recorded_at, equal.position));
    let same_client = SameClient::of(&equals, activity);
    let (mut unpaired, mut pairs) = (Unpaired::default(), Vec::new());
    for (index, equal) in equals.iter().enumerate() {
        let again =
            same_client.doubled_by(index).filter(|earlier| unpaired.is_last_of(*earlier, equal.client));
        if let Some(earlier) = again.max(unpaired.last_of_others(equal.client)) {
            unpaired.take(earlier, equals[earlier].client);
            pairs.push(Pair { earlier: equals[earlier].position, later: equal.position });
        }
        unpaired.push(index, equal.client);
    }
    pairs
}

/// The sequence of records of each client.
struct SameClient {
    /// Per CRA: the previous one of the same client, if it was recorded within ten minutes.
    before: Vec<Option<usize>>,
    /// Per CRA: the length of its sequence, each within ten minutes of the previous one.
    in_a_row: Vec<usize>,
    series_from: usize,
}

impl SameClient {
    fn of(equals: &[Equal], activity: Activity) -> Self {
        let mut last: HashMap<Code, usize> = HashMap::new();
        let mut before = Vec::with_capacity(equals.len());
        let mut rows: Vec<usize> = Vec::new();
        let mut row_of = Vec::with_capacity(equals.len());
        for (index, equal) in equals.iter().enumerate() {
            let former = last.insert(equal.client, index).filter(|former| {
                equal.recorded_at.saturating_sub(equals[*former].recorded_at) <= AGAIN_WITHIN
            });
            let row = former.map_or_else(
                || {
                    rows.push(0);
                    rows.len() - 1
                },
                |former| row_of[former],
            );
            rows[row] += 1;
            row_of.push(row);
            before.push(former);
        }
        let in_a_row = row_of.into_iter().map(|row| rows[row]).collect();
        // One group of people does not come twice; single persons come one after another.
        let series_from = if activity == Activity::Workshop { usize::MAX } else { SERIES_FROM };
        Self { before, in_a_row, series_from }
    }

    /// The CRA that another one may repeat.
    fn doubled_by(&self, index: usize) -> Option<usize> {
        self.before[index].filter(|_| self.in_a_row[index] < self.series_from)
    }
}

/// CRAs without a later double so far, by client.
#[derive(Default)]
struct Unpaired {
    by_client: HashMap<Code, Vec<usize>>,
    /// The last of each client.
    last: BTreeMap<usize, Code>,
}

impl Unpaired {
    fn is_last_of(&self, index: usize, client: Code) -> bool {
        self.last.get(&index) == Some(&client)
    }

    fn last_of_others(&self, client: Code) -> Option<usize> {
        self.last.iter().rev().find(|(_, other)| **other != client).map(|(index, _)| *index)
    }

    fn push(&mut self, index: usize, client: Code) {
        let own = self.by_client.entry(client).or_default();
        if let Some(last) = own.last() {
            self.last.remove(last);
        }
        own.push(index);
        self.last.insert(index, client);
    }

    /// Takes the last CRA of a client.
    fn take(&mut self, index: usize, client: Code) {
        self.last.remove(&index);
        let own = self.by_client.entry(client).or_default();
        own.pop();
        if let Some(last) = own.last() {
            self.last.insert(*last, client);
        }
    }
}

#[cfg(test)]
mod tests;
