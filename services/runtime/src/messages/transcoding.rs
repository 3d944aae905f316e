//! The messages of a request in JSON, handed on as encoded ones. Each is read when it is asked for, a large one off the
//! threads that serve all connections.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use cra_contracts::json::{self, JSON_VALUES_MAX, ParseError, ReadError};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::{Body as HttpBody, Frame};
use prost::Message as _;
use prost_reflect::MessageDescriptor;
use tonic::Status;
use tonic::body::Body;

use super::HEADER_BYTES;
use super::limits::Refuser;
use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::bounded;
use crate::off_workers::{LARGE_REQUEST_BYTES, off_workers};
use crate::rejection::{Violation, invalid_argument};

/// The messages of a body, each read from its JSON form.
pub(super) fn transcoded(plain: Body, message: MessageDescriptor, refuser: Refuser) -> Body {
    let inner = Some(plain);
    wrapped(Transcoding { inner, waiting: BytesMut::new(), message, refuser, reading: None })
}

struct Transcoding {
    /// `None` once it has ended or was refused.
    inner: Option<Body>,
    /// Bytes that were received and not handed on.
    waiting: BytesMut,
    message: MessageDescriptor,
    refuser: Refuser,
    /// The message that is being read.
    reading: Option<BoxFuture<'static, Result<Bytes, Status>>>,
}

impl Transcoding {
    /// The next whole message, in JSON.
    fn next_whole(&mut self) -> Option<Bytes> {
        let [_, length @ ..] = *self.waiting.first_chunk::<HEADER_BYTES>()?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let whole = length.checked_add(HEADER_BYTES).filter(|whole| *whole <= self.waiting.len())?;
        let mut message = self.waiting.split_to(whole).freeze();
        message.advance(HEADER_BYTES);
        Some(message)
    }

    fn refuse(&mut self, status: Status) -> NextFrame {
        self.inner = None;
        self.waiting = BytesMut::new();
        self.refuser.refuse_with(status)
    }
}

impl BodyLayer for Transcoding {
    const MAY_CUT: bool = true;
    const MAY_GROW: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        // What waits is still to come, whatever has become of the body that it came from.
        self.inner.as_ref().filter(|_| self.waiting.is_empty() && self.reading.is_none()).map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(reading.poll_unpin(cx));
                self.reading = None;
                return match read {
                    Ok(framed) => Poll::Ready(Some(Ok(Frame::data(framed)))),
                    Err(status) => self.refuse(status),
                };
            }
            if let Some(text) = self.next_whole() {
                let (message, is_large) = (self.message.clone(), text.len() > LARGE_REQUEST_BYTES);
                let reading = off_workers(is_large, move || framed(&message, &text));
                self.reading = Some(reading.map(Result::flatten).boxed());
                continue;
            }
            let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
            match ready!(Pin::new(inner).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.waiting.extend_from_slice(&data),
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => {
                    self.inner = None;
                    // The codec says what a message lacks that was begun.
                    let rest = std::mem::take(&mut self.waiting).freeze();
                    return Poll::Ready((!rest.is_empty()).then_some(Ok(Frame::data(rest))));
                }
            }
        }
    }
}

/// A message in JSON as gRPC frames it.
fn framed(message: &MessageDescriptor, text: &[u8]) -> Result<Bytes, Status> {
    let read = json::read(message, text).map_err(|error| not_read(message, error))?;
    let length = read.encoded_len();
    let mut framed = BytesMut::with_capacity(HEADER_BYTES + length);
    framed.put_u8(0);
    // Shorter than its JSON form, which is within the limits.
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    read.encode_raw(&mut framed);
    Ok(framed.freeze())
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
