//! State of one connection, and when it must be closed: a pure decision from the state and the time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Context;
use std::time::Duration;

use http_body::Body as _;
use parking_lot::Mutex;
use strum::{IntoStaticStr, VariantArray};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::counts::{Counted, Counts};

/// Number of bytes after which a caller is considered active: the length of an HTTP/2 preface; no HTTP/1.1 request is
/// shorter.
pub(super) const FIRST_BYTES: u64 = 24;

/// Why a connection was closed; the label `cause` of `cra_connections_closed_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Cause {
    /// TLS and the first bytes did not arrive in time.
    Handshake,
    /// No request arrived in time.
    FirstRequest,
    /// More bytes than a first request needs arrived without one.
    BytesBeforeRequest,
    /// No call was open for the configured time.
    Idle,
    /// It was closed for a new connection while all were in use.
    GaveWay,
    /// It reached its maximum age.
    Age,
    /// The service drains.
    Drain,
    /// The caller closed it, or broke the protocol.
    Peer,
}

/// Limits of one connection, in time and bytes.
#[derive(Clone, Debug)]
pub(crate) struct Deadlines {
    /// From the accept to the first bytes above TLS.
    pub(crate) handshake: Duration,
    /// From the accept to the first request.
    pub(crate) first_request: Duration,
    /// Without an open call.
    pub(crate) idle: Duration,
    /// From the accept.
    pub(crate) age: Duration,
    /// Time for open calls to end after the maximum age.
    pub(crate) age_grace: Duration,
    /// Bytes above TLS until the first request.
    pub(crate) bytes_to_request: u64,
}

/// Whether a connection may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// At least until this time; then check again.
    Stay(Instant),
    Close(Cause),
}

/// Connections that clients keep with their tokens; clones share the counts.
#[derive(Clone, Debug)]
pub(super) struct ClientConnections {
    counts: Counts<String>,
    most: u32,
}

impl ClientConnections {
    /// At most `most` of one client.
    pub(super) fn at_most(most: u32) -> Self {
        Self { counts: Counts::default(), most }
    }
}

/// One connection, shared by its task, its bytes, its calls and the registry.
#[derive(Debug)]
pub(crate) struct State {
    opened: Instant,
    /// The part of the greatest age that it may reach.
    age_share: f64,
    /// Bytes read above TLS, until the first request.
    bytes: AtomicU64,
    has_requested: AtomicBool,
    /// Whether a call with a valid token arrived, of a client below its share.
    is_authenticated: AtomicBool,
    clients: ClientConnections,
    client: Mutex<Option<Counted<String>>>,
    open_calls: AtomicU32,
    /// When the last call ended, in milliseconds after `opened`.
    quiet_since_ms: AtomicU64,
    /// Asks its task to close it at once.
    pub(super) give_way: CancellationToken,
    /// Cancelled when its caller is asked to leave, at its maximum age.
    pub(super) aged: CancellationToken,
}

impl State {
    pub(super) fn new(clients: ClientConnections, age_share: f64) -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            age_share,
            bytes: AtomicU64::new(0),
            has_requested: AtomicBool::new(false),
            is_authenticated: AtomicBool::new(false),
            clients,
            client: Mutex::new(None),
            open_calls: AtomicU32::new(0),
            quiet_since_ms: AtomicU64::new(0),
            give_way: CancellationToken::new(),
            aged: CancellationToken::new(),
        })
    }

    /// When the first bytes above TLS must have arrived.
    pub(super) fn handshake_ends(&self, deadlines: &Deadlines) -> Instant {
        self.opened + deadlines.handshake
    }

    pub(super) fn verdict(&self, now: Instant, deadlines: &Deadlines) -> Verdict {
        let (due, cause) = self.next(now, deadlines);
        let age_end = self.opened + deadlines.age.mul_f64(self.age_share);
        let (due, cause) = if age_end < due { (age_end, Some(Cause::Age)) } else { (due, cause) };
        match cause {
            Some(cause) if due <= now => Verdict::Close(cause),
            _ => Verdict::Stay(due),
        }
    }

    /// The next time at which something may be due, and its cause.
    fn next(&self, now: Instant, deadlines: &Deadlines) -> (Instant, Option<Cause>) {
        if !self.has_requested.load(Ordering::Acquire) {
            return if self.bytes.load(Ordering::Relaxed) < FIRST_BYTES {
                (self.handshake_ends(deadlines), Some(Cause::Handshake))
            } else {
                (self.opened + deadlines.first_request, Some(Cause::FirstRequest))
            };
        }
        if self.open_calls.load(Ordering::Acquire) > 0 {
            // A call that ends later makes the connection idle after that time at the earliest.
            return (now + deadlines.idle, None);
        }
        let quiet_since = Duration::from_millis(self.quiet_since_ms.load(Ordering::Relaxed));
        (self.opened + quiet_since + deadlines.idle, Some(Cause::Idle))
    }

    /// Counts bytes read above TLS; false once there are more than a first request needs.
    pub(super) fn read(&self, bytes: usize, deadlines: &Deadlines) -> bool {
        if self.has_requested.load(Ordering::Acquire) {
            return true;
        }
        let read = u64::try_from(bytes).unwrap_or(u64::MAX);
        let former = self.bytes.fetch_add(read, Ordering::Relaxed);
        former.saturating_add(read) <= deadlines.bytes_to_request
    }

    /// Whether more bytes than a first request needs arrived without one.
    pub(super) fn has_overrun(&self, deadlines: &Deadlines) -> bool {
        !self.has_requested.load(Ordering::Acquire)
            && self.bytes.load(Ordering::Relaxed) > deadlines.bytes_to_request
    }

    /// Records a valid token of a client; the connection counts for its first client. Without identity the client is
    /// empty, and callers cannot be distinguished.
    pub(crate) fn authenticate(&self, client: &str) {
        if self.is_authenticated.load(Ordering::Relaxed) {
            return;
        }
        if !client.is_empty() {
            let mut counted = self.client.lock();
            if counted.is_none() {
                *counted = self.clients.counts.try_acquire(client.to_owned(), self.clients.most);
            }
            if counted.is_none() {
                return;
            }
        }
        self.is_authenticated.store(true, Ordering::Relaxed);
    }

    /// Waits until its caller is asked to leave, at its maximum age.
    pub(crate) async fn aged(&self) {
        self.aged.cancelled().await;
    }

    /// Whether it may be closed for a new connection: it has no open call, and none came with a token.
    pub(super) fn is_evictable(&self) -> bool {
        !self.is_authenticated.load(Ordering::Relaxed) && self.open_calls.load(Ordering::Acquire) == 0
    }

    /// Opens a call, until the result is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> OpenCall {
        self.open_calls.fetch_add(1, Ordering::AcqRel);
        self.has_requested.store(true, Ordering::Release);
        OpenCall(Arc::clone(self))
    }
}

