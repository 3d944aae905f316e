//! Corrections and withdrawals of CRAs that the log holds: what a line of a file asks for ([`lines`]), the CRA's life
//! that it is applied to, and sending it ([`send`]).

pub(crate) mod lines;
pub(crate) mod send;

use cra_contracts::v1;
use cra_domain::cra::Submission;
use jiff::Timestamp;
use prost::Message;
use serde_json::{Map, Value};

use super::fields::{assign, patch, without_empty_parts};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) cra_id: String,
    /// The revision that the author of the change saw; none for the current one.
    pub(crate) expected_revision: Option<u64>,
    /// Empty where the command line gives one for all.
    pub(crate) reason: String,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Correct(Content),
    Withdraw,
}

/// What a CRA is to say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// This, whatever it says now.
    Whole(Box<v1::Cra>),
    /// What it says now, with these fields merged in.
    Patch(Map<String, Value>),
    /// What it says now, with these `path=value` applied.
    Assignments(Vec<String>),
}

impl Content {
    /// The content after the change of one that says `base`.
    pub(crate) fn applied_to(&self, base: &v1::Cra) -> Result<v1::Cra, String> {
        let mut cra = base.clone();
        match self {
            Self::Whole(whole) => cra.clone_from(whole),
            Self::Patch(changes) => patch(&mut cra, changes)?,
            Self::Assignments(assignments) => {
                assignments.iter().try_for_each(|assignment| assign(&mut cra, assignment))?;
            }
        }
        Ok(without_empty_parts(cra))
    }
}

/// Whether a content says what is recorded already, once the service has completed it. Decides only whether to send it.
pub(crate) fn is_recorded(proposed: &v1::Cra, recorded: &v1::Cra) -> bool {
    let completed =
        Submission::parse(Some(proposed), Timestamp::now()).map(|submission| submission.cra().to_message());
    let recorded = unordered(recorded);
    unordered(proposed) == recorded || completed.is_ok_and(|completed| unordered(&completed) == recorded)
}

/// The CRA with its lists in one order: an export does not keep the order that they were sent in.
fn unordered(cra: &v1::Cra) -> v1::Cra {
    let mut cra = without_empty_parts(cra.clone());
    cra.themes.sort_unstable();
    cra.sub_themes.sort_unstable();
    if let Some(follow_up) = &mut cra.follow_up {
        follow_up.redirections.sort_by_cached_key(Message::encode_to_vec);
    }
    cra
}
