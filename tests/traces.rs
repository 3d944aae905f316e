//! A caller's trace continues through ingestion and the event to the projection's apply; the test is the collector.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::harness::{Pair, eventually, new_id, submission, submit_stream, workshop};
use crate::pages::{Web, answered};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

/// Receives and stores spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TraceServiceServer::new(self.clone());
        let connections = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(connections));
        address
    }

    fn named(&self, name: &str) -> Vec<Span> {
        self.0.lock().unwrap().iter().filter(|span| span.name == name).cloned().collect()
    }

    async fn eventually_named(&self, name: &str) -> Span {
        eventually(&format!("a span {name} comes"), async || {
            self.named(name).into_iter().next().ok_or_else(|| format!("{:?}", self.0.lock().unwrap()))
        })
        .await
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|of| of.scope_spans);
        self.0.lock().unwrap().extend(scopes.flat_map(|of| of.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// A request of a caller whose trace is sampled, or is not.
fn traced<T>(message: T, is_sampled: bool) -> Request<T> {
    let mut request = Request::new(message);
    let flags = u8::from(is_sampled);
    let traceparent = format!("00-{TRACE_ID}-{CALLERS_SPAN}-{flags:02x}");
    request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    request
}

#[tokio::test]
async fn a_callers_trace_continues_through_the_event_to_the_read_models() {
    let collector = Collector::default();
    let endpoint = format!("http://{}", collector.start().await);
    let settings = [("TELEMETRY__TRACES_ENDPOINT", endpoint.as_str()), ("TELEMETRY__TRACES_PER_MILLE", "0")];
    let pair = Pair::start_with(&settings).await;
    let mut ingestion = pair.ingestion().await;
    // An unsampled trace leaves no spans, and neither does a call without a trace.
    ingestion.submit_cra(traced(submission(&new_id(), workshop(2)), false)).await.unwrap();
    ingestion.submit_cra(submission(&new_id(), workshop(2))).await.unwrap();
    ingestion.submit_cra(traced(submission(&new_id(), workshop(2)), true)).await.unwrap();

    let call = collector.eventually_named("IngestionService/SubmitCra").await;
    let append = collector.eventually_named("append").await;
    let apply = collector.eventually_named("apply").await;
    for span in [&call, &append, &apply] {
        assert_eq!(hex(&span.trace_id), TRACE_ID, "{span:?}");
    }
    assert_eq!(hex(&call.parent_span_id), CALLERS_SPAN);
    assert_eq!(append.parent_span_id, call.span_id);
    assert_eq!(apply.parent_span_id, append.span_id);
    let links: Vec<_> = apply.links.iter().map(|link| hex(&link.span_id)).collect();
    assert_eq!(links, [hex(&append.span_id)]);
    for name in ["IngestionService/SubmitCra", "append", "apply"] {
        assert_eq!(collector.named(name).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn items_of_a_stream_belong_to_its_call_and_pending_spans_are_sent_at_exit() {
    let collector = Collector::default();
    let endpoint = format!("http://{}", collector.start().await);
    let settings =
        [("TELEMETRY__TRACES_ENDPOINT", endpoint.as_str()), ("TELEMETRY__TRACES_PER_MILLE", "1000")];
    let mut pair = Pair::start_with(&settings).await;
    let mut ingestion = pair.ingestion().await;
    let submissions = (0..3).map(|_| submission(&new_id(), workshop(2)));
    submit_stream(&mut ingestion, tokio_stream::iter(submissions)).await;
    drop(ingestion);
    pair.ingestion.terminate();
    assert!(pair.ingestion.ended().await.success());
    let call = collector.named("IngestionService/SubmitCras");
    assert_eq!(call.len(), 1);
    let appends = collector.named("append");
    assert_eq!(appends.len(), 3);
    assert!(appends.iter().all(|append| append.parent_span_id == call[0].span_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_continues_its_callers_trace_to_each_of_its_questions() {
    let collector = Collector::default();
    let endpoint = format!("http://{}", collector.start().await);
    let settings = [("TELEMETRY__TRACES_ENDPOINT", endpoint.as_str()), ("TELEMETRY__TRACES_PER_MILLE", "0")];
    let pair = Pair::start_with(&settings).await;
    let more = format!("[telemetry]\ntraces_endpoint = \"{endpoint}\"\ntraces_per_mille = 0");
    let web = Web::start(pair.projection.address(), &more).await;
    let traceparent = format!("traceparent: 00-{TRACE_ID}-{CALLERS_SPAN}-01");
    for headers in [&["Host: localhost"][..], &["Host: localhost", &traceparent]] {
        assert!(answered(web.address, "GET", "/?departement=29", headers).starts_with("HTTP/1.1 200"));
    }
    let page = collector.eventually_named("figures").await;
    assert_eq!(
        (hex(&page.trace_id), hex(&page.parent_span_id)),
        (TRACE_ID.to_owned(), CALLERS_SPAN.to_owned())
    );
    for question in ["StatisticsService/GetStatistics", "StatisticsService/GetTimeSeries"] {
        let call = collector.eventually_named(question).await;
        assert_eq!((&call.trace_id, &call.parent_span_id), (&page.trace_id, &page.span_id), "{question}");
        assert_eq!(
            collector.named(question).len(),
            1,
            "{question}: a page outside of a trace leaves no spans"
        );
    }
    let spans = format!("{:?}", collector.0.lock().unwrap());
    assert!(!spans.contains("departement"), "a span holds no address: {spans}");
}
