//! How long calls take and how they end, by RPC and code. The RPCs are those of the contract and of health; whatever else
//! is called counts as `other`, so that callers cannot make labels.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use http_body::Body as HttpBody;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Response};
use tonic::{Code, Status};
use tracing::Span;

use super::{Metrics, MetricsError};
use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::rejection::code_name;
use crate::traces;

/// Codes of gRPC, from 0 on without a gap.
const CODES: usize = 17;
/// Label of what the contract does not know.
const OTHER: &str = "other";

/// Measures the calls of a server; clones share the figures.
#[derive(Clone)]
pub struct Rpcs {
    by_path: Arc<HashMap<String, Arc<Rpc>>>,
    other: Arc<Rpc>,
}

/// The figures of one RPC, each looked up once per code.
struct Rpc {
    label: String,
    in_flight: IntGauge,
    ended: Ended,
}

/// How calls that ended are told.
enum Ended {
    /// One answer: how long it took.
    Call { seconds: HistogramVec, by_code: [OnceLock<Histogram>; CODES] },
    /// Streams last as long as their callers like: only how many.
    Stream { count: IntCounterVec, by_code: [OnceLock<IntCounter>; CODES] },
}

impl Rpcs {
    /// Figures for every RPC of the named services.
    pub fn new(metrics: &Metrics, services: &[&str]) -> Result<Self, MetricsError> {
        let help = "From a call's arrival to the end of its answer, by RPC and code.";
        let seconds = metrics.durations("cra_rpc_seconds", help, &["rpc", "code"])?;
        let help = "Streams that ended, by RPC and code.";
        let count = metrics.counters("cra_rpc_streams_total", help, &["rpc", "code"])?;
        let help = "Calls and streams that have not ended.";
        let in_flight = metrics.gauges("cra_rpc_in_flight", help, &["rpc"])?;
        let rpc = |label: &str, is_stream: bool| {
            let ended = if is_stream {
                Ended::Stream { count: count.clone(), by_code: Default::default() }
            } else {
                Ended::Call { seconds: seconds.clone(), by_code: Default::default() }
            };
            Arc::new(Rpc { in_flight: in_flight.with_label_values(&[label]), label: label.to_owned(), ended })
        };
        let mut by_path = HashMap::new();
        for set in [cra_contracts::FILE_DESCRIPTOR_SET, tonic_health::pb::FILE_DESCRIPTOR_SET] {
            // Both are made by the build; one that cannot be read leaves its RPCs under `other`.
            let files = FileDescriptorSet::decode(set).unwrap_or_default().file;
            for file in &files {
                for service in &file.service {
                    let full_name = format!("{}.{}", file.package(), service.name());
                    if !services.contains(&full_name.as_str()) && file.package() != "grpc.health.v1" {
                        continue;
                    }
                    for method in &service.method {
                        let is_stream = method.client_streaming() || method.server_streaming();
                        let label = format!("{}/{}", service.name(), method.name());
                        by_path.insert(format!("/{full_name}/{}", method.name()), rpc(&label, is_stream));
                    }
                }
            }
        }
        Ok(Self { by_path: Arc::new(by_path), other: rpc(OTHER, true) })
    }

    /// A call that arrived, with its place in its caller's trace.
    #[must_use]
    pub fn begin(&self, path: &str, headers: &HeaderMap) -> Call {
        let rpc = Arc::clone(self.by_path.get(path).unwrap_or(&self.other));
        rpc.in_flight.inc();
        let span = traces::of_call(&rpc.label, headers);
        Call { rpc, began: Instant::now(), code: Code::Cancelled, span }
    }
}

/// A call on its way. Whatever ends it, it is told once: dropped without an outcome, the caller has left.
pub struct Call {
    rpc: Arc<Rpc>,
    began: Instant,
    code: Code,
    span: Span,
}

impl Call {
    /// Its span, where traces are recorded.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Goes with the answer, to its end.
    #[must_use]
    pub fn answered(mut self, response: Response<Body>) -> Response<Body> {
        // Also an answer that is nothing but a status.
        if let Some(code) = code_of(response.headers()) {
            self.code = code;
            return response;
        }
        response.map(|body| wrapped(Measured { body, call: self }))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.rpc.in_flight.dec();
        self.span.record("rpc.grpc.status_code", self.code as i32);
        let (code, label) = (self.code, [self.rpc.label.as_str(), code_name(self.code)]);
        let place = code as usize;
        match &self.rpc.ended {
            Ended::Call { seconds, by_code } => {
                let distribution = by_code[place].get_or_init(|| seconds.with_label_values(&label));
                distribution.observe(self.began.elapsed().as_secs_f64());
            }
            Ended::Stream { count, by_code } => {
                by_code[place].get_or_init(|| count.with_label_values(&label)).inc();
            }
        }
    }
}

/// An answer that says how it ended.
struct Measured {
    body: Body,
    call: Call,
}

impl BodyLayer for Measured {
    const MAY_CUT: bool = false;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        Some(ask(&self.body))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        // What a stream does for its items belongs to the call, too.
        let span = self.call.span.clone();
        let _within = span.enter();
        let next = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &next
            && let Some(code) = frame.trailers_ref().and_then(code_of)
        {
            self.call.code = code;
        }
        next
    }
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> (Metrics, Rpcs) {
        let metrics = Metrics::default();
        let rpcs = Rpcs::new(&metrics, &["cra.v1.OperationsService"]).unwrap();
        (metrics, rpcs)
    }

    #[test]
    fn a_refusal_counts_under_its_code_and_a_caller_that_leaves_as_cancelled() {
        let (metrics, rpcs) = measured();
        let call = rpcs.begin("/cra.v1.OperationsService/GetStatus", &HeaderMap::new());
        drop(call.answered(Status::resource_exhausted("busy").into_http()));
        drop(rpcs.begin("/cra.v1.OperationsService/GetStatus", &HeaderMap::new()));
        let text = metrics.text().unwrap();
        for code in ["RESOURCE_EXHAUSTED", "CANCELLED"] {
            let told =
                format!("cra_rpc_seconds_count{{code=\"{code}\",rpc=\"OperationsService/GetStatus\"}} 1\n");
            assert!(text.contains(&told), "{told} in\n{text}");
        }
        assert!(text.contains("cra_rpc_in_flight{rpc=\"OperationsService/GetStatus\"} 0\n"), "{text}");
    }

    #[test]
    fn callers_make_no_labels() {
        let (metrics, rpcs) = measured();
        for path in
            ["/cra.v1.OperationsService/Nothing", "/evil\"}/x", "", "/cra.v1.IngestionService/SubmitCra"]
        {
            drop(rpcs.begin(path, &HeaderMap::new()));
        }
        let text = metrics.text().unwrap();
        assert!(text.contains("cra_rpc_streams_total{code=\"CANCELLED\",rpc=\"other\"} 4\n"), "{text}");
        assert!(!text.contains("evil"), "{text}");
    }
}
