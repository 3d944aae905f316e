//! What a fact adds to which counter: the one definition of it, for every way of counting. What the counters mean as
//! figures is in [`super::tally`].

use cra_domain::vocabulary::Activity;

use super::countable::{Manner, PEOPLE_LINES, Redirected, Seen};

/// Counters that facts are added to.
pub trait Counting {
    /// A CRA of this manner. Among `defaulted` ones, the participants were left to the form.
    fn cra(&mut self, manner: Manner, defaulted: bool);

    /// Themes and sub-themes of a CRA, as bits.
    fn topics(&mut self, topics: u32);

    /// People present, of an activity, and exact minutes.
    fn presence(&mut self, activity: Activity, participants: u32, minutes: u32);

    /// People per line, few in each.
    fn few_people(&mut self, people: &[u8; PEOPLE_LINES]);

    /// People per line.
    fn people(&mut self, people: &[u32; PEOPLE_LINES]);

    /// People met before, people who will be seen again, people who will come to a workshop.
    fn coming_back(&mut self, returning: u32, individual: u32, workshop: u32);

    /// Days from the activity to the record of a CRA.
    fn delay(&mut self, days: u32);

    /// People sent to a recipient by a CRA.
    fn redirected(&mut self, redirected: Redirected);
}

/// Adds a fact to counters.
#[inline]
pub fn count(seen: &Seen<'_>, into: &mut impl Counting) {
    let manner = seen.manner();
    into.cra(manner, seen.fixed().defaulted_participants);
    into.topics(seen.topics());
    into.presence(manner.activity(), seen.participants(), seen.minutes());
    match seen.few_people() {
        Some(people) => into.few_people(people),
        None => into.people(&seen.people()),
    }
    into.coming_back(seen.returning(), seen.follow_up_individual(), seen.follow_up_workshop());
    into.delay(seen.delay_days());
    for redirected in seen.redirections() {
        into.redirected(*redirected);
    }
}
