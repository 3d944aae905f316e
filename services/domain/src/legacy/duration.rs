//! Durations of the older forms: bands, or minutes as text or number.

use super::document::Document;
use super::plain::Plain;
use crate::cra::Duration;

/// Maximum duration that is counted, in minutes: one day. A longer one is a typing error.
const MINUTES_MAX: u32 = 24 * 60;

/// `duree`: `0-30` and `30-60` are bands. A number of minutes below an hour becomes its band, from an hour on it counts
/// exactly. Anything else is unspecified.
pub(super) fn read(document: &mut Document<'_>) -> Duration {
    const PATH: &str = "cra.duree";
    let Some(value) = document.at(PATH) else {
        document.note(PATH, "missing; counted as unspecified");
        return Duration::Unspecified;
    };
    of(value).unwrap_or_else(|| {
        document.note(PATH, format!("{value} is no duration; counted as unspecified"));
        Duration::Unspecified
    })
}

/// Whether a value says a duration.
pub(super) fn is_one(value: &Plain) -> bool {
    of(value).is_some()
}

fn of(value: &Plain) -> Option<Duration> {
    match value.text() {
        Some("0-30") => return Some(Duration::UpTo30Minutes),
        Some("30-60") => return Some(Duration::From30MinutesTo1Hour),
        _ => {}
    }
    match u32::try_from(value.whole()?).ok()? {
        1..30 => Some(Duration::UpTo30Minutes),
        30..60 => Some(Duration::From30MinutesTo1Hour),
        minutes @ 60..=MINUTES_MAX => Some(Duration::Exact { minutes }),
        _ => None,
    }
}