/// A call of a connection that has not ended.
#[derive(Debug)]
pub(super) struct OpenCall(Arc<State>);

impl OpenCall {
    /// Keeps the call open until the answer has ended.
    pub(super) fn until_end_of(self, answer: Body) -> Body {
        wrapped(Answer { body: answer, _call: self })
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let state = &self.0;
        let quiet_since = u64::try_from(state.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.quiet_since_ms.store(quiet_since, Ordering::Relaxed);
        state.open_calls.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer whose call is open until it ends.
struct Answer {
    body: Body,
    _call: OpenCall,
}

impl BodyLayer for Answer {
    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        Some(ask(&self.body))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

/// The answer of a call of some connection, for tests of bodies.
#[cfg(test)]
pub(crate) fn counted(answer: Body) -> Body {
    State::new(ClientConnections::at_most(1), 1.0).begin().until_end_of(answer)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const DEADLINES: Deadlines = Deadlines {
        handshake: Duration::from_secs(10),
        first_request: Duration::from_secs(30),
        idle: Duration::from_mins(5),
        age: Duration::from_hours(1),
        age_grace: Duration::from_mins(10),
        bytes_to_request: 1_000,
    };

    /// When the connection closes if nothing happens, in seconds from now.
    fn closes(state: &State) -> (u64, Cause) {
        let began = Instant::now();
        let mut now = began;
        loop {
            match state.verdict(now, &DEADLINES) {
                Verdict::Close(cause) => return ((now - began).as_secs(), cause),
                Verdict::Stay(until) => {
                    assert!(until > now, "a verdict that keeps must lead on");
                    now = until;
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_closes_at_the_first_deadline_and_one_without_request_at_the_second() {
        let state = State::new(ClientConnections::at_most(1), 1.0);
        assert_eq!(closes(&state), (10, Cause::Handshake));
        assert!(state.read(23, &DEADLINES));
        assert_eq!(closes(&state), (10, Cause::Handshake), "single bytes do not extend the deadline");
        assert!(state.read(1, &DEADLINES));
        assert_eq!(closes(&state), (30, Cause::FirstRequest));
        advance(Duration::from_secs(31)).await;
        assert_eq!(closes(&state), (0, Cause::FirstRequest));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_from_the_end_of_its_last_call_and_never_while_one_is_open() {
        let state = State::new(ClientConnections::at_most(1), 1.0);
        let (first, second) = (state.begin(), state.begin());
        advance(Duration::from_secs(1_000)).await;
        drop(first);
        assert_eq!(closes(&state), (2_600, Cause::Age), "a call is open");
        drop(second);
        assert_eq!(closes(&state), (300, Cause::Idle));
        advance(Duration::from_secs(200)).await;
        drop(state.begin());
        assert_eq!(closes(&state), (300, Cause::Idle), "a call restarts the idle time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_reaches_its_part_of_the_greatest_age() {
        let state = State::new(ClientConnections::at_most(1), 0.9);
        let _call = state.begin();
        assert_eq!(closes(&state), (3_240, Cause::Age));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_bounded_until_the_first_request_and_not_after_it() {
        let state = State::new(ClientConnections::at_most(1), 1.0);
        assert!(state.read(1_000, &DEADLINES));
        assert!(!state.read(1, &DEADLINES));
        assert!(state.has_overrun(&DEADLINES));
        drop(state.begin());
        assert!(state.read(1_000_000, &DEADLINES) && !state.has_overrun(&DEADLINES));
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_connection_without_token_and_without_call_gives_way() {
        let state = State::new(ClientConnections::at_most(1), 1.0);
        assert!(state.is_evictable());
        let call = state.begin();
        assert!(!state.is_evictable());
        drop(call);
        assert!(state.is_evictable());
        state.authenticate("a");
        assert!(!state.is_evictable());
    }
}
