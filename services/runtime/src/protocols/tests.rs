//! Requests through the protocols to a method, and what never reaches it.

use std::convert::Infallible;
use std::future::Ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use tonic::codegen::http::{HeaderValue, StatusCode};

use super::*;
use crate::audit::Audit;
use crate::deadline_layer::DeadlineLayer;
use crate::identity::access::Needs;
use crate::metrics::{Metrics, Rpcs};

const READS: &str = "/cra.v1.StatisticsService/GetStatistics";
const FOLLOWS: &str = "/cra.v1.StatisticsService/FollowCras";
const SUBMITS: &str = "/cra.v1.IngestionService/SubmitCras";
const EXPORTS: &str = "/cra.v1.StatisticsService/Export";

const fn method(path: &'static str, shape: Shape) -> Method {
    Method { path, needs: Needs::Nothing, shape, one_by_one: None }
}

const METHODS: &[Method] = &[
    method(READS, Shape::Single),
    method(FOLLOWS, Shape::Answers),
    method(SUBMITS, Shape::Both),
    method(EXPORTS, Shape::Answers),
];

fn protocols(metrics: &Metrics) -> Protocols {
    let refusals = Refusals::new(metrics, Audit::default()).unwrap();
    Protocols::new(&ServerSettings::default(), Callers::Anyone, &[METHODS], refusals)
}

fn of(content_type: &'static str) -> Option<Protocol> {
    Protocol::of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]))
}

#[test]
fn the_content_type_alone_decides_on_the_protocol() {
    for grpc in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
        assert_eq!(of(grpc), Some(Protocol::Grpc), "{grpc}");
    }
    for web in ["application/grpc-web", "application/grpc-web-text+proto"] {
        assert_eq!(of(web), Some(Protocol::GrpcWeb), "{web}");
    }
    for other in ["", "application/grpcish", "application/grpc-web+json", "text/plain", "APPLICATION/GRPC"] {
        assert_eq!(of(other), None, "{other}");
    }
    assert_eq!(Protocol::of(&HeaderMap::new()), None);
}

#[tokio::test]
async fn a_request_that_is_no_call_is_counted_by_its_cause_and_never_reaches_a_method() {
    let metrics = Metrics::default();
    let inner = tower::service_fn(|request: Request<Body>| -> Ready<Result<Response<Body>, Infallible>> {
        panic!("{} was called", request.uri())
    });
    let service = protocols(&metrics).layer(inner);
    let json = ("content-type", "application/json");
    let stream = ("content-type", "application/connect+json");
    let long = "x".repeat(17_000);
    for (cause, method, path, headers) in [
        ("host", "POST", READS, &[json, ("host", "evil.example")][..]),
        ("host", "POST", READS, &[json, ("host", "localhost"), ("host", "localhost")]),
        ("origin", "POST", READS, &[json, ("host", "localhost"), ("origin", "https://evil.example")]),
        ("path", "POST", "/cra.v1.StatisticsService/Nothing", &[json, ("host", "localhost")]),
        ("path", "GET", "/", &[("host", "localhost")]),
        ("path", "GET", "/v1/export/nothing.csv", &[("host", "localhost")]),
        ("method", "PUT", READS, &[json, ("host", "localhost")]),
        ("method", "GET", FOLLOWS, &[("host", "localhost")]),
        ("method", "POST", "/v1/export/cras.csv", &[("host", "localhost")]),
        ("method", "DELETE", "/openapi.json", &[("host", "localhost")]),
        ("content_type", "POST", READS, &[("content-type", "text/plain"), ("host", "localhost")]),
        ("content_type", "POST", READS, &[("host", "localhost")]),
        ("content_type", "POST", READS, &[stream, ("host", "localhost")]),
        ("protocol", "POST", READS, &[("content-type", "application/grpc"), ("host", "localhost")]),
        ("protocol", "POST", SUBMITS, &[stream, ("host", "localhost")]),
        ("protocol", "POST", SUBMITS, &[("content-type", "application/grpc-web"), ("host", "localhost")]),
        ("headers", "POST", READS, &[json, ("host", "localhost"), ("x-more", &long)]),
        ("headers", "POST", FOLLOWS, &[stream, ("host", "localhost"), ("x-more", &long)]),
        ("malformed", "POST", READS, &[json, ("host", "localhost"), ("connect-timeout-ms", "soon")]),
        ("malformed", "POST", FOLLOWS, &[stream, ("host", "localhost"), ("connect-timeout-ms", "-1")]),
        ("malformed", "POST", READS, &[json, ("host", "localhost"), ("connect-protocol-version", "2")]),
        ("malformed", "GET", "/cra.v1.StatisticsService/GetStatistics?x=1", &[("host", "localhost")]),
    ] {
        let series = format!("cra_requests_refused_total{{cause=\"{cause}\"}} ");
        let count = || {
            let text = metrics.text().unwrap();
            let value = text.lines().find_map(|line| line.strip_prefix(&series)).unwrap();
            value.parse::<u32>().unwrap()
        };
        let before = count();
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = service.clone().call(request.body(Body::empty()).unwrap()).await.unwrap();
        let is_stream = headers.contains(&stream) && matches!(cause, "headers" | "malformed");
        let is_grpc = headers.iter().any(|(_, value)| *value == "application/grpc-web");
        assert_eq!(answer.status() == StatusCode::OK, is_stream || is_grpc, "{method} {path} {headers:?}");
        assert_eq!(count(), before + 1, "{cause}: {method} {path} {headers:?}");
    }
    let causes = metrics.text().unwrap();
    assert_eq!(causes.matches("cra_requests_refused_total{").count(), 8, "callers create no label");
}

/// Set when the work of a call is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_beyond_its_callers_time_limit_ends_as_deadline_exceeded_and_its_work_is_dropped() {
    let is_dropped = Arc::<AtomicBool>::default();
    let work = Arc::clone(&is_dropped);
    let inner = tower::service_fn(move |_: Request<Body>| {
        let work = Dropped(Arc::clone(&work));
        async move {
            let _work = work;
            std::future::pending::<Result<Response<Body>, Infallible>>().await
        }
    });
    let rpcs = Rpcs::new(&Metrics::default(), &[]).unwrap();
    let answered = DeadlineLayer { within: Duration::from_secs(30), rpcs }.layer(inner);
    let service = protocols(&Metrics::default()).layer(answered);
    for (path, content_type, expected) in [
        (READS, "application/json", StatusCode::GATEWAY_TIMEOUT),
        (READS, "application/proto", StatusCode::GATEWAY_TIMEOUT),
        (FOLLOWS, "application/connect+json", StatusCode::OK),
    ] {
        is_dropped.store(false, Ordering::Relaxed);
        let request = Request::post(path)
            .header("host", "localhost")
            .header(CONTENT_TYPE, content_type)
            .header("connect-timeout-ms", "1500")
            .body(Body::empty())
            .unwrap();
        let began = tokio::time::Instant::now();
        let answer = service.clone().call(request).await.unwrap();
        assert_eq!(answer.status(), expected, "{path} {content_type}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("\"code\":\"deadline_exceeded\"") && text.contains("TIMED_OUT"), "{text}");
        assert_eq!(began.elapsed(), Duration::from_millis(1_500));
        assert!(is_dropped.load(Ordering::Relaxed), "{path}: the work continues");
    }
}
