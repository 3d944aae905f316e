//! CRAs that probably are one session recorded twice: what two of them must have in common, and which of those that are
//! equal are pairs. Source of the rule: the comment of `ListLikelyDoubles` in the contract.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use cra_domain::vocabulary::Activity;
use hashbrown::HashMap;

use super::dictionary::{Code, Dictionary};
use super::figures::organisation;
use super::packed_fact::{FactRef, PEOPLE_LINES};

/// Ten minutes, in nanoseconds: one session sent again by the same client comes within them.
const AGAIN_WITHIN: i64 = 600 * 1_000_000_000;
/// From so many equal CRAs of one person each on, a client enters one session after another.
const SERIES_FROM: usize = 3;

/// Everything that a figure or a selection reads of a CRA, but for when and by whom it was recorded. Two that are equal
/// have the same content.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    numbers: WideCounts,
    /// People per organisation, as the line that they count on is called.
    redirections: BTreeMap<String, u64>,
}

/// The content without the names of organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct WideCounts {
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

impl WideCounts {
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

/// A digest that is the same for CRAs of the same content, and rarely for others.
pub fn digest(fact: &FactRef<'_>, hasher: &impl BuildHasher) -> u64 {
    hasher.hash_one(WideCounts::of(fact))
}

impl Content {
    /// The content of a fact.
    #[must_use]
    pub fn of(fact: &FactRef<'_>, dictionary: &Dictionary) -> Self {
        let mut redirections = BTreeMap::new();
        for redirected in fact.redirections() {
            let (name, ..) = organisation(redirected.to, dictionary);
            *redirections.entry(name).or_default() += u64::from(redirected.people);
        }
        Self { numbers: WideCounts::of(fact), redirections }
    }
}

/// One of some CRAs of the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equal {
    /// When it was recorded, by the older system where there was one, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Position of the event that brought it.
    pub position: u64,
    /// Client that recorded it.
    pub client: Code,
}

/// Two CRAs that probably are one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Position of the one that was recorded first.
    pub earlier: u64,
    /// Position of the other one: of one pair only.
    pub later: u64,
}

/// The pairs among CRAs of the same content and of this activity.
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

/// What each client recorded one after the other.
struct SameClient {
    /// Per CRA: the one before it by the same client, if it came within ten minutes.
    before: Vec<Option<usize>>,
    /// Per CRA: how many in a row it is one of, each within ten minutes of the one before.
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
        // The same group of people does not come twice; one person after another does.
        let series_from = if activity == Activity::Workshop { usize::MAX } else { SERIES_FROM };
        Self { before, in_a_row, series_from }
    }

    /// The CRA that another one may be sent again of.
    fn doubled_by(&self, index: usize) -> Option<usize> {
        self.before[index].filter(|_| self.in_a_row[index] < self.series_from)
    }
}

/// CRAs that no later one doubles so far, by client.
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

    /// Takes the last one of a client out.
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
