//! The cases that every implementation of the form shares: a base with a patch, and the faults of the result.

use cra_contracts::json;
use serde_json::Value;

use super::*;

const CASES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/validation.json"));

/// Applies a patch: `null` removes a field, any other value replaces it.
fn patched(base: &Value, patch: &Value) -> Value {
    let mut form = base.as_object().unwrap().clone();
    for (field, value) in patch.as_object().unwrap() {
        if value.is_null() {
            form.remove(field);
        } else {
            form.insert(field.clone(), value.clone());
        }
    }
    form.into()
}

fn texts(list: &Value, of: impl Fn(&Value) -> String) -> Vec<String> {
    let mut texts: Vec<String> = list.as_array().map_or(&[][..], Vec::as_slice).iter().map(of).collect();
    texts.sort();
    texts
}

#[test]
fn every_shared_case_has_its_faults_and_defaults() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let all = cases["cases"].as_array().unwrap();
    assert!(all.len() > 40, "the cases are there");
    for case in all {
        let name = &case["name"];
        let form: v1::Cra = json::from_value(patched(&cases["base"], &case["patch"])).unwrap();
        let expected = texts(&case["violations"], |v| format!("{}: {}", v["field"], v["reason"]));
        match parse_at(&form, NOW) {
            Ok(submission) => {
                assert!(expected.is_empty(), "{name}: accepted");
                let mut reported: Vec<_> =
                    submission.defaulted().iter().map(|d| d.field.to_owned()).collect();
                reported.sort();
                assert_eq!(reported, texts(&case["defaulted"], |f| f.as_str().unwrap().to_owned()), "{name}");
            }
            Err(violations) => {
                let quoted = |v: &Violation| format!("{:?}: {:?}", v.field, v.fault.reason());
                let mut found: Vec<_> = violations.iter().map(quoted).collect();
                found.sort();
                assert_eq!(found, expected, "{name}");
                violations.iter().for_each(has_texts);
            }
        }
    }
}
