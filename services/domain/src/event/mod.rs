//! Events: what the log stores permanently, and how it is read back.
//!
//! [`record`] builds the stored message of a new fact. [`Event::decode`] reads any stored event, old or new, and
//! converts older forms to today's vocabulary. Stored bytes are never rewritten.

mod forgotten;
pub mod life;
pub mod record;

use cra_contracts::stored;
use jiff::Timestamp;
use uuid::Uuid;

use crate::cra::{Cra, DecodeError, Submission};
use crate::legacy::{self, Declared, FormVersion};
pub use forgotten::{
    Forgettable, Forgotten, alias, is_alias, is_neutral_name, neutral_name, reason_described, with_forgotten,
};

/// One fact about one CRA, in today's vocabulary; its texts borrow from the stored bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Unique per event.
    pub event_id: Uuid,
    /// The CRA that the event is about.
    pub cra_id: Uuid,
    /// 1 for the first event of a CRA, then consecutive.
    pub revision: u64,
    /// Time of recording, by ingestion's clock.
    pub recorded_at: Timestamp,
    /// The client that caused the event; empty if unknown.
    pub client_id: &'a str,
    /// The kinds of content that it lost by forgetting.
    pub forgotten: Forgotten,
    /// The fact.
    pub fact: Fact<'a>,
}

/// What an event records.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    /// A CRA of today's form was recorded.
    Submitted {
        /// The content.
        cra: Cra<&'a str>,
        /// Whether the number of participants was left to the form's default.
        defaulted_participants: bool,
    },
    /// The content of a CRA was replaced.
    Corrected {
        /// The new content.
        cra: Cra<&'a str>,
        /// Whether the number of participants was left to the form's default.
        defaulted_participants: bool,
        /// The reason of the correction.
        reason: &'a str,
    },
    /// A CRA was withdrawn from the statistics.
    Withdrawn {
        /// The reason of the withdrawal.
        reason: &'a str,
    },
    /// A CRA of an older form was recorded; with a revision above 1, a later version of its document.
    Imported {
        /// The form of the document.
        form_version: FormVersion,
        /// The content, in today's vocabulary.
        cra: Box<Cra>,
        /// Time at which the older system recorded it.
        created_at: Timestamp,
        /// What the upcaster repaired or left out, one line each.
        notes: Vec<String>,
    },
}

impl<'a> Event<'a> {
    /// Reads a stored event and converts it to today's vocabulary.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        let message = stored::Event::read(payload).map_err(|error| DecodeError::new("event", error))?;
        if message.revision == 0 {
            return Err(DecodeError::new("revision", 0));
        }
        Ok(Self {
            event_id: uuid("event_id", message.event_id)?,
            cra_id: uuid("cra_id", message.cra_id)?,
            revision: message.revision,
            recorded_at: timestamp("recorded_at", message.recorded_at.as_ref())?,
            client_id: message.origin.map_or("", |origin| origin.client_id),
            forgotten: Forgotten::from_message(message.forgotten.as_deref())?,
            fact: fact(message.fact)?,
        })
    }

    /// The time of recording of a stored event, even if the rest of it cannot be read.
    #[must_use]
    pub fn recorded_at_of(payload: &[u8]) -> Option<Timestamp> {
        let message = stored::Event::read(payload).ok()?;
        timestamp("recorded_at", message.recorded_at.as_ref()).ok()
    }
}

fn fact(message: Option<stored::Fact<'_>>) -> Result<Fact<'_>, DecodeError> {
    use stored::Fact as Stored;
    match message {
        Some(Stored::Submitted(submitted)) => Ok(Fact::Submitted {
            defaulted_participants: names_participants(&submitted.defaulted_fields),
            cra: cra(submitted.cra)?,
        }),
        Some(Stored::Corrected(corrected)) => Ok(Fact::Corrected {
            defaulted_participants: names_participants(&corrected.defaulted_fields),
            cra: cra(corrected.cra)?,
            reason: corrected.reason,
        }),
        Some(Stored::Withdrawn(withdrawn)) => Ok(Fact::Withdrawn { reason: withdrawn.reason }),
        Some(Stored::Imported(imported)) => {
            let declared = Declared::parse(imported.form_version)
                .map_err(|_| DecodeError::new("form_version", imported.form_version))?;
            let upcast = legacy::upcast(imported.document).map_err(|violations| {
                let faults: Vec<_> = violations.iter().map(ToString::to_string).collect();
                DecodeError::new("document", faults.join("; "))
            })?;
            let legacy::Upcast { cra, created_at, notes } = upcast;
            let form_version = declared.form(created_at);
            Ok(Fact::Imported { form_version, cra: Box::new(cra), created_at, notes })
        }
        None => Err(DecodeError::new("fact", "no variant known here; a newer version may read it")),
    }
}

fn names_participants(defaulted_fields: &[&str]) -> bool {
    defaulted_fields.contains(&Submission::PARTICIPANTS)
}

fn cra(message: Option<stored::Cra<'_>>) -> Result<Cra<&str>, DecodeError> {
    Cra::of_stored(message.ok_or_else(|| DecodeError::new("cra", "nothing"))?)
}

fn uuid(field: &'static str, text: &str) -> Result<Uuid, DecodeError> {
    Uuid::try_parse(text).map_err(|_| DecodeError::new(field, text))
}

/// Converts an instant of the contract, with nanoseconds.
pub fn timestamp(
    field: &'static str,
    message: Option<&prost_types::Timestamp>,
) -> Result<Timestamp, DecodeError> {
    let message = message.ok_or_else(|| DecodeError::new(field, "nothing"))?;
    if !(0..1_000_000_000).contains(&message.nanos) {
        return Err(DecodeError::new(field, format!("{} nanoseconds", message.nanos)));
    }
    Timestamp::new(message.seconds, message.nanos).map_err(|error| DecodeError::new(field, error))
}

/// Converts an instant to the contract's form.
#[must_use]
pub fn timestamp_message(instant: Timestamp) -> prost_types::Timestamp {
    // Both types have whole seconds and nanoseconds; the contract's nanoseconds are never negative.
    let (seconds, nanos) = (instant.as_second(), instant.subsec_nanosecond());
    if nanos < 0 {
        prost_types::Timestamp { seconds: seconds - 1, nanos: nanos + 1_000_000_000 }
    } else {
        prost_types::Timestamp { seconds, nanos }
    }
}

#[cfg(test)]
mod tests;
