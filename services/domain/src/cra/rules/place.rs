//! Where: the commune, its postal code, the venue.

use super::super::{Fault, Id};
use super::Check;
use crate::territory::{self, CommuneId};
use crate::vocabulary::Channel;

impl Check<'_> {
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
        Id::parse(given).or_else(|| self.refuse(FIELD, Fault::IdInvalid(given.to_owned())))
    }
}
