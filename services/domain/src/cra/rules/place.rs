//! The commune, its postal code and the venue.

use cra_contracts::v1;

use super::super::{Fault, Id};
use super::{Check, DefaultedField, Submission};
use crate::territory::{self, CommuneId, Declared};
use crate::vocabulary::Channel;

impl Check<'_> {
    /// The declared code as Insee writes it, and today's commune.
    pub(super) fn commune(&mut self, form: &v1::Place) -> Option<(Box<str>, CommuneId)> {
        let communes = territory::communes();
        if form.commune_code.trim().is_empty() {
            return self.refuse(Submission::COMMUNE, Fault::Required("la commune"));
        }
        match communes.declared(&form.commune_code, &form.postal_code) {
            Ok(Declared { code, commune, is_own }) => {
                if !is_own {
                    self.report_default(Submission::COMMUNE, communes.get(commune).code());
                }
                Some((code.into(), commune))
            }
            Err(meant) => {
                let found = form.commune_code.clone();
                self.refuse(Submission::COMMUNE, Fault::CommuneCodeUnknown { found, meant })
            }
        }
    }

    pub(super) fn postal_code(&mut self, commune: CommuneId, declared: &str) -> Option<&'static str> {
        let accepted = territory::communes().get(commune).postal_codes();
        let declared = territory::without_spaces(declared);
        if declared.is_empty() {
            return match accepted {
                [] => Some(""),
                [only] => {
                    self.report_default(Submission::POSTAL_CODE, only);
                    Some(only)
                }
                _ => self.refuse(Submission::POSTAL_CODE, Fault::PostalCodeRequired { commune }),
            };
        }
        let found = accepted.iter().copied().find(|code| *code == declared);
        found.or_else(|| {
            let found = declared.into_owned();
            self.refuse(Submission::POSTAL_CODE, Fault::PostalCodeMismatch { found, commune })
        })
    }

    fn report_default(&mut self, field: &'static str, value: &str) {
        self.defaulted.push(DefaultedField { field, value: value.to_owned() });
    }

    /// The venue; also `None` if it is wrong, after its fault was reported.
    pub(super) fn venue(&mut self, channel: Option<Channel>, declared: &str) -> Option<Id> {
        const FIELD: &str = "cra.place.venue_id";
        if declared.is_empty() {
            return None;
        }
        if channel.is_some_and(|channel| channel != Channel::Venue) {
            return self.refuse(FIELD, Fault::VenueNotAllowed);
        }
        Id::parse(declared).or_else(|| self.refuse(FIELD, Fault::IdInvalid(declared.to_owned())))
    }
}
