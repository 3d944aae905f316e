//! Conversion between a CRA and the contract's message. Reading checks presence and form, not the rules of new CRAs: an
//! event that was valid when recorded stays readable when the rules change.

use std::fmt;

use cra_contracts::{stored, v1};
use prost::Message as _;

use super::rules::{age_counts, status_counts};
use super::{AgeCounts, Cra, Duration, Id, Place, Recipient, Redirection, StatusCounts};
use crate::territory;
use crate::vocabulary::{DurationBand, Organisation, Word};

/// Why a stored message is not a CRA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// The field that cannot be read.
    pub field: &'static str,
    /// The value found.
    pub found: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read: {}", self.field, self.found)
    }
}

impl std::error::Error for DecodeError {}

impl DecodeError {
    /// Names the field that cannot be read, and its value.
    #[allow(clippy::needless_pass_by_value)] // numbers, texts and errors come as they are
    pub fn new(field: &'static str, found: impl ToString) -> Self {
        Self { field, found: found.to_string() }
    }
}

impl<T: AsRef<str>> Cra<T> {
    /// The CRA as a message of the contract, with every default written out.
    #[must_use]
    pub fn to_message(&self) -> v1::Cra {
        let follows =
            self.follow_up_individual > 0 || self.follow_up_workshop > 0 || !self.redirections.is_empty();
        v1::Cra {
            advisor_id: self.advisor_id.to_string(),
            structure_id: self.structure_id.to_string(),
            date: self.date.to_string(),
            place: Some(v1::Place {
                channel: self.place.channel.number(),
                commune_code: self.place.commune_code.as_ref().to_owned(),
                postal_code: self.place.postal_code.as_ref().to_owned(),
                venue_id: self.place.venue_id.as_ref().map(Id::to_string).unwrap_or_default(),
            }),
            activity: self.activity.number(),
            participants: Some(self.participants),
            returning_participants: self.returning_participants,
            ages: Some(ages_message(&self.ages)),
            statuses: Some(statuses_message(&self.statuses)),
            themes: self.themes.iter().map(|theme| theme.number()).collect(),
            sub_themes: self.sub_themes.iter().map(|sub_theme| sub_theme.number()).collect(),
            annotation: self.annotation.as_ref().to_owned(),
            duration: Some(duration_message(self.duration)),
            follow_up: follows.then(|| v1::FollowUp {
                individual: self.follow_up_individual,
                workshop: self.follow_up_workshop,
                redirections: self.redirections.iter().map(redirection_message).collect(),
            }),
        }
    }
}

impl Cra {
    /// The CRA that a message holds, read as stored messages are.
    pub fn from_message(message: &v1::Cra) -> Result<Self, DecodeError> {
        let bytes = message.encode_to_vec();
        let message = stored::Cra::read(&bytes).map_err(|error| DecodeError::new("cra", error))?;
        Cra::of_stored(message).map(Cra::into_owned)
    }
}

impl<'a> Cra<&'a str> {
    /// The CRA that a stored message holds.
    pub(crate) fn of_stored(message: stored::Cra<'a>) -> Result<Self, DecodeError> {
        let follow_up = message.follow_up.unwrap_or_default();
        Ok(Self {
            advisor_id: id("advisor_id", message.advisor_id)?,
            structure_id: id("structure_id", message.structure_id)?,
            date: message.date.parse().map_err(|_| DecodeError::new("date", message.date))?,
            place: place(message.place)?,
            activity: word("activity", message.activity)?,
            participants: message.participants.ok_or_else(|| DecodeError::new("participants", "nothing"))?,
            returning_participants: message.returning_participants,
            ages: age_counts(message.ages.as_ref()),
            statuses: status_counts(message.statuses.as_ref()),
            themes: words("themes", &message.themes)?,
            sub_themes: words("sub_themes", &message.sub_themes)?,
            annotation: message.annotation,
            duration: duration(message.duration)?,
            follow_up_individual: follow_up.individual,
            follow_up_workshop: follow_up.workshop,
            redirections: follow_up.redirections.iter().map(redirection).collect::<Result<_, _>>()?,
        })
    }
}

