//! Which counters a fact increments: one definition for every way of counting. The meaning of the counters as figures
//! is in [`super::totals`].

use cra_domain::vocabulary::Activity;

use super::packed_fact::{ActivityKey, FactRef, PEOPLE_LINES, Redirected};

/// Counters that facts are added to.
pub trait Accumulate {
    /// A CRA with this activity key. `defaulted`: the participants were left to the form.
    fn cra(&mut self, activity_key: ActivityKey, defaulted: bool);

    /// Themes and sub-themes of a CRA, as bits.
    fn topics(&mut self, topics: u32);

    /// Participants of an activity, and exact minutes.
    fn add_participants(&mut self, activity: Activity, participants: u32, minutes: u32);

    /// People per line, if all counts are small.
    fn add_small_people(&mut self, people: &[u8; PEOPLE_LINES]);

    /// People per line.
    fn people(&mut self, people: &[u32; PEOPLE_LINES]);

    /// People met before, people who will be seen again, people who will come to a workshop.
    fn add_returning(&mut self, returning: u32, individual: u32, workshop: u32);

    /// Days from the activity to the record of a CRA.
    fn delay(&mut self, days: u32);

    /// People that a CRA sends to a recipient.
    fn redirected(&mut self, redirected: Redirected);
}

/// Adds a fact to counters.
#[inline]
pub fn count(fact: &FactRef<'_>, into: &mut impl Accumulate) {
    let activity_key = fact.activity_key();
    into.cra(activity_key, fact.fixed().defaulted_participants);
    into.topics(fact.topics());
    into.add_participants(activity_key.activity(), fact.participants(), fact.minutes());
    match fact.small_people() {
        Some(people) => into.add_small_people(people),
        None => into.people(&fact.people()),
    }
    into.add_returning(fact.returning(), fact.follow_up_individual(), fact.follow_up_workshop());
    into.delay(fact.delay_days());
    for redirected in fact.redirections() {
        into.redirected(*redirected);
    }
}
