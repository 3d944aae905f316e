//! Why the log cannot be used.

use crate::lineage::LogIdentity;

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Invalid settings.
    #[error("the log's settings: {0}")]
    Settings(String),
    /// No server answered in time.
    #[error("no log at {url} after {waited_ms} ms: {reason}; {advice}")]
    Unreachable {
        /// The configured address.
        url: String,
        /// Duration of the attempts.
        waited_ms: u64,
        /// The last error.
        reason: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The server refuses the user, cannot be trusted, or does not trust this process.
    #[error("the log at {url} cannot be used: {reason}; {advice}")]
    Refused {
        /// The configured address.
        url: String,
        /// The server's answer or fault.
        reason: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// The server lacks a required feature.
    #[error(
        "the NATS server is version {found:?}, the log needs 2.12 or later (atomic batches): upgrade the server"
    )]
    ServerTooOld {
        /// The server's version.
        found: String,
    },
    /// The stream exists, but is not as designed.
    #[error("stream {stream} does not have the required configuration: {}; correct it, or choose another stream name", differences.join("; "))]
    StreamDiffers {
        /// Name of the stream.
        stream: String,
        /// Each difference: field, found, needed.
        differences: Vec<String>,
    },
    /// A restore to the stream is in progress or unfinished.
    #[error("stream {stream}: {}", being_restored(of))]
    BeingRestored {
        /// Name of the stream.
        stream: String,
        /// The log of the backup.
        of: LogIdentity,
    },
    /// The server did not create or return the stream.
    #[error("stream {stream} could not be provisioned: {reason}; {advice}")]
    Provision {
        /// Name of the stream.
        stream: String,
        /// The server's answer.
        reason: String,
        /// What to do about it.
        advice: &'static str,
    },
}

/// Why a stream that is closed for a restore accepts no events, and what to do.
pub(super) fn being_restored(of: &LogIdentity) -> String {
    format!(
        "a backup of the log {} is being restored to it: wait for the end of `cra log import`, or run it again where it was \
         interrupted",
        of.0
    )
}
