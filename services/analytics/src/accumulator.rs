//! Counters in the form that is cheapest to increment, because a query adds millions of facts. They are converted to
//! [`Totals`] at the end.

use std::ops::AddAssign;
use std::slice::from_mut;

use cra_domain::vocabulary::{Activity, Channel, DurationBucket, SubTheme, Theme, Word as _};

use super::packed_fact::{ActivityKey, FactRef, PEOPLE_LINES, STATUS_LINES, SUB_THEMES_FROM};
use super::totals::{Delays, Recipients, Totals, WITH_UNSPECIFIED};

/// Number of bits of a topic set.
const TOPICS: usize = u32::BITS as usize;
const ACTIVITIES: usize = Activity::ALL.len();

/// Number of facts after which the small sums are carried over: they cannot overflow before.
const CARRIED_AFTER: u8 = u8::MAX;
const BYTES_OF_TOPICS: usize = TOPICS / 8;

/// A commutative monoid: facts may be added in any order, and accumulators merged.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    pending: Pending,
    sums: Sums,
    redirections: Recipients,
    delays: Delays,
}

/// The counters that need no list.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// CRAs per channel.
    pub(super) channels: [u64; Channel::ALL.len()],
    /// CRAs per activity and kind of duration.
    pub(super) activity_kinds: [u64; ActivityKey::ACTIVITY_KINDS],
    /// CRAs per topic.
    pub(super) topics: [u64; TOPICS],
    /// People per line.
    pub(super) people: [u64; PEOPLE_LINES],
    /// Participants per activity.
    pub(super) participants: [u64; ACTIVITIES],
    /// Exact minutes per activity.
    pub(super) minutes: [u64; ACTIVITIES],
    pub(super) returning: u64,
    pub(super) follow_up_individual: u64,
    pub(super) follow_up_workshop: u64,
    pub(super) defaulted_workshops: u64,
}

/// Small sums that are carried over before they overflow.
#[derive(Clone, Debug, Default)]
struct Pending {
    facts: u8,
    /// Per byte of the topics, one byte for each of its bits.
    topics: [u64; BYTES_OF_TOPICS],
    people: [u16; PEOPLE_LINES],
}

/// The bits of a byte, spread to one byte each.
pub(super) const SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte & (1 << bit) != 0 {
                spread[byte] |= 1 << (8 * bit);
            }
            bit += 1;
        }
        byte += 1;
    }
    spread
};

impl Accumulator {
    /// Counts one fact. The meaning of the counters as figures is in [`super::totals`].
    #[inline]
    pub fn add(&mut self, fact: &FactRef<'_>) {
        let activity_key = fact.activity_key();
        let activity = activity_key.activity();
        self.sums.channels[activity_key.channel().index()] += 1;
        self.sums.activity_kinds[activity_key.activity_kind()] += 1;
        if fact.fixed().defaulted_participants && activity == Activity::Workshop {
            self.sums.defaulted_workshops += 1;
        }
        for (sums, byte) in self.pending.topics.iter_mut().zip(fact.topics().to_le_bytes()) {
            *sums += SPREAD[usize::from(byte)];
        }
        self.sums.participants[activity.index()] += u64::from(fact.participants());
        self.sums.minutes[activity.index()] += u64::from(fact.minutes());
        match fact.small_people() {
            Some(people) => add_all(&mut self.pending.people, people),
            None => add_all(&mut self.sums.people, &fact.people()),
        }
        self.sums.returning += u64::from(fact.returning());
        self.sums.follow_up_individual += u64::from(fact.follow_up_individual());
        self.sums.follow_up_workshop += u64::from(fact.follow_up_workshop());
        self.delays.add(fact.delay_days(), 1);
        for redirected in fact.redirections() {
            self.redirections.add(redirected.to, redirected.people.into(), 1);
        }
        self.pending.facts += 1;
        if self.pending.facts == CARRIED_AFTER {
            self.carry();
        }
    }

    /// Carries the small sums over.
    fn carry(&mut self) {
        if self.pending.facts == 0 {
            return;
        }
        let Pending { topics, people, .. } = std::mem::take(&mut self.pending);
        let topics = topics.iter().flat_map(|sums| sums.to_le_bytes());
        for (sum, carried) in self.sums.topics.iter_mut().zip(topics) {
            *sum += u64::from(carried);
        }
        add_all(&mut self.sums.people, &people);
    }

    /// Adds another accumulator.
    pub fn merge(&mut self, mut other: Self) {
        self.carry();
        other.carry();
        self.add_sums(&other.sums);
        self.redirections.merge(&other.redirections);
        self.delays.merge(&other.delays);
    }

