//! Answers to requests that are refused before, or without, an answer of their own: an HTTP status, and in JSON why.

use bytes::Bytes;
use http_body_util::Full;
use tonic::body::Body;
use tonic::codegen::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
};
use tonic::codegen::http::{HeaderMap, HeaderValue, Response, StatusCode};
use tonic::{Code, Status};

use super::errors;
use crate::rejection::{not_served, retry_delay_of};

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// A refusal over HTTP.
pub(super) struct Refused {
    http: StatusCode,
    status: Status,
    headers: HeaderMap,
}

impl Refused {
    pub(super) fn new(http: StatusCode, status: Status) -> Self {
        Self { http, status, headers: HeaderMap::new() }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    pub(super) fn grpc_over_http_1() -> Self {
        let message = "gRPC needs HTTP/2; use it, or Connect or gRPC-Web over HTTP/1.1";
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, Status::unimplemented(message))
    }

    /// A path that nothing serves.
    pub(super) fn not_served(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, not_served(path))
    }

    /// Another HTTP method than those of `allow`.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("the HTTP method is none by which this is called; expected {allow}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Status::unimplemented(message)).with(ALLOW, allow)
    }

    /// Another content type than those of `accept`.
    pub(super) fn media_type(accept: &'static str) -> Self {
        let message = format!("the content type is none that this method reads; expected one of {accept}");
        let refused = Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Status::unimplemented(message));
        refused.with(ACCEPT_POST, accept)
    }

    /// Under these headers of the answer that was refused, too.
    pub(super) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Where the protocol has a way of its own to say it.
    pub(super) fn into_status(self) -> Status {
        self.status
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let text = errors::in_json(&self.status).to_string();
        let mut response = Response::new(Body::new(Full::new(Bytes::from(text))));
        *response.status_mut() = self.http;
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status.code() == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = retry_delay_of(&self.status) {
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Under the HTTP status of its code.
impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self::new(errors::http_status(status.code()), status)
    }
}
