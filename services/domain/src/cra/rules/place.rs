//! Where and when: the commune, its postal code, the venue, the day there.

use jiff::civil::Date;

use super::super::parts::day_at;
use super::super::{Fault, Id};
use super::{Check, DefaultedField, FIRST_DAY, Submission};
use crate::territory::{self, CommuneId};
use crate::vocabulary::Channel;

impl Check {
    pub(super) fn commune(&mut self, code: &str) -> Option<CommuneId> {
        const FIELD: &str = "cra.place.commune_code";
        if code.is_empty() {
            return self.refuse(FIELD, Fault::Required("la commune"));
        }
        territory::communes().resolve(code).or_else(|| self.refuse(FIELD, Fault::CommuneUnknown))
    }

    pub(super) fn postal_code(&mut self, commune: CommuneId, given: &str) -> Option<&'static str> {
        const FIELD: &str = "cra.place.postal_code";
        let commune = territory::communes().get(commune);
        let (accepted, name) = (commune.postal_codes(), commune.name());
        if given.is_empty() {
            return match accepted {
                [] => Some(""),
                [only] => Some(only),
                several => self
                    .refuse(FIELD, Fault::PostalCodeRequired { commune: name, accepted: several.to_vec() }),
            };
        }
        let found = accepted.iter().copied().find(|code| *code == given);
        found.or_else(|| {
            self.refuse(FIELD, Fault::PostalCodeMismatch { commune: name, accepted: accepted.to_vec() })
        })
    }

    /// None also where it is wrong: its fault is told.
    pub(super) fn venue(&mut self, channel: Option<Channel>, given: &str) -> Option<Id> {
        const FIELD: &str = "cra.place.venue_id";
        if given.is_empty() {
            return None;
        }
        if channel.is_some_and(|channel| channel != Channel::Venue) {
            return self.refuse(FIELD, Fault::VenueNotAllowed);
        }
        Id::parse(given).or_else(|| self.refuse(FIELD, Fault::IdInvalid))
    }

    pub(super) fn date(&mut self, given: &str, commune: Option<CommuneId>) -> Option<Date> {
        let today = commune.map(|commune| day_at(commune, self.now));
        if given.is_empty() {
            let today = today?;
            self.defaulted.push(DefaultedField { field: Submission::DATE, value: today.to_string() });
            return Some(today);
        }
        let Some(date) = parse_day(given) else {
            return self.refuse(Submission::DATE, Fault::DateInvalid);
        };
        if date < FIRST_DAY {
            return self.refuse(Submission::DATE, Fault::DateTooEarly);
        }
        match today {
            Some(today) if date > today => self.refuse(Submission::DATE, Fault::DateInFuture { today }),
            _ => Some(date),
        }
    }
}

/// A day written as `YYYY-MM-DD`, in this form only.
#[must_use]
pub fn parse_day(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(
            |(i, b)| {
                if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() }
            },
        );
    if shaped { text.parse().ok() } else { None }
}