    /// Removes a fact that was added.
    pub(super) fn remove(&mut self, fact: &FactRef<'_>) {
        let mut removed = Self::default();
        removed.add(fact);
        for (own, removed) in self.counters_mut().into_iter().zip(removed.counters_mut()) {
            own.iter_mut().zip(removed).for_each(|(own, removed)| *own -= *removed);
        }
        removed.delays.long().for_each(|(days, cras)| self.delays.remove_long(days, cras));
        removed.redirections.all().for_each(|(to, totals)| self.redirections.remove(to, totals));
    }

    /// Every counter, by list in a fixed order; long delays and redirections are not among them.
    pub(super) fn counters_mut(&mut self) -> [&mut [u64]; 11] {
        self.carry();
        let sums = &mut self.sums;
        [
            &mut sums.channels,
            &mut sums.activity_kinds,
            &mut sums.topics,
            &mut sums.people,
            &mut sums.participants,
            &mut sums.minutes,
            from_mut(&mut sums.returning),
            from_mut(&mut sums.follow_up_individual),
            from_mut(&mut sums.follow_up_workshop),
            from_mut(&mut sums.defaulted_workshops),
            self.delays.short_mut(),
        ]
    }

    /// CRAs by long delay in days, sorted by days.
    pub(super) fn long_delays(&self) -> impl ExactSizeIterator<Item = (u32, u64)> {
        self.delays.long()
    }

    /// Adds sums without delays and redirections.
    pub(super) fn add_sums(&mut self, sums: &Sums) {
        add_all(&mut self.sums.channels, &sums.channels);
        add_all(&mut self.sums.activity_kinds, &sums.activity_kinds);
        add_all(&mut self.sums.topics, &sums.topics);
        add_all(&mut self.sums.people, &sums.people);
        add_all(&mut self.sums.participants, &sums.participants);
        add_all(&mut self.sums.minutes, &sums.minutes);
        self.sums.returning += sums.returning;
        self.sums.follow_up_individual += sums.follow_up_individual;
        self.sums.follow_up_workshop += sums.follow_up_workshop;
        self.sums.defaulted_workshops += sums.defaulted_workshops;
    }

    /// Adds CRAs with one delay.
    pub(super) fn add_delay(&mut self, days: u32, cras: u64) {
        self.delays.add(days, cras);
    }

    /// Redirections per recipient.
    pub(super) fn redirections_mut(&mut self) -> &mut Recipients {
        &mut self.redirections
    }

    /// Converts the counters.
    #[must_use]
    pub fn totals(mut self) -> Totals {
        self.carry();
        let sums = self.sums;
        let mut totals = Totals {
            returning: sums.returning,
            defaulted_workshops: sums.defaulted_workshops,
            follow_up_individual: sums.follow_up_individual,
            follow_up_workshop: sums.follow_up_workshop,
            acts: sums.participants.iter().sum(),
            redirections: self.redirections,
            delays: self.delays,
            ..Totals::default()
        };
        totals.channels = sums.channels;
        for (activity_kind, cras) in sums.activity_kinds.into_iter().enumerate() {
            totals.add_activity_kind(activity_kind, cras);
        }
        for ((activity, participants), minutes) in
            totals.activities.iter_mut().zip(sums.participants).zip(sums.minutes)
        {
            activity.participants = participants;
            activity.minutes.add_exact(minutes);
        }
        let (themes, sub_themes) = sums.topics.split_at(SUB_THEMES_FROM);
        totals.themes.copy_from_slice(&themes[..Theme::ALL.len()]);
        totals.sub_themes.copy_from_slice(&sub_themes[..SubTheme::ALL.len()]);
        totals.ages.copy_from_slice(&sums.people[..WITH_UNSPECIFIED]);
        totals.statuses.copy_from_slice(&sums.people[STATUS_LINES..]);
        totals
    }
}

impl Totals {
    /// Counts CRAs of one activity and kind of duration, without their people and their exact minutes.
    fn add_activity_kind(&mut self, activity_kind: usize, cras: u64) {
        let (activity, kind) = (activity_kind / WITH_UNSPECIFIED, activity_kind % WITH_UNSPECIFIED);
        self.cras += cras;
        self.durations[kind] += cras;
        let bucket = kind.checked_sub(1).map(|bucket| DurationBucket::ALL[bucket]);
        let activity = &mut self.activities[activity];
        activity.cras += cras;
        activity.minutes.add_of_bucket(bucket, cras);
    }
}

fn add_all<T: AddAssign + From<U>, U: Copy, const N: usize>(own: &mut [T; N], other: &[U; N]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += T::from(*other);
    }
}
