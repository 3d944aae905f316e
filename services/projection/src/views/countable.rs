//! A fact as selections and tallies see it: 64 bytes, so that millions are looked at in the time that memory takes to
//! give them. What does not fit is kept beside; what only records show is left out.

use cra_domain::cra::Duration;
use cra_domain::vocabulary::{Activity, Channel, SubTheme, Theme, Word as _};

use super::dictionary::Code;
use super::fact::{Fact, FactKey, RecipientCode};

/// People per value of a list of five.
type Five<T> = [T; 5];

/// The fixed part of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countable {
    /// When the CRA was first recorded, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Day of activity, in days since 1970-01-01.
    pub day: i32,
    /// Advisor.
    pub advisor: Code,
    /// Structure.
    pub structure: Code,
    /// Venue, one more than its code; 0 without one.
    venue: Code,
    /// Postal code as a number; 0 without one.
    pub postal_code: u32,
    /// Days from the activity to its record.
    pub delay_days: u32,
    /// Bit n: the n-th theme; from bit 24 on, the n-th sub-theme.
    topics: u32,
    /// Commune of today, by its index in the table of communes.
    pub commune: u16,
    /// Minutes of an exact duration.
    minutes: u16,
    participants: u16,
    returning: u16,
    follow_up_individual: u16,
    follow_up_workshop: u16,
    ages: Five<u8>,
    statuses: Five<u8>,
    channel: Channel,
    activity: Activity,
    duration: DurationKind,
    /// Whether the participants were left to the form.
    pub defaulted_participants: bool,
}

// One line of the processor's cache.
const _: () = assert!(size_of::<Countable>() <= 64);

/// [`Duration`] without its minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DurationKind {
    UpTo30Minutes,
    From30MinutesTo1Hour,
    OneHourOrMore,
    Exact,
    Unspecified,
}

const SUB_THEMES_FROM: u32 = 24;

/// People sent to one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// Where to.
    pub to: RecipientCode,
    /// How many.
    pub people: u32,
}

/// What is beside the fixed part: rarely anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// People per recipient.
    pub redirections: Box<[Redirected]>,
    /// The numbers, where one of them is too large for the fixed part.
    pub numbers: Option<Box<Numbers>>,
}

/// The numbers of a fact, whatever their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    minutes: u32,
    participants: u32,
    returning: u32,
    follow_up_individual: u32,
    follow_up_workshop: u32,
    ages: Five<u32>,
    statuses: Five<u32>,
}

impl Beside {
    /// Whether there is anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.redirections.is_empty() && self.numbers.is_none()
    }
}

/// One fact, seen whole.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    fixed: &'a Countable,
    redirections: &'a [Redirected],
    numbers: Option<&'a Numbers>,
}

impl Countable {
    /// Both parts of a fact.
    #[must_use]
    pub fn of(key: FactKey, fact: &Fact) -> (Self, Beside) {
        let (duration, minutes) = match fact.duration {
            Duration::UpTo30Minutes => (DurationKind::UpTo30Minutes, 0),
            Duration::From30MinutesTo1Hour => (DurationKind::From30MinutesTo1Hour, 0),
            Duration::OneHourOrMore => (DurationKind::OneHourOrMore, 0),
            Duration::Exact { minutes } => (DurationKind::Exact, minutes),
            Duration::Unspecified => (DurationKind::Unspecified, 0),
        };
        let numbers = Numbers {
            minutes,
            participants: fact.participants,
            returning: fact.returning,
            follow_up_individual: fact.follow_up_individual,
            follow_up_workshop: fact.follow_up_workshop,
            ages: fact.ages,
            statuses: fact.statuses,
        };
        let mut fixed = Self {
            recorded_at: fact.recorded_at,
            day: key.day,
            advisor: fact.advisor,
            structure: fact.structure,
            venue: fact.venue.map_or(0, |code| code + 1),
            postal_code: fact.postal_code,
            delay_days: fact.delay_days,
            topics: fact.themes | u32::from(fact.sub_themes) << SUB_THEMES_FROM,
            commune: fact.commune,
            minutes: 0,
            participants: 0,
            returning: 0,
            follow_up_individual: 0,
            follow_up_workshop: 0,
            ages: [0; 5],
            statuses: [0; 5],
            channel: fact.channel,
            activity: fact.activity,
            duration,
            defaulted_participants: fact.defaulted_participants,
        };
        let fits = fixed.take(&numbers).is_some();
        let numbers = (!fits).then(|| Box::new(numbers));
        let redirected = |(to, people): &(RecipientCode, u32)| Redirected { to: *to, people: *people };
        (fixed, Beside { redirections: fact.redirections.iter().map(redirected).collect(), numbers })
    }

