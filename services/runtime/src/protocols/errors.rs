//! Errors as Connect writes them: in JSON, with every detail of the status, under the HTTP status that belongs to the code.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use cra_contracts::json;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use serde_json::{Map, Value, json};
use tonic::codegen::http::StatusCode;
use tonic::{Code, Status};

/// What goes before the name of a detail's message.
const TYPE_PREFIX: &str = "type.googleapis.com/";

/// The messages of `google.rpc`; made by the build of their crate. Without them details are written without `debug`.
static DETAILS: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET).ok());

/// The name of a code, as Connect writes it.
pub(super) fn code_name(code: Code) -> String {
    match code {
        // Connect's own spelling.
        Code::Cancelled => "canceled".to_owned(),
        code => crate::rejection::code_name(code).to_ascii_lowercase(),
    }
}

/// The HTTP status of an answer to a single call that ends with a code.
pub(super) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A status as the value of Connect's `error`.
pub(super) fn in_json(status: &Status) -> Value {
    let mut error = Map::from_iter([("code".to_owned(), code_name(status.code()).into())]);
    if !status.message().is_empty() {
        error.insert("message".to_owned(), status.message().into());
    }
    // What is no status there says nothing.
    let details = tonic_types::pb::Status::decode(status.details()).unwrap_or_default().details;
    if !details.is_empty() {
        error.insert("details".to_owned(), details.iter().map(detail).collect());
    }
    Value::Object(error)
}

fn detail(detail: &Any) -> Value {
    let name = detail.type_url.strip_prefix(TYPE_PREFIX).unwrap_or(&detail.type_url);
    let mut written = json!({"type": name, "value": STANDARD_NO_PAD.encode(&detail.value)});
    let message = DETAILS.as_ref().and_then(|details| details.get_message_by_name(name));
    let decoded = message.and_then(|message| DynamicMessage::decode(message, detail.value.as_slice()).ok());
    let debug = decoded.and_then(|mut message| serde_json::from_slice(&json::write(&mut message)).ok());
    if let Some(debug) = debug {
        written["debug"] = debug;
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::{BUSY, Rejection, Violation, invalid_argument};

    #[test]
    fn a_refusal_has_its_code_its_message_and_every_detail_to_decode_and_to_read() {
        let status: Status = Rejection::new(BUSY, "try again later").with("limit", "3").into();
        let error = in_json(&status);
        assert_eq!(
            (&error["code"], &error["message"]),
            (&"resource_exhausted".into(), &"try again later".into())
        );
        let details = error["details"].as_array().unwrap();
        let types: Vec<_> = details.iter().map(|detail| detail["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]);
        let expected = json!({"reason": "BUSY", "domain": "cra.v1", "metadata": {"limit": "3"}});
        assert_eq!(details[0]["debug"], expected);
        assert_eq!(details[1]["debug"], json!({"retryDelay": "1s"}));
        assert!(!details[0]["value"].as_str().unwrap().contains('='));
    }

    #[test]
    fn violations_are_written_with_their_french_messages() {
        let status = invalid_argument(vec![Violation {
            field: "cra.ages".to_owned(),
            reason: "R".into(),
            description: "d".to_owned(),
            localized_message: "m".to_owned(),
        }]);
        let violation = &in_json(&status)["details"][1]["debug"]["fieldViolations"][0];
        assert_eq!(violation["localizedMessage"], json!({"locale": "fr", "message": "m"}));
    }

    #[test]
    fn every_code_has_connects_name_and_http_status() {
        let expected = [
            (Code::Cancelled, "canceled", 499),
            (Code::Unknown, "unknown", 500),
            (Code::InvalidArgument, "invalid_argument", 400),
            (Code::DeadlineExceeded, "deadline_exceeded", 504),
            (Code::NotFound, "not_found", 404),
            (Code::AlreadyExists, "already_exists", 409),
            (Code::PermissionDenied, "permission_denied", 403),
            (Code::ResourceExhausted, "resource_exhausted", 429),
            (Code::FailedPrecondition, "failed_precondition", 400),
            (Code::Aborted, "aborted", 409),
            (Code::OutOfRange, "out_of_range", 400),
            (Code::Unimplemented, "unimplemented", 501),
            (Code::Internal, "internal", 500),
            (Code::Unavailable, "unavailable", 503),
            (Code::DataLoss, "data_loss", 500),
            (Code::Unauthenticated, "unauthenticated", 401),
        ];
        for (code, name, http) in expected {
            assert_eq!((code_name(code).as_str(), http_status(code).as_u16()), (name, http));
        }
    }
}
