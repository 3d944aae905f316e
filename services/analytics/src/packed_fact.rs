//! A fact as counting sees it: 64 bytes, so that scans are limited by memory bandwidth only. Numbers that do not fit
//! are stored separately; what only records show is left out.

use cra_domain::cra::Duration;
use cra_domain::vocabulary::{Activity, Channel, DurationBucket, SubTheme, Theme, Word as _};
use serde::{Deserialize, Serialize};

use super::dictionary::Code;
use super::fact::{Fact, RecipientCode};
use super::totals::{WITH_UNSPECIFIED, duration_line};

pub(crate) mod column_form;

/// Number of lines of people of a fact: ages, then statuses, each starting with those that an older form left open.
pub const PEOPLE_LINES: usize = 2 * WITH_UNSPECIFIED;
/// Index of the first line of statuses.
pub const STATUS_LINES: usize = WITH_UNSPECIFIED;

/// The fixed part of a fact: one cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct PackedFact {
    /// When the CRA was first recorded, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Day of activity, in days since 1970-01-01.
    pub day: i32,
    /// Advisor.
    pub advisor: Code,
    /// Structure.
    pub structure: Code,
    /// Venue: its code plus one; 0 without a venue.
    venue: Code,
    /// Postal code as a number; 0 without one.
    pub postal_code: u32,
    /// Bit n: the n-th theme; from [`SUB_THEMES_FROM`] on, the n-th sub-theme.
    topics: u32,
    /// Commune of today, by its index in the table of communes.
    pub commune: u16,
    delay_days: u16,
    minutes: u16,
    participants: u16,
    returning: u16,
    follow_up_individual: u16,
    follow_up_workshop: u16,
    people: [u8; PEOPLE_LINES],
    /// Code of the client that recorded the CRA, or [`CLIENT_ON_DISK`].
    client: u16,
    /// Channel, activity and kind of duration.
    activity_key: ActivityKey,
    /// Whether the number of participants was left to the form's default.
    pub defaulted_participants: bool,
    /// Whether it is of an older form: its time in the older system is only on disk.
    pub is_legacy: bool,
    /// Whether it has a separate part.
    pub has_overflow: bool,
}

const _: () = assert!(size_of::<PackedFact>() == 64);

/// Replaces a client code that does not fit.
const CLIENT_ON_DISK: u16 = u16::MAX;

/// First bit of the sub-themes in the topics.
pub const SUB_THEMES_FROM: usize = 24;

const CHANNELS: usize = Channel::ALL.len();
const ACTIVITIES: usize = Activity::ALL.len();
/// Kinds of duration: the buckets of the statistics, and what an older form left open.
const KINDS: usize = WITH_UNSPECIFIED;

/// Channel, activity and duration bucket as one number, so that one increment counts all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityKey(u8);

impl ActivityKey {
    /// Number of keys.
    pub const COUNT: usize = CHANNELS * ACTIVITIES * KINDS;

    fn of(channel: Channel, activity: Activity, duration: Duration) -> Self {
        let number = (channel.index() * ACTIVITIES + activity.index()) * KINDS;
        Self(u8::try_from(number + duration_line(duration.bucket())).unwrap_or(0))
    }

    /// All keys.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).take(Self::COUNT).map(Self)
    }

    /// Its rank.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its channel.
    #[must_use]
    #[inline]
    pub fn channel(self) -> Channel {
        Channel::ALL[self.index() / (ACTIVITIES * KINDS)]
    }

    /// Its activity.
    #[must_use]
    #[inline]
    pub fn activity(self) -> Activity {
        Activity::ALL[self.index() / KINDS % ACTIVITIES]
    }

    /// Its duration bucket; `None` for what an older form left open.
    #[must_use]
    #[inline]
    pub fn bucket(self) -> Option<DurationBucket> {
        (self.index() % KINDS).checked_sub(1).map(|bucket| DurationBucket::ALL[bucket])
    }
}

const _: () = assert!(ActivityKey::COUNT <= 128 && DurationBucket::ALL.len() + 1 == KINDS);

/// People sent to one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirected {
    /// The recipient.
    pub to: RecipientCode,
    /// Number of people.
    pub people: u32,
}

