//! Limits of request messages while they arrive: size and duration of each, and total bytes of incomplete ones.
//!
//! A message is a length prefix and as many bytes, or the whole body. Nothing is reserved for an announced length: bytes
//! are charged as they arrive, and released once the message is complete or its call has ended. Compressed messages are
//! inflated and messages in JSON are encoded here, so that later layers see plain encoded ones.

mod budget;
mod encodings;
mod frames;
mod gathering;
mod inflating;
mod limits;
mod transcoding;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body::{Body as HttpBody, Frame};
use prost_reflect::MessageDescriptor;
use tokio::time::{Sleep, sleep};
use tonic::body::Body;

use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::bounded_stream;
use crate::identity::access::Shape;
use crate::metrics::{Metrics, MetricsError};

pub(crate) use budget::Budget;
use budget::Charge;
pub(crate) use encodings::Encoding;
use frames::HEADER_BYTES;
pub(crate) use frames::{Framed, framed};
use gathering::gathered;
use inflating::inflated;
use limits::{Cause, Refused, Refuser};
pub(crate) use limits::{Limits, Refusal};
use transcoding::transcoded;

/// Bytes of each message that are not charged: a stream's decoder keeps as much anyway, and small requests must be
/// received even if others have exhausted the budget.
const UNCHARGED_BYTES: u64 = 4 * 1_024;

/// How the messages of a request come. In the extensions of a request of another protocol than gRPC.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire {
    /// Their compression.
    pub(crate) encoding: Option<Encoding>,
    /// Whether the body is one message, without its length.
    pub(crate) is_whole: bool,
    /// What each is, where they come in JSON.
    pub(crate) json: Option<MessageDescriptor>,
}

/// The budget of a process, and its refusals; clones share it.
#[derive(Clone)]
pub(crate) struct Messages {
    budget: Arc<Budget>,
    refused: Refused,
}

impl Messages {
    pub(crate) fn new(limit: u64, metrics: &Metrics) -> Result<Self, MetricsError> {
        let refused = Refused::new(metrics)?;
        let budget = Budget::new(limit);
        let figure = |bytes: u64| u32::try_from(bytes / 1_024).map_or(f64::INFINITY, f64::from) * 1_024.0;
        let taken = Arc::clone(&budget);
        let help = "Bytes of messages that were received in part or inflated, as whole KiB.";
        metrics.computed_gauge("cra_undecoded_bytes", help, move || figure(taken.taken()))?;
        let help = "Bytes of messages received in part or inflated that may be kept.";
        metrics.computed_gauge("cra_undecoded_bytes_limit", help, move || figure(limit))?;
        Ok(Self { budget, refused })
    }

    /// The messages of a request under these limits, plain and encoded, framed as in gRPC. If one breaks a limit,
    /// `refusal` is set and the body ends with it.
    pub(crate) fn limited(&self, body: Body, limits: Limits, wire: Wire, refusal: Refusal) -> Body {
        // A request without messages, for example one that was refused before.
        if body.is_end_stream() && !wire.is_whole {
            return body;
        }
        let charge = || Charge::new(&self.budget, limits.share.as_ref());
        let (of_received, of_inflated) = (charge(), charge());
        let refuser = Refuser::new(limits, self.refused.clone(), refusal);
        let received = if wire.is_whole {
            gathered(body, wire.encoding.is_some(), of_received, refuser.clone())
        } else {
            wrapped(Assembling {
                inner: Some(body),
                framing: Framing::new(refuser.limits.bytes_max),
                charge: of_received,
                due: None,
                refuser: refuser.clone(),
            })
        };
        let plain = match wire.encoding {
            Some(encoding) => inflated(received, encoding, refuser.clone(), of_inflated),
            None => received,
        };
        match wire.json {
            Some(message) => transcoded(plain, message, refuser),
            None => plain,
        }
    }
}

/// Boundaries of the messages in a body.
#[derive(Debug)]
struct Framing {
    bytes_max: u64,
    header: [u8; HEADER_BYTES],
    header_len: usize,
    /// Missing bytes of the current message.
    missing: u64,
    /// Received bytes of the current message, including its header.
    partial: u64,
    /// Number of complete messages.
    whole: u64,
}

/// The length of a message that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TooLarge(u64);

