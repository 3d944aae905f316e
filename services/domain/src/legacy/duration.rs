//! Durations of the older forms: bands, or minutes as text or number.

use serde_json::Value;

use super::document::{Document, whole};
use crate::cra::Duration;

/// `duree`: `0-30` and `30-60` are bands, a number of minutes falls into its band or counts exactly from an hour
/// on, anything else is unspecified.
pub(super) fn read(document: &mut Document<'_>) -> Duration {
    const PATH: &str = "cra.duree";
    let Some(value) = document.at(PATH) else {
        document.note(PATH, "not said; counted as unspecified");
        return Duration::Unspecified;
    };
    match value.as_str().map(str::trim) {
        Some("0-30") => return Duration::UpTo30Minutes,
        Some("30-60") => return Duration::From30MinutesTo1Hour,
        _ => {}
    }
    match minutes(value) {
        Some(0..30) => Duration::UpTo30Minutes,
        Some(30..60) => Duration::From30MinutesTo1Hour,
        Some(minutes) => Duration::Exact { minutes },
        None => {
            document.note(PATH, format!("{value} is no duration; counted as unspecified"));
            Duration::Unspecified
        }
    }
}

fn minutes(value: &Value) -> Option<u32> {
    u32::try_from(whole(value)?).ok()
}
