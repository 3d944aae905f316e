//! Refusals and what their callers receive: one table from cause to gRPC code, reason and retry advice; encoded as a
//! status for a single call, as a message for an item of a stream.
//!
//! Internal error texts are logged and never sent to the caller.

use std::borrow::Cow;

use cra_contracts::v1;
use cra_domain::cra::Violation;
use cra_eventlog::{AppendError, ReadError};
use cra_runtime::rejection::{
    self, BEYOND_PERIMETER, INTERNAL, INVALID_REQUEST, Rejection, Retry, Row, code_name,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::decisions::import::{Cause, OtherDocument};

/// Maximum number of violations in the answer to an item of a stream; no form has more.
const ITEM_VIOLATIONS_MAX: usize = 100;
/// Maximum number of differing fields named in one answer.
const DIFFERENCES_MAX: usize = 10;
/// Maximum length of a text; longer ones are truncated, because they may quote a document.
const TEXT_CHARACTERS_MAX: usize = 500;

/// Why a request was refused.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It breaks rules; at least one violation.
    Invalid(Vec<rejection::Violation>),
    /// The requested content is beyond the caller's perimeter. Reveals nothing about what is recorded.
    BeyondPerimeter,
    /// The id belongs to other content.
    OtherContent { cra_id: Uuid },
    /// The legacy id belongs to another document.
    OtherDocument { cra_id: Uuid, other: OtherDocument },
    /// The log has no event of this CRA.
    NotFound { cra_id: Uuid },
    /// The CRA's revision is not the expected one.
    RevisionChanged { cra_id: Uuid, current: u64 },
    /// The CRA was withdrawn.
    Withdrawn { cra_id: Uuid },
    /// Every try met a conflicting write.
    Contended { cra_id: Uuid },
    /// Nothing was sent to the log.
    LogUnavailable,
    /// Sent to the log, but not acknowledged.
    OutcomeUnknown,
    /// The log refuses the event permanently.
    EventNotTaken,
    /// The CRA's events are unreadable, or a bug.
    Fault,
}

impl Refused {
    /// The violations that the domain found.
    pub(crate) fn invalid(violations: &[Violation]) -> Self {
        Self::Invalid(violations.iter().cloned().map(Into::into).collect())
    }

    /// The table.
    fn row(&self) -> Row {
        let row = |code, reason, retry| Row { code, reason, retry };
        match self {
            Self::Invalid(_) => INVALID_REQUEST,
            Self::BeyondPerimeter => BEYOND_PERIMETER,
            Self::OtherContent { .. } | Self::OtherDocument { .. } => {
                row(Code::AlreadyExists, "CRA_ALREADY_EXISTS", Retry::Never)
            }
            Self::NotFound { .. } => row(Code::NotFound, "CRA_NOT_FOUND", Retry::Never),
            Self::RevisionChanged { .. } => row(Code::Aborted, "CRA_REVISION_CHANGED", Retry::Never),
            Self::Withdrawn { .. } => row(Code::FailedPrecondition, "CRA_WITHDRAWN", Retry::Never),
            Self::Contended { .. } => row(Code::Aborted, "CRA_CONTENDED", Retry::AfterMs(200)),
            Self::LogUnavailable => row(Code::Unavailable, "LOG_UNAVAILABLE", Retry::AfterMs(1_000)),
            Self::OutcomeUnknown => row(Code::Unavailable, "OUTCOME_UNKNOWN", Retry::AfterMs(1_000)),
            Self::EventNotTaken => row(Code::ResourceExhausted, "EVENT_REFUSED", Retry::Never),
            Self::Fault => INTERNAL,
        }
    }

