//! Sums over facts, from which every figure is computed.

use std::collections::{BTreeMap, HashMap};

use cra_domain::cra::Duration;
use cra_domain::vocabulary::{Activity, Channel, DurationBucket, Organisation, SubTheme, Theme, Word};

use super::dictionary::Code;
use super::fact::RecipientCode;

/// Counts of a closed list of the form.
type Counts<const N: usize> = [u64; N];

/// Number of lines of a list that older forms may leave open: index 0 is "unspecified", then the list in its order.
pub const WITH_UNSPECIFIED: usize = 6;

/// Minutes as declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    /// Estimate, by the convention of the official statistics.
    pub estimated: u64,
    /// Lower bound.
    pub minimum: u64,
    /// Upper bound.
    pub maximum: u64,
}

impl Minutes {
    /// Adds exact durations with a total number of minutes.
    pub(super) fn add_exact(&mut self, minutes: u64) {
        self.estimated += minutes;
        self.minimum += minutes;
        self.maximum += minutes;
    }

    /// Adds the durations of CRAs of one bucket; exact ones are added with [`Minutes::add_exact`].
    pub(super) fn add_of_bucket(&mut self, bucket: Option<DurationBucket>, cras: u64) {
        let duration = match bucket {
            Some(DurationBucket::UpTo30Minutes) => Duration::UpTo30Minutes,
            Some(DurationBucket::From30MinutesTo1Hour) => Duration::From30MinutesTo1Hour,
            Some(DurationBucket::From1HourUnrefined) => Duration::OneHourOrMore,
            Some(DurationBucket::From1To2Hours | DurationBucket::From2Hours) => return,
            None => Duration::Unspecified,
        };
        let (minimum, maximum) = duration.bounds();
        self.estimated += cras * u64::from(duration.estimate());
        self.minimum += cras * u64::from(minimum);
        self.maximum += cras * u64::from(maximum);
    }
}

/// Totals of an activity.
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
pub struct RecipientTotals {
    /// People.
    pub people: u64,
    /// CRAs that name it in this spelling.
    pub mentions: u64,
}

/// Sums over a set of facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Facts.
    pub cras: u64,
    /// People present.
    pub acts: u64,
    /// Among them, people met before.
    pub returning: u64,
    /// Workshops with the form's default number of participants.
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
    pub redirections: Recipients,
    /// CRAs per entry delay in days.
    pub delays: Delays,
}

/// Redirections per recipient: those of the form in their order, the others in order of occurrence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    known: [RecipientTotals; Organisation::ALL.len()],
    unnamed: RecipientTotals,
    others: HashMap<Code, RecipientTotals>,
}

impl Recipients {
    /// Adds people sent to a recipient by a number of CRAs.
    #[inline]
    pub(super) fn add(&mut self, recipient: RecipientCode, people: u64, mentions: u64) {
        let own = self.of(recipient);
        own.people += people;
        own.mentions += mentions;
    }

    /// Removes people and mentions that were added.
    pub(super) fn remove(&mut self, recipient: RecipientCode, totals: RecipientTotals) {
        let own = self.of(recipient);
        own.people -= totals.people;
        own.mentions -= totals.mentions;
    }

    fn of(&mut self, recipient: RecipientCode) -> &mut RecipientTotals {
        match recipient {
            RecipientCode::Known(organisation) => &mut self.known[organisation.index()],
            RecipientCode::Unnamed => &mut self.unnamed,
            RecipientCode::Other(code) => self.others.entry(code).or_default(),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (recipient, totals) in other.all() {
            self.add(recipient, totals.people, totals.mentions);
        }
    }

    /// Every named recipient with its totals, in no order.
    pub fn all(&self) -> impl Iterator<Item = (RecipientCode, RecipientTotals)> {
        let known = Organisation::ALL
            .iter()
            .zip(&self.known)
            .map(|(it, totals)| (RecipientCode::Known(*it), *totals));
        let others = self.others.iter().map(|(code, totals)| (RecipientCode::Other(*code), *totals));
        let unnamed = std::iter::once((RecipientCode::Unnamed, self.unnamed));
        known.chain(unnamed).chain(others).filter(|(_, totals)| totals.mentions > 0)
    }
}

/// Number of delays with a fixed slot; longer ones are rare.
const SHORT_DELAYS: usize = 128;

/// CRAs per entry delay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delays {
    short: [u64; SHORT_DELAYS],
    long: BTreeMap<u32, u64>,
}

impl Default for Delays {
    fn default() -> Self {
        Self { short: [0; SHORT_DELAYS], long: BTreeMap::new() }
    }
}

impl Delays {
    /// Adds CRAs with one delay.
    #[inline]
    pub(super) fn add(&mut self, days: u32, cras: u64) {
        *self.of(days) += cras;
    }

    /// Removes CRAs with a long delay that were added.
    pub(super) fn remove_long(&mut self, days: u32, cras: u64) {
        *self.of(days) -= cras;
        self.long.retain(|_, cras| *cras > 0);
    }

    /// CRAs by short delay in days.
    pub(super) fn short_mut(&mut self) -> &mut [u64] {
        &mut self.short
    }

    /// Long delays in days and CRAs, sorted by days; only non-zero counts.
    pub(super) fn long(&self) -> impl ExactSizeIterator<Item = (u32, u64)> {
        self.long.iter().map(|(days, cras)| (*days, *cras))
    }

    #[inline]
    fn of(&mut self, days: u32) -> &mut u64 {
        match usize::try_from(days) {
            Ok(days) if days < SHORT_DELAYS => &mut self.short[days],
            _ => self.long.entry(days).or_default(),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, other) in self.short.iter_mut().zip(other.short) {
            *own += other;
        }
        for (days, cras) in &other.long {
            self.add(*days, *cras);
        }
    }

    /// Days and CRAs, sorted by days; only non-zero counts.
    pub fn all(&self) -> impl Iterator<Item = (u32, u64)> {
        let short = (0..).zip(self.short).filter(|(_, cras)| *cras > 0);
        short.chain(self.long())
    }
}

impl Totals {
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
        self.redirections.all().map(|(_, totals)| totals.people).sum()
    }
}

/// Line of a duration in [`Totals::durations`].
#[must_use]
pub fn duration_line(bucket: Option<DurationBucket>) -> usize {
    bucket.map_or(0, |bucket| bucket.index() + 1)
}

#[cfg(test)]
pub(crate) mod tests;
