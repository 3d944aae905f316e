use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, Bytes, BytesMut};
use cra_contracts::v1::export_response::Part;
use cra_contracts::v1::{ExportHeader, ExportRequest, ExportResponse};
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use serde_json::Value;
use tonic::codegen::http::Response;
use tonic::codegen::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};

use super::*;
use crate::bounded_stream;
use crate::rejection::{BUSY, Rejection};

const METHODS: &[access::Method] = &[access::Method {
    path: EXPORT,
    needs: access::Needs::Nothing,
    shape: access::Shape::Answers,
    one_by_one: None,
}];

fn framed(part: Part) -> Bytes {
    let message = ExportResponse { part: Some(part) }.encode_to_vec();
    let mut bytes = BytesMut::new();
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put_slice(&message);
    bytes.freeze()
}

/// A file of this content, in frames of so many bytes, that ends with a status.
fn export_of(content: &'static [u8], frame_bytes: usize, end: &Status) -> Response<Body> {
    let header =
        ExportHeader { file_name: "a.csv".into(), media_type: "text/csv".into(), ..ExportHeader::default() };
    let mut bytes = BytesMut::from(&framed(Part::Header(header))[..]);
    content.chunks(5).for_each(|chunk| bytes.extend_from_slice(&framed(Part::Chunk(chunk.into()))));
    let mut frames: Vec<_> = bytes
        .chunks(frame_bytes)
        .map(|part| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(part))))
        .collect();
    frames.push(Ok(Frame::trailers(bounded_stream::trailers(end))));
    Response::new(Body::new(StreamBody::new(stream::iter(frames))))
}

type Captured = Arc<Mutex<Option<(Parts, Result<ExportRequest, Status>)>>>;

/// Asks a process that answers each call so; also what it was called with.
async fn asked(
    request: Request<Body>,
    answer: impl Fn(&Conditional) -> Response<Body> + Clone + Send + Sync + 'static,
) -> (Response<Body>, Captured) {
    let seen = Captured::default();
    let seen_inside = Arc::clone(&seen);
    let mut inner = tower::service_fn(move |request: Request<Body>| {
        let (seen, answer) = (Arc::clone(&seen_inside), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let conditional = parts.extensions.get::<Conditional>().cloned().unwrap_or_default();
            let message =
                body.collect().await.map(|body| ExportRequest::decode(&body.to_bytes()[5..]).unwrap());
            let refused = message.as_ref().err().cloned();
            *seen.lock().unwrap() = Some((parts, message));
            Ok::<_, Infallible>(refused.map_or_else(|| answer(&conditional), Status::into_http))
        }
    });
    let asked = Files::of(&[METHODS]).request_at(&request).unwrap();
    (asked.answer(&mut inner, request).await.unwrap(), seen)
}

fn get(address: &str) -> Request<Body> {
    Request::get(address).body(Body::empty()).unwrap()
}

async fn problem(response: Response<Body>) -> Value {
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn a_file_is_the_chunks_of_its_export_wherever_their_messages_are_cut() {
    for frame_bytes in [1, 3, 7, 1_000] {
        let request = get("http://host/v1/export/statistics.csv?department=35&from=2026-10-01");
        let (response, seen) =
            asked(request, move |_| export_of(b"one;two;three", frame_bytes, &Status::new(Code::Ok, "")))
                .await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"a.csv\"");
        assert_eq!(response.headers()[CONTENT_TYPE], "text/csv");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), &b"one;two;three"[..]);
        let (parts, message) = seen.lock().unwrap().take().unwrap();
        assert_eq!((parts.method, parts.uri.path()), (Method::POST, EXPORT));
        let message = message.unwrap();
        assert_eq!((message.content, message.format), (1, 1));
        assert_eq!(message.selection.unwrap().department_codes, ["35"]);
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_is_an_error_of_its_body() {
    for gzip in [false, true] {
        let mut request = get("http://host/v1/export/cras.csv");
        if gzip {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let (response, _) = asked(request, |_| export_of(b"one;two", 9, &Status::aborted("stalled"))).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers().contains_key("content-encoding"), gzip);
        assert_eq!(response.into_body().collect().await.unwrap_err().code(), Code::Aborted);
    }
}

