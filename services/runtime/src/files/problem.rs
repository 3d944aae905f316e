//! Refusals in plain HTTP: `application/problem+json` (RFC 9457), with what the status of the call says: its code, its
//! reason, every violation, and every `google.rpc` detail in JSON.

use std::sync::LazyLock;

use http_body_util::Full;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use tonic::body::Body;
use tonic::codegen::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use tonic::codegen::http::{HeaderValue, Response, StatusCode};
use tonic::{Code, Status};
use tonic_types::pb;

use crate::rejection::{
    HEADERS_TOO_LARGE, SCOPE_MISSING, code_name, fact_of, reason_of, retry_delay_of, violations_of,
};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Descriptors of the details; without them a problem has none.
static DETAILS: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap_or_default());

/// A refusal on its way to the caller.
pub(super) struct Problem {
    http: StatusCode,
    status: Status,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A refusal before there is a call.
    pub(super) fn new(http: StatusCode, status: Status) -> Self {
        Self { http, status, headers: Vec::new() }
    }

    /// The refusal of a call.
    pub(super) fn of(status: Status) -> Self {
        let reason = reason_of(&status);
        let http = if reason.as_deref() == Some(HEADERS_TOO_LARGE.reason) {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        } else {
            http_status(status.code())
        };
        let mut headers = Vec::new();
        if let Some(delay) = retry_delay_of(&status) {
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        headers.extend(challenge(&status, reason.as_deref()).map(|value| (WWW_AUTHENTICATE, value)));
        Self { http, status, headers }
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        self.into_response_naming(str::to_owned)
    }

    /// The answer, with the parameter of each violation's field.
    pub(super) fn into_response_naming(self, parameter_of: impl Fn(&str) -> String) -> Response<Body> {
        let Self { http, status, headers } = self;
        let violations: Vec<Value> = violations_of(&status)
            .into_iter()
            .map(|violation| {
                json!({
                    "parameter": parameter_of(&violation.field),
                    "field": violation.field,
                    "reason": violation.reason,
                    "description": violation.description,
                    "localizedMessage": violation.localized_message,
                })
            })
            .collect();
        let mut problem = json!({
            "type": "about:blank",
            "title": http.canonical_reason().unwrap_or("Refused"),
            "status": http.as_u16(),
            "detail": status.message(),
            "code": code_name(status.code()),
            "details": details_of(&status),
        });
        if let Some(reason) = reason_of(&status) {
            problem["reason"] = reason.into();
        }
        if !violations.is_empty() {
            problem["violations"] = violations.into();
        }
        let mut response = Response::new(Body::new(Full::new(problem.to_string().into())));
        *response.status_mut() = http;
        let own = response.headers_mut();
        own.insert(CONTENT_TYPE, MEDIA_TYPE);
        own.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        own.extend(headers);
        response
    }
}

/// What is wrong with the token (RFC 6750, 3).
fn challenge(status: &Status, reason: Option<&str>) -> Option<HeaderValue> {
    match (status.code(), reason) {
        (Code::Unauthenticated, Some("TOKEN_REQUIRED")) => Some(HeaderValue::from_static("Bearer")),
        (Code::Unauthenticated, _) => Some(HeaderValue::from_static("Bearer error=\"invalid_token\"")),
        (Code::PermissionDenied, Some(reason)) if reason == SCOPE_MISSING.reason => {
            let scope = fact_of(status, "scope").unwrap_or_default();
            HeaderValue::try_from(format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"")).ok()
        }
        _ => None,
    }
}

/// Every detail in JSON, as `google.protobuf.Any` has it; one of an unknown type is left out.
fn details_of(status: &Status) -> Vec<Value> {
    let details = pb::Status::decode(status.details()).unwrap_or_default().details;
    let written = details.into_iter().filter_map(|detail| {
        let name = detail.type_url.rsplit('/').next()?;
        let descriptor = DETAILS.get_message_by_name(name)?;
        let message = DynamicMessage::decode(descriptor, detail.value.as_slice()).ok()?;
        let mut value = serde_json::to_value(&message).ok()?;
        value.as_object_mut()?.insert("@type".to_owned(), detail.type_url.into());
        Some(value)
    });
    written.collect()
}

/// The HTTP status of a code, as the Connect protocol maps them.
fn http_status(code: Code) -> StatusCode {
    let number = match code {
        Code::Ok => 200,
        Code::Cancelled => 499,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
