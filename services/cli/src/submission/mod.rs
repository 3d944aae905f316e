//! Sending many CRAs, today's or documents of older forms, as `cra-sheets` reads them from a file: streaming the items
//! with a bound on what is in flight ([`stream`]). Memory does not grow with the file. Writes nothing but how far an
//! import is ([`checkpoint`]); the commands do.

pub(crate) mod changes;
pub(crate) mod checkpoint;
pub(crate) mod retry_budget;
pub(crate) mod rpc;
pub(crate) mod stream;
mod window;

use cra_contracts::v1;
use serde::{Deserialize, Serialize};

pub(crate) use cra_sheets::{Item, Location, Outcome, Unsent, content, fields, file, source, table};

/// What became of one item.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) location: Location,
    /// That the item came with: a CRA's, or a document's in the system it comes from. Empty when the text could not
    /// be read.
    pub(crate) id: String,
    pub(crate) bytes_read: u64,
    pub(crate) outcome: Outcome,
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
    /// Read, and the stream broke before its outcome arrived: recorded or not.
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

    /// Items whose outcome was reported.
    pub(crate) fn reported(&self) -> u64 {
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
