//! `google.rpc.BadRequest`: every violation of a request at once, each with its field, its stable reason, an English
//! description and a French message.
//!
//! Details are sent in a response header (`grpc-status-details-bin`) and common clients accept 8 KiB of headers, so the
//! attached violations are bounded; above the limit the message and the facts `violations` and `attached` give the
//! numbers.

use std::borrow::Cow;
use std::fmt::Write as _;

use tonic::Status;
use tonic_types::{BadRequest, ErrorDetail, ErrorInfo, FieldViolation, LocalizedMessage, StatusExt as _};

use super::{DOMAIN, INVALID_REQUEST, LOCALE, truncated};

/// Maximum total size of attached violations: in base64, with the rest, below 8 KiB of headers.
const MAX_ATTACHED_BYTES: usize = 4_500;
/// Encoding overhead per violation: tags and lengths.
const OVERHEAD_BYTES: usize = 24;
/// Maximum length of one text, so that one violation cannot displace the others.
const MAX_TEXT_BYTES: usize = 500;
/// Number of violations spelled out in the message.
const IN_MESSAGE: usize = 3;
const MAX_IN_MESSAGE_BYTES: usize = 120;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request's root, such as `cra.ages`.
    pub field: String,
    /// Stable, `SCREAMING_SNAKE_CASE`.
    pub reason: Cow<'static, str>,
    /// English: what was expected.
    pub description: String,
    /// French, for the person who filled in the form; may be empty.
    pub localized_message: String,
}

impl From<cra_domain::cra::Violation> for Violation {
    fn from(violation: cra_domain::cra::Violation) -> Self {
        let cra_domain::cra::Violation { field, fault } = violation;
        Self {
            field,
            reason: Cow::Borrowed(fault.reason()),
            description: fault.description(),
            localized_message: fault.message_fr(),
        }
    }
}

/// `INVALID_ARGUMENT` with every violation (up to the limit above), and the first few in the message.
#[must_use]
pub fn invalid_argument(violations: Vec<Violation>) -> Status {
    let message = message_of(&violations);
    let found = violations.len();
    let attached = within_bound(violations);
    let facts =
        [("violations".to_owned(), found.to_string()), ("attached".to_owned(), attached.len().to_string())];
    let details: Vec<ErrorDetail> = vec![
        ErrorInfo::new(
            INVALID_REQUEST.reason,
            DOMAIN,
            facts.into_iter().collect::<std::collections::HashMap<_, _>>(),
        )
        .into(),
        BadRequest::new(attached).into(),
    ];
    Status::with_error_details_vec(INVALID_REQUEST.code, message, details)
}

/// The violations in a status, of any service; empty if there are none.
#[must_use]
pub fn violations_of(status: &Status) -> Vec<Violation> {
    let Some(bad_request) = status.get_details_bad_request() else {
        return Vec::new();
    };
    let read = bad_request.field_violations.into_iter().map(|violation| Violation {
        field: violation.field,
        reason: violation.reason.into(),
        description: violation.description,
        localized_message: violation.localized_message.map(|localized| localized.message).unwrap_or_default(),
    });
    read.collect()
}

fn message_of(violations: &[Violation]) -> String {
    let count = violations.len();
    let mut message = format!("{count} {}", if count == 1 { "violation" } else { "violations" });
    for (place, violation) in violations.iter().take(IN_MESSAGE).enumerate() {
        let separator = if place == 0 { ": " } else { "; " };
        // A fault of the whole request has no field.
        let colon = if violation.field.is_empty() { "" } else { ": " };
        let one = format!("{}{colon}{}", violation.field, violation.description);
        let _ = write!(message, "{separator}{}", truncated(one.into(), MAX_IN_MESSAGE_BYTES));
    }
    if count > IN_MESSAGE {
        let _ = write!(message, "; and {} more", count - IN_MESSAGE);
    }
    message
}

fn within_bound(violations: Vec<Violation>) -> Vec<FieldViolation> {
    let mut left = MAX_ATTACHED_BYTES;
    let fitting = violations.into_iter().map(to_proto).map_while(|violation| {
        left = left.checked_sub(size_of(&violation))?;
        Some(violation)
    });
    fitting.collect()
}

