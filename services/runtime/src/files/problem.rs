//! Refusals in plain HTTP: `application/problem+json` (RFC 9457), with what the status of the call says: its code, its
//! reason, every violation, and every `google.rpc` detail in JSON.

use http_body_util::Full;
use serde_json::{Value, json};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use tonic::codegen::http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::refusals::{Cause, mark};
use crate::rejection::http::{details_of, headers_of, http_status, type_url};
use crate::rejection::{HEADERS_TOO_LARGE, code_name, reason_of, violations_of};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A refusal on its way to the caller.
pub(super) struct Problem {
    http: StatusCode,
    status: Status,
    headers: HeaderMap,
    /// Of a request that is no call.
    cause: Option<Cause>,
}

impl Problem {
    /// The refusal of a request that is no call.
    pub(super) fn new(cause: Cause, http: StatusCode, status: Status) -> Self {
        Self { http, status, headers: HeaderMap::new(), cause: Some(cause) }
    }

    /// The refusal of a call, which is counted and audited as such.
    pub(super) fn of(status: Status) -> Self {
        let http = if reason_of(&status).as_deref() == Some(HEADERS_TOO_LARGE.reason) {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        } else {
            http_status(status.code())
        };
        Self { http, headers: headers_of(&status), status, cause: None }
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn into_response(self) -> Response<Body> {
        self.into_response_naming(str::to_owned)
    }

    /// The answer, with the parameter of each violation's field.
    pub(super) fn into_response_naming(self, parameter_of: impl Fn(&str) -> String) -> Response<Body> {
        let Self { http, status, headers, cause } = self;
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
            "details": details_in_json(&status),
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
        if let Some(cause) = cause {
            mark(&mut response, cause, status.code());
        }
        response
    }
}

/// Every detail as `google.protobuf.Any` has it in JSON; one of an unknown type is left out.
fn details_in_json(status: &Status) -> Vec<Value> {
    let written = details_of(status).into_iter().filter_map(|mut detail| {
        let mut value = detail.json.take()?;
        value.as_object_mut()?.insert("@type".to_owned(), type_url(&detail).into());
        Some(value)
    });
    written.collect()
}
