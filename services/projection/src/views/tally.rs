//! Sums over facts: what every figure is computed from. A tally is a commutative monoid: facts may be added in any
//! order and in parts, and parts merged.

use std::collections::{BTreeMap, HashMap};

use cra_domain::vocabulary::{Activity, Channel, DurationBucket, Organisation, SubTheme, Theme, Word};

use super::countable::{Seen, bits};
use super::dictionary::Code;
use super::fact::RecipientCode;

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
    pub redirections: Recipients,
    /// CRAs per entry delay in days.
    pub delays: Delays,
}

/// Redirections per recipient: those of the form in their order, the others as they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    known: [RecipientTally; Organisation::ALL.len()],
    unnamed: RecipientTally,
    others: HashMap<Code, RecipientTally>,
}

impl Recipients {
    fn of(&mut self, recipient: RecipientCode) -> &mut RecipientTally {
        match recipient {
            RecipientCode::Known(organisation) => &mut self.known[organisation.index()],
            RecipientCode::Unnamed => &mut self.unnamed,
            RecipientCode::Other(code) => self.others.entry(code).or_default(),
        }
    }

    /// Every recipient that is named, with what was counted; in no order.
    pub fn all(&self) -> impl Iterator<Item = (RecipientCode, RecipientTally)> {
        let known =
            Organisation::ALL.iter().zip(&self.known).map(|(it, tally)| (RecipientCode::Known(*it), *tally));
        let others = self.others.iter().map(|(code, tally)| (RecipientCode::Other(*code), *tally));
        let unnamed = std::iter::once((RecipientCode::Unnamed, self.unnamed));
        known.chain(unnamed).chain(others).filter(|(_, tally)| tally.mentions > 0)
    }
}

/// Delays that are counted in place; longer ones are rare.
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
    #[inline]
    fn of(&mut self, days: u32) -> &mut u64 {
        match usize::try_from(days) {
            Ok(days) if days < SHORT_DELAYS => &mut self.short[days],
            _ => self.long.entry(days).or_default(),
        }
    }

    /// Days and CRAs, from the shortest delay on; none without CRAs.
    pub fn all(&self) -> impl Iterator<Item = (u32, u64)> {
        let short = (0..).zip(self.short).filter(|(_, cras)| *cras > 0);
        short.chain(self.long.iter().map(|(days, cras)| (*days, *cras)))
    }
}

impl Tally {
    /// Counts one fact.
    #[inline]
    pub fn add(&mut self, seen: &Seen<'_>) {
        let participants = u64::from(seen.participants());
        let fixed = seen.fixed();
        self.cras += 1;
        self.acts += participants;
        self.returning += u64::from(seen.returning());
        self.defaulted_workshops +=
            u64::from(fixed.defaulted_participants && seen.activity() == Activity::Workshop);
        self.follow_up_individual += u64::from(seen.follow_up_individual());
        self.follow_up_workshop += u64::from(seen.follow_up_workshop());
        self.add_activity(seen, participants);
        self.channels[seen.channel().index()] += 1;
        for theme in bits(seen.theme_set()) {
            self.themes[theme] += 1;
        }
        for sub_theme in bits(seen.sub_theme_set()) {
            self.sub_themes[sub_theme] += 1;
        }
        self.durations[duration_line(seen.duration().bucket())] += 1;
        add_people(&mut self.ages, seen.ages(), participants);
        add_people(&mut self.statuses, seen.statuses(), participants);
        for redirected in seen.redirections() {
            let tally = self.redirections.of(redirected.to);
            tally.people += u64::from(redirected.people);
            tally.mentions += 1;
        }
        *self.delays.of(fixed.delay_days) += 1;
    }

    #[inline]
    fn add_activity(&mut self, seen: &Seen<'_>, participants: u64) {
        let duration = seen.duration();
        let (minimum, maximum) = duration.bounds();
        let tally = &mut self.activities[seen.activity().index()];
        tally.cras += 1;
        tally.participants += participants;
        tally.minutes.estimated += u64::from(duration.estimate());
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
        for (recipient, tally) in other.redirections.all() {
            let own = self.redirections.of(recipient);
            own.people += tally.people;
            own.mentions += tally.mentions;
        }
        for (days, cras) in other.delays.all() {
            *self.delays.of(days) += cras;
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
        self.redirections.all().map(|(_, tally)| tally.people).sum()
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
pub(crate) mod tests;