    /// Stable reason; also the label of the metric.
    pub(crate) fn reason(&self) -> &'static str {
        self.row().reason
    }

    /// English message: what happened and what to do.
    fn message(&self) -> Cow<'static, str> {
        match self {
            Self::OtherDocument { other, .. } => other_document(other).into(),
            _ => self.fixed_message().into(),
        }
    }

    fn fixed_message(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "the request breaks rules of the form",
            Self::BeyondPerimeter => {
                "the token does not grant this CRA: neither its advisor, nor its structure, nor its department"
            }
            Self::OtherContent { .. } => {
                "this id is recorded with other content; correct that CRA, or use a new id for a new one"
            }
            Self::OtherDocument { .. } => "another document is recorded under this id",
            Self::NotFound { .. } => "CRA not found; check the id",
            Self::RevisionChanged { .. } => {
                "the CRA was changed since the revision you expect; read it again and decide on what it says now"
            }
            Self::Withdrawn { .. } => "the CRA was withdrawn permanently; submit a new one under a new id",
            Self::Contended { .. } => "other clients changed the CRA at every try; retry with the same id",
            Self::LogUnavailable => {
                "the event log accepts no events now, nothing was recorded; retry with the same id"
            }
            Self::OutcomeUnknown => {
                "the event log did not confirm, so this may be recorded or not; retry with the same id to know"
            }
            Self::EventNotTaken => "the event log does not accept an event of this size",
            Self::Fault => "internal error; see the service log",
        }
    }

    /// French message, for the person who filled in the form.
    fn french(&self) -> Option<&'static str> {
        match self {
            Self::BeyondPerimeter => Some("Ce compte-rendu est hors de votre périmètre."),
            Self::OtherContent { .. } => {
                Some("Un autre compte-rendu est déjà enregistré sous cet identifiant.")
            }
            Self::OtherDocument { .. } => {
                Some("Un autre document est déjà enregistré sous cet identifiant d'origine.")
            }
            Self::NotFound { .. } => Some("Ce compte-rendu n'existe pas."),
            Self::RevisionChanged { .. } => {
                Some("Ce compte-rendu a été modifié entre-temps : relisez-le avant de le corriger.")
            }
            Self::Withdrawn { .. } => Some("Ce compte-rendu a été retiré : il ne peut plus être modifié."),
            Self::LogUnavailable | Self::OutcomeUnknown | Self::Contended { .. } => {
                Some("L'enregistrement n'a pas pu être confirmé : réessayez dans un instant.")
            }
            Self::Invalid(_) | Self::EventNotTaken | Self::Fault => None,
        }
    }

    fn cra_id(&self) -> Option<Uuid> {
        match self {
            Self::OtherContent { cra_id }
            | Self::OtherDocument { cra_id, .. }
            | Self::NotFound { cra_id }
            | Self::RevisionChanged { cra_id, .. }
            | Self::Withdrawn { cra_id }
            | Self::Contended { cra_id } => Some(*cra_id),
            Self::Invalid(_)
            | Self::BeyondPerimeter
            | Self::LogUnavailable
            | Self::OutcomeUnknown
            | Self::EventNotTaken
            | Self::Fault => None,
        }
    }

    /// As the answer to an item of a stream. It needs not fit a header, so it holds more violations than a status.
    pub(crate) fn into_message(self) -> v1::Refusal {
        let violations = match &self {
            Self::Invalid(violations) => violations.iter().take(ITEM_VIOLATIONS_MAX).map(item_form).collect(),
            _ => Vec::new(),
        };
        let reason = self.row().reason.to_owned();
        let status = Status::from(self);
        v1::Refusal {
            code: code_name(status.code()).to_owned(),
            message: status.message().to_owned(),
            violations,
            reason,
        }
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        let row = refused.row();
        tracing::debug!(code = code_name(row.code), reason = row.reason, "refused");
        let (message, french, cra_id) = (refused.message(), refused.french(), refused.cra_id());
        let mut rejection = Rejection::new(row, message);
        match refused {
            Refused::Invalid(violations) => return rejection::invalid_argument(violations),
            Refused::RevisionChanged { current, .. } => {
                rejection = rejection.with("current_revision", current.to_string());
            }
            _ => {}
        }
        if let Some(cra_id) = cra_id {
            rejection = rejection.about("cra", cra_id.to_string());
        }
        if let Some(french) = french {
            rejection = rejection.in_french(french);
        }
        rejection.into()
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Unavailable(inner) => {
                // Logged at debug level: the log's adapter reports it once, not per append.
                tracing::debug!(inner, "the log cannot accept an append");
                Self::LogUnavailable
            }
            AppendError::OutcomeUnknown(inner) => {
                tracing::warn!(inner, "an append was not acknowledged");
                Self::OutcomeUnknown
            }
            AppendError::Refused(inner) => {
                tracing::error!(inner, "the log refused an event");
                Self::EventNotTaken
            }
            // The executor decides again after a conflict; a conflict that arrives here is a bug.
            AppendError::Conflict { expected, actual } => {
                tracing::error!(?expected, ?actual, "a conflict was left undecided");
                Self::Fault
            }
        }
    }
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(inner) => {
                tracing::warn!(inner, "the log cannot be read");
                Self::LogUnavailable
            }
            ReadError::Gap { .. } | ReadError::Damaged(_) => {
                tracing::error!(%error, "the log cannot be read");
                Self::Fault
            }
        }
    }
}

/// Describes why another document has the same legacy id, and the differing fields.
fn other_document(OtherDocument { cause, differences }: &OtherDocument) -> String {
    let named = differences.iter().take(DIFFERENCES_MAX).map(|path| truncated(path)).collect::<Vec<_>>();
    let beyond = differences.len().saturating_sub(DIFFERENCES_MAX);
    let more = if beyond > 0 { format!(" and {beyond} more") } else { String::new() };
    let (differs, cause) = (
        named.join(", "),
        match cause {
            Cause::NotLater => {
                "its updatedAt, or else its createdAt, is not later than that of the recorded document, so it is not a later version"
            }
            Cause::ChangedHere => {
                "the CRA was corrected or withdrawn here since; correct it here to apply these fields"
            }
        },
    );
    format!("another document is recorded under this id, with other values of {differs}{more}; {cause}")
}

