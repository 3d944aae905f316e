//! Names of the rows of a dimension: the contract's name or the official code, and a French label.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::french::{MONTHS, WEEKDAYS};
use cra_domain::selection::UNSPECIFIED_LABEL;
use cra_domain::territory;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use super::{Dimension, NONE, Row};
use crate::dictionary::{Dictionary, Kind};

/// Name of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Name of an enum value, official code, identifier, `2024-03`, or ISO number of a weekday; empty for missing
    /// values.
    pub code: Arc<str>,
    /// French label.
    pub label: Arc<str>,
}

impl Name {
    fn new(code: impl Into<Arc<str>>, label: impl Into<Arc<str>>) -> Self {
        Self { code: code.into(), label: label.into() }
    }

    /// A code that is its own label.
    fn same(code: impl Into<Arc<str>>) -> Self {
        let code = code.into();
        Self { label: Arc::clone(&code), code }
    }
}

impl Dimension {
    /// Whether rows sort by their codes instead of their numbers.
    #[must_use]
    pub fn sorts_by_code(self) -> bool {
        use v1::Dimension as D;
        matches!(self.message(), D::Structure | D::Advisor | D::Venue)
    }

    /// Name of a row of this dimension; `None` for a row of another dimension or dictionary.
    #[must_use]
    pub fn name(self, row: Row, dictionary: &Dictionary) -> Option<Name> {
        use v1::Dimension as D;
        let communes = territory::communes();
        let index = usize::try_from(row.0).ok()?;
        let text = |kind, code| dictionary.text(kind, code).map(Name::same);
        match self.message() {
            D::Region => communes.regions().get(index).map(|it| Name::new(it.code(), it.name())),
            D::Department => communes.departments().get(index).map(|it| Name::new(it.code(), it.name())),
            D::Epci if row == NONE => Some(Name::new("", "Hors EPCI")),
            D::Epci => communes.epcis().get(index - 1).map(|it| Name::new(it.code(), it.name())),
            D::Commune => communes.all().get(index).map(|it| Name::new(it.code(), it.name())),
            D::PostalCode if row == NONE => Some(Name::new("", "Sans code postal")),
            D::PostalCode => Some(Name::same(format!("{:05}", row.0))),
            D::Structure => text(Kind::Structure, row.0),
            D::Advisor => text(Kind::Advisor, row.0),
            D::Venue if row == NONE => Some(Name::new("", "Sans lieu précisé")),
            D::Venue => text(Kind::Venue, row.0 - 1),
            D::Channel => word::<Channel>(index, ""),
            D::Activity => word::<Activity>(index, ""),
            D::Theme => word::<Theme>(index, ""),
            D::SubTheme => word::<SubTheme>(index, ""),
            D::Duration => word::<DurationBucket>(index, "DURATION_BUCKET_UNSPECIFIED"),
            D::Age => word::<AgeBand>(index, "AGE_BAND_UNSPECIFIED"),
            D::Status => word::<Status>(index, "STATUS_UNSPECIFIED"),
            D::Month => month(row.0),
            D::Weekday => {
                WEEKDAYS.get(index.checked_sub(1)?).map(|label| Name::new(row.0.to_string(), *label))
            }
            D::Unspecified => None,
        }
    }
}

/// A value of a list, or, past its end, what older forms left open.
fn word<W: Word>(index: usize, unspecified: &'static str) -> Option<Name> {
    match W::ALL.get(index) {
        Some(word) => Some(Name::new(word.term().name, word.term().label)),
        None if index == W::ALL.len() && !unspecified.is_empty() => {
            Some(Name::new(unspecified, UNSPECIFIED_LABEL))
        }
        None => None,
    }
}

fn month(number: u32) -> Option<Name> {
    let year = i64::from(number / 12) - 9_999;
    let month = number % 12;
    let label = MONTHS.get(usize::try_from(month).ok()?)?;
    Some(Name::new(format!("{year:04}-{:02}", month + 1), format!("{label} {year}")))
}
