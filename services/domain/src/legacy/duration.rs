//! Durations of the older forms: bands, or minutes as text or number.

use super::document::Document;
use crate::cra::Duration;

/// Maximum duration that is counted, in minutes: one day. A longer one is a typing error.
const MINUTES_MAX: u32 = 24 * 60;

/// `duree`: `0-30` and `30-60` are bands. A number of minutes below an hour becomes its band, from an hour on it counts
/// exactly. Anything else is unspecified.
pub(super) fn read(document: &mut Document<'_>) -> Duration {
    const PATH: &str = "cra.duree";
    let Some(value) = document.at(PATH) else {
        document.note(PATH, "not said; counted as unspecified");
        return Duration::Unspecified;
    };
    match value.text() {
        Some("0-30") => return Duration::UpTo30Minutes,
        Some("30-60") => return Duration::From30MinutesTo1Hour,
        _ => {}
    }
    match value.whole().and_then(|minutes| u32::try_from(minutes).ok()) {
        Some(1..30) => Duration::UpTo30Minutes,
        Some(30..60) => Duration::From30MinutesTo1Hour,
        Some(minutes @ 60..=MINUTES_MAX) => Duration::Exact { minutes },
        _ => {
            document.note(PATH, format!("{value} is no duration; counted as unspecified"));
            Duration::Unspecified
        }
    }
}
