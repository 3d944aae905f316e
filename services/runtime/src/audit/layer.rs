//! Gives each call its audit trail, and completes the record when the call ends: with its status, or as cancelled if
//! its caller disconnects.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Body as _;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::http::{HeaderName, HeaderValue, Request, Response};

use super::{Audit, Trail};
use crate::bodies::{BodyLayer, NextFrame, code_of, wrapped};
use crate::connections::Peer;
use crate::layer::{Answering, Answers, CallLayer};

/// The header of the caller's trace (W3C Trace Context).
pub(crate) const TRACE_HEADER: HeaderName = HeaderName::from_static("traceparent");

/// Audits the calls of a server.
#[derive(Clone)]
pub(crate) struct Audited(pub(crate) Audit);

impl CallLayer for Audited {
    fn call<S: Answers>(&self, inner: &mut S, mut request: Request<Body>) -> Answering {
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
        let trace = request.headers().get(TRACE_HEADER).and_then(trace_id);
        let trail = Trail::new(self.0.clone(), request.uri().path(), peer, trace);
        request.extensions_mut().insert(trail.clone());
        let answer = inner.call(request);
        let record = Record { trail, code: Code::Cancelled };
        Box::pin(async move { Ok(record.answered(answer.await?)) })
    }
}

impl Audit {
    /// Records the refusal of a request that is no call, where a call with this code would be recorded.
    pub(crate) fn refused(&self, call: &str, peer: Peer, traceparent: Option<&HeaderValue>, code: Code) {
        Trail::new(self.clone(), call, peer, traceparent.and_then(trace_id)).ends(code);
    }
}

/// The id of the caller's trace.
fn trace_id(traceparent: &HeaderValue) -> Option<String> {
    const ID_DIGITS: usize = 32;
    let id = traceparent.to_str().ok()?.split('-').nth(1)?;
    let is_id = id.len() == ID_DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

/// A record that is completed exactly once, however the call ends.
struct Record {
    trail: Trail,
    code: Code,
}

impl Record {
    /// Passes the answer on; the record is completed at its end.
    fn answered(mut self, response: Response<Body>) -> Response<Body> {
        // Also for a trailers-only answer.
        if let Some(code) = code_of(response.headers()) {
            self.code = code;
            return response;
        }
        self.trail.streams();
        response.map(|body| wrapped(Recording { body, record: self }))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.trail.ends(self.code);
    }
}

/// An answer whose end is recorded.
struct Recording {
    body: Body,
    record: Record,
}

impl BodyLayer for Recording {
    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        Some(ask(&self.body))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &next
            && let Some(code) = frame.trailers_ref().and_then(code_of)
        {
            self.record.code = code;
        }
        next
    }
}

/// An answer with a record that is discarded, for tests of bodies.
#[cfg(test)]
pub(crate) fn recorded(body: Body) -> Body {
    let record = Record { trail: Trail::default(), code: Code::Cancelled };
    record.answered(Response::new(body)).into_body()
}
