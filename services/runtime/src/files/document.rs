//! OpenAPI of the contract at `/openapi.json`: for all, within the bounds of callers without a token.
//!
//! The document is answered behind the admission of calls, as a call is: bytes, and a status in trailers; [`plain`] makes
//! plain HTTP of it.

use std::sync::LazyLock;

use bytes::Bytes;
use cra_contracts::OPENAPI;
use futures::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::{BodyStream, StreamBody};
use tonic::body::Body;
use tonic::codegen::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY, X_CONTENT_TYPE_OPTIONS,
};
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use tonic::{Code, Status};

use super::gzip;
use super::problem::Problem;
use crate::bounded_stream;
use crate::conditional::Conditional;
use crate::identity::access::DOCUMENT;
use crate::layer::{Answering, Answers, CallLayer};

const FRAME_BYTES: usize = 16 * 1_024;

static GZIPPED: LazyLock<Option<Bytes>> = LazyLock::new(|| gzip::whole(OPENAPI.as_bytes()).ok());

/// Answers the document, and leaves all else to the routes.
#[derive(Clone, Copy)]
pub(crate) struct Documented;

impl CallLayer for Documented {
    fn call<S: Answers>(&self, inner: &mut S, request: Request<Body>) -> Answering {
        if request.uri().path() == DOCUMENT {
            let answer = document(request.headers());
            return Box::pin(async { Ok(answer) });
        }
        Box::pin(inner.call(request))
    }
}

fn document(asked: &HeaderMap) -> Response<Body> {
    let conditional = Conditional::of_headers(asked);
    let is_known = conditional.has(&[OPENAPI.as_bytes()]);
    let gzipped = GZIPPED.clone().filter(|_| gzip::is_accepted(asked));
    let is_gzipped = gzipped.is_some();
    let mut bytes = gzipped.unwrap_or(Bytes::from_static(OPENAPI.as_bytes()));
    if is_known {
        bytes.clear();
    }
    let end = bounded_stream::trailers(&Status::new(Code::Ok, ""));
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let next = bytes.split_to(bytes.len().min(FRAME_BYTES));
        frames.push(Ok::<_, Status>(Frame::data(next)));
    }
    frames.push(Ok(Frame::trailers(end)));
    let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(VARY, ACCEPT_ENCODING.into());
    headers.extend(conditional.entity_tag(is_gzipped).map(|tag| (ETAG, tag)));
    if is_gzipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The answer of a call for the document, as plain HTTP.
pub(super) fn plain(answer: Response<Body>, is_head: bool) -> Response<Body> {
    let refused = Status::from_header_map(answer.headers()).filter(|status| status.code() != Code::Ok);
    if let Some(status) = refused {
        return Problem::of(status).into_response();
    }
    let has_body = !is_head && answer.status() == StatusCode::OK;
    answer.map(|body| {
        if !has_body {
            return Body::empty();
        }
        let frames = BodyStream::new(body).filter_map(|frame| async {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => Some(Ok(Frame::data(data))),
                Ok(Err(end)) => {
                    let status = end.trailers_ref().and_then(Status::from_header_map);
                    status.filter(|status| status.code() != Code::Ok).map(Err)
                }
                Err(status) => Some(Err(status)),
            }
        });
        Body::new(StreamBody::new(Box::pin(frames)))
    })
}
