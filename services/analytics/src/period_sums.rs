//! Sums of the facts in force of one period, of a territory, a structure, an advisor or the whole country: small, and
//! facts can be removed again when CRAs are corrected or withdrawn.

use cra_domain::vocabulary::{Activity, Word as _};

use super::accumulate::{self, Accumulate};
use super::accumulator::{Accumulator, Sums};
use super::fact::RecipientCode;
use super::packed_fact::{ActivityKey, FactRef, PEOPLE_LINES, Redirected};
use super::totals::RecipientTotals;

/// The facts in force of one day or month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeriodSums {
    sums: Sums,
    /// CRAs per entry delay in days, sorted by delay; only non-zero counts.
    delays: Vec<(u32, u32)>,
    /// By recipient; only non-zero counts.
    redirections: Vec<(RecipientCode, RecipientTotals)>,
}

impl PeriodSums {
    /// Adds a fact.
    pub fn add(&mut self, fact: &FactRef<'_>) {
        accumulate::count(fact, &mut Changing::<false> { period: self });
    }

    /// Removes a fact that was added.
    pub fn remove(&mut self, fact: &FactRef<'_>) {
        accumulate::count(fact, &mut Changing::<true> { period: self });
    }

    /// Adds another period's sums.
    pub fn merge(&mut self, other: &Self) {
        let (own, sums) = (&mut self.sums, &other.sums);
        add_all(&mut own.channels, &sums.channels);
        add_all(&mut own.activity_kinds, &sums.activity_kinds);
        add_all(&mut own.topics, &sums.topics);
        add_all(&mut own.people, &sums.people);
        add_all(&mut own.participants, &sums.participants);
        add_all(&mut own.minutes, &sums.minutes);
        own.returning += sums.returning;
        own.follow_up_individual += sums.follow_up_individual;
        own.follow_up_workshop += sums.follow_up_workshop;
        own.defaulted_workshops += sums.defaulted_workshops;
        for (days, cras) in &other.delays {
            let place = place_of(&mut self.delays, *days);
            self.delays[place].1 += cras;
        }
        for (to, totals) in &other.redirections {
            let place = place_of(&mut self.redirections, *to);
            let own = &mut self.redirections[place].1;
            own.people += totals.people;
            own.mentions += totals.mentions;
        }
    }

    /// Adds the sums to an accumulator.
    pub fn add_to(&self, accumulator: &mut Accumulator) {
        accumulator.add_sums(&self.sums);
        for (days, cras) in &self.delays {
            accumulator.add_delay(*days, u64::from(*cras));
        }
        for (to, totals) in &self.redirections {
            accumulator.redirections_mut().add(*to, totals.people, totals.mentions);
        }
    }
}

/// Adds facts to a day, or removes them.
struct Changing<'a, const REMOVES: bool> {
    period: &'a mut PeriodSums,
}

impl<const REMOVES: bool> Changing<'_, REMOVES> {
    // Only added facts are removed, so the result does not wrap.
    #[inline]
    fn number(own: &mut u64, change: u32) {
        let change = u64::from(change);
        *own = if REMOVES { own.wrapping_sub(change) } else { own.wrapping_add(change) };
    }

    #[inline]
    fn cras(own: &mut u32, change: u32) {
        *own = if REMOVES { own.wrapping_sub(change) } else { own.wrapping_add(change) };
    }
}

impl<const REMOVES: bool> Accumulate for Changing<'_, REMOVES> {
    #[inline]
    fn cra(&mut self, activity_key: ActivityKey, defaulted: bool) {
        let sums = &mut self.period.sums;
        Self::cras(&mut sums.channels[activity_key.channel().index()], 1);
        Self::cras(&mut sums.activity_kinds[activity_key.activity_kind()], 1);
        if defaulted && activity_key.activity() == Activity::Workshop {
            Self::cras(&mut self.period.sums.defaulted_workshops, 1);
        }
    }

    #[inline]
    fn topics(&mut self, topics: u32) {
        for topic in super::packed_fact::bits(topics) {
            Self::cras(&mut self.period.sums.topics[topic], 1);
        }
    }

    #[inline]
    fn add_participants(&mut self, activity: Activity, participants: u32, minutes: u32) {
        Self::number(&mut self.period.sums.participants[activity.index()], participants);
        Self::number(&mut self.period.sums.minutes[activity.index()], minutes);
    }

    #[inline]
    fn add_small_people(&mut self, people: &[u8; PEOPLE_LINES]) {
        for (sum, people) in self.period.sums.people.iter_mut().zip(people) {
            Self::number(sum, u32::from(*people));
        }
    }

    fn people(&mut self, people: &[u32; PEOPLE_LINES]) {
        for (sum, people) in self.period.sums.people.iter_mut().zip(people) {
            Self::number(sum, *people);
        }
    }

    #[inline]
    fn add_returning(&mut self, returning: u32, individual: u32, workshop: u32) {
        Self::number(&mut self.period.sums.returning, returning);
        Self::number(&mut self.period.sums.follow_up_individual, individual);
        Self::number(&mut self.period.sums.follow_up_workshop, workshop);
    }

    fn delay(&mut self, days: u32) {
        let delays = &mut self.period.delays;
        let place = place_of(delays, days);
        Self::cras(&mut delays[place].1, 1);
        if delays[place].1 == 0 {
            delays.remove(place);
        }
    }

    fn redirected(&mut self, redirected: Redirected) {
        let redirections = &mut self.period.redirections;
        let place = place_of(redirections, redirected.to);
        let totals = &mut redirections[place].1;
        Self::number(&mut totals.people, redirected.people);
        Self::number(&mut totals.mentions, 1);
        if totals.mentions == 0 {
            redirections.remove(place);
        }
    }
}

fn add_all<T: Copy + std::ops::AddAssign, const N: usize>(own: &mut [T; N], other: &[T; N]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += *other;
    }
}

/// The entry of a key, inserted if it is missing. There are many short lists, so they grow in small steps.
fn place_of<K: Copy + Ord, V: Default>(lines: &mut Vec<(K, V)>, key: K) -> usize {
    lines.binary_search_by_key(&key, |(key, _)| *key).unwrap_or_else(|place| {
        if lines.len() == lines.capacity() {
            lines.reserve_exact(lines.len() / 4 + 1);
        }
        lines.insert(place, (key, V::default()));
        place
    })
}
