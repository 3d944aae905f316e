//! Limits of the messages of a call, and the refusals of messages that break them.

use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use cra_contracts::codec;
use prometheus::IntCounter;
use strum::{IntoStaticStr, VariantArray};
use tonic::Status;

use super::budget::{Budget, Spent};
use crate::bodies::NextFrame;
use crate::identity::access::Shape;
use crate::metrics::{Metrics, MetricsError};
use crate::rejection::{
    BUSY, MESSAGE_MALFORMED, MESSAGE_TOO_LARGE, Rejection, STREAM_STALLED, TIMED_OUT, Violation,
    invalid_argument,
};

/// Limits of the messages of one call.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Maximum size of one message, compressed and inflated.
    pub(crate) bytes_max: u64,
    /// Maximum duration of receiving one message.
    pub(crate) within: Duration,
    pub(crate) shape: Shape,
    /// The client's share of the budget, if clients are counted.
    pub(crate) share: Option<Arc<Budget>>,
}

/// Why the messages of a call were refused; used for the answer, whatever the handler does.
pub(crate) type Refusal = Arc<OnceLock<Status>>;

/// Why a message was refused while it was received; the label `cause` of `cra_messages_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Cause {
    /// It is larger than the method accepts.
    TooLarge,
    /// It inflates to more than the method accepts.
    InflatesTooLarge,
    /// It cannot be inflated.
    Malformed,
    /// The request ends within it.
    Truncated,
    /// The budget of the process is exhausted.
    Budget,
    /// The client's share of it is exhausted.
    ClientShare,
    /// It did not arrive in time.
    Slow,
}

impl From<Spent> for Cause {
    fn from(spent: Spent) -> Self {
        match spent {
            Spent::All => Self::Budget,
            Spent::Share => Self::ClientShare,
        }
    }
}

/// Counts refused messages by cause; clones share the counters.
#[derive(Clone)]
pub(super) struct Refused(Arc<[IntCounter]>);

impl Refused {
    pub(super) fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Messages of requests that were refused while they were received, by cause.";
        Ok(Self(metrics.causes::<Cause>("cra_messages_refused_total", help)?))
    }
}

/// Refuses the messages of one call.
#[derive(Clone)]
pub(super) struct Refuser {
    pub(super) limits: Limits,
    refused: Refused,
    refusal: Refusal,
}

impl Refuser {
    pub(super) fn new(limits: Limits, refused: Refused, refusal: Refusal) -> Self {
        Self { limits, refused, refusal }
    }

    /// Counts a refusal and stores it for the answer; returns the frame that ends the request's body.
    pub(super) fn refuse(&self, cause: Cause, found: u64) -> NextFrame {
        self.refused.0[cause as usize].inc();
        self.refuse_with(self.status(cause, found))
    }

    /// Keeps a refusal for the answer; the frame that ends the request's body.
    pub(super) fn refuse_with(&self, status: Status) -> NextFrame {
        let _ = self.refusal.set(status.clone());
        Poll::Ready(Some(Err(status)))
    }

    fn status(&self, cause: Cause, found: u64) -> Status {
        let Limits { bytes_max, within, shape, .. } = &self.limits;
        match cause {
            Cause::TooLarge => {
                let message = format!(
                    "the message has {found} bytes; this method takes at most {bytes_max}; send less"
                );
                Rejection::new(MESSAGE_TOO_LARGE, message)
                    .with("bytes", found.to_string())
                    .with("limit", bytes_max.to_string())
                    .into()
            }
            Cause::InflatesTooLarge => {
                let message = format!(
                    "the message of {found} bytes inflates to more than {bytes_max}, which this method takes at most; send less"
                );
                Rejection::new(MESSAGE_TOO_LARGE, message)
                    .with("compressed_bytes", found.to_string())
                    .with("limit", bytes_max.to_string())
                    .into()
            }
            Cause::Malformed => {
                let message = format!(
                    "the message of {found} bytes cannot be inflated as its `grpc-encoding` says; send it uncompressed"
                );
                Rejection::new(MESSAGE_MALFORMED, message).into()
            }
            Cause::Truncated => invalid_argument(vec![Violation {
                field: String::new(),
                reason: codec::MESSAGE_UNDECODABLE.into(),
                description: format!(
                    "found the end of the request after {found} bytes of a message; send it whole, behind its flag and \
                     its length in 5 bytes"
                ),
                localized_message: String::new(),
            }]),
            Cause::Budget | Cause::ClientShare => {
                let whose = if cause == Cause::Budget { "all clients" } else { "this client" };
                Rejection::new(
                    BUSY,
                    format!(
                        "messages of {whose} that were received in part fill their memory; send the whole message at once, or try again later"
                    ),
                )
                .into()
            }
            Cause::Slow => {
                let row = if *shape == Shape::Both { STREAM_STALLED } else { TIMED_OUT };
                let within = within.as_millis();
                Rejection::new(
                    row,
                    format!("the message was not received within {within} ms; send it at once"),
                )
                .into()
            }
        }
    }
}