fn id<'a>(field: &'static str, text: &'a str) -> Result<Id<&'a str>, DecodeError> {
    Id::borrowed(text).ok_or_else(|| DecodeError::new(field, text))
}

fn word<W: Word>(field: &'static str, number: i32) -> Result<W, DecodeError> {
    W::from_number(number).ok_or_else(|| DecodeError::new(field, number))
}

fn words<W: Word>(field: &'static str, numbers: &[i32]) -> Result<Vec<W>, DecodeError> {
    // A plain `collect` would not know the length in advance.
    let mut words = Vec::with_capacity(numbers.len());
    for number in numbers {
        words.push(word(field, *number)?);
    }
    Ok(words)
}

fn place(message: Option<stored::Place<'_>>) -> Result<Place<&str>, DecodeError> {
    let message = message.ok_or_else(|| DecodeError::new("place", "nothing"))?;
    let commune = territory::communes()
        .resolve(message.commune_code)
        .ok_or_else(|| DecodeError::new("place.commune_code", message.commune_code))?;
    Ok(Place {
        channel: word("place.channel", message.channel)?,
        commune_code: message.commune_code,
        commune,
        postal_code: message.postal_code,
        venue_id: match message.venue_id {
            "" => None,
            venue_id => Some(id("place.venue_id", venue_id)?),
        },
    })
}

fn duration(message: Option<v1::Duration>) -> Result<Duration, DecodeError> {
    let message = message.unwrap_or_default();
    if message.band == 0 {
        return Ok(Duration::Unspecified);
    }
    Ok(match (word("duration.band", message.band)?, message.minutes) {
        (DurationBand::UpTo30Minutes, _) => Duration::UpTo30Minutes,
        (DurationBand::From30MinutesTo1Hour, _) => Duration::From30MinutesTo1Hour,
        (DurationBand::OneHourOrMore, None) => Duration::OneHourOrMore,
        (DurationBand::OneHourOrMore, Some(minutes)) => Duration::Exact { minutes },
    })
}

pub(super) fn duration_message(duration: Duration) -> v1::Duration {
    let minutes = match duration {
        Duration::Exact { minutes } => Some(minutes),
        _ => None,
    };
    let band = duration.band().map_or(0, DurationBand::number);
    v1::Duration { band, minutes }
}

fn ages_message(counts: &AgeCounts) -> v1::AgeCounts {
    let [under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60] = counts.0;
    v1::AgeCounts { under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60 }
}

fn statuses_message(counts: &StatusCounts) -> v1::StatusCounts {
    let [student, unemployed, employed, retired, unspecified_or_mixed] = counts.0;
    v1::StatusCounts { student, unemployed, employed, retired, unspecified_or_mixed }
}

fn redirection<'a>(message: &stored::Redirection<'a>) -> Result<Redirection<&'a str>, DecodeError> {
    use stored::Organisation as Stored;
    let recipient = match message.organisation {
        Some(Stored::Known(number)) => {
            Recipient::Known(word::<Organisation>("follow_up.redirections.known", number)?)
        }
        Some(Stored::Other(name)) => Recipient::Other(name),
        None => Recipient::Unnamed,
    };
    Ok(Redirection { recipient, people: message.people })
}

fn redirection_message<T: AsRef<str>>(redirection: &Redirection<T>) -> v1::Redirection {
    use v1::redirection::Organisation as Message;
    let organisation = match &redirection.recipient {
        Recipient::Known(organisation) => Some(Message::Known(organisation.number())),
        Recipient::Other(name) => Some(Message::Other(name.as_ref().to_owned())),
        Recipient::Unnamed => None,
    };
    v1::Redirection { organisation, people: redirection.people }
}
