//! Sending many CRAs, today's ([`content::submission`]) or documents of older forms ([`content::document`]):
//! opening their file ([`mod@file`]), reading it item by item ([`source`]), and streaming the items with a bound on what
//! is in flight ([`stream`]). Memory does not grow with the file. Writes nothing but how far an import is
//! ([`checkpoint`]); the commands do.

pub(crate) mod changes;
pub(crate) mod checkpoint;
pub(crate) mod content;
mod encoding;
pub(crate) mod fields;
pub(crate) mod file;
mod kind;
pub(crate) mod patience;
pub(crate) mod rpc;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod table;
mod window;

use std::fmt;

use cra_contracts::v1;
use serde::{Deserialize, Serialize};

/// Where an item stands in its file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One item per line.
    Line(u64),
    /// An item of an array, or one of several objects.
    Element(u64),
    /// A row of a table, as a spreadsheet numbers it; of which sheet, where several are read.
    Row { sheet: Option<u32>, number: u64 },
}

impl Place {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Element(number) | Self::Row { number, .. } => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Element(number) => write!(f, "item {number}"),
            Self::Row { sheet: None, number } => write!(f, "row {number}"),
            Self::Row { sheet: Some(sheet), number } => write!(f, "table {sheet}, row {number}"),
        }
    }
}

/// One thing to send, or why it cannot be.
#[derive(Debug, PartialEq)]
pub(crate) struct Item<T> {
    pub(crate) place: Place,
    /// Of the file, up to the end of this item; for the progress bar.
    pub(crate) bytes_read: u64,
    /// What to send, or why it is not sent.
    pub(crate) content: Result<T, Unsent>,
}

/// Why an item is not sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Unsent {
    /// What is wrong with its text.
    Unreadable(String),
    /// What became of it is known already.
    Settled { id: String, outcome: Outcome },
}

impl From<String> for Unsent {
    fn from(problem: String) -> Self {
        Self::Unreadable(problem)
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(problem) => f.write_str(problem),
            Self::Settled { id, .. } => write!(f, "{id} is settled"),
        }
    }
}

impl Unsent {
    /// As it is told: the id, where it is known, and the outcome.
    fn into_told(self) -> (String, Outcome) {
        match self {
            Self::Unreadable(problem) => (String::new(), Outcome::Unreadable(problem)),
            Self::Settled { id, outcome } => (id, outcome),
        }
    }
}

/// What became of one item.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) place: Place,
    /// That the item came with: a CRA's, or a document's in the system it comes from. Empty when the text could not
    /// be read.
    pub(crate) id: String,
    pub(crate) bytes_read: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// In the log (or valid, when only checking); `duplicate` when it was there before.
    Received {
        receipt: v1::Receipt,
        /// What had to be repaired in a document of an older form.
        notes: Vec<String>,
    },
    /// The service says what is wrong.
    Refused(v1::Refusal),
    /// Never sent: what is wrong with the text.
    Unreadable(String),
}

/// How many items ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    /// Among those accepted, later versions of what was there: a further revision.
    #[serde(default)]
    pub(crate) later_versions: u64,
    pub(crate) already_there: u64,
    /// Among those already there, CRAs that were withdrawn since: they do not count.
    #[serde(default)]
    pub(crate) withdrawn: u64,
    /// Among those in the log, documents that had to be repaired.
    pub(crate) noted: u64,
    pub(crate) refused: u64,
    pub(crate) unreadable: u64,
    /// Read, and the stream broke before its outcome could be told: recorded or not.
    #[serde(skip)]
    pub(crate) unanswered: u64,
    /// Greatest position of a receipt.
    pub(crate) last_position: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Received { receipt, notes } => {
                let counted = if receipt.duplicate { &mut self.already_there } else { &mut self.accepted };
                *counted += 1;
                self.withdrawn += u64::from(receipt.withdrawn);
                self.later_versions += u64::from(is_later_version(receipt));
                self.noted += u64::from(!notes.is_empty());
                self.last_position = self.last_position.max(receipt.position);
            }
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Unreadable(_) => self.unreadable += 1,
        }
    }

    /// Items whose outcome was told.
    pub(crate) fn told(&self) -> u64 {
        self.accepted + self.already_there + self.refused + self.unreadable
    }

    /// Whether every item is in the log, or valid.
    pub(crate) fn all_received(&self) -> bool {
        self.refused == 0 && self.unreadable == 0 && self.unanswered == 0
    }
}

/// Whether an item was recorded as a further revision of what was there.
pub(crate) fn is_later_version(receipt: &v1::Receipt) -> bool {
    !receipt.duplicate && receipt.revision > 1
}

/// Codes of refusals that have nothing to do with the content: the same item may get in later.
const TRANSIENT: [&str; 5] =
    ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"];

/// Reasons under such a code that do not pass: the event is too large for the log.
pub(crate) const LASTING: [&str; 1] = ["EVENT_REFUSED"];

/// Whether the same item may get in later as it is.
pub(crate) fn is_transient(refusal: &v1::Refusal) -> bool {
    TRANSIENT.contains(&refusal.code.as_str()) && !LASTING.contains(&refusal.reason.as_str())
}
