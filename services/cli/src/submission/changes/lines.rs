//! Corrections and withdrawals as lines of JSON, `{"craId", "set": {…} or "cra": {…}, "reason", "expectedRevision"}`, and
//! as rows of a table.

use cra_contracts::json;
use cra_domain::vocabulary;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Change, Content, Kind};
use crate::submission::table::row::Row;

/// What a line may hold. A CRA as exports write it can be edited and sent back: what it says of its life is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    #[serde(alias = "cra_id", alias = "id")]
    cra_id: String,
    #[serde(alias = "expected_revision", alias = "revision")]
    expected_revision: Option<Value>,
    #[serde(default)]
    reason: String,
    set: Option<Map<String, Value>>,
    cra: Option<Value>,
    #[serde(alias = "recorded_at", rename = "recordedAt")]
    _recorded_at: Option<Value>,
    #[serde(alias = "corrected_at", rename = "correctedAt")]
    _corrected_at: Option<Value>,
    #[serde(alias = "legacy_form_version", rename = "legacyFormVersion")]
    _legacy_form_version: Option<Value>,
    #[serde(rename = "forgotten")]
    _forgotten: Option<Value>,
}

fn line(text: &str) -> Result<Line, String> {
    json::refuse_repeated(text).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

pub(crate) fn correction(text: &str) -> Result<Change, String> {
    let line = line(text)?;
    let content = match (&line.set, &line.cra) {
        (Some(set), None) => Content::Patch(set.clone()),
        (None, Some(cra)) => {
            let cra =
                json::from_value_with(cra, vocabulary::meant).map_err(|error| format!("cra: {error}"))?;
            Content::Whole(Box::new(cra))
        }
        (Some(_), Some(_)) => return Err("expected `set` or `cra`, found both".to_owned()),
        (None, None) => {
            return Err("expected `set`, the fields to change, or `cra`, the whole content".to_owned());
        }
    };
    line.change(Kind::Correct(content))
}

pub(crate) fn withdrawal(text: &str) -> Result<Change, String> {
    let line = line(text)?;
    if line.set.is_some() {
        return Err("a withdrawal changes no field: expected no `set`".to_owned());
    }
    line.change(Kind::Withdraw)
}

/// A row of an export that was edited, as a correction of the revision that it shows.
pub(crate) fn correction_of(row: Row) -> Result<Change, String> {
    if row.form_version > 0 {
        return Err(
            "a table cannot say all of a CRA of an older form: correct it with `cra correct ID --set …`"
                .to_owned(),
        );
    }
    let kind = Kind::Correct(Content::Whole(Box::new(row.cra)));
    changed(row.cra_id, row.revision, row.reason, kind)
}

/// A row with an id, and perhaps a reason and a revision.
pub(crate) fn withdrawal_of(row: Row) -> Result<Change, String> {
    changed(row.cra_id, row.revision, row.reason, Kind::Withdraw)
}

fn changed(
    cra_id: String,
    expected_revision: Option<u64>,
    reason: String,
    kind: Kind,
) -> Result<Change, String> {
    if cra_id.is_empty() {
        return Err("the row has no id to know its CRA by".to_owned());
    }
    Ok(Change { cra_id, expected_revision, reason, kind })
}

impl Line {
    fn change(self, kind: Kind) -> Result<Change, String> {
        let expected_revision = match &self.expected_revision {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => Some(number.as_u64()),
            Some(Value::String(text)) => Some(text.parse().ok()),
            Some(_) => Some(None),
        };
        let expected_revision = match expected_revision {
            Some(None) => return Err("expectedRevision: expected a revision's number, such as 2".to_owned()),
            Some(Some(revision)) => Some(revision),
            None => None,
        };
        Ok(Change { cra_id: self.cra_id, expected_revision, reason: self.reason, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correction_sets_fields_or_replaces_the_whole() {
        let set = correction(
            r#"{"craId":"a","set":{"date":"2026-10-01"},"reason":"oubli","expectedRevision":"2"}"#,
        );
        let set = set.unwrap();
        assert_eq!(
            (set.cra_id.as_str(), set.expected_revision, set.reason.as_str()),
            ("a", Some(2), "oubli")
        );
        assert!(matches!(set.kind, Kind::Correct(Content::Patch(_))));
        let exported =
            r#"{"craId":"a","revision":"1","cra":{"advisorId":"x"},"recordedAt":"2026-10-01T00:00:00Z"}"#;
        let whole = correction(exported).unwrap();
        assert_eq!((whole.expected_revision, whole.reason.as_str()), (Some(1), ""));
        assert!(matches!(whole.kind, Kind::Correct(Content::Whole(_))));
    }

    #[test]
    fn a_line_that_asks_for_nothing_or_for_two_things_is_told() {
        for (text, problem) in [
            (r#"{"craId":"a","reason":"b"}"#, "expected `set`"),
            (r#"{"craId":"a","set":{},"cra":{}}"#, "found both"),
            (r#"{"set":{}}"#, "craId"),
            (r#"{"craId":"a","set":{},"expectedRevision":-1}"#, "expectedRevision"),
            (r#"{"craId":"a","sets":{}}"#, "sets"),
            (r#"{"craId":"a","cra":{"advisor":1}}"#, "advisor"),
        ] {
            let found = correction(text).unwrap_err();
            assert!(found.contains(problem), "{text}: {found}");
        }
        assert!(withdrawal(r#"{"craId":"a","set":{}}"#).is_err());
        assert_eq!(withdrawal(r#"{"id":"a"}"#).unwrap().kind, Kind::Withdraw);
    }
}
