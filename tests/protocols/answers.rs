//! Every RPC by every protocol that carries it: the same answers, and the same refusals.

use std::collections::BTreeSet;

use cra_contracts::{json as proto_json, v1 as pb};
use cra_runtime::identity::access::Shape;
use serde_json::{Value, json};

use super::ways::{Call, Ended, WAYS, made};
use crate::harness::{Issuer, Pair, carrying, contract, eventually, national, new_id, submission, workshop};

/// Methods whose answers change over time.
const OF_THE_MOMENT: &str = "OperationsService/";

/// The stable part of an answer: page tokens are sealed anew, and a correction sent again is a duplicate.
fn lasting(ended: &Ended) -> Ended {
    let mut ended = ended.clone();
    for answer in &mut ended.answers {
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("nextPageToken");
        }
        if let Some(receipt) = answer.get_mut("receipt").and_then(Value::as_object_mut) {
            receipt.remove("duplicate");
        }
    }
    ended
}

/// A request of each method that is answered, and that does not change the answers of the following ones.
fn answered(cra_id: &str) -> Vec<(&'static str, Value)> {
    let cra = proto_json::to_value(&workshop(5));
    let days = json!({"from": "2024-03-01", "to": "2024-03-31"});
    vec![
        ("IngestionService/SubmitCra", json!({"craId": cra_id, "cra": cra})),
        ("IngestionService/SubmitCras", json!({"item": "7", "submission": {"craId": cra_id, "cra": cra}})),
        (
            "IngestionService/CorrectCra",
            json!({"craId": cra_id, "expectedRevision": 1, "cra": cra, "reason": "une erreur"}),
        ),
        (
            "IngestionService/WithdrawCra",
            json!({"craId": cra_id, "expectedRevision": 99, "reason": "saisi deux fois"}),
        ),
        ("IngestionService/ImportLegacyCras", json!({"item": "1"})),
        ("IngestionService/GetCraHistory", json!({"craId": cra_id})),
        ("ReferenceService/GetVocabulary", json!({})),
        ("ReferenceService/SearchCommunes", json!({"text": "renn"})),
        ("StatisticsService/GetStatistics", json!({"selection": days})),
        ("StatisticsService/GetTimeSeries", json!({"selection": days, "granularity": "GRANULARITY_MONTH"})),
        ("StatisticsService/ListBreakdown", json!({"dimension": "DIMENSION_THEME"})),
        (
            "StatisticsService/GetCrossTable",
            json!({"rows": "DIMENSION_THEME", "columns": "DIMENSION_CHANNEL", "measure": "MEASURE_CRAS"}),
        ),
        // Refused, because an open stream does not end.
        ("StatisticsService/WatchStatistics", json!({"selection": {"from": "hier"}})),
        ("StatisticsService/ListCras", json!({"pageSize": 2})),
        ("StatisticsService/GetCra", json!({"craId": cra_id})),
        ("StatisticsService/ListLikelyDoubles", json!({})),
        ("StatisticsService/FollowCras", json!({"stopAtHead": true})),
        (
            "StatisticsService/Export",
            json!({"content": "EXPORT_CONTENT_CRAS", "format": "EXPORT_FORMAT_NDJSON"}),
        ),
        ("OperationsService/GetStatus", json!({})),
        ("OperationsService/Rebuild", json!({})),
        ("OperationsService/Promote", json!({"generation": "none"})),
        ("OperationsService/Verify", json!({})),
        ("OperationsService/ListParkedEvents", json!({})),
        ("OperationsService/RetryParkedEvents", json!({})),
        ("OperationsService/Pause", json!({})),
        ("OperationsService/Resume", json!({})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_gives_the_same_answers_and_refusals_by_every_protocol_that_carries_it() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let token =
        issuer.token("cra:submit cra:correct cra:import cra:read statistics:read operations", &national());
    let cra_id = new_id();
    let mut ingestion = pair.ingestion().await;
    for (id, participants) in [(cra_id.clone(), 5), (new_id(), 7), (new_id(), 9)] {
        ingestion.submit_cra(carrying(&token, submission(&id, workshop(participants)))).await.unwrap();
    }
    eventually("the projection has applied everything", async || {
        let mut statistics = pair.statistics().await;
        let answer = statistics.get_statistics(carrying(&token, pb::GetStatisticsRequest::default())).await;
        let counted = answer.map_err(|status| status.to_string())?.into_inner().statistics.unwrap().cras;
        if counted == 3 { Ok(()) } else { Err(format!("{counted} CRAs")) }
    })
    .await;

    let shapes = contract();
    let answered = answered(&cra_id);
    let named: BTreeSet<_> = answered.iter().map(|(method, _)| format!("/cra.v1.{method}")).collect();
    assert_eq!(named, shapes.keys().cloned().collect(), "a method is left out");
    let calls: Vec<_> = answered
        .into_iter()
        .map(|(method, request)| {
            let is_of_ingestion = method.starts_with("Ingestion") || method.starts_with("Reference");
            let service = if is_of_ingestion { &pair.ingestion } else { &pair.projection };
            Call {
                name: method.to_owned(),
                address: service.address().to_string(),
                method: method.to_owned(),
                request,
                token: Some(token.clone()),
            }
        })
        .collect();
    let mut by_grpc = None;
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (way, carries_both) in WAYS {
        let ended = made(way, &calls);
        let by_grpc = by_grpc.get_or_insert_with(|| ended.clone());
        for call in &calls {
            let (own, expected) = (&ended[&call.name], &by_grpc[&call.name]);
            let path = format!("/cra.v1.{}", call.method);
            let is_right = if shapes[&path] == Shape::Both && !carries_both {
                // Some of these clients refuse it themselves, and others read the HTTP status only.
                let is_named = own.message.contains("call SubmitCra for each of them");
                own.code != "OK" && own.answers.is_empty() && (way != "grpc-web" || is_named)
            } else if call.name.starts_with(OF_THE_MOMENT) {
                own.code == expected.code && own.answers.is_empty() == expected.answers.is_empty()
            } else {
                lasting(own) == lasting(expected)
            };
            compared += 1;
            if !is_right {
                wrong.push(format!("{way} {}: {own:#?}\nby gRPC: {expected:#?}", call.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let by_grpc = by_grpc.unwrap();
    let answers: usize = by_grpc.values().map(|ended| ended.answers.len()).sum();
    assert!(answers > 20, "{by_grpc:#?}");
    assert_eq!(compared, shapes.len() * 9, "each method by each of the nine ways");
    assert_eq!(by_grpc["StatisticsService/WatchStatistics"].code, "INVALID_ARGUMENT");
    assert_eq!(by_grpc["IngestionService/WithdrawCra"].reason(), "CRA_REVISION_CHANGED");
}
