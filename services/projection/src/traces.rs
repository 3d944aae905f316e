//! The traces of a batch of events. Without sampled traces among them there is no span.

use cra_eventlog::{LogEntry, TraceParent};
use cra_runtime::traces::{self, SpanIds, TARGET};
use tracing::Span;

/// The span of applying a batch: in the trace of its first sampled event, linked to those of the others.
pub(crate) fn of_batch(batch: &[LogEntry]) -> Span {
    if !traces::are_recorded()
        || !batch.iter().any(|entry| entry.trace.is_some_and(|trace| trace.is_sampled()))
    {
        return Span::none();
    }
    let (first, last) = (batch.first(), batch.last());
    let span = tracing::info_span!(
        target: TARGET,
        "apply",
        otel.kind = "consumer",
        events = batch.len(),
        first_position = first.map_or(0, |entry| entry.position.0),
        last_position = last.map_or(0, |entry| entry.position.0),
    );
    traces::link_causes(&span, batch.iter().filter_map(|entry| entry.trace).map(ids));
    span
}

fn ids(trace: TraceParent) -> SpanIds {
    SpanIds { trace_id: trace.trace_id(), span_id: trace.span_id(), is_sampled: trace.is_sampled() }
}