/// People per recipient, each once: a CRA of an older form may name a recipient twice, and counts as one CRA that names
/// it.
fn per_recipient(redirections: &[(RecipientCode, u32)]) -> Box<[Redirected]> {
    let mut merged: Vec<Redirected> = Vec::with_capacity(redirections.len());
    for (to, people) in redirections {
        let before = merged.iter_mut().find(|redirected| redirected.to == *to);
        let sum = before.and_then(|before| before.people.checked_add(*people).map(|sum| (before, sum)));
        match sum {
            Some((before, sum)) => before.people = sum,
            None => merged.push(Redirected { to: *to, people: *people }),
        }
    }
    merged.into()
}

/// The separate part of a fact; rarely present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overflow {
    /// People per recipient.
    pub redirections: Box<[Redirected]>,
    /// All numbers, if one of them does not fit the fixed part.
    pub numbers: Option<Box<WideCounts>>,
}

/// The numbers of a fact at full width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WideCounts {
    delay_days: u32,
    minutes: u32,
    participants: u32,
    returning: u32,
    follow_up_individual: u32,
    follow_up_workshop: u32,
    people: [u32; PEOPLE_LINES],
}

impl Overflow {
    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.redirections.is_empty() && self.numbers.is_none()
    }
}

/// A complete fact.
#[derive(Clone, Copy, Debug)]
pub struct FactRef<'a> {
    fixed: PackedFact,
    redirections: &'a [Redirected],
    numbers: Option<&'a WideCounts>,
}

impl PackedFact {
    /// Both parts of a fact.
    #[must_use]
    pub fn of(fact: &Fact) -> (Self, Overflow) {
        let numbers = WideCounts {
            delay_days: fact.delay_days,
            minutes: if let Duration::Exact { minutes } = fact.duration { minutes } else { 0 },
            participants: fact.participants,
            returning: fact.returning,
            follow_up_individual: fact.follow_up_individual,
            follow_up_workshop: fact.follow_up_workshop,
            people: people_lines(fact),
        };
        let mut fixed = Self {
            recorded_at: fact.recorded_at,
            day: fact.day,
            advisor: fact.advisor,
            structure: fact.structure,
            venue: fact.venue.map_or(0, |code| code + 1),
            postal_code: fact.postal_code,
            topics: fact.themes | u32::from(fact.sub_themes) << SUB_THEMES_FROM,
            activity_key: ActivityKey::of(fact.channel, fact.activity, fact.duration),
            client: u16::try_from(fact.client).unwrap_or(CLIENT_ON_DISK),
            defaulted_participants: fact.defaulted_participants,
            is_legacy: fact.created_at.is_some(),
            commune: fact.commune,
            ..Self::NOTHING
        };
        let fits = fixed.take(&numbers).is_some();
        let numbers = (!fits).then(|| Box::new(numbers));
        let overflow = Overflow { redirections: per_recipient(&fact.redirections), numbers };
        fixed.has_overflow = !overflow.is_empty();
        (fixed, overflow)
    }

    /// Placeholder of a position without a fact.
    pub const NOTHING: Self = Self {
        recorded_at: 0,
        day: 0,
        advisor: 0,
        structure: 0,
        venue: 0,
        postal_code: 0,
        topics: 0,
        commune: 0,
        delay_days: 0,
        minutes: 0,
        participants: 0,
        returning: 0,
        follow_up_individual: 0,
        follow_up_workshop: 0,
        people: [0; PEOPLE_LINES],
        client: 0,
        activity_key: ActivityKey(0),
        defaulted_participants: false,
        is_legacy: false,
        has_overflow: false,
    };

    /// Sets the numbers, if all of them fit.
    fn take(&mut self, numbers: &WideCounts) -> Option<()> {
        let mut people = [0; PEOPLE_LINES];
        for (small, count) in people.iter_mut().zip(numbers.people) {
            *small = u8::try_from(count).ok()?;
        }
        let short = |number: u32| u16::try_from(number).ok();
        *self = Self {
            delay_days: short(numbers.delay_days)?,
            minutes: short(numbers.minutes)?,
            participants: short(numbers.participants)?,
            returning: short(numbers.returning)?,
            follow_up_individual: short(numbers.follow_up_individual)?,
            follow_up_workshop: short(numbers.follow_up_workshop)?,
            people,
            ..*self
        };
        Some(())
    }
}

