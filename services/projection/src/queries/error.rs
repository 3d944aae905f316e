//! Why a query has no answer, and what the caller receives: one table.

use cra_domain::cra::Violation;
use cra_runtime::rejection::{self, INTERNAL, Rejection, Retry, Row};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::store::StoreError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// All faults of the request.
    #[error("{} fields are invalid", .0.len())]
    Invalid(Vec<Violation>),
    /// A position or time beyond the head of the log.
    #[error("{field} is past the head of the log, {head}")]
    PastTheHead {
        /// Path of the field.
        field: &'static str,
        /// The last position.
        head: u64,
    },
    /// The requested position was not reached in time.
    #[error("position {wanted} was not applied in time; the read models are at {applied}")]
    NotYet {
        /// Requested position.
        wanted: u64,
        /// Reached position.
        applied: u64,
    },
    /// The log had no event of this CRA.
    #[error("CRA not found; check the id")]
    NoSuchCra(Uuid),
    /// The read models failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The head of the log is unknown.
    #[error("the event log cannot be reached; statistics are still answered")]
    LogUnavailable,
    /// The position belongs to another log.
    #[error(
        "the position belongs to another event log; read again without it, and start a copy again after position 0"
    )]
    LogReplaced,
    /// The position belongs to a log that was replaced in order to forget.
    #[error(
        "the position belongs to an event log that was replaced at {at} by one without what was forgotten; start a copy again \
         after position 0"
    )]
    LogForgot {
        /// When, as RFC 3339.
        at: String,
    },
    /// The position belongs to a predecessor of the log, past the last common position.
    #[error(
        "position {position} is of the event log {log}, of which the log that is served holds the positions up to {common} \
         only; read again without the position, and send again with its id what was recorded after {common}"
    )]
    PastTheCommonPosition {
        /// The requested position.
        position: u64,
        /// The predecessor.
        log: String,
        /// The last position in common.
        common: u64,
    },
    /// The history of the followed changes is different now.
    #[error(
        "the read models were rebuilt with a different history; start again after position 0, with an empty copy"
    )]
    HistoryChanged,
    /// The service is shutting down.
    #[error(
        "the service is shutting down; continue from the last position received, here or on another server"
    )]
    Stopping,
    /// A file could not be written: the disk for buffered workbooks is full, or failed.
    #[error("the file could not be written: {0}")]
    Export(#[from] std::io::Error),
    /// The caller stopped reading a file.
    #[error("no chunk was read for {0} s; retry, and read the stream to its end")]
    NotTaken(u64),
    /// The query was cancelled.
    #[error("the query was cancelled")]
    Cancelled,
}

const PAST_THE_HEAD: Row = Row { code: Code::OutOfRange, reason: "PAST_THE_HEAD", retry: Retry::Never };
const CRA_NOT_FOUND: Row = Row { code: Code::NotFound, reason: "CRA_NOT_FOUND", retry: Retry::Never };
const NOT_YET_APPLIED: Row =
    Row { code: Code::DeadlineExceeded, reason: "NOT_YET_APPLIED", retry: Retry::AfterMs(500) };
const READ_MODELS_UNAVAILABLE: Row =
    Row { code: Code::Unavailable, reason: "READ_MODELS_UNAVAILABLE", retry: Retry::AfterMs(1_000) };

const LOG_UNAVAILABLE: Row =
    Row { code: Code::Unavailable, reason: "LOG_UNAVAILABLE", retry: Retry::AfterMs(1_000) };
const LOG_REPLACED: Row = Row { code: Code::Aborted, reason: "LOG_REPLACED", retry: Retry::Never };
const HISTORY_CHANGED: Row = Row { code: Code::Aborted, reason: "HISTORY_CHANGED", retry: Retry::Never };
const STOPPING: Row = Row { code: Code::Unavailable, reason: "STOPPING", retry: Retry::AfterMs(1_000) };

impl From<Vec<Violation>> for QueryError {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Violation> for QueryError {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}
const EXPORT_FAILED: Row =
    Row { code: Code::Unavailable, reason: "EXPORT_FAILED", retry: Retry::AfterMs(10_000) };
const CHUNKS_NOT_TAKEN: Row =
    Row { code: Code::Aborted, reason: "CHUNKS_NOT_TAKEN", retry: Retry::AfterMs(0) };

impl From<QueryError> for Status {
    fn from(error: QueryError) -> Self {
        let message = error.to_string();
        match error {
            QueryError::Invalid(violations) => {
                rejection::invalid_argument(violations.into_iter().map(Into::into).collect())
            }
            QueryError::PastTheHead { field, head } => Rejection::new(PAST_THE_HEAD, message)
                .with("field", field)
                .with("head", head.to_string())
                .into(),
            QueryError::NotYet { wanted, applied } => Rejection::new(NOT_YET_APPLIED, message)
                .with("wanted", wanted.to_string())
                .with("applied", applied.to_string())
                .into(),
            QueryError::NoSuchCra(cra_id) => Rejection::new(CRA_NOT_FOUND, message)
                .about("cra", cra_id.to_string())
                .in_french("Ce compte-rendu n'existe pas.")
                .into(),
            QueryError::Store(inner) => {
                tracing::error!(error = %inner, "a query failed in the read models");
                let message = "the read models failed and are being rebuilt; retry later";
                Rejection::new(READ_MODELS_UNAVAILABLE, message).into()
            }
            QueryError::LogUnavailable => Rejection::new(LOG_UNAVAILABLE, message).into(),
            QueryError::LogReplaced => Rejection::new(LOG_REPLACED, message).into(),
            QueryError::LogForgot { ref at } => {
                let at = at.clone();
                Rejection::new(LOG_REPLACED, message).with("forgotten_at", at).into()
            }
            QueryError::PastTheCommonPosition { common, .. } => {
                Rejection::new(LOG_REPLACED, message).with("last_common_position", common.to_string()).into()
            }
            QueryError::HistoryChanged => Rejection::new(HISTORY_CHANGED, message).into(),
            QueryError::Stopping => Rejection::new(STOPPING, message).into(),
            QueryError::Export(inner) => {
                tracing::error!(error = %inner, "an export failed");
                let message = "the file could not be written; the received part is incomplete, retry";
                Rejection::new(EXPORT_FAILED, message).into()
            }
            QueryError::NotTaken(_) => Rejection::new(CHUNKS_NOT_TAKEN, message).into(),
            QueryError::Cancelled => Rejection::new(INTERNAL, "the query was cancelled").into(),
        }
    }
}
