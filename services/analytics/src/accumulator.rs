//! Counters in the form that is cheapest to increment, because a query adds millions of facts. They are converted to
//! [`Totals`] at the end.

use cra_domain::vocabulary::{Activity, Channel, DurationBucket, SubTheme, Theme, Word as _};

use super::accumulate::{self, Accumulate};
use super::packed_fact::{ActivityKey, FactRef, PEOPLE_LINES, Redirected, STATUS_LINES, SUB_THEMES_FROM};
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
    /// CRAs per channel.
    channels: [u64; Channel::ALL.len()],
    /// CRAs per activity and kind of duration.
    activity_kinds: [u64; ActivityKey::ACTIVITY_KINDS],
    /// CRAs per topic.
    topics: [u64; TOPICS],
    /// People per line.
    people: [u64; PEOPLE_LINES],
    /// Participants per activity.
    participants: [u64; ACTIVITIES],
    /// Exact minutes per activity.
    minutes: [u64; ACTIVITIES],
    returning: u64,
    follow_up_individual: u64,
    follow_up_workshop: u64,
    defaulted_workshops: u64,
    redirections: Recipients,
    delays: Delays,
}

/// The sums of a day or a segment that need no list. Both have fewer CRAs than the log has positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) channels: [u32; Channel::ALL.len()],
    pub(super) activity_kinds: [u32; ActivityKey::ACTIVITY_KINDS],
    pub(super) topics: [u32; TOPICS],
    pub(super) people: [u64; PEOPLE_LINES],
    pub(super) participants: [u64; ACTIVITIES],
    pub(super) minutes: [u64; ACTIVITIES],
    pub(super) returning: u64,
    pub(super) follow_up_individual: u64,
    pub(super) follow_up_workshop: u64,
    pub(super) defaulted_workshops: u32,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            channels: [0; Channel::ALL.len()],
            activity_kinds: [0; ActivityKey::ACTIVITY_KINDS],
            topics: [0; TOPICS],
            people: [0; PEOPLE_LINES],
            participants: [0; ACTIVITIES],
            minutes: [0; ACTIVITIES],
            returning: 0,
            follow_up_individual: 0,
            follow_up_workshop: 0,
            defaulted_workshops: 0,
        }
    }
}
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

impl Accumulate for Accumulator {
    #[inline]
    fn cra(&mut self, activity_key: ActivityKey, defaulted: bool) {
        self.channels[activity_key.channel().index()] += 1;
        self.activity_kinds[activity_key.activity_kind()] += 1;
        if defaulted && activity_key.activity() == Activity::Workshop {
            self.defaulted_workshops += 1;
        }
    }

    #[inline]
    fn topics(&mut self, topics: u32) {
        for (sums, byte) in self.pending.topics.iter_mut().zip(topics.to_le_bytes()) {
            *sums += SPREAD[usize::from(byte)];
        }
    }

    #[inline]
    fn add_participants(&mut self, activity: Activity, participants: u32, minutes: u32) {
        self.participants[activity.index()] += u64::from(participants);
        self.minutes[activity.index()] += u64::from(minutes);
    }

    #[inline]
    fn add_small_people(&mut self, people: &[u8; PEOPLE_LINES]) {
        for (sum, people) in self.pending.people.iter_mut().zip(people) {
            *sum += u16::from(*people);
        }
    }

    fn people(&mut self, people: &[u32; PEOPLE_LINES]) {
        for (sum, people) in self.people.iter_mut().zip(people) {
            *sum += u64::from(*people);
        }
    }

    #[inline]
    fn add_returning(&mut self, returning: u32, individual: u32, workshop: u32) {
        self.returning += u64::from(returning);
        self.follow_up_individual += u64::from(individual);
        self.follow_up_workshop += u64::from(workshop);
    }

    #[inline]
    fn delay(&mut self, days: u32) {
        self.delays.add(days, 1);
    }

    #[inline]
    fn redirected(&mut self, redirected: Redirected) {
        self.redirections.add(redirected.to, redirected.people.into(), 1);
    }
}

impl Accumulator {
    /// Counts one fact.
    #[inline]
    pub fn add(&mut self, fact: &FactRef<'_>) {
        accumulate::count(fact, self);
        self.pending.facts += 1;
        if self.pending.facts == CARRIED_AFTER {
            self.carry();
        }
    }

    /// Carries the small sums over.
    fn carry(&mut self) {
        let Pending { topics, people, .. } = std::mem::take(&mut self.pending);
        let topics = topics.iter().flat_map(|sums| sums.to_le_bytes());
        for (sum, carried) in self.topics.iter_mut().zip(topics) {
            *sum += u64::from(carried);
        }
        for (sum, carried) in self.people.iter_mut().zip(people) {
            *sum += u64::from(carried);
        }
    }

    /// Adds another accumulator.
    pub fn merge(&mut self, mut other: Self) {
        self.carry();
        other.carry();
        merge(&mut self.channels, &other.channels);
        merge(&mut self.activity_kinds, &other.activity_kinds);
        merge(&mut self.topics, &other.topics);
        merge(&mut self.people, &other.people);
        merge(&mut self.participants, &other.participants);
        merge(&mut self.minutes, &other.minutes);
        self.returning += other.returning;
        self.follow_up_individual += other.follow_up_individual;
        self.follow_up_workshop += other.follow_up_workshop;
        self.defaulted_workshops += other.defaulted_workshops;
        self.redirections.merge(&other.redirections);
        self.delays.merge(&other.delays);
    }

    /// Adds sums without delays and redirections.
    pub(super) fn add_sums(&mut self, day: &Sums) {
        merge_small(&mut self.channels, &day.channels);
        merge_small(&mut self.activity_kinds, &day.activity_kinds);
        merge_small(&mut self.topics, &day.topics);
        merge(&mut self.people, &day.people);
        merge(&mut self.participants, &day.participants);
        merge(&mut self.minutes, &day.minutes);
        self.returning += day.returning;
        self.follow_up_individual += day.follow_up_individual;
        self.follow_up_workshop += day.follow_up_workshop;
        self.defaulted_workshops += u64::from(day.defaulted_workshops);
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
        let mut totals = Totals {
            returning: self.returning,
            defaulted_workshops: self.defaulted_workshops,
            follow_up_individual: self.follow_up_individual,
            follow_up_workshop: self.follow_up_workshop,
            acts: self.participants.iter().sum(),
            redirections: self.redirections,
            delays: self.delays,
            ..Totals::default()
        };
        totals.channels = self.channels;
        for (activity_kind, cras) in self.activity_kinds.into_iter().enumerate() {
            totals.add_activity_kind(activity_kind, cras);
        }
        for ((activity, participants), minutes) in
            totals.activities.iter_mut().zip(self.participants).zip(self.minutes)
        {
            activity.participants = participants;
            activity.minutes.add_exact(minutes);
        }
        let (themes, sub_themes) = self.topics.split_at(SUB_THEMES_FROM);
        totals.themes.copy_from_slice(&themes[..Theme::ALL.len()]);
        totals.sub_themes.copy_from_slice(&sub_themes[..SubTheme::ALL.len()]);
        totals.ages.copy_from_slice(&self.people[..WITH_UNSPECIFIED]);
        totals.statuses.copy_from_slice(&self.people[STATUS_LINES..]);
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

fn merge<const N: usize>(own: &mut [u64; N], other: &[u64; N]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += other;
    }
}

fn merge_small<const N: usize>(own: &mut [u64; N], other: &[u32; N]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += u64::from(*other);
    }
}
