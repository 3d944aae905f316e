//! A packed fact as columns keep it: codes, small numbers and flags.

use cra_domain::vocabulary::{Activity, Channel, Word as _};

use super::{ACTIVITIES, ActivityKey, KINDS, PEOPLE_LINES, PackedFact};

/// Numbers that may be large and are seldom summed up, by [`code`].
pub(crate) const CODES: usize = 8;
/// Numbers that are small in most facts, by [`number`].
pub(crate) const NUMBERS: usize = number::PEOPLE + PEOPLE_LINES;
/// Yes or no, by [`flag`].
pub(crate) const FLAGS: usize = flag::HAS_OVERFLOW + 1;

/// Places of the codes.
pub(crate) mod code {
    pub(crate) const DAY: usize = 0;
    pub(crate) const COMMUNE: usize = 1;
    pub(crate) const STRUCTURE: usize = 2;
    pub(crate) const ADVISOR: usize = 3;
    pub(crate) const VENUE: usize = 4;
    pub(crate) const POSTAL_CODE: usize = 5;
    pub(crate) const CLIENT: usize = 6;
    pub(crate) const RECORDED_AT: usize = 7;
}

/// Places of the small numbers.
pub(crate) mod number {
    pub(crate) const CHANNEL: usize = 0;
    pub(crate) const ACTIVITY: usize = 1;
    /// Kind of the duration: 0 where an older form left it open, then the buckets.
    pub(crate) const KIND: usize = 2;
    pub(crate) const PARTICIPANTS: usize = 3;
    pub(crate) const MINUTES: usize = 4;
    pub(crate) const RETURNING: usize = 5;
    pub(crate) const INDIVIDUAL: usize = 6;
    pub(crate) const WORKSHOP: usize = 7;
    pub(crate) const DELAY: usize = 8;
    /// People per line.
    pub(crate) const PEOPLE: usize = 9;
}

/// Places of the flags.
pub(crate) mod flag {
    /// Themes, then sub-themes.
    pub(crate) const TOPICS: usize = 0;
    pub(crate) const DEFAULTED: usize = 32;
    pub(crate) const LEGACY: usize = 33;
    pub(crate) const HAS_OVERFLOW: usize = 34;
}

impl ActivityKey {
    /// Kinds of duration per activity: how many [`ActivityKey::activity_kind`] there are.
    pub(crate) const ACTIVITY_KINDS: usize = ACTIVITIES * KINDS;

    /// Activity and kind of duration, without the channel.
    #[inline]
    pub(crate) fn activity_kind(self) -> usize {
        self.index() % Self::ACTIVITY_KINDS
    }

    /// Kind of duration: 0 where an older form left it open, then the buckets.
    #[inline]
    pub(crate) fn kind(self) -> usize {
        self.index() % KINDS
    }
}

impl PackedFact {
    /// One of its codes.
    #[inline]
    pub(crate) fn code(&self, code: usize) -> i64 {
        match code {
            code::DAY => self.day.into(),
            code::COMMUNE => self.commune.into(),
            code::STRUCTURE => self.structure.into(),
            code::ADVISOR => self.advisor.into(),
            code::VENUE => self.venue.into(),
            code::POSTAL_CODE => self.postal_code.into(),
            code::CLIENT => self.client.into(),
            _ => self.recorded_at,
        }
    }

    /// Its small numbers.
    pub(crate) fn numbers(&self) -> [u16; NUMBERS] {
        let small = |index: usize| u16::try_from(index).unwrap_or(0);
        let mut numbers = [0; NUMBERS];
        numbers[number::CHANNEL] = small(self.activity_key.channel().index());
        numbers[number::ACTIVITY] = small(self.activity_key.activity().index());
        numbers[number::KIND] = small(self.activity_key.kind());
        numbers[number::PARTICIPANTS] = self.participants;
        numbers[number::MINUTES] = self.minutes;
        numbers[number::RETURNING] = self.returning;
        numbers[number::INDIVIDUAL] = self.follow_up_individual;
        numbers[number::WORKSHOP] = self.follow_up_workshop;
        numbers[number::DELAY] = self.delay_days;
        for (number, people) in numbers[number::PEOPLE..].iter_mut().zip(self.people) {
            *number = people.into();
        }
        numbers
    }

    /// Its flags: bit n for the n-th of [`flag`].
    pub(crate) fn flags(&self) -> u64 {
        u64::from(self.topics) << flag::TOPICS
            | u64::from(self.defaulted_participants) << flag::DEFAULTED
            | u64::from(self.is_legacy) << flag::LEGACY
            | u64::from(self.has_overflow) << flag::HAS_OVERFLOW
    }

    /// The fact of [`PackedFact::code`], [`PackedFact::numbers`] and [`PackedFact::flags`].
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // each was widened from its type
    pub(crate) fn of_columns(codes: [i64; CODES], numbers: &[u16; NUMBERS], flags: u64) -> Self {
        let [channel, activity, kind] =
            [number::CHANNEL, number::ACTIVITY, number::KIND].map(|at| numbers[at]);
        let key = (channel * (ACTIVITIES as u16) + activity) * (KINDS as u16) + kind;
        let mut people = [0; PEOPLE_LINES];
        for (people, number) in people.iter_mut().zip(&numbers[number::PEOPLE..]) {
            *people = *number as u8;
        }
        let is_set = |flag: usize| flags >> flag & 1 != 0;
        Self {
            recorded_at: codes[code::RECORDED_AT],
            day: codes[code::DAY] as i32,
            advisor: codes[code::ADVISOR] as u32,
            structure: codes[code::STRUCTURE] as u32,
            venue: codes[code::VENUE] as u32,
            postal_code: codes[code::POSTAL_CODE] as u32,
            topics: flags as u32,
            commune: codes[code::COMMUNE] as u16,
            delay_days: numbers[number::DELAY],
            minutes: numbers[number::MINUTES],
            participants: numbers[number::PARTICIPANTS],
            returning: numbers[number::RETURNING],
            follow_up_individual: numbers[number::INDIVIDUAL],
            follow_up_workshop: numbers[number::WORKSHOP],
            people,
            client: codes[code::CLIENT] as u16,
            activity_key: ActivityKey(key as u8),
            defaulted_participants: is_set(flag::DEFAULTED),
            is_legacy: is_set(flag::LEGACY),
            has_overflow: is_set(flag::HAS_OVERFLOW),
        }
    }
}

const _: () = assert!(Channel::ALL.len() <= 8 && Activity::ALL.len() <= 4 && KINDS <= 8);
