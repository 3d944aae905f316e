//! Admission does not depend on the protocol: every method with every scope, and queries within and beyond a perimeter.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use cra_runtime::identity::Scope;
use cra_runtime::identity::access::{Needs, Shape};
use serde_json::{Value, json};

use super::ways::{Call, Ended, WAYS, made};
use crate::harness::{
    Issuer, Pair, carrying, contract, department, eventually, national, new_id, submission, workshop,
};

/// Whether a call ended as expected.
type Expected<'a> = &'a dyn Fn(&Ended) -> bool;

/// Protocols that carry one request, and protocols that carry a stream of requests. Counted here independently, so that
/// a protocol missing from the list fails the tests.
const WAYS_OF_ONE: usize = 9;
const WAYS_OF_BOTH: usize = 3;

/// Number of protocols that carry a method, by its descriptor.
fn ways_of(method: &str) -> usize {
    match contract()[&format!("/cra.v1.{method}")] {
        Shape::Single | Shape::Answers => WAYS_OF_ONE,
        Shape::Both => WAYS_OF_BOTH,
    }
}

/// Makes the calls by every protocol that carries them, compares each with its expectation, and returns their number.
fn all_end(calls: &[(Call, Expected<'_>)]) -> usize {
    let shapes = contract();
    let (mut wrong, mut made_calls) = (Vec::new(), 0);
    for (way, carries_both) in WAYS {
        let carried =
            |call: &Call| carries_both || shapes[&format!("/cra.v1.{}", call.method)] != Shape::Both;
        let of_way: Vec<_> =
            calls.iter().filter(|(call, _)| carried(call)).map(|(call, _)| call.clone()).collect();
        let ended: BTreeMap<_, _> = made(way, &of_way);
        made_calls += ended.len();
        for (call, is_right) in calls.iter().filter(|(call, _)| carried(call)) {
            if !is_right(&ended[&call.name]) {
                wrong.push(format!("{way} {}: {:?}", call.name, ended[&call.name]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong of {made_calls}:\n{}", wrong.len(), wrong.join("\n"));
    made_calls
}

fn call(pair: &Pair, method: &str, name: String, request: Value, token: Option<String>) -> Call {
    let is_of_ingestion = method.starts_with("Ingestion") || method.starts_with("Reference");
    let service = if is_of_ingestion { &pair.ingestion } else { &pair.projection };
    Call { name, address: service.address().to_string(), method: method.to_owned(), request, token }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_opens_the_same_methods_by_every_protocol() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[("SERVER__PER_CLIENT__BURST_CALLS", "100000")]).await;
    let is_refused = |ended: &Ended| ended.code == "PERMISSION_DENIED" && ended.reason() == "SCOPE_MISSING";
    let is_let_in = |ended: &Ended| ended.reason() != "SCOPE_MISSING" && ended.reason() != "TOKEN_REQUIRED";
    let is_unknown = |ended: &Ended| ended.code == "UNAUTHENTICATED" && ended.reason() == "TOKEN_REQUIRED";
    let mut calls: Vec<(Call, Expected<'_>)> = Vec::new();
    let mut left_out = 0;
    for method in cra_ingestion::METHODS.iter().chain(cra_projection::METHODS) {
        let scopes = match method.needs {
            Needs::Nothing => &[][..],
            Needs::AnyOf(scopes) => scopes,
        };
        let name = method.path.strip_prefix("/cra.v1.").unwrap();
        // Streams that a scope opens do not end by themselves; the tests of scopes cover them.
        let is_endless = name.ends_with("WatchStatistics") || name.ends_with("FollowCras");
        let is_work = name.starts_with("OperationsService/") && method.shape != Shape::Single;
        let without: Expected<'_> = if scopes.is_empty() { &is_let_in } else { &is_unknown };
        calls.push((call(&pair, name, format!("{name} without a token"), json!({}), None), without));
        for scope in Scope::ALL {
            let is_enough = scopes.is_empty() || scopes.contains(&scope);
            // The handlers of these methods determine the required scope from the request.
            let is_judged_later = name.ends_with("/Export") || name.ends_with("/GetCrossTable");
            if is_enough && (is_endless || is_work || is_judged_later) {
                left_out += ways_of(name);
                continue;
            }
            let token = issuer.token(scope.name(), &national());
            let case = call(&pair, name, format!("{name} with {}", scope.name()), json!({}), Some(token));
            calls.push((case, if is_enough { &is_let_in } else { &is_refused }));
        }
    }
    // Each method of the contract without a token and with each scope, by each protocol that carries it.
    let every_method = contract();
    let ways = every_method.keys().map(|path| ways_of(path.strip_prefix("/cra.v1.").unwrap()));
    let expected = ways.sum::<usize>() * (1 + Scope::ALL.len()) - left_out;
    assert_eq!(all_end(&calls), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_perimeter_bounds_the_same_questions_by_every_protocol() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[("SERVER__PER_CLIENT__BURST_CALLS", "100000")]).await;
    let submitting = issuer.token("cra:submit cra:read", &national());
    let mut ingestion = pair.ingestion().await;
    let place = |commune_code: &str, postal_code: &str| {
        let cra = workshop(5);
        let place = cra.place.clone().unwrap();
        let place =
            pb::Place { commune_code: commune_code.to_owned(), postal_code: postal_code.to_owned(), ..place };
        pb::Cra { place: Some(place), ..cra }
    };
    let (inside, outside) = (new_id(), new_id());
    for (id, cra) in [(&inside, place("35238", "35000")), (&outside, place("29019", "29200"))] {
        ingestion.submit_cra(carrying(&submitting, submission(id, cra))).await.unwrap();
    }
    eventually("the projection has applied both", async || {
        let request = pb::GetCraRequest { cra_id: outside.clone(), ..Default::default() };
        let found = pair.statistics().await.get_cra(carrying(&submitting, request)).await;
        found.map(drop).map_err(|status| status.to_string())
    })
    .await;

    let is_answered = |ended: &Ended| ended.code == "OK" && !ended.answers.is_empty();
    let is_beyond = |ended: &Ended| ended.code == "PERMISSION_DENIED" && ended.reason() == "BEYOND_PERIMETER";
    let is_unknown = |ended: &Ended| ended.code == "NOT_FOUND" && ended.answers.is_empty();
    let token = issuer.token("cra:read statistics:read", &department("35"));
    let mut calls: Vec<(Call, Expected<'_>)> = Vec::new();
    let of_selection = [
        ("StatisticsService/GetStatistics", json!({})),
        ("StatisticsService/GetTimeSeries", json!({"granularity": "GRANULARITY_MONTH"})),
        ("StatisticsService/ListBreakdown", json!({"dimension": "DIMENSION_THEME"})),
        (
            "StatisticsService/GetCrossTable",
            json!({"rows": "DIMENSION_THEME", "columns": "DIMENSION_CHANNEL", "measure": "MEASURE_CRAS"}),
        ),
        ("StatisticsService/ListCras", json!({})),
        ("StatisticsService/ListLikelyDoubles", json!({})),
        ("StatisticsService/FollowCras", json!({"stopAtHead": true})),
        (
            "StatisticsService/Export",
            json!({"content": "EXPORT_CONTENT_CRAS", "format": "EXPORT_FORMAT_NDJSON"}),
        ),
    ];
    for (method, request) in of_selection {
        for (departments, is_right) in [
            (json!(["35"]), &is_answered as Expected<'_>),
            (json!(["29"]), &is_beyond),
            (json!(["35", "29"]), &is_beyond),
            (json!([]), &is_beyond),
        ] {
            let mut request = request.clone();
            request["selection"] =
                json!({"departmentCodes": departments, "from": "2024-03-01", "to": "2024-03-31"});
            let name = format!("{method} of {departments}");
            calls.push((call(&pair, method, name, request, Some(token.clone())), is_right));
        }
    }
    for method in ["StatisticsService/GetCra", "IngestionService/GetCraHistory"] {
        for (id, is_right) in [(&inside, &is_answered as Expected<'_>), (&outside, &is_unknown)] {
            let request = json!({"craId": id});
            calls.push((
                call(&pair, method, format!("{method} of {id}"), request, Some(token.clone())),
                is_right,
            ));
        }
    }
    // Eight queries of four selections, and two of two CRAs.
    assert_eq!(all_end(&calls), (8 * 4 + 2 * 2) * WAYS_OF_ONE);
}