#[tokio::test]
async fn head_has_the_headers_of_the_file_and_no_body() {
    let request = Request::head("http://host/v1/export/cras.csv").body(Body::empty()).unwrap();
    let (response, _) = asked(request, |_| export_of(b"one", 9, &Status::new(Code::Ok, ""))).await;
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"a.csv\"");
    assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_file_that_the_caller_has_is_not_sent_again() {
    let export = |conditional: &Conditional| {
        if conditional.has(&[b"log"]) {
            return Status::new(Code::Ok, "").into_http();
        }
        export_of(b"one", 9, &Status::new(Code::Ok, ""))
    };
    let (first, _) = asked(get("http://host/v1/export/cras.csv"), export).await;
    let tag = first.headers()["etag"].clone();
    let mut again = get("http://host/v1/export/cras.csv");
    again.headers_mut().insert(IF_NONE_MATCH, tag.clone());
    let (second, _) = asked(again, export).await;
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(second.headers()["etag"], tag);
    assert_eq!(second.headers()["cache-control"], "private, no-cache");
    assert!(second.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_its_parameters_reasons_and_details() {
    let busy: Status = Rejection::new(BUSY, "too many").in_french("Réessayez.").into();
    let (response, _) = asked(get("http://host/v1/export/cras.csv"), move |_| busy.clone().into_http()).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    let found = problem(response).await;
    assert_eq!((&found["reason"], &found["code"]), (&"BUSY".into(), &"RESOURCE_EXHAUSTED".into()));
    let types: Vec<_> =
        found["details"].as_array().unwrap().iter().map(|it| it["@type"].as_str().unwrap()).collect();
    assert!(types.contains(&"type.googleapis.com/google.rpc.LocalizedMessage"), "{found}");

    let (response, _) =
        asked(get("http://host/v1/export/cras.csv?departement=35"), |_| unreachable!("refused before")).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let found = problem(response).await;
    let violation = &found["violations"][0];
    assert_eq!(violation["parameter"], "departement");
    assert_eq!(violation["reason"], "PARAMETER_UNKNOWN");
    assert!(violation["localizedMessage"].as_str().unwrap().contains("departement"), "{violation}");
}

#[tokio::test]
async fn what_is_no_request_for_a_file_is_refused_before_a_call() {
    let with = |method: Method, address: &str, version: Version| {
        let request = Request::builder().method(method).uri(address).version(version);
        request.body(Body::empty()).unwrap()
    };
    let file = "http://host/v1/export/cras.csv";
    let cases = [
        (with(Method::POST, file, Version::HTTP_2), StatusCode::METHOD_NOT_ALLOWED),
        (with(Method::DELETE, file, Version::HTTP_11), StatusCode::METHOD_NOT_ALLOWED),
        (with(Method::GET, file, Version::HTTP_10), StatusCode::HTTP_VERSION_NOT_SUPPORTED),
        (with(Method::GET, "http://host/v1/export/", Version::HTTP_2), StatusCode::NOT_FOUND),
        (with(Method::GET, "http://host/v1/export/../../etc/passwd", Version::HTTP_2), StatusCode::NOT_FOUND),
        (with(Method::GET, "http://host/v1/export/cras%2ecsv", Version::HTTP_2), StatusCode::NOT_FOUND),
    ];
    for (request, status) in cases {
        let shown = format!("{request:?}");
        let (response, seen) = asked(request, |_| unreachable!("no call")).await;
        assert_eq!(response.status(), status, "{shown}");
        assert!(seen.lock().unwrap().is_none(), "{shown}");
        if status == StatusCode::METHOD_NOT_ALLOWED {
            assert_eq!(response.headers()[ALLOW], "GET, HEAD");
        }
    }
}

#[test]
fn what_is_not_of_plain_http_passes() {
    let call = Request::post("http://host/cra.v1.StatisticsService/GetCra").body(Body::empty()).unwrap();
    assert!(Files::of(&[METHODS]).request_at(&call).is_none());
    // Where exports are not served, neither are files; the description is, everywhere.
    assert!(Files::of(&[]).request_at(&get("http://host/v1/export/cras.csv")).is_none());
    assert!(Files::of(&[]).request_at(&get("http://host/openapi.json")).is_some());
}