fn to_proto(violation: Violation) -> FieldViolation {
    let Violation { field, reason, description, localized_message } = violation;
    let mut wire = FieldViolation::new(
        truncated(field.into(), MAX_TEXT_BYTES),
        truncated(description.into(), MAX_TEXT_BYTES),
    );
    wire.reason = truncated(reason, MAX_TEXT_BYTES);
    if !localized_message.is_empty() {
        let message = truncated(localized_message.into(), MAX_TEXT_BYTES);
        wire.localized_message = Some(LocalizedMessage::new(LOCALE, message));
    }
    wire
}

fn size_of(violation: &FieldViolation) -> usize {
    let localized = violation.localized_message.as_ref().map_or(0, |localized| localized.message.len());
    OVERHEAD_BYTES + violation.field.len() + violation.description.len() + violation.reason.len() + localized
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;
    use crate::rejection::{fact_of, reason_of};

    fn violation(field: impl Into<String>) -> Violation {
        Violation {
            field: field.into(),
            reason: "OUT_OF_RANGE".into(),
            description: "expected 1 to 100".to_owned(),
            localized_message: "Entre 1 et 100, s’il vous plaît.".to_owned(),
        }
    }

    fn found(bytes: &[u8], text: &[u8]) -> bool {
        bytes.windows(text.len()).any(|window| window == text)
    }

    #[test]
    fn a_fault_of_the_whole_request_is_named_without_a_field() {
        let status = invalid_argument(vec![violation(""), violation("cra.ages")]);
        let expected = "2 violations: expected 1 to 100; cra.ages: expected 1 to 100";
        assert_eq!(status.message(), expected);
    }

    #[test]
    fn every_violation_is_decoded_with_its_reason_and_its_french_message() {
        let violations = vec![violation("cra.ages"), violation("cra.duration_minutes")];
        let status = invalid_argument(violations.clone());
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(reason_of(&status).as_deref(), Some("INVALID_REQUEST"));
        assert_eq!(violations_of(&status), violations);
        assert_eq!(
            status.message(),
            "2 violations: cra.ages: expected 1 to 100; cra.duration_minutes: expected 1 to 100"
        );
    }

    #[test]
    fn the_encoding_is_the_official_one() {
        let status = invalid_argument(vec![Violation {
            field: "f".to_owned(),
            reason: "R".into(),
            description: "d".to_owned(),
            localized_message: "m".to_owned(),
        }]);
        // field = 1, description = 2, reason = 3, localized_message = 4 { locale = 1, message = 2 }.
        let field_violation = b"\x0a\x01f\x12\x01d\x1a\x01R\x22\x07\x0a\x02fr\x12\x01m";
        assert!(found(status.details(), field_violation), "{:?}", status.details());
        assert!(found(status.details(), b"type.googleapis.com/google.rpc.BadRequest"));
    }

    #[test]
    fn the_message_counts_the_violations_after_the_third() {
        let status = invalid_argument((0..5).map(|index| violation(format!("cra.f{index}"))).collect());
        assert!(status.message().starts_with("5 violations: cra.f0: "), "{}", status.message());
        assert!(status.message().ends_with("; and 2 more"), "{}", status.message());
    }

    #[test]
    fn a_status_fits_in_8_kib_of_headers_whatever_the_number_and_length_of_its_violations() {
        let long = Violation {
            field: "é".repeat(10_000),
            reason: "R".into(),
            description: "é".repeat(10_000),
            localized_message: "é".repeat(10_000),
        };
        let many = std::iter::once(long).chain((0..10_000).map(|index| violation(format!("cra.f{index}"))));
        let status = invalid_argument(many.collect());
        let in_base64 = status.details().len().div_ceil(3) * 4;
        let percent_encoded = status.message().len() * 3;
        assert!(in_base64 + percent_encoded < 7_900, "{in_base64} + {percent_encoded}");
        let attached = violations_of(&status).len();
        assert!(attached > 20, "{attached}");
        assert_eq!(fact_of(&status, "attached"), Some(attached.to_string()));
        assert_eq!(fact_of(&status, "violations").as_deref(), Some("10001"));
    }

    #[test]
    fn a_status_without_details_has_no_violations() {
        assert_eq!(violations_of(&Status::invalid_argument("plain")), []);
    }
}
