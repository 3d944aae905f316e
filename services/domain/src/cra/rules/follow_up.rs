//! Follow-up: people sent to other organisations.

use std::collections::HashMap;

use cra_contracts::v1;
use v1::redirection::Organisation as Given;

use super::super::{Fault, Recipient, Redirection, UNNAMED_RECIPIENT};
use super::texts::FreeText;
use super::{Check, unknown};
use crate::spelling;
use crate::vocabulary::{Organisation, Word as _};

impl Check<'_> {
    pub(super) fn redirections(&mut self, declared: &[v1::Redirection]) -> Vec<Redirection> {
        let before = self.current.map_or(&[][..], |cra| &cra.redirections);
        let previous = previous(declared, before);
        let mut often: HashMap<String, usize> = HashMap::new();
        let mut allowed: HashMap<String, usize> = HashMap::new();
        for redirection in before {
            *allowed.entry(same_organisation(&redirection.recipient)).or_default() += 1;
        }
        let mut redirections = Vec::with_capacity(declared.len());
        for (i, (redirection, previous)) in declared.iter().zip(previous).enumerate() {
            let path = format!("cra.follow_up.redirections[{i}]");
            let recipient = match previous {
                Some(previous) => Some(previous.recipient.clone()),
                None => self.recipient(&path, redirection.organisation.as_ref()),
            };
            if redirection.people == 0 && previous.is_none_or(|previous| previous.people != 0) {
                self.report(format!("{path}.people"), Fault::PeopleRequired);
            }
            let Some(recipient) = recipient else { continue };
            let key = same_organisation(&recipient);
            let limit = allowed.get(&key).copied().unwrap_or(1);
            let so_far = often.entry(key).or_default();
            *so_far += 1;
            if *so_far <= limit {
                redirections.push(Redirection { recipient, people: redirection.people });
            } else {
                let name = label(&recipient);
                self.report(path, Fault::Duplicate(name));
            }
        }
        redirections
    }

    fn recipient(&mut self, path: &str, declared: Option<&Given>) -> Option<Recipient> {
        match declared {
            None => self.refuse(path, Fault::Required("la structure vers laquelle vous orientez")),
            Some(Given::Known(number)) => Organisation::from_number(*number)
                .map(Recipient::Known)
                .or_else(|| self.refuse(format!("{path}.known"), unknown::<Organisation>(*number))),
            Some(Given::Other(name)) => match FreeText::ORGANISATION.check(name) {
                Ok(name) => Some(Recipient::Other(name.into())),
                Err(fault) => self.refuse(format!("{path}.other"), fault),
            },
        }
    }
}

/// Maps each redirection to the previous one whose organisation it keeps: first those that are unchanged, then those
/// where only the number of people changed. Each previous redirection is used once.
fn previous<'a>(declared: &[v1::Redirection], before: &'a [Redirection]) -> Vec<Option<&'a Redirection>> {
    let mut unused: Vec<&Redirection> = before.iter().collect();
    let mut previous = vec![None; declared.len()];
    for with_people in [true, false] {
        for (declared, previous) in
            declared.iter().zip(&mut previous).filter(|(_, previous)| previous.is_none())
        {
            let same = |redirection: &&Redirection| {
                is_the_same(declared.organisation.as_ref(), &redirection.recipient)
                    && (!with_people || redirection.people == declared.people)
            };
            if let Some(at) = unused.iter().position(same) {
                *previous = Some(unused.remove(at));
            }
        }
    }
    previous
}

fn is_the_same(declared: Option<&Given>, recipient: &Recipient) -> bool {
    match (declared, recipient) {
        (None, Recipient::Unnamed) => true,
        (Some(Given::Known(number)), Recipient::Known(organisation)) => organisation.number() == *number,
        (Some(Given::Other(declared)), Recipient::Other(name)) => {
            *declared == **name || declared.trim() == &**name
        }
        _ => false,
    }
}

fn label(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Known(organisation) => organisation.term().label.to_owned(),
        Recipient::Other(name) => name.to_string(),
        Recipient::Unnamed => UNNAMED_RECIPIENT.to_owned(),
    }
}

/// Key of a recipient's organisation: two recipients with one key are one line of the statistics.
fn same_organisation(recipient: &Recipient) -> String {
    match recipient.recognised() {
        Recipient::Known(organisation) => organisation.term().name.to_owned(),
        Recipient::Other(name) => spelling::key(&name),
        Recipient::Unnamed => String::new(),
    }
}
