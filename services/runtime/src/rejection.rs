//! Encoding of refusals: a gRPC status with the standard `google.rpc` details, so that callers act on a stable reason,
//! never on the text. Also decodes them, for the command line and tests.
//!
//! A service maps each of its errors to a [`Row`] in one exhaustive `match`; the rows here are shared by all services.
//! Internal error texts are logged, never sent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use cra_contracts::ERROR_DOMAIN as DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetail, ErrorInfo, LocalizedMessage, ResourceInfo, RetryInfo, StatusExt as _};

pub(crate) mod http;
mod violations;

pub use violations::{Violation, invalid_argument, violations_of};

/// Locale of localized messages.
pub(crate) const LOCALE: &str = "fr";

/// Maximum length of a message, in bytes. Percent-encoded, each may take three, and common clients accept 8 KiB of
/// headers.
const MAX_MESSAGE_BYTES: usize = 600;
/// Maximum length of each other text of a refusal, which may quote the request.
const MAX_TEXT_BYTES: usize = 200;

/// One row of the table from an error to what the caller receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The gRPC code.
    pub code: Code,
    /// Stable, `SCREAMING_SNAKE_CASE`, unique within the domain of the refusals.
    pub reason: &'static str,
    /// Whether the same request can succeed later.
    pub retry: Retry,
}

/// Whether sending the same request again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before the request or the state changes.
    Never,
    /// Yes, after about this number of milliseconds; sent as `google.rpc.RetryInfo`.
    AfterMs(u32),
}

/// The request breaks rules; sent by [`invalid_argument`].
pub const INVALID_REQUEST: Row =
    Row { code: Code::InvalidArgument, reason: "INVALID_REQUEST", retry: Retry::Never };
/// A limit of concurrent work is reached.
pub const BUSY: Row = Row { code: Code::ResourceExhausted, reason: "BUSY", retry: Retry::AfterMs(1_000) };
/// A client exceeds its rate.
pub const RATE_LIMITED: Row =
    Row { code: Code::ResourceExhausted, reason: "RATE_LIMITED", retry: Retry::AfterMs(1_000) };
/// A stream has reached its maximum lifetime; open another one.
pub const STREAM_LIFETIME: Row =
    Row { code: Code::ResourceExhausted, reason: "STREAM_LIFETIME", retry: Retry::AfterMs(0) };
/// One side of a stream was inactive for too long.
pub const STREAM_STALLED: Row =
    Row { code: Code::Aborted, reason: "STREAM_STALLED", retry: Retry::AfterMs(0) };
/// A message of the request is larger than its method accepts.
pub const MESSAGE_TOO_LARGE: Row =
    Row { code: Code::OutOfRange, reason: "MESSAGE_TOO_LARGE", retry: Retry::Never };
/// A message of the request cannot be inflated; gRPC's code for it.
pub const MESSAGE_MALFORMED: Row =
    Row { code: Code::Internal, reason: "MESSAGE_MALFORMED", retry: Retry::Never };
/// The messages of the request have an unsupported compression; gRPC's code for it.
pub const ENCODING_NOT_SUPPORTED: Row =
    Row { code: Code::Unimplemented, reason: "ENCODING_NOT_SUPPORTED", retry: Retry::Never };
/// The headers of the request are too large.
pub const HEADERS_TOO_LARGE: Row =
    Row { code: Code::ResourceExhausted, reason: "HEADERS_TOO_LARGE", retry: Retry::Never };
/// The token does not grant the scope that the call needs.
pub const SCOPE_MISSING: Row =
    Row { code: Code::PermissionDenied, reason: "SCOPE_MISSING", retry: Retry::Never };
/// The request is beyond the perimeter of the token.
pub const BEYOND_PERIMETER: Row =
    Row { code: Code::PermissionDenied, reason: "BEYOND_PERIMETER", retry: Retry::Never };
/// The process is shutting down; another instance, or this one after its restart, answers.
pub const DRAINING: Row = Row { code: Code::Unavailable, reason: "DRAINING", retry: Retry::AfterMs(1_000) };
/// The call exceeded its time limit; requests carry ids, so sending one again is safe.
pub const TIMED_OUT: Row =
    Row { code: Code::DeadlineExceeded, reason: "TIMED_OUT", retry: Retry::AfterMs(1_000) };
/// A bug of the service; the log has the details.
pub const INTERNAL: Row = Row { code: Code::Internal, reason: "INTERNAL", retry: Retry::Never };

/// A refusal under construction.
#[derive(Clone, Debug)]
pub struct Rejection {
    row: Row,
    message: String,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
    resource: Option<ResourceInfo>,
    french: Option<String>,
}

impl Rejection {
    /// A refusal of this row. The message is English, for people: what happened and what to do. All texts are
    /// truncated, because a status is sent in headers.
    pub fn new(row: Row, message: impl Into<String>) -> Self {
        let retry_after = match row.retry {
            Retry::Never => None,
            Retry::AfterMs(delay) => Some(Duration::from_millis(delay.into())),
        };
        Self {
            row,
            message: message.into(),
            metadata: HashMap::new(),
            retry_after,
            resource: None,
            french: None,
        }
    }

