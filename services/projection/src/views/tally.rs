//! Sums over facts: what every figure is computed from. A tally is a commutative monoid: facts may be added in any
//! order and in parts, and parts merged.

use std::collections::BTreeMap;

use cra_domain::vocabulary::{Activity, Channel, DurationBucket, SubTheme, Theme, Word};

use super::fact::{Fact, RecipientCode};

/// Counts of a closed list of the form.
type Counts<const N: usize> = [u64; N];

/// Lines of a list that older forms may leave open: index 0 is "unspecified", then the list in its order.
pub const WITH_UNSPECIFIED: usize = 6;

/// Minutes as declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    /// By the convention of the official statistics.
    pub estimated: u64,
    /// At least.
    pub minimum: u64,
    /// At most.
    pub maximum: u64,
}

/// What is known per activity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivityTally {
    /// CRAs.
    pub cras: u64,
    /// People present.
    pub participants: u64,
    /// Time spent.
    pub minutes: Minutes,
}

/// People sent to one organisation, in one spelling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecipientTally {
    /// People.
    pub people: u64,
    /// CRAs that name it so.
    pub mentions: u64,
}

/// Sums over a set of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Facts.
    pub cras: u64,
    /// People present.
    pub acts: u64,
    /// Among them, people met before.
    pub returning: u64,
    /// Workshops whose participants are the form's default.
    pub defaulted_workshops: u64,
    /// People who will be seen again.
    pub follow_up_individual: u64,
    /// People who will come to a workshop.
    pub follow_up_workshop: u64,
    /// Per activity.
    pub activities: [ActivityTally; Activity::ALL.len()],
    /// CRAs per channel.
    pub channels: Counts<{ Channel::ALL.len() }>,
    /// CRAs per theme.
    pub themes: Counts<{ Theme::ALL.len() }>,
    /// CRAs per sub-theme.
    pub sub_themes: Counts<{ SubTheme::ALL.len() }>,
    /// CRAs per duration bucket.
    pub durations: Counts<WITH_UNSPECIFIED>,
    /// People per age band.
    pub ages: Counts<WITH_UNSPECIFIED>,
    /// People per status.
    pub statuses: Counts<WITH_UNSPECIFIED>,
    /// Redirections per recipient.
    pub redirections: BTreeMap<RecipientCode, RecipientTally>,
    /// CRAs per entry delay in days.
    pub delays: BTreeMap<u32, u64>,
}

impl Tally {
    /// Counts one fact.
    pub fn add(&mut self, fact: &Fact) {
        let participants = u64::from(fact.participants);
        self.cras += 1;
        self.acts += participants;
        self.returning += u64::from(fact.returning);
        self.defaulted_workshops +=
            u64::from(fact.defaulted_participants && fact.activity == Activity::Workshop);
        self.follow_up_individual += u64::from(fact.follow_up_individual);
        self.follow_up_workshop += u64::from(fact.follow_up_workshop);
        self.add_activity(fact);
        self.channels[fact.channel.index()] += 1;
        for theme in fact.theme_list() {
            self.themes[theme.index()] += 1;
        }
        for sub_theme in fact.sub_theme_list() {
            self.sub_themes[sub_theme.index()] += 1;
        }
        self.durations[duration_line(fact.duration.bucket())] += 1;
        add_people(&mut self.ages, fact.ages, participants);
        add_people(&mut self.statuses, fact.statuses, participants);
        for (recipient, people) in &fact.redirections {
            let tally = self.redirections.entry(*recipient).or_default();
            tally.people += u64::from(*people);
            tally.mentions += 1;
        }
        *self.delays.entry(fact.delay_days).or_default() += 1;
    }

    fn add_activity(&mut self, fact: &Fact) {
        let (minimum, maximum) = fact.duration.bounds();
        let tally = &mut self.activities[fact.activity.index()];
        tally.cras += 1;
        tally.participants += u64::from(fact.participants);
        tally.minutes.estimated += u64::from(fact.duration.estimate());
        tally.minutes.minimum += u64::from(minimum);
        tally.minutes.maximum += u64::from(maximum);
    }

    /// Counts what another tally counted.
    pub fn merge(&mut self, other: &Self) {
        self.cras += other.cras;
        self.acts += other.acts;
        self.returning += other.returning;
        self.defaulted_workshops += other.defaulted_workshops;
        self.follow_up_individual += other.follow_up_individual;
        self.follow_up_workshop += other.follow_up_workshop;
        for (own, other) in self.activities.iter_mut().zip(&other.activities) {
            own.cras += other.cras;
            own.participants += other.participants;
            own.minutes.estimated += other.minutes.estimated;
            own.minutes.minimum += other.minutes.minimum;
            own.minutes.maximum += other.minutes.maximum;
        }
        merge_counts(&mut self.channels, &other.channels);
        merge_counts(&mut self.themes, &other.themes);
        merge_counts(&mut self.sub_themes, &other.sub_themes);
        merge_counts(&mut self.durations, &other.durations);
        merge_counts(&mut self.ages, &other.ages);
        merge_counts(&mut self.statuses, &other.statuses);
        for (recipient, tally) in &other.redirections {
            let own = self.redirections.entry(*recipient).or_default();
            own.people += tally.people;
            own.mentions += tally.mentions;
        }
        for (days, cras) in &other.delays {
            *self.delays.entry(*days).or_default() += cras;
        }
    }

    /// People who will be seen again, come to a workshop, or were redirected.
    #[must_use]
    pub fn followed_up(&self) -> u64 {
        self.follow_up_individual + self.follow_up_workshop + self.redirected()
    }

    /// Minutes spent, by the convention of the official statistics.
    #[must_use]
    pub fn estimated_minutes(&self) -> u64 {
        self.activities.iter().map(|activity| activity.minutes.estimated).sum()
    }

    /// Redirected people.
    #[must_use]
    pub fn redirected(&self) -> u64 {
        self.redirections.values().map(|tally| tally.people).sum()
    }
}

/// Line of a duration in [`Tally::durations`].
#[must_use]
pub fn duration_line(bucket: Option<DurationBucket>) -> usize {
    bucket.map_or(0, |bucket| bucket.index() + 1)
}

/// People of an older form that no band or status covers count as unspecified.
fn add_people(counts: &mut Counts<WITH_UNSPECIFIED>, people: [u32; WITH_UNSPECIFIED - 1], participants: u64) {
    let mut specified = 0;
    for (count, people) in counts[1..].iter_mut().zip(people) {
        *count += u64::from(people);
        specified += u64::from(people);
    }
    counts[0] += participants.saturating_sub(specified);
}

fn merge_counts<const N: usize>(own: &mut Counts<N>, other: &Counts<N>) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += other;
    }
}

#[cfg(test)]
mod tests;