    /// Takes the numbers in, if all of them fit.
    fn take(&mut self, numbers: &Numbers) -> Option<()> {
        let five = |counts: Five<u32>| -> Option<Five<u8>> {
            let mut small = [0; 5];
            for (small, count) in small.iter_mut().zip(counts) {
                *small = u8::try_from(count).ok()?;
            }
            Some(small)
        };
        let short = |number: u32| u16::try_from(number).ok();
        *self = Self {
            minutes: short(numbers.minutes)?,
            participants: short(numbers.participants)?,
            returning: short(numbers.returning)?,
            follow_up_individual: short(numbers.follow_up_individual)?,
            follow_up_workshop: short(numbers.follow_up_workshop)?,
            ages: five(numbers.ages)?,
            statuses: five(numbers.statuses)?,
            ..*self
        };
        Some(())
    }
}

/// A number that the fixed part holds, unless all of them are beside.
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

impl<'a> Seen<'a> {
    /// A fact of its parts, wherever they are kept.
    #[must_use]
    #[inline]
    pub fn new(fixed: &'a Countable, redirections: &'a [Redirected], numbers: Option<&'a Numbers>) -> Self {
        Self { fixed, redirections, numbers }
    }

    /// A fact of both its parts.
    #[must_use]
    pub fn of(fixed: &'a Countable, beside: &'a Beside) -> Self {
        Self::new(fixed, &beside.redirections, beside.numbers.as_deref())
    }

    /// Its fixed part.
    #[must_use]
    #[inline]
    pub fn fixed(&self) -> &'a Countable {
        self.fixed
    }

    numbers! {
        /// People present.
        participants: u32 = u32::from,
        /// Among them, people met before.
        returning: u32 = u32::from,
        /// People who will be seen again.
        follow_up_individual: u32 = u32::from,
        /// People who will come to a workshop.
        follow_up_workshop: u32 = u32::from,
        /// People per age band.
        ages: [u32; 5] = widened,
        /// People per status.
        statuses: [u32; 5] = widened,
        /// Minutes of an exact duration.
        minutes: u32 = u32::from,
    }

    /// Channel.
    #[must_use]
    #[inline]
    pub fn channel(&self) -> Channel {
        self.fixed.channel
    }

    /// Activity.
    #[must_use]
    #[inline]
    pub fn activity(&self) -> Activity {
        self.fixed.activity
    }

    /// Duration.
    #[must_use]
    #[inline]
    pub fn duration(&self) -> Duration {
        match self.fixed.duration {
            DurationKind::UpTo30Minutes => Duration::UpTo30Minutes,
            DurationKind::From30MinutesTo1Hour => Duration::From30MinutesTo1Hour,
            DurationKind::OneHourOrMore => Duration::OneHourOrMore,
            DurationKind::Exact => Duration::Exact { minutes: self.minutes() },
            DurationKind::Unspecified => Duration::Unspecified,
        }
    }

    /// Venue.
    #[must_use]
    #[inline]
    pub fn venue(&self) -> Option<Code> {
        self.fixed.venue.checked_sub(1)
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

const _: () = assert!(Theme::ALL.len() <= SUB_THEMES_FROM as usize && SubTheme::ALL.len() <= 8);

fn widened(counts: Five<u8>) -> Five<u32> {
    counts.map(u32::from)
}

/// Numbers of the bits that are set, lowest first.
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
    use crate::views::tally::tests::any_fact;

    proptest! {
        #[test]
        fn a_countable_says_of_a_fact_what_the_fact_says(
            fact in any_fact(),
            large in any::<[u32; 4]>(),
            is_large: [bool; 4],
            day: i32,
        ) {
            let mut fact = fact;
            let choose = |i: usize, small: u32| if is_large[i] { large[i] } else { small };
            fact.participants = choose(0, fact.participants);
            fact.ages[3] = choose(1, fact.ages[3]);
            fact.follow_up_workshop = choose(2, fact.follow_up_workshop);
            if is_large[3] {
                fact.duration = Duration::Exact { minutes: large[3] };
            }
            let (fixed, beside) = Countable::of(FactKey { day, from: 1 }, &fact);
            let seen = Seen::of(&fixed, &beside);
            prop_assert_eq!(seen.participants(), fact.participants);
            prop_assert_eq!(seen.returning(), fact.returning);
            prop_assert_eq!((seen.ages(), seen.statuses()), (fact.ages, fact.statuses));
            prop_assert_eq!(seen.follow_up_individual(), fact.follow_up_individual);
            prop_assert_eq!(seen.follow_up_workshop(), fact.follow_up_workshop);
            prop_assert_eq!(seen.duration(), fact.duration);
            prop_assert_eq!((seen.venue(), seen.channel(), seen.activity()), (fact.venue, fact.channel, fact.activity));
            prop_assert_eq!((seen.theme_set(), seen.sub_theme_set()), (fact.themes, u32::from(fact.sub_themes)));
            let redirections: Vec<_> = seen.redirections().iter().map(|it| (it.to, it.people)).collect();
            prop_assert_eq!(redirections, fact.redirections);
            prop_assert_eq!(bits(fact.themes).fold(0, |set, bit| set | 1 << bit), fact.themes);
        }
    }
}
