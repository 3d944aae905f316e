//! The published cases of the rules, against the parser that the service uses.

use std::collections::BTreeSet;

use cra_contracts::{json, v1 as pb};
use cra_domain::cra::Submission;
use serde_json::Value;

use crate::fixtures::{TUESDAY, instant};

const CASES: &str = include_str!("../../../../tests/conformance/validation.json");

fn texts<'a>(values: &'a Value, of: impl Fn(&'a Value) -> String) -> BTreeSet<String> {
    values.as_array().map(|list| list.iter().map(of).collect()).unwrap_or_default()
}

#[test]
fn every_published_case_gets_exactly_its_violations_and_its_defaults() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let mut form = cases["base"].as_object().unwrap().clone();
        for (field, value) in case["patch"].as_object().unwrap() {
            form.insert(field.clone(), value.clone());
        }
        form.retain(|_, value| !value.is_null());
        let form: pb::Cra = json::from_value(Value::Object(form)).unwrap();
        let expected = texts(&case["violations"], |v| {
            format!("{} {}", v["field"].as_str().unwrap(), v["reason"].as_str().unwrap())
        });
        let expected_defaults = texts(&case["defaulted"], |field| field.as_str().unwrap().to_owned());
        let (found, defaults) = match Submission::parse(Some(&form), instant(TUESDAY)) {
            Ok(submission) => {
                (BTreeSet::new(), submission.defaulted().iter().map(|d| d.field.to_owned()).collect())
            }
            Err(violations) => {
                let found = violations.iter().map(|v| format!("{} {}", v.field, v.fault.reason()));
                (found.collect(), expected_defaults.clone())
            }
        };
        if (&found, &defaults) != (&expected, &expected_defaults) {
            wrong.push(format!("{}: {found:?} {defaults:?}, expected {expected:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
