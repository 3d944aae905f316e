//! The parts of a CRA.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::spelling;
use crate::territory::{self, CommuneId};
use crate::vocabulary::{AgeBand, Channel, DurationBand, DurationBucket, Organisation, Status, Word};

/// Opaque identifier of an advisor, a structure or a venue: 1 to 64 characters of `[A-Za-z0-9._:-]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<T = Box<str>>(T);

impl Id {
    /// Maximum length of an identifier, in characters.
    pub(crate) const LENGTH_MAX: usize = 64;

    /// Parses an identifier; `None` if the text is malformed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Id::borrowed(text).map(Id::into_owned)
    }
}

impl<'a> Id<&'a str> {
    /// Parses an identifier that borrows its text; `None` if the text is malformed.
    #[must_use]
    pub fn borrowed(text: &'a str) -> Option<Self> {
        let is_well_formed = (1..=Id::LENGTH_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b':' | b'-'));
        is_well_formed.then_some(Self(text))
    }
}

impl<T: AsRef<str>> Id<T> {
    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// Converts to an owned text.
    #[must_use]
    pub fn into_owned(self) -> Id {
        Id(self.0.as_ref().into())
    }
}

impl<T: AsRef<str>> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the activity took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<T = Box<str>> {
    /// Channel (canal).
    pub channel: Channel,
    /// The INSEE code as declared: it may be that of a delegated, associated or former commune.
    pub commune_code: T,
    /// Today's commune or arrondissement of that code.
    pub commune: CommuneId,
    /// One of the commune's postal codes; empty if the commune has none.
    pub postal_code: T,
    /// The advisor's registered venue.
    pub venue_id: Option<Id<T>>,
}

impl<T: AsRef<str>> Place<T> {
    /// Calendar day of an instant at this place.
    #[must_use]
    pub fn day_of(&self, instant: Timestamp) -> Date {
        day_at(self.commune, instant)
    }

    /// Converts to owned texts.
    #[must_use]
    pub fn into_owned(self) -> Place {
        Place {
            channel: self.channel,
            commune_code: self.commune_code.as_ref().into(),
            commune: self.commune,
            postal_code: self.postal_code.as_ref().into(),
            venue_id: self.venue_id.map(Id::into_owned),
        }
    }
}

/// Calendar day of an instant in a commune.
pub(super) fn day_at(commune: CommuneId, instant: Timestamp) -> Date {
    let department = territory::communes().department_of(commune);
    territory::time_zone_of(department).to_datetime(instant).date()
}

/// People per value of a closed list.
macro_rules! counts {
    ($(#[$doc:meta])* $name:ident, $word:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub [u32; $word::ALL.len()]);

        impl $name {
            /// Number of people of one value.
            #[must_use]
            pub fn of(&self, word: $word) -> u32 {
                self.0[word.index()]
            }

            /// Number of people of all values.
            #[must_use]
            pub fn sum(&self) -> u64 {
                self.0.iter().map(|count| u64::from(*count)).sum()
            }
        }
    };
}

counts! {
    /// People per age band.
    AgeCounts, AgeBand
}

counts! {
    /// People per status.
    StatusCounts, Status
}

/// Duration of the activity, as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duration {
    /// Half an hour or less.
    UpTo30Minutes,
    /// From half an hour to an hour.
    From30MinutesTo1Hour,
    /// An hour or more, not further specified.
    OneHourOrMore,
    /// An hour or more, in minutes.
    Exact {
        /// Number of minutes, at least 60.
        minutes: u32,
    },
    /// An older form gave no duration, or one that cannot be read.
    Unspecified,
}

/// Maximum number of minutes that `OneHourOrMore` may mean.
const UNREFINED_MINUTES_MAX: u32 = 480;

impl Duration {
    /// The duration bucket of the statistics; `None` if unspecified.
    #[must_use]
    pub fn bucket(self) -> Option<DurationBucket> {
        match self {
            Self::UpTo30Minutes => Some(DurationBucket::UpTo30Minutes),
            Self::From30MinutesTo1Hour => Some(DurationBucket::From30MinutesTo1Hour),
            Self::OneHourOrMore => Some(DurationBucket::From1HourUnrefined),
            Self::Exact { minutes } if minutes < 120 => Some(DurationBucket::From1To2Hours),
            Self::Exact { .. } => Some(DurationBucket::From2Hours),
            Self::Unspecified => None,
        }
    }