fn item_form(violation: &rejection::Violation) -> v1::Violation {
    v1::Violation {
        field: truncated(&violation.field),
        reason: violation.reason.to_string(),
        description: truncated(&violation.description),
        localized_message: truncated(&violation.localized_message),
    }
}

/// A text that may quote a document, truncated with a mark.
pub(crate) fn truncated(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use cra_domain::cra::{DocumentFault, Fault};
    use cra_runtime::rejection::{french_of, reason_of, retry_delay_of};

    use super::*;

    fn other_document(fields: usize) -> OtherDocument {
        OtherDocument { cause: Cause::NotLater, differences: vec!["cra.duree".to_owned(); fields] }
    }

    fn every_refusal() -> Vec<Refused> {
        let cra_id = Uuid::from_u128(7);
        let violation = Violation { field: "cra".into(), fault: Fault::Required("le compte-rendu") };
        vec![
            Refused::invalid(&[violation]),
            Refused::BeyondPerimeter,
            Refused::OtherContent { cra_id },
            Refused::OtherDocument { cra_id, other: other_document(1) },
            Refused::NotFound { cra_id },
            Refused::Contended { cra_id },
            Refused::LogUnavailable,
            Refused::OutcomeUnknown,
            Refused::EventNotTaken,
            Refused::Fault,
        ]
    }

    #[test]
    fn each_refusal_has_one_code_one_reason_and_retry_advice() {
        let table = every_refusal().into_iter().map(|refused| {
            let status = Status::from(refused);
            let again = retry_delay_of(&status).is_some();
            (code_name(status.code()), reason_of(&status).unwrap(), again)
        });
        let expected = [
            ("INVALID_ARGUMENT", "INVALID_REQUEST", false),
            ("PERMISSION_DENIED", "BEYOND_PERIMETER", false),
            ("ALREADY_EXISTS", "CRA_ALREADY_EXISTS", false),
            ("ALREADY_EXISTS", "CRA_ALREADY_EXISTS", false),
            ("NOT_FOUND", "CRA_NOT_FOUND", false),
            ("ABORTED", "CRA_CONTENDED", true),
            ("UNAVAILABLE", "LOG_UNAVAILABLE", true),
            ("UNAVAILABLE", "OUTCOME_UNKNOWN", true),
            ("RESOURCE_EXHAUSTED", "EVENT_REFUSED", false),
            ("INTERNAL", "INTERNAL", false),
        ];
        let table: Vec<_> = table.collect();
        let table: Vec<_> =
            table.iter().map(|(code, reason, again)| (*code, reason.as_str(), *again)).collect();
        assert_eq!(table, expected);
    }

    #[test]
    fn a_log_that_does_not_answer_says_to_retry_with_the_same_id_and_keeps_its_inner_text() {
        for error in [AppendError::Unavailable("inner".into()), AppendError::OutcomeUnknown("inner".into())] {
            let status = Status::from(Refused::from(error));
            assert_eq!(status.code(), Code::Unavailable);
            assert!(status.message().contains("retry with the same id"), "{}", status.message());
            assert!(!status.message().contains("inner"));
            assert!(french_of(&status).is_some());
        }
    }

    #[test]
    fn an_item_is_refused_with_the_message_of_a_single_call() {
        for refused in every_refusal() {
            let status = Status::from(refused.clone());
            let message = refused.into_message();
            assert_eq!(message.code, code_name(status.code()));
            assert_eq!(message.message, status.message());
        }
    }

    #[test]
    fn however_many_and_long_the_faults_of_a_document_the_answer_stays_small() {
        let long = Violation::new("é".repeat(9_000), DocumentFault::UnknownWord("é".repeat(60_000)));
        let refusal = Refused::invalid(&vec![long; 1_000]).into_message();
        assert_eq!(refusal.violations.len(), 100);
        assert!(prost::Message::encoded_len(&refusal) < 512 * 1024);
        assert!(refusal.message.starts_with("1000 violations: "), "{}", refusal.message);
    }
    #[test]
    fn another_document_under_a_taken_id_is_refused_with_the_fields_that_differ_and_no_advice_to_change_the_id()
     {
        let message = |fields| {
            let other = other_document(fields);
            Refused::OtherDocument { cra_id: Uuid::from_u128(7), other }.into_message().message
        };
        assert!(message(1).contains("other values of cra.duree;"), "{}", message(1));
        assert!(message(12).contains("cra.duree and 2 more;"), "{}", message(12));
        assert!(!message(1).contains("new id"), "{}", message(1));
    }
}
