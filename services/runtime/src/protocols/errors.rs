//! Errors as Connect writes them: in JSON, with every detail of the status.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value, json};
use tonic::{Code, Status};

use crate::rejection::http::{Detail, details_of};

/// The name of a code, as Connect writes it.
fn code_name(code: Code) -> String {
    match code {
        // Connect's own spelling.
        Code::Cancelled => "canceled".to_owned(),
        code => crate::rejection::code_name(code).to_ascii_lowercase(),
    }
}

/// A status as the value of Connect's `error`.
pub(super) fn in_json(status: &Status) -> Value {
    let mut error = Map::from_iter([("code".to_owned(), code_name(status.code()).into())]);
    if !status.message().is_empty() {
        error.insert("message".to_owned(), status.message().into());
    }
    let details: Vec<Value> = details_of(status).into_iter().map(detail).collect();
    if !details.is_empty() {
        error.insert("details".to_owned(), details.into());
    }
    Value::Object(error)
}

fn detail(detail: Detail) -> Value {
    let mut written = json!({"type": detail.name, "value": STANDARD_NO_PAD.encode(&detail.value)});
    if let Some(debug) = detail.json {
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
    fn every_code_has_connects_name() {
        let names = [
            "ok",
            "canceled",
            "unknown",
            "invalid_argument",
            "deadline_exceeded",
            "not_found",
            "already_exists",
            "permission_denied",
            "resource_exhausted",
            "failed_precondition",
            "aborted",
            "out_of_range",
            "unimplemented",
            "internal",
            "unavailable",
            "data_loss",
            "unauthenticated",
        ];
        for (number, name) in names.into_iter().enumerate() {
            assert_eq!(code_name(Code::from_i32(i32::try_from(number).unwrap())), name);
        }
    }
}
