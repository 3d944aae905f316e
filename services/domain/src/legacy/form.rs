//! The form a document was written with. It labels the statistics of forms; it does not change how the document is
//! read.

use jiff::Timestamp;
use jiff::civil::{Date, date};

use super::refusal;
use crate::cra::{DocumentFault, Violation};
use crate::territory::time_zone;

/// First day of the second form.
const SINCE_V2: Date = date(2022, 3, 10);
/// First day of the third form.
const SINCE_V3: Date = date(2022, 11, 23);

/// A form of the older system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormVersion {
    /// 2021-04-29 to 2022-03-09.
    V1,
    /// 2022-03-10 to 2022-11-22.
    V2,
    /// From 2022-11-23.
    V3,
}

impl FormVersion {
    /// The form with this number in the contract.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }

    /// The form in use on the day in Paris on which a document was created.
    #[must_use]
    pub fn at(created_at: Timestamp) -> Self {
        let day = time_zone("75").to_datetime(created_at).date();
        if day < SINCE_V2 {
            Self::V1
        } else if day < SINCE_V3 {
            Self::V2
        } else {
            Self::V3
        }
    }

    /// The form's number in the contract.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// The form that a request declares; `None` if it is derived from the document's creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declared(Option<FormVersion>);

impl Declared {
    /// Reads the contract's number; 0 means undeclared.
    pub fn parse(number: u32) -> Result<Self, Violation> {
        match (number, FormVersion::from_number(number)) {
            (0, _) => Ok(Self(None)),
            (_, Some(form)) => Ok(Self(Some(form))),
            (_, None) => Err(refusal("form_version", DocumentFault::FormVersionUnknown)),
        }
    }

    /// The form of a document that was created at this instant.
    #[must_use]
    pub fn form(self, created_at: Timestamp) -> FormVersion {
        self.0.unwrap_or_else(|| FormVersion::at(created_at))
    }
}
