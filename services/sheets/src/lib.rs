//! Files of CRAs as people keep them: JSON, tables as text, workbooks, in any encoding, packed or not; read item by item
//! into what the services take, and the template to fill in. The command line and the pages share it.
//!
//! Opens a file ([`mod@file`]), says what it is by its first bytes, reads it item by item ([`source`], [`table`]). Checks the
//! form of each item only: the rules of a CRA are the service's. Sends nothing.

pub mod content;
mod encoding;
pub mod fields;
pub mod file;
mod kind;
pub mod source;
pub mod table;
pub mod template;

use std::fmt;

use cra_contracts::v1;

/// Position of an item in its file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One item per line.
    Line(u64),
    /// An item of an array, or one of several objects.
    Element(u64),
    /// A row of a table, as a spreadsheet numbers it; of which sheet, where several are read.
    Row {
        /// From 1, where the file holds several tables.
        sheet: Option<u32>,
        /// As a spreadsheet numbers it.
        number: u64,
    },
}

impl Place {
    /// Of the line, the item or the row.
    #[must_use]
    pub fn number(self) -> u64 {
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
pub struct Item<T> {
    /// Position in the file.
    pub place: Place,
    /// Of the file, up to the end of this item; for the progress bar.
    pub bytes_read: u64,
    /// What to send, or why it is not sent.
    pub content: Result<T, Unsent>,
}

/// Why an item is not sent.
#[derive(Debug, PartialEq)]
pub enum Unsent {
    /// What is wrong with its text.
    Unreadable(String),
    /// What became of it is known already.
    Settled {
        /// Of the CRA.
        id: String,
        /// As the log has it.
        outcome: Outcome,
    },
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
    /// The id, where it is known, and the outcome.
    #[must_use]
    pub fn into_told(self) -> (String, Outcome) {
        match self {
            Self::Unreadable(problem) => (String::new(), Outcome::Unreadable(problem)),
            Self::Settled { id, outcome } => (id, outcome),
        }
    }
}

/// What became of an item.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// In the log (or valid, when only checking); `duplicate` when it was there before.
    Received {
        /// Proof that the CRA is recorded.
        receipt: v1::Receipt,
        /// What had to be repaired in a document of an older form.
        notes: Vec<String>,
    },
    /// The service says what is wrong.
    Refused(v1::Refusal),
    /// Never sent: what is wrong with the text.
    Unreadable(String),
}
