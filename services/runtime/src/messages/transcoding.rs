//! The messages of a request in JSON, handed on as encoded ones. Each is read when it is asked for, a large one off the
//! threads that serve all connections.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use cra_contracts::json::{self, JSON_VALUES_MAX, ParseError, ReadError};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::Frame;
use prost::Message as _;
use prost_reflect::MessageDescriptor;
use tonic::Status;
use tonic::body::Body;

use super::frames::{Incoming, Next, framed};
use super::limits::Refuser;
use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::bounded;
use crate::off_workers::{LARGE_REQUEST_BYTES, off_workers};
use crate::rejection::{Violation, invalid_argument};

/// The messages of a body, each read from its JSON form.
pub(super) fn transcoded(plain: Body, message: MessageDescriptor, refuser: Refuser) -> Body {
    wrapped(Transcoding { incoming: Incoming::new(plain), message, refuser, reading: None })
}

struct Transcoding {
    incoming: Incoming,
    message: MessageDescriptor,
    refuser: Refuser,
    /// The message that is being read.
    reading: Option<BoxFuture<'static, Result<Bytes, Status>>>,
}

impl BodyLayer for Transcoding {
    const MAY_CUT: bool = true;
    const MAY_GROW: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.incoming.body().filter(|_| self.reading.is_none()).map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(reading.poll_unpin(cx));
                self.reading = None;
                return match read {
                    Ok(framed) => Poll::Ready(Some(Ok(Frame::data(framed)))),
                    Err(status) => {
                        self.incoming.close();
                        self.refuser.refuse_with(status)
                    }
                };
            }
            match ready!(self.incoming.poll_next(cx)) {
                Next::Message(framed) => {
                    let (message, text) = (self.message.clone(), framed.message());
                    let is_large = text.len() > LARGE_REQUEST_BYTES;
                    let reading = off_workers(is_large, move || encoded(&message, &text));
                    self.reading = Some(reading.map(Result::flatten).boxed());
                }
                Next::Passed(passed) => return Poll::Ready(passed),
            }
        }
    }
}

/// A message in JSON as gRPC frames it.
fn encoded(message: &MessageDescriptor, text: &[u8]) -> Result<Bytes, Status> {
    let read = json::read(message, text).map_err(|error| not_read(message, error))?;
    Ok(framed(0, read.encoded_len(), |bytes| read.encode_raw(bytes)))
}

/// `INVALID_ARGUMENT` with every fault, each by its path in the names that the text gives.
fn not_read(message: &MessageDescriptor, error: ReadError) -> Status {
    let of_text = |description: String| vec![violation(String::new(), description)];
    let name = message.full_name();
    let violations = match error {
        ReadError::NotUtf8 => of_text("the request is no text in UTF-8".to_owned()),
        ReadError::TooManyValues => of_text(format!(
            "the request has more than {JSON_VALUES_MAX} values, which no {name} has; send the fields that it knows"
        )),
        ReadError::Exceeded(exceeded) => bounded::violations(exceeded).into_iter().map(Into::into).collect(),
        ReadError::Parse(ParseError::Text(error)) => {
            of_text(format!("the request is no JSON form of {name}: {error}"))
        }
        ReadError::Parse(ParseError::Fields(faults)) => faults
            .into_iter()
            .map(|fault| {
                let meant = fault.meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                violation(fault.path, format!("found {}, expected {}{meant}", fault.found, fault.expected))
            })
            .collect(),
    };
    invalid_argument(violations)
}

fn violation(field: String, description: String) -> Violation {
    Violation { field, reason: "JSON_INVALID".into(), description, localized_message: String::new() }
}