impl Framing {
    fn new(bytes_max: u64) -> Self {
        Self { bytes_max, header: [0; HEADER_BYTES], header_len: 0, missing: 0, partial: 0, whole: 0 }
    }

    /// Processes further bytes.
    fn advance(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        while !bytes.is_empty() {
            let taken = if self.header_len < HEADER_BYTES {
                let taken = bytes.len().min(HEADER_BYTES - self.header_len);
                self.header[self.header_len..self.header_len + taken].copy_from_slice(&bytes[..taken]);
                self.header_len += taken;
                if self.header_len == HEADER_BYTES {
                    let [_, length @ ..] = self.header;
                    self.missing = u32::from_be_bytes(length).into();
                    if self.missing > self.bytes_max {
                        return Err(TooLarge(self.missing));
                    }
                }
                taken
            } else {
                let taken =
                    usize::try_from(self.missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
                self.missing -= taken as u64;
                taken
            };
            self.partial += taken as u64;
            bytes = &bytes[taken..];
            if self.header_len == HEADER_BYTES && self.missing == 0 {
                (self.header_len, self.partial) = (0, 0);
                self.whole += 1;
            }
        }
        Ok(())
    }
}

/// The messages of a request, charged while they are incomplete.
struct Assembling {
    /// `None` once it was refused.
    inner: Option<Body>,
    framing: Framing,
    charge: Charge,
    /// When the awaited message must have arrived.
    due: Option<Pin<Box<Sleep>>>,
    refuser: Refuser,
}

impl Assembling {
    /// Whether a message is expected: a unary call expects it from the start.
    fn awaits_message(&self) -> bool {
        self.framing.partial > 0 || (self.refuser.limits.shape != Shape::Both && self.framing.whole == 0)
    }

    fn refuse(&mut self, cause: Cause, found: u64) -> NextFrame {
        self.inner = None;
        self.charge.release();
        self.refuser.refuse(cause, found)
    }
}

impl BodyLayer for Assembling {
    const MAY_CUT: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.inner.as_ref().map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) else {
            if !self.awaits_message() {
                self.due = None;
                return Poll::Pending;
            }
            let within = self.refuser.limits.within;
            let due = self.due.get_or_insert_with(|| Box::pin(sleep(within)));
            ready!(due.as_mut().poll(cx));
            return self.refuse(Cause::Slow, 0);
        };
        let has_ended = match &frame {
            None => true,
            Some(Ok(frame)) => !frame.is_data(),
            Some(Err(_)) => false,
        };
        if has_ended && self.framing.partial > 0 {
            return self.refuse(Cause::Truncated, self.framing.partial);
        }
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let whole = self.framing.whole;
            if let Err(TooLarge(found)) = self.framing.advance(data) {
                return self.refuse(Cause::TooLarge, found);
            }
            let partial = self.framing.partial.saturating_sub(UNCHARGED_BYTES);
            if let Err(spent) = self.charge.set(partial) {
                return self.refuse(spent.into(), 0);
            }
            if self.framing.whole > whole {
                self.due = None;
            }
        }
        Poll::Ready(frame)
    }
}

/// The answers of a call, replaced by the refusal of its messages even if the handler takes their end for the client's.
pub(crate) fn unless_refused(answers: Body, refusal: Refusal) -> Body {
    wrapped(UnlessRefused { answers, refusal })
}

struct UnlessRefused {
    answers: Body,
    refusal: Refusal,
}

impl BodyLayer for UnlessRefused {
    const MAY_CUT: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        Some(ask(&self.answers))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        let next = ready!(Pin::new(&mut self.answers).poll_frame(cx));
        let is_answer = matches!(&next, Some(Ok(frame)) if frame.is_data());
        match self.refusal.get() {
            Some(status) if !is_answer => {
                Poll::Ready(Some(Ok(Frame::trailers(bounded_stream::trailers(status)))))
            }
            _ => Poll::Ready(next),
        }
    }
}

/// A request with limits that it does not reach, for tests of bodies.
#[cfg(test)]
pub(crate) fn unlimited(body: Body) -> Body {
    let messages = Messages::new(u64::MAX, &Metrics::default()).unwrap();
    let within = std::time::Duration::from_hours(1);
    let limits = Limits { bytes_max: u64::MAX, within, shape: Shape::Both, share: None };
    messages.limited(body, limits, Wire::default(), Refusal::default())
}

#[cfg(test)]
mod tests;
