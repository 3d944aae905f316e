//! The day of the activity: `dateAccompagnement`, or the day on which the older system recorded the CRA.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::document::Document;
use crate::cra::{DocumentFault, FIRST_DAY, Fault, Place};

const OWN: &str = "cra.dateAccompagnement";
const RECORDED: &str = "createdAt";

/// The instant, and the path that gave it.
#[derive(Clone, Copy)]
pub(super) struct When {
    path: &'static str,
    instant: Timestamp,
}

impl When {
    pub(super) fn read(document: &mut Document<'_>, created_at: Option<Timestamp>) -> Option<Self> {
        if let Some(value) = document.at(OWN) {
            if let Some(instant) = value.instant() {
                return Some(Self { path: OWN, instant });
            }
            document.refuse_admission(
                OWN,
                Fault::DateInvalid(value.to_string()),
                "read as the day of createdAt",
            );
        }
        Some(Self { path: RECORDED, instant: created_at? })
    }

    /// The calendar day at the place. Admission refuses a day outside the programme or after the creation of the
    /// document.
    pub(super) fn day(self, document: &mut Document<'_>, place: &Place, created_at: Timestamp) -> Date {
        const AS_WRITTEN: &str = "read as written";
        let day = day_of(place, self.instant);
        let created = day_of(place, created_at);
        if day < FIRST_DAY {
            document.refuse_admission(self.path, Fault::DateTooEarly(day), AS_WRITTEN);
        } else if created.checked_add(1.day()).is_ok_and(|latest| day > latest) {
            document.refuse_admission(self.path, DocumentFault::DateAfterRecord { day, created }, AS_WRITTEN);
        }
        day
    }
}

/// The day of an instant in the place's time zone. Midnight in UTC is how a form that asks only for a day stores that
/// day, wherever it is.
fn day_of(place: &Place, instant: Timestamp) -> Date {
    let utc = TimeZone::UTC.to_datetime(instant);
    if utc.time() == jiff::civil::Time::midnight() { utc.date() } else { place.day_of(instant) }
}
