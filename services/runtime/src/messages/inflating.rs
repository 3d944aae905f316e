//! Inflates the compressed messages of a request.
//!
//! One message is inflated at a time, on demand, and charged until the next one: one HTTP/2 frame can contain a hundred
//! messages that inflate to the maximum size each.

use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes};
use http_body::Frame;
use tonic::body::Body;

use super::budget::Charge;
use super::encodings::{Encoding, NotInflated};
use super::frames::{Framed, Incoming, Next, framed};
use super::limits::{Cause, Refuser};
use crate::bodies::{BodyLayer, NextFrame, wrapped};

const COMPRESSED: u8 = 1;

/// The messages of a body whose compressed ones are within the limits, inflated within the same limits.
pub(super) fn inflated(received: Body, encoding: Encoding, refuser: Refuser, charge: Charge) -> Body {
    wrapped(Inflating { incoming: Incoming::new(received), encoding, refuser, charge })
}

struct Inflating {
    incoming: Incoming,
    encoding: Encoding,
    refuser: Refuser,
    /// Charge of the last message, until the next one is requested.
    charge: Charge,
}

impl Inflating {
    /// The message in uncompressed form.
    fn plain(&mut self, message: Framed) -> Result<Bytes, (Cause, u64)> {
        let message = message.message();
        let found = message.len() as u64;
        let inflated = self.encoding.inflate(&message, self.refuser.limits.bytes_max);
        let inflated = inflated.map_err(|error| match error {
            NotInflated::TooLarge => (Cause::InflatesTooLarge, found),
            NotInflated::Malformed => (Cause::Malformed, found),
        })?;
        let length = u32::try_from(inflated.len()).map_err(|_| (Cause::InflatesTooLarge, found))?;
        self.charge.set(length.into()).map_err(|spent| (spent.into(), 0))?;
        Ok(framed(0, inflated.len(), |bytes| bytes.put_slice(&inflated)))
    }
}

impl BodyLayer for Inflating {
    const MAY_CUT: bool = true;
    const MAY_GROW: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.incoming.body().map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        self.charge.release();
        let message = match ready!(self.incoming.poll_next(cx)) {
            Next::Passed(passed) => return Poll::Ready(passed),
            Next::Message(message) if message.flag != COMPRESSED => {
                return Poll::Ready(Some(Ok(message.into_frame())));
            }
            Next::Message(message) => message,
        };
        match self.plain(message) {
            Ok(plain) => Poll::Ready(Some(Ok(Frame::data(plain)))),
            Err((cause, found)) => {
                self.incoming.close();
                self.charge.release();
                self.refuser.refuse(cause, found)
            }
        }
    }
}
