//! Every example of the description is sent unchanged, and answered; the examples of refusals equal those of the
//! service.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::described;
use crate::harness::{Fetched, Http, Standalone, curl, eventually};

/// Sends the example of a method to the service that the description names.
fn sent(services: &Standalone, path: &str, item: &Value) -> Fetched {
    let is_of_ingestion = item["servers"][0]["url"].as_str().unwrap().ends_with(":50051");
    let service: SocketAddr = if is_of_ingestion { services.ingestion } else { services.projection };
    let example = &item["post"]["requestBody"]["content"]["application/json"]["examples"]["first"]["value"];
    assert!(example.is_object(), "{path} has no example");
    curl(Http::One, service, path, &["-H", "Content-Type: application/json", "-d", &example.to_string()])
}

/// The stable part of a refusal: its details are encoded in any order.
fn lasting(mut refusal: Value) -> Value {
    for detail in refusal["details"].as_array_mut().into_iter().flatten() {
        detail.as_object_mut().unwrap().remove("value");
    }
    refusal
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_a_request_is_answered_as_described() {
    const SUBMIT: &str = "/cra.v1.IngestionService/SubmitCra";
    const CORRECT: &str = "/cra.v1.IngestionService/CorrectCra";
    const WITHDRAW: &str = "/cra.v1.IngestionService/WithdrawCra";
    const READ: &str = "/cra.v1.StatisticsService/GetCra";
    const PROMOTE: &str = "/cra.v1.OperationsService/Promote";
    const PAUSE: &str = "/cra.v1.OperationsService/Pause";
    let described = described();
    let items = described["paths"].as_object().unwrap();
    let methods: BTreeSet<&str> =
        items.keys().map(String::as_str).filter(|path| path.starts_with("/cra.v1.")).collect();
    let services = Standalone::start().await;
    let is_answered = |services: &Standalone, path: &str| {
        let answer = sent(services, path, &items[path]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(serde_json::from_slice::<Value>(&answer.body).unwrap().is_object(), "{path}");
    };
    // The CRA first: others read, correct and count it.
    is_answered(&services, SUBMIT);
    eventually("the CRA is applied", async || {
        let answer = sent(&services, READ, &items[READ]);
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    let apart = [SUBMIT, CORRECT, WITHDRAW, PROMOTE, PAUSE];
    for path in methods.iter().filter(|path| !apart.contains(path)) {
        is_answered(&services, path);
    }
    is_answered(&services, CORRECT);
    is_answered(&services, PAUSE);
    // No read models have the name of the example.
    let promoted = sent(&services, PROMOTE, &items[PROMOTE]);
    assert_eq!(promoted.status, 404, "{}", promoted.text());
    assert!(promoted.text().contains("GENERATION_NOT_FOUND"), "{}", promoted.text());
    // Withdraws the first revision.
    let another = Standalone::start().await;
    is_answered(&another, SUBMIT);
    is_answered(&another, WITHDRAW);
    assert_eq!(methods.iter().filter(|path| apart.contains(path)).count(), apart.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_refusals_are_what_the_service_answers() {
    let services = Standalone::start().await;
    let described = described();
    let example = |response: &str, media_type: &str| {
        let content = &described["components"]["responses"][response]["content"][media_type];
        lasting(content["examples"]["unknownTerritory"]["value"].clone())
    };
    let question = json!({"selection": {"departmentCodes": ["999"]}}).to_string();
    let arguments = ["-H", "Content-Type: application/json", "-d", &question];
    let call = curl(Http::One, services.projection, "/cra.v1.StatisticsService/GetStatistics", &arguments);
    let answered = lasting(serde_json::from_slice(&call.body).unwrap());
    assert_eq!((call.status, answered), (400, example("CallRefused", "application/json")));
    let file = curl(Http::One, services.projection, "/v1/export/statistics.csv?department=999", &[]);
    assert_eq!((file.status, file.problem()), (400, example("FileRefused", "application/problem+json")));
}

#[test]
fn limits_of_lists_and_numbers_are_those_that_the_services_apply() {
    use cra_contracts::bounds::{IDS_MAX, VALUES_MAX};
    let described = described();
    let schema =
        |message: &str, field: &str| described["components"]["schemas"][message]["properties"][field].clone();
    assert_eq!(schema("Selection", "communeCodes")["maxItems"], IDS_MAX);
    assert_eq!(schema("Selection", "departmentCodes")["maxItems"], VALUES_MAX);
    let rows = cra_projection::queries::page::ROWS_MAX;
    for message in
        ["ListBreakdownRequest", "ListCrasRequest", "ListLikelyDoublesRequest", "ListParkedEventsRequest"]
    {
        assert_eq!(schema(message, "pageSize")["maximum"], rows, "{message}");
    }
    let search = |field: &str, keyword: &str| schema("SearchCommunesRequest", field)[keyword].clone();
    assert_eq!(search("limit", "maximum"), cra_domain::territory::SEARCH_RESULTS_MAX);
    assert_eq!(search("text", "maxLength"), cra_domain::territory::SEARCH_CHARACTERS_MAX);
}
