//! Reads files of CRAs: JSON, tables as text, workbooks, in any encoding, compressed or not. Each item becomes a
//! request to the services. Also writes the template to fill in. The command line and the web pages share this crate.
//!
//! [`mod@file`] opens a file and detects its format by the first bytes; [`source`] and [`table`] read it item by item.
//! The crate checks only the form of each item, because the services apply the rules of a CRA. It sends nothing.

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

/// Location of an item in its file. Numbers begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// One item per line.
    Line(u64),
    /// An item of an array, or one of several objects.
    Element(u64),
    /// A row of a table, numbered as a spreadsheet does.
    Row {
        /// Number of the sheet, if several are read.
        sheet: Option<u32>,
        /// Number of the row, as a spreadsheet shows it.
        number: u64,
    },
}

impl Location {
    /// Number of the line, the item or the row.
    #[must_use]
    pub fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Element(number) | Self::Row { number, .. } => number,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Element(number) => write!(f, "item {number}"),
            Self::Row { sheet: None, number } => write!(f, "row {number}"),
            Self::Row { sheet: Some(sheet), number } => write!(f, "table {sheet}, row {number}"),
        }
    }
}

/// One item to send, or the reason why it cannot be sent.
#[derive(Debug, PartialEq)]
pub struct Item<T> {
    /// Location in the file.
    pub location: Location,
    /// Bytes of the file up to the end of this item; for the progress bar.
    pub bytes_read: u64,
    /// The content to send, or why it is not sent.
    pub content: Result<T, Unsent>,
}

/// Why an item is not sent.
#[derive(Debug, PartialEq)]
pub enum Unsent {
    /// The text cannot be read; says what is wrong.
    Unreadable(String),
    /// The item's outcome is already known.
    Settled {
        /// Id of the CRA.
        id: String,
        /// Outcome that the log has for it.
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
    /// The id, if it is known, and the outcome.
    #[must_use]
    pub fn into_outcome(self) -> (String, Outcome) {
        match self {
            Self::Unreadable(problem) => (String::new(), Outcome::Unreadable(problem)),
            Self::Settled { id, outcome } => (id, outcome),
        }
    }
}

/// Outcome of an item.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Recorded (or valid, if only checked). The receipt's `duplicate` is set if it was recorded before.
    Received {
        /// Proof that the CRA is recorded.
        receipt: v1::Receipt,
        /// Repairs that a document of an older form needed.
        notes: Vec<String>,
    },
    /// Refused by the service, with its reasons.
    Refused(v1::Refusal),
    /// Not sent: says what is wrong with the text.
    Unreadable(String),
}
