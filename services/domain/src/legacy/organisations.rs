//! What comes next, in the older forms: people seen again, and people sent to organisations.

use serde_json::Value;

use super::document::Document;
use crate::cra::{Recipient, Redirection};

/// `accompagnement` of the second form on: three counts.
pub(super) struct FollowUp {
    pub(super) individual: u32,
    pub(super) workshop: u32,
    pub(super) redirected: u32,
}

pub(super) fn counts(document: &mut Document<'_>) -> FollowUp {
    const PATH: &str = "cra.accompagnement";
    if document.at(PATH).is_some_and(|value| !value.is_object()) {
        document.note(PATH, "no list of counts; left out");
    }
    FollowUp {
        individual: document.people("cra.accompagnement.individuel"),
        workshop: document.people("cra.accompagnement.atelier"),
        redirected: document.people("cra.accompagnement.redirection"),
    }
}

/// `organisme` of the second form: one name for everybody redirected.
pub(super) fn one_name(document: &mut Document<'_>, redirected: u32) -> Vec<Redirection> {
    const PATH: &str = "cra.organisme";
    let name = document.at(PATH);
    if name.is_some() && redirected == 0 {
        document.note(PATH, "nobody was redirected; left out");
    }
    let recipient = match name {
        Some(Value::String(name)) => recipient(name),
        Some(other) => {
            document.note(PATH, format!("{other} is no name; left out"));
            Recipient::Unnamed
        }
        None => Recipient::Unnamed,
    };
    people(recipient, redirected).into_iter().collect()
}

/// `organismes` of the third form: a list of objects of people per name. Those redirected beyond them went to an
/// organisation that is not named.
pub(super) fn named_counts(document: &mut Document<'_>, redirected: u32) -> Vec<Redirection> {
    const PATH: &str = "cra.organismes";
    let mut redirections = Vec::new();
    match document.at(PATH) {
        Some(Value::Array(list)) => {
            for (i, entry) in list.iter().enumerate() {
                let path = format!("{PATH}[{i}]");
                let Some(entry) = entry.as_object() else {
                    document.note(&path, format!("{entry} is no organisation; left out"));
                    continue;
                };
                for (name, value) in entry {
                    let count = document.count(&path, value);
                    redirections.extend(people(recipient(name), count));
                }
            }
        }
        Some(other) => document.note(PATH, format!("{other} is no list; left out")),
        None => {}
    }
    let named =
        redirections.iter().fold(0_u32, |named, redirection| named.saturating_add(redirection.people));
    redirections.extend(people(Recipient::Unnamed, redirected.saturating_sub(named)));
    redirections
}

/// Everybody redirected, to an organisation that the first form did not ask for.
pub(super) fn unnamed(redirected: u32) -> Vec<Redirection> {
    people(Recipient::Unnamed, redirected).into_iter().collect()
}

fn people(recipient: Recipient, people: u32) -> Option<Redirection> {
    (people > 0).then_some(Redirection { recipient, people })
}

fn recipient(name: &str) -> Recipient {
    match name.trim() {
        "" => Recipient::Unnamed,
        name => Recipient::Other(name.into()).recognised(),
    }
}