/// People per line: people of an older form without a band or status are unspecified.
fn people_lines(fact: &Fact) -> [u32; PEOPLE_LINES] {
    let mut lines = [0; PEOPLE_LINES];
    for (first, people) in [(0, fact.ages), (STATUS_LINES, fact.statuses)] {
        let specified = people.iter().fold(0_u32, |sum, people| sum.saturating_add(*people));
        lines[first] = fact.participants.saturating_sub(specified);
        lines[first + 1..first + WITH_UNSPECIFIED].copy_from_slice(&people);
    }
    lines
}

/// Accessor of a number: from the fixed part, or from the separate one.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $widen:expr,)+) => {
        $($(#[$doc])*
        #[must_use]
        #[inline]
        pub fn $name(&self) -> $type {
            match self.numbers {
                None => $widen(self.fixed.$name),
                Some(numbers) => numbers.$name,
            }
        })+
    };
}

impl<'a> FactRef<'a> {
    /// A fact from its parts.
    #[must_use]
    #[inline]
    pub fn new(fixed: PackedFact, redirections: &'a [Redirected], numbers: Option<&'a WideCounts>) -> Self {
        Self { fixed, redirections, numbers }
    }

    /// A fact from both parts.
    #[must_use]
    pub fn of(fixed: &PackedFact, overflow: &'a Overflow) -> Self {
        Self::new(*fixed, &overflow.redirections, overflow.numbers.as_deref())
    }

    /// Whether another fact is equal for counting.
    #[must_use]
    pub fn is_same(&self, other: &FactRef<'_>) -> bool {
        self.fixed == other.fixed && self.redirections == other.redirections && self.numbers == other.numbers
    }

    /// Its fixed part.
    #[must_use]
    #[inline]
    pub fn fixed(&self) -> &PackedFact {
        &self.fixed
    }

    /// Its other part.
    pub(crate) fn overflow(&self) -> Overflow {
        Overflow { redirections: self.redirections.into(), numbers: self.numbers.copied().map(Box::new) }
    }

    numbers! {
        /// Days from the activity to its record.
        delay_days: u32 = u32::from,
        /// People present.
        participants: u32 = u32::from,
        /// Among them, people met before.
        returning: u32 = u32::from,
        /// People who will be seen again.
        follow_up_individual: u32 = u32::from,
        /// People who will come to a workshop.
        follow_up_workshop: u32 = u32::from,
        /// Minutes of an exact duration; 0 of another one.
        minutes: u32 = u32::from,
    }

    /// People per line, if all counts are small.
    #[must_use]
    #[inline]
    pub fn small_people(&self) -> Option<&[u8; PEOPLE_LINES]> {
        self.numbers.is_none().then_some(&self.fixed.people)
    }

    /// People per line: see [`PEOPLE_LINES`].
    #[must_use]
    #[inline]
    pub fn people(&self) -> [u32; PEOPLE_LINES] {
        self.numbers.map_or_else(|| self.fixed.people.map(u32::from), |numbers| numbers.people)
    }

    /// The lines with people: bit n for the n-th of [`PEOPLE_LINES`].
    #[must_use]
    #[inline]
    pub fn peopled(&self) -> u32 {
        (0..).zip(self.people()).fold(0, |lines, (line, people)| lines | u32::from(people > 0) << line)
    }

    /// Channel, activity and bucket of the duration.
    #[must_use]
    #[inline]
    pub fn activity_key(&self) -> ActivityKey {
        self.fixed.activity_key
    }

    /// Duration.
    #[must_use]
    #[inline]
    pub fn duration(&self) -> Duration {
        match self.activity_key().bucket() {
            Some(DurationBucket::UpTo30Minutes) => Duration::UpTo30Minutes,
            Some(DurationBucket::From30MinutesTo1Hour) => Duration::From30MinutesTo1Hour,
            Some(DurationBucket::From1HourUnrefined) => Duration::OneHourOrMore,
            Some(DurationBucket::From1To2Hours | DurationBucket::From2Hours) => {
                Duration::Exact { minutes: self.minutes() }
            }
            None => Duration::Unspecified,
        }
    }

    /// The client that recorded the CRA; `None` if only the fact on disk has it.
    #[must_use]
    #[inline]
    pub fn client(&self) -> Option<Code> {
        (self.fixed.client != CLIENT_ON_DISK).then(|| self.fixed.client.into())
    }

