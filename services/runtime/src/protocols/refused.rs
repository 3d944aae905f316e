//! Answers to requests that are refused before they have an answer, or without one: an HTTP status, and in JSON why.

use bytes::Bytes;
use http_body_util::Full;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use tonic::codegen::http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::errors;
use crate::refusals::{Cause, mark};
use crate::rejection::http::{headers_of, http_status};
use crate::rejection::not_served;

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

pub(super) struct Refused {
    http: StatusCode,
    status: Status,
    headers: HeaderMap,
    /// Of a request that is no call.
    cause: Option<Cause>,
}

impl Refused {
    /// The refusal of a request that is no call.
    pub(super) fn new(cause: Cause, http: StatusCode, status: Status) -> Self {
        Self { http, status, headers: HeaderMap::new(), cause: Some(cause) }
    }

    /// The refusal of a request that is no call, under the HTTP status of its code.
    pub(super) fn before_call(cause: Cause, status: Status) -> Self {
        Self { cause: Some(cause), ..Self::of_call(status) }
    }

    /// The refusal of a call, which is counted and audited as such.
    pub(super) fn of_call(status: Status) -> Self {
        Self { http: http_status(status.code()), status, headers: HeaderMap::new(), cause: None }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(super) fn grpc_over_http_1() -> Self {
        let message = "gRPC needs HTTP/2; use it, or Connect or gRPC-Web over HTTP/1.1";
        let status = Status::unimplemented(message);
        Self::new(Cause::Protocol, StatusCode::HTTP_VERSION_NOT_SUPPORTED, status)
    }

    pub(super) fn not_served(path: &str) -> Self {
        Self::new(Cause::Path, StatusCode::NOT_FOUND, not_served(path))
    }

    /// Another HTTP method than those of `allow`.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("the HTTP method is none by which this is called; expected {allow}");
        let status = Status::unimplemented(message);
        Self::new(Cause::Method, StatusCode::METHOD_NOT_ALLOWED, status).with(ALLOW, allow)
    }

    /// Another content type than those of `accept`.
    pub(super) fn media_type(accept: &'static str) -> Self {
        let message = format!("the content type is none that this method reads; expected one of {accept}");
        let status = Status::unimplemented(message);
        let refused = Self::new(Cause::ContentType, StatusCode::UNSUPPORTED_MEDIA_TYPE, status);
        refused.with(ACCEPT_POST, accept)
    }

    /// Under these headers of the answer that was refused, too.
    pub(super) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Turns the refusal into an answer of a protocol that has its own form for it.
    pub(super) fn into_answer(self, written: impl FnOnce(&Status) -> Response<Body>) -> Response<Body> {
        let mut response = written(&self.status);
        if let Some(cause) = self.cause {
            mark(&mut response, cause, self.status.code());
        }
        response
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let (http, more) = (self.http, self.headers.clone());
        self.into_answer(|status| {
            let text = errors::in_json(status).to_string();
            let mut response = Response::new(Body::new(Full::new(Bytes::from(text))));
            *response.status_mut() = http;
            let headers = response.headers_mut();
            headers.extend(more);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            headers.extend(headers_of(status));
            response
        })
    }
}
