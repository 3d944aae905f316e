//! Messages of requests while they are received: how large one may be, how long it may take, and how many bytes of all
//! half-received ones the process keeps.
//!
//! A message is the length that gRPC puts before it and as many bytes. Nothing is reserved for a length that was announced:
//! bytes are charged when they have come, and given back once their message is whole or its call has ended. Does not
//! decode messages.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body as HttpBody, Frame};
use prometheus::IntCounter;
use tokio::time::{Sleep, sleep};
use tonic::Status;
use tonic::body::Body;

use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::guarded;
use crate::identity::access::Shape;
use crate::metrics::{Metrics, MetricsError};
use crate::rejection::{BUSY, MESSAGE_TOO_LARGE, Rejection, STREAM_STALLED, TIMED_OUT};

/// Compressed flag and length.
const HEADER_BYTES: usize = 5;

/// Of each message these bytes are not charged: decoding a stream keeps as much room for it anyway, and a small request is
/// received even while others have spent the budget.
const UNCHARGED_BYTES: u64 = 4 * 1_024;

/// Bytes of half-received messages that may be kept.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    taken: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicU64::new(0) })
    }

    fn take(&self, bytes: u64) -> bool {
        let more = |taken: u64| taken.checked_add(bytes).filter(|sum| *sum <= self.limit);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Why a message was refused while it was received; the label `cause` of `cra_messages_refused_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// It is larger than the method takes.
    TooLarge,
    /// The budget of the process is spent.
    Budget,
    /// The client's share of it is.
    ClientShare,
    /// It did not come in time.
    Slow,
}

impl Cause {
    const ALL: [Self; 4] = [Self::TooLarge, Self::Budget, Self::ClientShare, Self::Slow];

    const fn label(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Budget => "budget",
            Self::ClientShare => "client_share",
            Self::Slow => "slow",
        }
    }
}

/// The budget of a process, and what it refused; clones share it.
#[derive(Clone)]
pub(crate) struct Messages {
    budget: Arc<Budget>,
    refused: [IntCounter; Cause::ALL.len()],
}

impl Messages {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: u64, metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Messages of requests that were refused while they were received, by cause.";
        let refused = metrics.counters("cra_messages_refused_total", help, &["cause"])?;
        let budget = Budget::new(limit);
        let figure = |bytes: u64| u32::try_from(bytes / 1_024).map_or(f64::INFINITY, f64::from) * 1_024.0;
        let taken = Arc::clone(&budget);
        let help = "Bytes of messages that were received in part, as whole KiB.";
        metrics
            .looked_up("cra_undecoded_bytes", help, move || figure(taken.taken.load(Ordering::Relaxed)))?;
        let help = "Bytes of messages received in part that may be kept.";
        metrics.looked_up("cra_undecoded_bytes_limit", help, move || figure(limit))?;
        let refused = Cause::ALL.map(|cause| refused.with_label_values(&[cause.label()]));
        Ok(Self { budget, refused })
    }

    /// The messages of a request, each under these limits. Where they break one, `refusal` says why, and the body ends
    /// with it.
    pub(crate) fn limited(&self, body: Body, limits: Limits, refusal: Refusal) -> Body {
        // A request without messages, as one that is refused before it has any.
        if body.is_end_stream() {
            return body;
        }
        wrapped(Assembling {
            inner: Some(body),
            messages: self.clone(),
            framing: Framing::new(limits.bytes_max),
            limits,
            charged: 0,
            due: None,
            refusal,
        })
    }
}

/// Limits of the messages of one call.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Of one message.
    pub(crate) bytes_max: u64,
    /// How long one message may take to come.
    pub(crate) within: Duration,
    pub(crate) shape: Shape,
    /// The client's share of the budget, where clients are counted.
    pub(crate) share: Option<Arc<Budget>>,
}

/// Why the messages of a call were refused, for the answer to say it whatever the handler makes of it.
pub(crate) type Refusal = Arc<OnceLock<Status>>;

/// Where the messages begin and end among the bytes of a body.
#[derive(Debug)]
struct Framing {
    bytes_max: u64,
    header: [u8; HEADER_BYTES],
    header_len: usize,
    /// Of the message whose header has come.
    missing: u64,
    /// What has come of the message that is not whole, its header included.
    partial: u64,
    /// Messages that were whole.
    whole: u64,
}

/// The length of a message that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TooLarge(u64);

impl Framing {
    fn new(bytes_max: u64) -> Self {
        Self { bytes_max, header: [0; HEADER_BYTES], header_len: 0, missing: 0, partial: 0, whole: 0 }
    }

    /// Goes on with the next bytes.
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

/// The messages of a request, charged while they are not whole.
struct Assembling {
    /// `None` once it was refused.
    inner: Option<Body>,
    messages: Messages,
    limits: Limits,
    framing: Framing,
    charged: u64,
    /// When the message that is awaited must have come.
    due: Option<Pin<Box<Sleep>>>,
    refusal: Refusal,
}

impl Assembling {
    /// Charges what has come of the message that is not whole.
    fn charge(&mut self) -> Result<(), Cause> {
        let partial = self.framing.partial.saturating_sub(UNCHARGED_BYTES);
        if partial <= self.charged {
            self.give_back(self.charged - partial);
            return Ok(());
        }
        let more = partial - self.charged;
        if let Some(share) = &self.limits.share
            && !share.take(more)
        {
            return Err(Cause::ClientShare);
        }
        if !self.messages.budget.take(more) {
            if let Some(share) = &self.limits.share {
                share.give_back(more);
            }
            return Err(Cause::Budget);
        }
        self.charged = partial;
        Ok(())
    }

    fn give_back(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.messages.budget.give_back(bytes);
        if let Some(share) = &self.limits.share {
            share.give_back(bytes);
        }
        self.charged -= bytes;
    }

    /// Whether a message is under way: a call with one request waits for it from the start.
    fn awaits_message(&self) -> bool {
        self.framing.partial > 0 || (self.limits.shape != Shape::Both && self.framing.whole == 0)
    }

    fn refuse(&mut self, cause: Cause, found: u64) -> NextFrame {
        self.messages.refused[cause as usize].inc();
        self.inner = None;
        self.give_back(self.charged);
        let status: Status = self.rejection(cause, found).into();
        let _ = self.refusal.set(status.clone());
        Poll::Ready(Some(Err(status)))
    }

    fn rejection(&self, cause: Cause, found: u64) -> Rejection {
        let Limits { bytes_max, within, shape, .. } = &self.limits;
        match cause {
            Cause::TooLarge => {
                let message = format!(
                    "the message has {found} bytes; this method takes at most {bytes_max}; send less"
                );
                Rejection::new(MESSAGE_TOO_LARGE, message)
                    .with("bytes", found.to_string())
                    .with("limit", bytes_max.to_string())
            }
            Cause::Budget | Cause::ClientShare => {
                let whose = if cause == Cause::Budget { "all clients" } else { "this client" };
                Rejection::new(
                    BUSY,
                    format!(
                        "messages of {whose} that were received in part fill their memory; send the whole message at once, or try again later"
                    ),
                )
            }
            Cause::Slow => {
                let row = if *shape == Shape::Both { STREAM_STALLED } else { TIMED_OUT };
                let within = within.as_millis();
                Rejection::new(
                    row,
                    format!("the message was not received within {within} ms; send it at once"),
                )
            }
        }
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
            let within = self.limits.within;
            let due = self.due.get_or_insert_with(|| Box::pin(sleep(within)));
            ready!(due.as_mut().poll(cx));
            return self.refuse(Cause::Slow, 0);
        };
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let whole = self.framing.whole;
            if let Err(TooLarge(found)) = self.framing.advance(data) {
                return self.refuse(Cause::TooLarge, found);
            }
            if let Err(cause) = self.charge() {
                return self.refuse(cause, 0);
            }
            if self.framing.whole > whole {
                self.due = None;
            }
        }
        Poll::Ready(frame)
    }
}

impl Drop for Assembling {
    fn drop(&mut self) {
        self.give_back(self.charged);
    }
}

/// The answers of a call whose messages may be refused: these then end with the refusal, also where the handler takes the
/// end of its messages for the client's own.
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
            Some(status) if !is_answer => Poll::Ready(Some(Ok(Frame::trailers(guarded::trailers(status))))),
            _ => Poll::Ready(next),
        }
    }
}

/// A request under limits that it does not reach, for the tests that go over every body.
#[cfg(test)]
pub(crate) fn unlimited(body: Body) -> Body {
    let messages = Messages::new(u64::MAX, &Metrics::default()).unwrap();
    let within = Duration::from_hours(1);
    let limits = Limits { bytes_max: u64::MAX, within, shape: Shape::Both, share: None };
    messages.limited(body, limits, Refusal::default())
}

#[cfg(test)]
mod tests;