    /// Venue.
    #[must_use]
    #[inline]
    pub fn venue(&self) -> Option<Code> {
        self.fixed.venue.checked_sub(1)
    }

    /// Bit n: the n-th theme in the contract's order; from [`SUB_THEMES_FROM`] on, the n-th sub-theme.
    #[must_use]
    #[inline]
    pub fn topics(&self) -> u32 {
        self.fixed.topics
    }

    /// Bit n: the n-th theme of the contract's order.
    #[must_use]
    #[inline]
    pub fn theme_set(&self) -> u32 {
        self.fixed.topics & ((1 << SUB_THEMES_FROM) - 1)
    }

    /// Bit n: the n-th sub-theme of the contract's order.
    #[must_use]
    #[inline]
    pub fn sub_theme_set(&self) -> u32 {
        self.fixed.topics >> SUB_THEMES_FROM
    }

    /// People per recipient.
    #[must_use]
    #[inline]
    pub fn redirections(&self) -> &'a [Redirected] {
        self.redirections
    }
}

const _: () = assert!(Theme::ALL.len() <= SUB_THEMES_FROM && SubTheme::ALL.len() <= 8);

/// Indexes of the set bits, lowest first.
#[inline]
pub fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let bit = set.trailing_zeros();
        set &= set - 1;
        usize::try_from(bit).ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::totals::tests::any_fact;

    proptest! {
        #[test]
        fn a_packed_fact_has_the_values_of_the_fact(
            fact in any_fact(),
            large in any::<[u32; 5]>(),
            is_large: [bool; 5],
        ) {
            let mut fact = fact;
            let choose = |i: usize, small: u32| if is_large[i] { large[i] } else { small };
            fact.participants = choose(0, fact.participants);
            fact.ages[3] = choose(1, fact.ages[3]);
            fact.follow_up_workshop = choose(2, fact.follow_up_workshop);
            if is_large[3] {
                fact.duration = Duration::Exact { minutes: large[3].max(60) };
            }
            fact.delay_days = choose(4, fact.delay_days);
            let (fixed, overflow) = PackedFact::of(&fact);
            prop_assert_eq!(fixed.has_overflow, !overflow.is_empty());
            prop_assert_eq!(fixed.is_legacy, fact.created_at.is_some());
            let packed = FactRef::of(&fixed, &overflow);
            prop_assert_eq!(packed.participants(), fact.participants);
            prop_assert_eq!((packed.returning(), packed.delay_days()), (fact.returning, fact.delay_days));
            let people = packed.people();
            prop_assert_eq!(&people[1..6], &fact.ages[..]);
            prop_assert_eq!(&people[7..], &fact.statuses[..]);
            let known: u64 = fact.ages.iter().map(|people| u64::from(*people)).sum();
            prop_assert_eq!(u64::from(people[0]), u64::from(fact.participants).saturating_sub(known));
            prop_assert_eq!(packed.peopled() & 0b10_0000 != 0, fact.ages[4] > 0);
            prop_assert_eq!(packed.follow_up_individual(), fact.follow_up_individual);
            prop_assert_eq!(packed.follow_up_workshop(), fact.follow_up_workshop);
            prop_assert_eq!(packed.duration(), fact.duration);
            let activity_key = packed.activity_key();
            prop_assert_eq!((packed.venue(), activity_key.channel(), activity_key.activity()), (fact.venue, fact.channel, fact.activity));
            prop_assert_eq!(packed.client(), Some(fact.client).filter(|code| *code < u32::from(u16::MAX)));
            prop_assert_eq!((packed.theme_set(), packed.sub_theme_set()), (fact.themes, u32::from(fact.sub_themes)));
            let people_to = |to| fact.redirections.iter().filter(|it| it.0 == to).map(|it| it.1).sum::<u32>();
            for (i, redirected) in packed.redirections().iter().enumerate() {
                prop_assert_eq!(redirected.people, people_to(redirected.to));
                prop_assert!(packed.redirections()[..i].iter().all(|it| it.to != redirected.to));
            }
            prop_assert!(fact.redirections.iter().all(|(to, _)| packed.redirections().iter().any(|it| it.to == *to)));
            prop_assert_eq!(bits(fact.themes).fold(0, |set, bit| set | 1 << bit), fact.themes);
        }
    }
}
