//! What comes next: people sent to other organisations.

use std::collections::HashSet;

use cra_contracts::v1;

use super::super::personal::personal_data;
use super::super::{Fault, Recipient, Redirection};
use super::{Check, ORGANISATION_CHARACTERS_MAX};
use crate::spelling;
use crate::vocabulary::{Organisation, Word as _};

impl Check {
    pub(super) fn redirections(&mut self, given: &[v1::Redirection]) -> Vec<Redirection> {
        let mut seen = HashSet::new();
        let mut redirections = Vec::with_capacity(given.len());
        for (i, redirection) in given.iter().enumerate() {
            let path = format!("cra.follow_up.redirections[{i}]");
            let recipient = self.recipient(&path, redirection.organisation.as_ref());
            if redirection.people == 0 {
                self.tell(format!("{path}.people"), Fault::PeopleRequired);
            }
            let Some(recipient) = recipient else { continue };
            if seen.insert(same_organisation(&recipient)) {
                redirections.push(Redirection { recipient, people: redirection.people });
            } else {
                self.tell(path, Fault::Duplicate);
            }
        }
        redirections
    }

    pub(super) fn recipient(
        &mut self,
        path: &str,
        given: Option<&v1::redirection::Organisation>,
    ) -> Option<Recipient> {
        match given {
            None => self.refuse(path, Fault::Required("la structure vers laquelle vous orientez")),
            Some(v1::redirection::Organisation::Known(number)) => Organisation::from_number(*number)
                .map(Recipient::Known)
                .or_else(|| self.refuse(format!("{path}.known"), Fault::UnknownValue(*number))),
            Some(v1::redirection::Organisation::Other(name)) => {
                let name = name.trim();
                let well_formed = (1..=ORGANISATION_CHARACTERS_MAX).contains(&name.chars().count())
                    && !name.chars().any(char::is_control);
                if !well_formed {
                    let fault = Fault::TextInvalid { min: 1, max: ORGANISATION_CHARACTERS_MAX };
                    return self.refuse(format!("{path}.other"), fault);
                }
                if let Some(found) = personal_data(name) {
                    return self.refuse(format!("{path}.other"), Fault::PersonalData(found));
                }
                Some(Recipient::Other(name.into()))
            }
        }
    }
}

/// What makes two recipients the same organisation: statistics count them on one line.
fn same_organisation(recipient: &Recipient) -> String {
    match recipient.recognised() {
        Recipient::Known(organisation) => spelling::key(organisation.term().label),
        Recipient::Other(name) => spelling::key(&name),
        Recipient::Unnamed => String::new(),
    }
}
