//! Which refusals of an item may pass.

use cra_contracts::v1;

/// Codes of refusals that have nothing to do with the item: the same one may be recorded later.
const TRANSIENT_CODES: [&str; 5] =
    ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"];
/// A reason under such a code that does not pass: the event is too large for the log.
const PERMANENT_REASON: &str = "EVENT_REFUSED";

/// Whether the same item may be recorded later as it is.
#[must_use]
pub fn is_transient(refusal: &v1::Refusal) -> bool {
    TRANSIENT_CODES.contains(&refusal.code.as_str()) && !is_permanent(&refusal.reason)
}

/// Whether a retry cannot succeed although the code is that of a transient failure.
#[must_use]
pub fn is_permanent(reason: &str) -> bool {
    reason == PERMANENT_REASON
}