    /// The band of the form; `None` if unspecified.
    #[must_use]
    pub fn band(self) -> Option<DurationBand> {
        match self {
            Self::UpTo30Minutes => Some(DurationBand::UpTo30Minutes),
            Self::From30MinutesTo1Hour => Some(DurationBand::From30MinutesTo1Hour),
            Self::OneHourOrMore | Self::Exact { .. } => Some(DurationBand::OneHourOrMore),
            Self::Unspecified => None,
        }
    }

    /// Minimum and maximum number of minutes that the declaration allows.
    #[must_use]
    pub fn bounds(self) -> (u32, u32) {
        match self {
            Self::UpTo30Minutes => (0, 30),
            Self::From30MinutesTo1Hour => (30, 60),
            Self::OneHourOrMore => (60, UNREFINED_MINUTES_MAX),
            Self::Exact { minutes } => (minutes, minutes),
            Self::Unspecified => (0, UNREFINED_MINUTES_MAX),
        }
    }

    /// Estimated number of minutes, by the convention of the official statistics.
    #[must_use]
    pub fn estimate(self) -> u32 {
        match self {
            Self::UpTo30Minutes => 30,
            Self::From30MinutesTo1Hour | Self::OneHourOrMore => 60,
            Self::Exact { minutes } => minutes,
            Self::Unspecified => 0,
        }
    }
}

/// Who people are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient<T = Box<str>> {
    /// An organisation that the form lists.
    Known(Organisation),
    /// A free name, trimmed, 1 to 100 characters.
    Other(T),
    /// An older form did not name the organisation ("Non précisé").
    Unnamed,
}

impl Recipient {
    /// The recipient that the statistics count. A free name that is another spelling of a listed organisation is that
    /// organisation; a name without visible characters is unnamed.
    #[must_use]
    pub fn recognised(&self) -> Self {
        match self {
            Self::Other(name) => match &*spelling::key(name) {
                "" => Self::Unnamed,
                key => Organisation::of_key(key).map_or_else(|| self.clone(), Self::Known),
            },
            Self::Known(_) | Self::Unnamed => self.clone(),
        }
    }
}

/// People sent to another organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection<T = Box<str>> {
    /// The organisation.
    pub recipient: Recipient<T>,
    /// Number of people, at least 1.
    pub people: u32,
}

impl<T: AsRef<str>> Redirection<T> {
    /// Converts to owned texts.
    #[must_use]
    pub fn into_owned(self) -> Redirection {
        let recipient = match self.recipient {
            Recipient::Known(organisation) => Recipient::Known(organisation),
            Recipient::Other(name) => Recipient::Other(name.as_ref().into()),
            Recipient::Unnamed => Recipient::Unnamed,
        };
        Redirection { recipient, people: self.people }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_text_is_not_an_identifier() {
        let longest = "a".repeat(64);
        for good in ["a", "A-1._:z", &longest] {
            assert_eq!(Id::parse(good).unwrap().as_str(), good);
        }
        let too_long = "a".repeat(65);
        for bad in ["", " ", "a b", "é", "a/b", "a\n", &too_long] {
            assert_eq!(Id::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn durations_fall_into_the_buckets_of_the_statistics() {
        assert_eq!(Duration::Exact { minutes: 119 }.bucket(), Some(DurationBucket::From1To2Hours));
        assert_eq!(Duration::Exact { minutes: 120 }.bucket(), Some(DurationBucket::From2Hours));
        assert_eq!(Duration::OneHourOrMore.bucket(), Some(DurationBucket::From1HourUnrefined));
        assert_eq!(Duration::Unspecified.bucket(), None);
        assert_eq!(Duration::Unspecified.bounds(), (0, 480));
        assert_eq!(Duration::OneHourOrMore.estimate(), 60);
    }
}
