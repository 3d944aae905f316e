//! Content of an item of a file: a submission of today's form, or a document of an older form. Does not check the rules
//! of the form. The bytes of a document are retained unchanged.

use std::fmt;

use cra_contracts::{json, v1};
use cra_domain::cra::{DocumentFault, Fault};
use cra_domain::{legacy, vocabulary};
use serde_json::Value;

/// Error for a text that is not a JSON object.
const NO_OBJECT: &str = "expected a JSON object";
/// Error for a document of the older system without a valid id.
const LEGACY_ID: &str = "expected the document's id in `_id`: a text, {\"$oid\": text} or a reference";

/// Error for a document of the older system where a CRA of today's form is expected.
pub const OLDER_DOCUMENT: &str = "a document of the older system: record it with `cra import`";
/// Fields that a CRA read from the service has in addition to those that are sent.
const RECORD_KEYS: [&str; 6] =
    ["recordedAt", "recorded_at", "revision", "legacyFormVersion", "legacy_form_version", "correctedAt"];

/// Request that an item of a file makes to the service.
#[derive(Clone, Debug, PartialEq)]
pub enum Recordable {
    /// A CRA of today's form.
    Submission(Box<v1::SubmitCraRequest>),
    /// A CRA of an older form, as an export writes it. It cannot be recorded from the export, because its document is
    /// missing.
    OlderForm {
        /// Id of the CRA.
        cra_id: String,
        /// Version of the form that it was written with.
        form_version: u32,
    },
}

/// Reads a submission from its JSON form.
pub fn submission(text: &str) -> Result<v1::SubmitCraRequest, String> {
    json::parse_with(text, vocabulary::meant).map_err(|error| problem(text, &error))
}

/// Reads a submission, or a CRA as `cra export` and `cra list` write it.
pub fn recordable(text: &str) -> Result<Recordable, String> {
    let refused = match submission(text) {
        Ok(submission) => return Ok(Recordable::Submission(Box::new(submission))),
        Err(problem) => problem,
    };
    let Ok(Value::Object(object)) = serde_json::from_str(text) else { return Err(refused) };
    if object.contains_key("_id") {
        return Err(OLDER_DOCUMENT.to_owned());
    }
    if !RECORD_KEYS.iter().any(|key| object.contains_key(*key)) {
        return Err(refused);
    }
    let record: v1::CraRecord =
        json::parse_with(text, vocabulary::meant).map_err(|error| problem(text, &error))?;
    let v1::CraRecord { cra_id, cra, legacy_form_version: form_version, .. } = record;
    Ok(match form_version {
        0 => Recordable::Submission(Box::new(v1::SubmitCraRequest { cra_id, cra, validate_only: false })),
        _ => Recordable::OlderForm { cra_id, form_version },
    })
}

/// A document of an older form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Value of `_id`. The service derives the CRA's id from it.
    pub legacy_id: String,
    /// Text of the document as it is in the file. The log keeps it byte for byte.
    pub text: String,
}

/// Finds the id of a document. The other fields are not examined.
pub fn document(text: &str) -> Result<Document, String> {
    if !text.starts_with('{') {
        return Err(NO_OBJECT.to_owned());
    }
    let parsed = legacy::Document::parse(text.as_bytes()).map_err(|violation| match violation.fault {
        Fault::Document(DocumentFault::Invalid(found)) => problem(text, &found),
        fault => fault.description(),
    })?;
    let legacy_id = parsed.legacy_id().ok_or(LEGACY_ID)?.to_owned();
    Ok(Document { legacy_id, text: text.to_owned() })
}

/// The report shows the line of the file next to this text: "line 1" of the item would mislead.
fn problem(text: &str, error: &impl fmt::Display) -> String {
    let problem = error.to_string();
    if text.contains('\n') {
        problem.replace(" at line ", ", at line ").replace(" column ", " of the item, column ")
    } else {
        problem.replace(" at line 1 column ", ", at column ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cra_as_an_export_writes_it_is_a_submission_unless_it_is_of_an_older_form() {
        let exported =
            r#"{"craId":"a","revision":"2","cra":{"advisorId":"x"},"recordedAt":"2026-10-01T00:00:00Z"}"#;
        let Ok(Recordable::Submission(request)) = recordable(exported) else { panic!("{exported}") };
        assert_eq!((request.cra_id.as_str(), request.cra.unwrap().advisor_id.as_str()), ("a", "x"));
        let older = r#"{"craId":"a","revision":"1","cra":{},"legacyFormVersion":2}"#;
        let expected = Recordable::OlderForm { cra_id: "a".into(), form_version: 2 };
        assert_eq!(recordable(older), Ok(expected));
        assert_eq!(recordable(r#"{"_id":"a","cra":{"canal":"distance"}}"#), Err(OLDER_DOCUMENT.to_owned()));
        assert!(recordable(r#"{"craId":"a","advisor":1}"#).unwrap_err().contains("advisor"));
    }

    #[test]
    fn a_document_is_retained_unchanged_and_known_by_its_id() {
        for text in [
            r#"{"_id":"62a9","cra":{}}"#,
            "{ \"cra\" : {\"é\": 1.50},\n \"_id\" : {\"$oid\" : \"62a9\"} }",
            r#"{"_id":"\u0036\u0032a9"}"#,
            r#"{"_id":{"$ref":"cras","$id":{"$oid":"62a9"},"$db":"cnum"}}"#,
        ] {
            assert_eq!(document(text), Ok(Document { legacy_id: "62a9".into(), text: text.into() }));
        }
    }

    #[test]
    fn a_document_without_a_usable_id_is_refused() {
        for text in [r"{}", r#"{"_id":null}"#, r#"{"_id":7}"#, r#"{"_id":""}"#, r#"{"_id":{"oid":"a"}}"#] {
            assert!(document(text).unwrap_err().contains("`_id`"), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_object_is_no_document() {
        for text in ["[\"62a9\"]", "\"62a9\"", "7"] {
            assert_eq!(document(text), Err(NO_OBJECT.to_owned()));
        }
        let broken = document(r#"{"_id":"a""#).unwrap_err();
        assert!(broken.contains(", at column ") && !broken.contains("line"), "{broken}");
    }

    #[test]
    fn in_an_item_over_several_lines_the_line_is_the_items() {
        let broken = document("{\n\"_id\":\n\"a\"\n").unwrap_err();
        assert!(broken.contains(", at line 4 of the item, column "), "{broken}");
    }
}