    /// Adds a fact for programs, such as the actual revision. Key in `lowerCamelCase` or `snake_case`, at most 64
    /// characters.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Names the resource that is missing, exists already or has changed, such as `("cra", id)`.
    #[must_use]
    pub fn about(mut self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.resource = Some(ResourceInfo::new(kind, name, "", ""));
        self
    }

    /// Overrides the row's delay.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds the French message, for the person who filled in the form.
    #[must_use]
    pub fn in_french(mut self, message: impl Into<String>) -> Self {
        self.french = Some(message.into());
        self
    }
}

/// The canonical name of a code.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        let Rejection { row, message, metadata, retry_after, resource, french } = rejection;
        let clip = |text: String| truncated(text.into(), MAX_TEXT_BYTES);
        let metadata: HashMap<_, _> = metadata.into_iter().map(|(key, value)| (key, clip(value))).collect();
        let mut details: Vec<ErrorDetail> = vec![ErrorInfo::new(row.reason, DOMAIN, metadata).into()];
        details.extend(retry_after.map(|delay| RetryInfo::new(Some(delay)).into()));
        details.extend(
            resource.map(|resource| {
                ResourceInfo { resource_name: clip(resource.resource_name), ..resource }.into()
            }),
        );
        let french = french.map(|message| truncated(message.into(), MAX_MESSAGE_BYTES));
        details.extend(french.map(|message| LocalizedMessage::new(LOCALE, message).into()));
        Self::with_error_details_vec(row.code, truncated(message.into(), MAX_MESSAGE_BYTES), details)
    }
}

/// The reason in a status of our services.
#[must_use]
pub fn reason_of(status: &Status) -> Option<String> {
    Some(error_info_of(status)?.reason)
}

/// A fact that [`Rejection::with`] added.
#[must_use]
pub fn fact_of(status: &Status, key: &str) -> Option<String> {
    error_info_of(status)?.metadata.remove(key)
}

/// Delay after which the same request makes sense; `None` if it does not, or if it is unknown.
#[must_use]
pub fn retry_delay_of(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

/// The French message, if any.
#[must_use]
pub fn french_of(status: &Status) -> Option<String> {
    let localized = status.get_details_localized_message()?;
    (localized.locale == LOCALE).then_some(localized.message)
}

fn error_info_of(status: &Status) -> Option<ErrorInfo> {
    status.get_details_error_info().filter(|info| info.domain == DOMAIN)
}

/// `UNIMPLEMENTED`, for a path that this process does not serve.
pub(crate) fn not_served(path: &str) -> Status {
    Status::unimplemented(truncated(format!("{path} is not served here").into(), MAX_MESSAGE_BYTES))
}

/// A text truncated to `max` bytes at a character boundary, with a mark.
fn truncated(text: Cow<'_, str>, max: usize) -> String {
    if text.len() <= max {
        return text.into_owned();
    }
    let end = text.floor_char_boundary(max.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVISION_MISMATCH: Row =
        Row { code: Code::Aborted, reason: "REVISION_MISMATCH", retry: Retry::Never };

    #[test]
    fn a_refusal_has_its_reason_its_facts_its_resource_and_its_french_message() {
        let status: Status =
            Rejection::new(REVISION_MISMATCH, "the CRA is at revision 3, not 2; read it again")
                .with("actual_revision", "3")
                .about("cra", "0199")
                .in_french("Ce CRA a été modifié entre-temps.")
                .into();
        assert_eq!(status.code(), Code::Aborted);
        assert_eq!(reason_of(&status).as_deref(), Some("REVISION_MISMATCH"));
        assert_eq!(fact_of(&status, "actual_revision").as_deref(), Some("3"));
        assert_eq!(french_of(&status).as_deref(), Some("Ce CRA a été modifié entre-temps."));
        assert_eq!(status.get_details_resource_info().unwrap().resource_name, "0199");
        assert_eq!(retry_delay_of(&status), None);
    }

    #[test]
    fn a_temporary_refusal_has_a_retry_delay() {
        let status = Status::from(Rejection::new(DRAINING, "the service is shutting down"));
        assert_eq!(retry_delay_of(&status), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_reason_of_another_domain_is_ignored() {
        let foreign = ErrorInfo::new("BUSY", "example.org", HashMap::new());
        let status = Status::with_error_details_vec(Code::Unavailable, "", vec![foreign.into()]);
        assert_eq!(reason_of(&status), None);
        assert_eq!(reason_of(&Status::unavailable("no details")), None);
    }

    #[test]
    fn a_refusal_fits_in_8_kib_of_headers_whatever_the_length_of_its_texts() {
        let long = "é".repeat(50_000);
        let refused = Rejection::new(REVISION_MISMATCH, &long)
            .with("found", &long)
            .about("cra", &long)
            .in_french(&long)
            .retry_after(Duration::from_secs(1));
        for status in [refused.into(), not_served(&format!("/{long}"))] {
            let in_base64 = status.details().len().div_ceil(3) * 4;
            let percent_encoded = status.message().len() * 3;
            assert!(in_base64 + percent_encoded < 7_900, "{in_base64} + {percent_encoded}");
            assert!(status.message().ends_with('…'), "{}", status.message());
        }
    }

    #[test]
    fn a_truncated_text_fits_and_is_valid() {
        assert_eq!(truncated("été".into(), 5), "été");
        assert_eq!(truncated("étés!".into(), 6), "ét…");
    }
}
