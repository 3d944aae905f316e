//! Traces over OTLP/gRPC: from the caller's `traceparent` to the results of its request, in other processes too. Off
//! unless an endpoint is configured; then no span is created at all.
//!
//! A span has the RPC, its outcome, positions and counts; never content of a request. The caller decides whether a
//! trace is recorded; of those that begin here, a share is. What the collector does not accept in time is dropped:
//! nothing waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tonic::codegen::http::{HeaderMap, HeaderName};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::version;

/// Target of every exported span; other spans and log lines are not exported.
pub const TARGET: &str = "cra_trace";
/// Maximum number of spans of other traces that one span links to: those of the first events of a batch.
const LINKS_MAX: usize = 128;
/// Timeout of one export, and of the remaining spans at shutdown.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

static ARE_RECORDED: AtomicBool = AtomicBool::new(false);

/// A span's ids, as other processes know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanIds {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span in it.
    pub span_id: [u8; 8],
    /// Whether the trace is sampled.
    pub is_sampled: bool,
}

impl From<SpanIds> for SpanContext {
    fn from(ids: SpanIds) -> Self {
        let flags = if ids.is_sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        let (trace_id, span_id) = (TraceId::from_bytes(ids.trace_id), SpanId::from_bytes(ids.span_id));
        Self::new(trace_id, span_id, flags, true, TraceState::NONE)
    }
}

/// Whether spans are recorded: create none otherwise.
#[must_use]
pub fn are_recorded() -> bool {
    ARE_RECORDED.load(Ordering::Relaxed)
}

/// The ids of a span; `None` if it was not created.
#[must_use]
pub fn ids_of(span: &Span) -> Option<SpanIds> {
    let context = span.context();
    let known = context.span().span_context().clone();
    known.is_valid().then(|| SpanIds {
        trace_id: known.trace_id().to_bytes(),
        span_id: known.span_id().to_bytes(),
        is_sampled: known.is_sampled(),
    })
}

/// Links a new span to those that caused it: the first sampled one is its parent, and it links to all of them, up to a
/// limit.
pub fn link_causes(span: &Span, others: impl Iterator<Item = SpanIds>) {
    let mut has_parent = false;
    for other in others.filter(|other| other.is_sampled).take(LINKS_MAX) {
        let other = SpanContext::from(other);
        if !has_parent {
            has_parent = true;
            // Fails only if there is no subscriber.
            let _ = span.set_parent(opentelemetry::Context::new().with_remote_span_context(other.clone()));
        }
        span.add_link(other);
    }
}

/// The span of a call: below its caller's, or the first of a trace.
pub(crate) fn of_call(rpc: &str, headers: &HeaderMap) -> Span {
    if !are_recorded() {
        return Span::none();
    }
    let span = tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = rpc,
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.grpc.status_code = Empty,
    );
    let caller = TraceContextPropagator::new().extract(&Headers(headers));
    let _ = span.set_parent(caller);
    span
}

/// The span of a page: below its caller's, or the first of a trace. Its name is a fixed word, never an address.
#[must_use]
pub fn of_page(page: &'static str, headers: &HeaderMap) -> Span {
    if !are_recorded() {
        return Span::none();
    }
    let span = tracing::info_span!(target: TARGET, "page", otel.name = page, otel.kind = "server");
    let caller = TraceContextPropagator::new().extract(&Headers(headers));
    let _ = span.set_parent(caller);
    span
}

/// What carries the trace of the current span to another process, in the header `traceparent`; `None` outside of a trace.
#[must_use]
pub fn traceparent() -> Option<String> {
    let SpanIds { trace_id, span_id, is_sampled } = ids_of(&Span::current()).filter(|_| are_recorded())?;
    let (trace_id, span_id) = (TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id));
    Some(format!("00-{trace_id}-{span_id}-{:02x}", u8::from(is_sampled)))
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Why traces cannot be sent to an endpoint.
#[derive(Debug, thiserror::Error)]
#[error("traces cannot be sent to `{endpoint}` of `telemetry.traces_endpoint`: {reason}")]
pub struct TracesError {
    /// As it was configured.
    endpoint: String,
    reason: String,
}

/// What makes spans into traces and sends them; flush it before the process ends.
pub(crate) struct Sender {
    provider: SdkTracerProvider,
}

impl Sender {
    /// Sends to a collector, `http://HOST:PORT`, so many of a thousand traces that begin here. Call it within the tokio
    /// runtime.
    pub(crate) fn begin(endpoint: &str, traces_per_mille: u16) -> Result<Self, TracesError> {
        let refused = |reason: String| TracesError { endpoint: endpoint.to_owned(), reason };
        if !endpoint.starts_with("http://") {
            return Err(refused("expected http://HOST:PORT of a collector on the same host".to_owned()));
        }
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let share = f64::from(traces_per_mille.min(1_000)) / 1_000.0;
        let resource = Resource::builder_empty()
            .with_service_name(program())
            .with_attribute(opentelemetry::KeyValue::new("service.version", version::FULL))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(resource)
            .build();
        ARE_RECORDED.store(true, Ordering::Relaxed);
        Ok(Self { provider })
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("cra")
    }

    /// Sends what is left, for a bounded time. Blocks.
    pub(crate) fn end(self) {
        ARE_RECORDED.store(false, Ordering::Relaxed);
        if let Err(error) = self.provider.shutdown_with_timeout(EXPORT_TIMEOUT) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The name of the program, as it was started.
fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name =
        path.as_deref().and_then(std::path::Path::file_stem).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "cra".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_is_recorded_no_span_is_made() {
        let span = of_call("IngestionService/SubmitCra", &HeaderMap::new());
        assert!(span.is_none());
        assert!(of_page("figures", &HeaderMap::new()).is_none() && traceparent().is_none());
        assert_eq!(ids_of(&span), None);
    }

    #[tokio::test]
    async fn an_endpoint_that_cannot_be_used_is_reported_with_what_is_expected() {
        for endpoint in ["https://collector:4317", "collector:4317", ""] {
            let error = Sender::begin(endpoint, 10).err().unwrap().to_string();
            assert!(error.contains("telemetry.traces_endpoint") && error.contains("http://"), "{error}");
        }
    }
}
