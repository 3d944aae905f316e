//! The one message of a request whose body is that message and nothing else, handed on as gRPC frames it. It is under the
//! limits that a message has which says its length first.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, BytesMut};
use http_body::{Body as HttpBody, Frame};
use tokio::time::{Sleep, sleep};
use tonic::body::Body;

use super::budget::Charge;
use super::limits::{Cause, Refuser};
use super::{HEADER_BYTES, UNCHARGED_BYTES};
use crate::bodies::{BodyLayer, NextFrame, wrapped};

/// The body as one message; compressed where it is `is_compressed` and not empty.
pub(super) fn gathered(body: Body, is_compressed: bool, charge: Charge, refuser: Refuser) -> Body {
    let message = BytesMut::zeroed(HEADER_BYTES);
    wrapped(Gathering { inner: Some(body), message, is_compressed, charge, due: None, refuser })
}

struct Gathering {
    /// `None` once it has ended or was refused.
    inner: Option<Body>,
    /// What has come, behind room for its header.
    message: BytesMut,
    is_compressed: bool,
    charge: Charge,
    /// When the message must have come.
    due: Option<Pin<Box<Sleep>>>,
    refuser: Refuser,
}

impl Gathering {
    fn refuse(&mut self, cause: Cause, found: u64) -> NextFrame {
        self.inner = None;
        self.message = BytesMut::new();
        self.charge.release();
        self.refuser.refuse(cause, found)
    }

    /// Refuses a message by the length that its body announces, or by what has come of it.
    fn check_length(&mut self) -> Result<(), (Cause, u64)> {
        let come = (self.message.len() - HEADER_BYTES) as u64;
        let announced = self.inner.as_ref().map_or(0, |body| body.size_hint().lower());
        let found = come.saturating_add(announced);
        if found > self.refuser.limits.bytes_max {
            return Err((Cause::TooLarge, found));
        }
        self.charge.set(come.saturating_sub(UNCHARGED_BYTES)).map_err(|spent| (spent.into(), 0))
    }

    fn framed(&mut self) -> NextFrame {
        self.inner = None;
        let length = self.message.len() - HEADER_BYTES;
        let mut header = &mut self.message[..HEADER_BYTES];
        header.put_u8(u8::from(self.is_compressed && length > 0));
        // Within the limits, which are below four GiB.
        header.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.message).freeze()))))
    }
}

impl BodyLayer for Gathering {
    const MAY_CUT: bool = true;
    const MAY_GROW: bool = true;

    fn inner<R>(&self, _: impl FnOnce(&Body) -> R) -> Option<R> {
        // Whatever has become of the body: its message is still to come.
        None
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        loop {
            if self.inner.is_none() {
                self.charge.release();
                return Poll::Ready(None);
            }
            if let Err((cause, found)) = self.check_length() {
                return self.refuse(cause, found);
            }
            let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
            let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) else {
                let within = self.refuser.limits.within;
                let due = self.due.get_or_insert_with(|| Box::pin(sleep(within)));
                ready!(due.as_mut().poll(cx));
                return self.refuse(Cause::Slow, 0);
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.message.extend_from_slice(&data),
                // Trailers say nothing of a message.
                Some(Ok(Err(_))) => {}
                Some(Err(status)) => {
                    self.inner = None;
                    return Poll::Ready(Some(Err(status)));
                }
                None => return self.framed(),
            }
        }
    }
}
