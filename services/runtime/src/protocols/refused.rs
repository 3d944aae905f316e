//! Answers to requests that speak no protocol of the service: an HTTP status, and in JSON why.

use serde_json::json;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::{ALLOW, CONTENT_TYPE, HeaderName};
use tonic::codegen::http::{HeaderValue, Request, Response, StatusCode};

use crate::rejection::{code_name, not_served};

/// Content types that are read.
const READ: &str = "application/grpc, application/grpc-web, application/grpc-web+proto, application/grpc-web-text, \
                    application/grpc-web-text+proto";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// A refusal before a protocol is known.
pub(super) struct Refused {
    http: StatusCode,
    status: Status,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refused {
    pub(super) fn new(http: StatusCode, status: Status) -> Self {
        Self { http, status, header: None }
    }

    pub(super) fn grpc_over_http_1() -> Self {
        let message = "gRPC needs HTTP/2; use it, or gRPC-Web over HTTP/1.1";
        Self::new(StatusCode::HTTP_VERSION_NOT_SUPPORTED, Status::unimplemented(message))
    }

    /// A request for a method that is served or not, in no protocol.
    pub(super) fn of_no_protocol(request: &Request<Body>, is_served: bool) -> Self {
        if !is_served {
            return Self::new(StatusCode::NOT_FOUND, not_served(request.uri().path()));
        }
        if request.method() != "POST" {
            let message = "methods are called by POST";
            return Self {
                header: Some((ALLOW, HeaderValue::from_static("POST"))),
                ..Self::new(StatusCode::METHOD_NOT_ALLOWED, Status::unimplemented(message))
            };
        }
        let message = format!("the content type is none that is read; expected one of {READ}");
        Self {
            header: Some((ACCEPT_POST, HeaderValue::from_static(READ))),
            ..Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Status::unimplemented(message))
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let code = code_name(self.status.code()).to_ascii_lowercase();
        let text = json!({"code": code, "message": self.status.message()}).to_string();
        let mut response = Response::new(Body::new(http_body_util::Full::new(text.into())));
        *response.status_mut() = self.http;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().extend(self.header);
        response
    }
}
