//! Metrics of ingestion: accepted and refused requests, and the duration of appends; and the span of each append in its
//! caller's trace, which is stored with the event.
//!
//! `deploy/OPERATIONS.md` documents each metric.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use cra_contracts::v1;
use cra_eventlog::{Append, AppendError, Appended, Expectation, Fill, NewEvent, Read, TraceParent};
use cra_runtime::metrics::{Metrics, MetricsError};
use cra_runtime::traces::{self, SpanIds};
use prometheus::{Histogram, IntCounter, IntCounterVec};
use strum::{IntoStaticStr, VariantArray};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::refused::Refused;

#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Kind {
    Submit,
    Correct,
    Withdraw,
    Import,
}

/// Counts answers to requests that record; clones share the counts.
#[derive(Clone)]
pub(crate) struct Answers {
    accepted: Arc<[Accepted]>,
    refused: IntCounterVec,
}

struct Accepted {
    recorded: IntCounter,
    repeated: IntCounter,
    checked: IntCounter,
}

impl Answers {
    pub(crate) fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Requests that were accepted: recorded now, recorded by an earlier try, or only checked.";
        let accepted = metrics.counters("cra_ingestion_accepted_total", help, &["kind", "outcome"])?;
        let help = "Requests that were refused, by reason; items of streams one by one.";
        let refused = metrics.counters("cra_ingestion_refused_total", help, &["kind", "reason"])?;
        let accepted = Kind::VARIANTS.iter().map(|kind| {
            let outcome = |outcome| accepted.with_label_values(&[kind.into(), outcome]);
            let (recorded, repeated) = (outcome("recorded"), outcome("repeated"));
            Accepted { recorded, repeated, checked: outcome("checked") }
        });
        Ok(Self { accepted: accepted.collect(), refused })
    }

    pub(crate) fn count(&self, kind: Kind, answer: Result<&v1::Receipt, &Refused>) {
        let accepted = &self.accepted[kind as usize];
        match answer {
            Ok(receipt) if receipt.duplicate => accepted.repeated.inc(),
            // Only validated: nothing was recorded, so there is no position.
            Ok(receipt) if receipt.position == 0 => accepted.checked.inc(),
            Ok(_) => accepted.recorded.inc(),
            Err(refused) => self.refused.with_label_values(&[kind.into(), refused.reason()]).inc(),
        }
    }
}

/// Appends to a log, with metrics and traces.
pub(crate) struct Measured {
    log: Arc<dyn Append>,
    stored: Histogram,
    conflict: Histogram,
    unavailable: Histogram,
    unknown: Histogram,
    refused: Histogram,
}

impl Measured {
    pub(crate) fn new(log: Arc<dyn Append>, metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "From an append's hand-over to its outcome, the wait for its group included.";
        let seconds = metrics.durations("cra_log_append_seconds", help, &["outcome"])?;
        let outcome = |outcome| seconds.with_label_values(&[outcome]);
        Ok(Self {
            log,
            stored: outcome("stored"),
            conflict: outcome("conflict"),
            unavailable: outcome("unavailable"),
            unknown: outcome("unknown"),
            refused: outcome("refused"),
        })
    }
}

/// Whether the log can accept appends, and how full one with limits is.
// Counts are exact in a float up to 2^53.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn register(log: &Arc<dyn Read>, metrics: &Metrics) -> Result<(), MetricsError> {
    let link = Arc::clone(log);
    let help = "1 while the event log is reachable, as far as is known without asking, else 0.";
    metrics.computed_gauge("cra_log_up", help, move || f64::from(u8::from(link.is_available())))?;
    if log.fill().is_none() {
        return Ok(());
    }
    let add = |name, help, value: fn(Fill) -> u64| {
        let log = Arc::clone(log);
        metrics.computed_gauge(name, help, move || value(log.fill().unwrap_or_default()) as f64)
    };
    add("cra_log_bytes", "Bytes that the log's events take.", |fill| fill.bytes)?;
    let help = "Bytes that they may take, by the limits of the stream and its account; 0 without a limit.";
    add("cra_log_bytes_limit", help, |fill| fill.bytes_limit.unwrap_or(0))?;
    add("cra_log_events", "Events of the log.", |fill| fill.events)?;
    let help = "Events that the log may hold; 0 without a limit.";
    add("cra_log_events_limit", help, |fill| fill.events_limit.unwrap_or(0))?;
    add("cra_log_first_position", "Position of the log's first event.", |fill| fill.first.0)
}

fn span() -> Span {
    if !traces::are_recorded() {
        return Span::none();
    }
    tracing::info_span!(target: traces::TARGET, "append", otel.kind = "producer", position = Empty)
}

fn trace_of(span: &Span) -> Option<TraceParent> {
    let SpanIds { trace_id, span_id, is_sampled } = traces::ids_of(span)?;
    TraceParent::new(trace_id, span_id, is_sampled)
}

#[async_trait]
impl Append for Measured {
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError> {
        let began = Instant::now();
        let span = span();
        let event = NewEvent { trace: trace_of(&span), ..event };
        let appended = self.log.append(event, expectation).instrument(span.clone()).await;
        if let Ok(appended) = &appended {
            span.record("position", appended.position().0);
        }
        let outcome = match &appended {
            Ok(_) => &self.stored,
            Err(AppendError::Conflict { .. }) => &self.conflict,
            Err(AppendError::Unavailable(_)) => &self.unavailable,
            Err(AppendError::OutcomeUnknown(_)) => &self.unknown,
            Err(AppendError::Refused(_)) => &self.refused,
        };
        outcome.observe(began.elapsed().as_secs_f64());
        appended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_under_what_became_of_the_request() {
        let metrics = Metrics::default();
        let answers = Answers::new(&metrics).unwrap();
        let recorded = v1::Receipt { position: 7, ..v1::Receipt::default() };
        let repeated = v1::Receipt { duplicate: true, ..recorded.clone() };
        answers.count(Kind::Submit, Ok(&recorded));
        answers.count(Kind::Submit, Ok(&repeated));
        answers.count(Kind::Submit, Ok(&v1::Receipt::default()));
        answers.count(Kind::Correct, Err(&Refused::LogUnavailable));
        let text = metrics.text().unwrap();
        for reported in [
            r#"cra_ingestion_accepted_total{kind="submit",outcome="recorded"} 1"#,
            r#"cra_ingestion_accepted_total{kind="submit",outcome="repeated"} 1"#,
            r#"cra_ingestion_accepted_total{kind="submit",outcome="checked"} 1"#,
            r#"cra_ingestion_accepted_total{kind="import",outcome="recorded"} 0"#,
            r#"cra_ingestion_refused_total{kind="correct",reason="LOG_UNAVAILABLE"} 1"#,
        ] {
            assert!(text.contains(reported), "{reported} in\n{text}");
        }
    }
}
