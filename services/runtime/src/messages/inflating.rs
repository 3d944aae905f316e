//! Inflates the compressed messages of a request.
//!
//! One message is inflated at a time, on demand, and charged until the next one: one HTTP/2 frame can contain a hundred
//! messages that inflate to the maximum size each.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame};
use tonic::body::Body;

use super::HEADER_BYTES;
use super::budget::Charge;
use super::encodings::{Encoding, NotInflated};
use super::limits::{Cause, Refuser};
use crate::bodies::{BodyLayer, NextFrame, wrapped};

/// The messages of a body whose compressed ones are within the limits, inflated within the same limits.
pub(super) fn inflated(received: Body, encoding: Encoding, refuser: Refuser, charge: Charge) -> Body {
    wrapped(Inflating { inner: Some(received), waiting: BytesMut::new(), encoding, refuser, charge })
}

struct Inflating {
    /// `None` once it has ended or was refused.
    inner: Option<Body>,
    /// Received bytes that were not passed on.
    waiting: BytesMut,
    encoding: Encoding,
    refuser: Refuser,
    /// Charge of the last message, until the next one is requested.
    charge: Charge,
}

impl Inflating {
    /// The next complete message, and whether it is compressed.
    fn next_whole(&mut self) -> Option<(bool, Bytes)> {
        let [flag, length @ ..] = *self.waiting.first_chunk::<HEADER_BYTES>()?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let whole = length.checked_add(HEADER_BYTES).filter(|whole| *whole <= self.waiting.len())?;
        Some((flag == 1, self.waiting.split_to(whole).freeze()))
    }

    /// The message in uncompressed form.
    fn plain(&mut self, mut message: Bytes) -> Result<Bytes, (Cause, u64)> {
        message.advance(HEADER_BYTES);
        let found = message.len() as u64;
        let inflated = self.encoding.inflate(&message, self.refuser.limits.bytes_max);
        let inflated = inflated.map_err(|error| match error {
            NotInflated::TooLarge => (Cause::InflatesTooLarge, found),
            NotInflated::Malformed => (Cause::Malformed, found),
        })?;
        let length = u32::try_from(inflated.len()).map_err(|_| (Cause::InflatesTooLarge, found))?;
        self.charge.set(length.into()).map_err(|spent| (spent.into(), 0))?;
        let mut plain = BytesMut::with_capacity(HEADER_BYTES + inflated.len());
        plain.put_u8(0);
        plain.put_u32(length);
        plain.put_slice(&inflated);
        Ok(plain.freeze())
    }

    fn refuse(&mut self, cause: Cause, found: u64) -> NextFrame {
        self.inner = None;
        self.waiting = BytesMut::new();
        self.charge.release();
        self.refuser.refuse(cause, found)
    }
}

impl BodyLayer for Inflating {
    const MAY_CUT: bool = true;
    const MAY_GROW: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        // Waiting bytes must still be passed on, even if the body has ended.
        self.inner.as_ref().filter(|_| self.waiting.is_empty()).map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        self.charge.release();
        loop {
            match self.next_whole() {
                Some((false, message)) => return Poll::Ready(Some(Ok(Frame::data(message)))),
                Some((true, message)) => {
                    return match self.plain(message) {
                        Ok(plain) => Poll::Ready(Some(Ok(Frame::data(plain)))),
                        Err((cause, found)) => self.refuse(cause, found),
                    };
                }
                None => {}
            }
            let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
            match ready!(Pin::new(inner).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.waiting.extend_from_slice(&data),
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => {
                    self.inner = None;
                    // The codec reports an incomplete message.
                    let rest = std::mem::take(&mut self.waiting).freeze();
                    return Poll::Ready((!rest.is_empty()).then_some(Ok(Frame::data(rest))));
                }
            }
        }
    }
}
