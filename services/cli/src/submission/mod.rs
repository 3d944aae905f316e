//! Sending many CRAs: reading them from a file ([`source`]), and streaming them with a bound on what is in
//! flight ([`stream`]). Memory does not grow with the file. Writes nothing; the commands do.

pub(crate) mod source;
pub(crate) mod stream;

use std::fmt;

use cra_contracts::v1;

/// Where an item stands in its file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One item per line.
    Line(u64),
    /// An item of an array, or one of several objects.
    Element(u64),
}

impl Place {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Element(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Element(number) => write!(f, "item {number}"),
        }
    }
}

/// One thing to send, or why it cannot be.
#[derive(Debug, PartialEq)]
pub(crate) struct Item {
    pub(crate) place: Place,
    /// Of the file, up to the end of this item; for the progress bar.
    pub(crate) bytes_read: u64,
    /// The request, or what is wrong with the text.
    pub(crate) content: Result<v1::SubmitCraRequest, String>,
}

/// What became of one item.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) place: Place,
    /// Empty when the text could not be read.
    pub(crate) cra_id: String,
    pub(crate) bytes_read: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    /// In the log (or valid, when only checking); `duplicate` when it was there before.
    Received(v1::Receipt),
    /// The service says what is wrong.
    Refused(v1::Refusal),
    /// Never sent: what is wrong with the text.
    Unreadable(String),
}

/// How many items ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) already_there: u64,
    pub(crate) refused: u64,
    pub(crate) unreadable: u64,
    /// Sent, and the stream broke before the answer: recorded or not.
    pub(crate) unanswered: u64,
    /// Greatest position of a receipt.
    pub(crate) last_position: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Received(receipt) => {
                let counted = if receipt.duplicate { &mut self.already_there } else { &mut self.accepted };
                *counted += 1;
                self.last_position = self.last_position.max(receipt.position);
            }
            Outcome::Refused(_) => self.refused += 1,
            Outcome::Unreadable(_) => self.unreadable += 1,
        }
    }

    /// Whether every item is in the log, or valid.
    pub(crate) fn all_received(&self) -> bool {
        self.refused == 0 && self.unreadable == 0 && self.unanswered == 0
    }
}
