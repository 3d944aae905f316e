//! The published cases, against both services as processes: every rule of the form gives exactly its violations, and
//! every figure has exactly its defined value.

use std::collections::BTreeSet;

use cra_contracts::{json, v1 as pb};
use cra_runtime::rejection::violations_of;
use serde_json::{Map, Value, json};
use tonic::Code;

use crate::harness::{Ingestion, Pair, at_least, imported, new_id, submission, submitted};

const VALIDATION: &str = include_str!("conformance/validation.json");
/// Documents, queries and the expected figures.
pub(crate) const STATISTICS: &str = include_str!("conformance/statistics.json");

/// The result of a submission: its violations, or the fields that received defaults.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Accepted { defaulted: BTreeSet<String> },
    Refused { violations: BTreeSet<(String, String)> },
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn expected(case: &Value) -> Outcome {
    let violations: BTreeSet<_> = list(&case["violations"])
        .iter()
        .map(|violation| (text(&violation["field"]), text(&violation["reason"])))
        .collect();
    if violations.is_empty() {
        let defaulted = list(&case["defaulted"]).iter().map(text).collect();
        return Outcome::Accepted { defaulted };
    }
    Outcome::Refused { violations }
}

/// Applies the case's patch to the base: null removes a field, objects and lists replace it.
fn form(base: &Value, patch: &Value) -> pb::Cra {
    let mut form = base.as_object().unwrap().clone();
    form.extend(patch.as_object().unwrap().clone());
    form.retain(|_, value| !value.is_null());
    json::from_value(Value::Object(form)).unwrap()
}

async fn outcome(ingestion: &mut Ingestion, name: &str, cra: pb::Cra) -> Outcome {
    let cra_id = new_id();
    let status = match submitted(ingestion, submission(&cra_id, cra)).await {
        Ok(receipt) => {
            assert_eq!(receipt.cra_id, cra_id, "{name}");
            assert_eq!(receipt.revision, 1, "{name}");
            assert!(receipt.position > 0 && !receipt.duplicate, "{name}: {receipt:?}");
            let defaulted = receipt.defaulted_fields.into_iter().map(|default| default.field).collect();
            return Outcome::Accepted { defaulted };
        }
        Err(status) => status,
    };
    assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status}");
    let violations = violations_of(&status);
    for violation in &violations {
        assert!(!violation.description.is_empty(), "{name}: {violation:?}");
        assert!(!violation.localized_message.is_empty(), "{name}: {violation:?}");
    }
    let count = violations.len();
    let violations: BTreeSet<_> = violations.into_iter().map(|v| (v.field, v.reason.into_owned())).collect();
    assert_eq!(violations.len(), count, "{name}: a violation twice");
    Outcome::Refused { violations }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_form_gets_exactly_its_violations_and_its_defaults() {
    let cases: Value = serde_json::from_str(VALIDATION).unwrap();
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let (mut run, mut wrong) = (0, Vec::new());
    for case in list(&cases["cases"]) {
        let name = text(&case["name"]);
        let found = outcome(&mut ingestion, &name, form(&cases["base"], &case["patch"])).await;
        let expected = expected(case);
        if found != expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
        run += 1;
    }
    assert!(run > 0);
    assert!(wrong.is_empty(), "{} of {run} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_selection_gets_exactly_its_figures() {
    let published: Value = serde_json::from_str(STATISTICS).unwrap();
    let form_version = u32::try_from(published["form_version"].as_u64().unwrap()).unwrap();
    let requests =
        (1..).zip(list(&published["documents"])).map(|(item, document)| pb::ImportLegacyCrasRequest {
            item,
            legacy_id: text(&document["_id"]),
            form_version,
            document: document.to_string().into_bytes().into(),
        });
    let pair = Pair::start().await;
    let receipts = imported(&mut pair.ingestion().await, requests.collect()).await;
    let min_position = receipts.iter().map(|receipt| receipt.position).max().unwrap();

    let mut statistics = pair.statistics().await;
    let (mut run, mut wrong) = (0, Vec::new());
    for query in list(&published["queries"]) {
        let request = pb::GetStatisticsRequest {
            selection: Some(json::from_value(query["selection"].clone()).unwrap()),
            consistency: at_least(min_position),
        };
        let answer = statistics.get_statistics(request).await.unwrap().into_inner();
        wrong.extend(disagreements(query, &answer.statistics.unwrap()));
        run += 1;
    }
    assert!(run > 0);
    assert!(wrong.is_empty(), "in {run} queries:\n{}", wrong.join("\n"));
}

/// The figures that differ from those of a published query.
pub(crate) fn disagreements(query: &Value, statistics: &pb::Statistics) -> Vec<String> {
    let found = figures(statistics);
    let mut wrong = Vec::new();
    for (figure, expected) in query["expected"].as_object().unwrap() {
        let same = match figure.as_str() {
            "redirections" => &found[figure] == expected,
            _ => agree(&found[figure], expected),
        };
        if !same {
            wrong.push(format!("{}: {figure} is {}, expected {expected}", query["name"], found[figure]));
        }
    }
    wrong
}

/// Whether the values are equal; keys that the expectation leaves out are ignored.
fn agree(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| agree(found, expected))
        }
        // A line of a breakdown or a group of figures.
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(key, value)| found.get(key).is_some_and(|found| agree(found, value)))
        }
        _ => found == expected,
    }
}

