//! Follow-up in the older forms: people seen again, and people sent to organisations.

use super::document::Document;
use super::plain::Plain;
use crate::cra::{Recipient, Redirection};

const NEXT: &str = "cra.accompagnement";
pub(super) const ORGANISATIONS: [&str; 2] = ["cra.organismes", "cra.organisme"];

/// People per kind of follow-up; together at most the number of participants.
#[derive(Default)]
pub(super) struct FollowUp {
    pub(super) individual: u32,
    pub(super) workshop: u32,
    pub(super) redirections: Vec<Redirection>,
}

/// Reads `accompagnement`, `organisme` and `organismes`.
pub(super) fn read(document: &mut Document<'_>, participants: u32) -> FollowUp {
    let Next { individual, workshop, redirected } = Next::read(document, participants);
    let redirections = redirections(document, redirected);
    limited(document, participants, FollowUp { individual, workshop, redirections })
}

/// `accompagnement`: absent, one slug for all participants, or three counts.
#[derive(Default)]
struct Next {
    individual: u32,
    workshop: u32,
    redirected: u32,
}

impl Next {
    fn read(document: &mut Document<'_>, everybody: u32) -> Self {
        let Some(value) = document.at(NEXT) else {
            return Self::default();
        };
        match (value, value.text()) {
            (Plain::Object(_), _) => Self {
                individual: document.people("cra.accompagnement.individuel"),
                workshop: document.people("cra.accompagnement.atelier"),
                redirected: document.people("cra.accompagnement.redirection"),
            },
            (_, Some("individuel")) => Self { individual: everybody, ..Self::default() },
            (_, Some("atelier")) => Self { workshop: everybody, ..Self::default() },
            (_, Some("redirection")) => Self { redirected: everybody, ..Self::default() },
            _ => {
                document.note(NEXT, format!("{value} is no value of the form; left out"));
                Self::default()
            }
        }
    }
}

/// People per organisation. Redirected people who are not counted per organisation are assigned to the organisation
/// that is named without a count, or else to an unnamed one.
fn redirections(document: &mut Document<'_>, redirected: u32) -> Vec<Redirection> {
    let Organisations { mut counted, mut named } = Organisations::read(document);
    let sum = counted.iter().fold(0_u32, |sum, redirection| sum.saturating_add(redirection.people));
    let rest = redirected.saturating_sub(sum);
    named.dedup_by(|later, earlier| later.1 == earlier.1);
    let recipient = match <[_; 1]>::try_from(named) {
        Ok([(path, recipient)]) => {
            let is_counted = counted.iter().any(|redirection| redirection.recipient == recipient);
            if rest == 0 && !is_counted {
                document.note(path, "no person was redirected there; left out");
            }
            recipient
        }
        Err(none_or_several) => {
            if let Some((path, _)) = none_or_several.first() {
                document.note(path, "several organisations without a number of people; not named");
            }
            Recipient::Unnamed
        }
    };
    add(&mut counted, recipient, rest);
    counted
}

/// The values of `organisme` and `organismes`.
#[derive(Default)]
struct Organisations {
    /// People per organisation, in the document's order.
    counted: Vec<Redirection>,
    /// Organisations named without a number of people, and the paths that name them.
    named: Vec<(&'static str, Recipient)>,
}

impl Organisations {
    fn read(document: &mut Document<'_>) -> Self {
        let mut organisations = Self::default();
        for path in ORGANISATIONS {
            let entries = match document.at(path) {
                None => continue,
                Some(Plain::List(list)) => list.as_slice(),
                Some(one) => std::slice::from_ref(one),
            };
            for entry in entries {
                organisations.entry(document, path, entry);
            }
        }
        organisations
    }

    fn entry(&mut self, document: &mut Document<'_>, path: &'static str, entry: &Plain) {
        match entry {
            Plain::Null => {}
            Plain::Text(name) => match recipient(name) {
                Recipient::Unnamed => {}
                recipient => self.named.push((path, recipient)),
            },
            Plain::Object(fields) => {
                for (name, value) in fields {
                    let people = document.count(path, value);
                    add(&mut self.counted, recipient(name), people);
                }
            }
            other => document.note(path, format!("{other} is no organisation; left out")),
        }
    }
}

/// Adds people to the organisation's line; adds the line if it is missing.
fn add(redirections: &mut Vec<Redirection>, recipient: Recipient, people: u32) {
    if people == 0 {
        return;
    }
    match redirections.iter_mut().find(|redirection| redirection.recipient == recipient) {
        Some(line) => line.people = line.people.saturating_add(people),
        None => redirections.push(Redirection { recipient, people }),
    }
}

pub(super) fn recipient(name: &str) -> Recipient {
    match name.trim() {
        "" => Recipient::Unnamed,
        name => Recipient::Other(name.into()).recognised(),
    }
}

/// Limits the follow-up to the number of participants: keeps people seen again first, then those of a workshop, then
/// the redirected in their order.
fn limited(document: &mut Document<'_>, participants: u32, follow_up: FollowUp) -> FollowUp {
    let redirected: u64 =
        follow_up.redirections.iter().map(|redirection| u64::from(redirection.people)).sum();
    let planned = u64::from(follow_up.individual) + u64::from(follow_up.workshop) + redirected;
    if planned > u64::from(participants) {
        document.note(
            NEXT,
            format!("{planned} people planned for {participants} participants; reduced to {participants}"),
        );
    }
    let mut remaining = participants;
    let mut keep = |people: u32| {
        let kept = people.min(remaining);
        remaining -= kept;
        kept
    };
    let (individual, workshop) = (keep(follow_up.individual), keep(follow_up.workshop));
    let kept = follow_up.redirections.into_iter().map(|it| Redirection { people: keep(it.people), ..it });
    FollowUp { individual, workshop, redirections: kept.filter(|it| it.people > 0).collect() }
}