/// An answer in the form of the published cases.
fn figures(statistics: &pb::Statistics) -> Value {
    let follow_up = statistics.follow_up.unwrap();
    let entry_delay = statistics.entry_delay.unwrap();
    json!({
        "cras": statistics.cras,
        "acts": statistics.acts,
        "people": statistics.people,
        "returning_people": statistics.returning_people,
        "workshops": statistics.workshops,
        "workshop_participants": statistics.workshop_participants,
        "individual_supports": statistics.individual_supports,
        "one_off_requests": statistics.one_off_requests,
        "workshops_with_defaulted_participants": statistics.workshops_with_defaulted_participants,
        "follow_up": {
            "individual": follow_up.individual,
            "workshop": follow_up.workshop,
            "redirected": follow_up.redirected,
            "total": follow_up.total,
            "rate_per_mille": follow_up.rate_per_mille,
        },
        "channels": lines(&statistics.channels),
        "activities": lines(&statistics.activities),
        "themes": lines(&statistics.themes),
        "sub_themes": lines(&statistics.sub_themes),
        "durations": lines(&statistics.durations),
        "ages": lines(&statistics.ages),
        "statuses": lines(&statistics.statuses),
        "redirections": by_name(&statistics.redirections),
        "time_spent": statistics.time_spent.iter().map(time_spent).collect::<Value>(),
        "entry_delay": {
            "median_days": entry_delay.median_days,
            "p90_days": entry_delay.p90_days,
            "same_day": entry_delay.same_day,
        },
    })
}

fn lines(counts: &[pb::Count]) -> Value {
    let line =
        |line: &pb::Count| json!({ "name": line.name, "count": line.count, "share": line.share_per_mille });
    counts.iter().map(line).collect()
}

/// Compared as a map: the published cases do not give the order of equal lines.
fn by_name(counts: &[pb::Count]) -> Value {
    let mut by_name = Map::new();
    for line in counts {
        let former = by_name.insert(line.name.clone(), json!(line.count));
        assert!(former.is_none(), "{} twice", line.name);
    }
    Value::Object(by_name)
}

fn time_spent(line: &pb::TimeSpent) -> Value {
    json!({
        "name": line.name,
        "estimated": line.estimated_minutes,
        "minimum": line.minimum_minutes,
        "maximum": line.maximum_minutes,
        "share": line.share_per_mille,
    })
}
