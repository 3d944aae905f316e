//! Many submissions over one stream.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use futures::StreamExt as _;
use pb::submit_cras_response::Outcome;

use crate::fixtures::{Running, cra_id, form, other_content, service, service_with, submission};

fn item(item: u64, submission: pb::SubmitCraRequest) -> pb::SubmitCrasRequest {
    pb::SubmitCrasRequest { item, submission: Some(submission) }
}

async fn answers(service: &Running, items: Vec<pb::SubmitCrasRequest>) -> Vec<(u64, Outcome)> {
    let answers = service.ingestion().await.submit_cras(futures::stream::iter(items)).await.unwrap();
    let answers = answers.into_inner().map(|answer| answer.unwrap());
    answers.map(|answer| (answer.item, answer.outcome.unwrap())).collect().await
}

fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Receipt(receipt) if receipt.duplicate => "DUPLICATE",
        Outcome::Receipt(_) => "OK",
        Outcome::Refusal(refusal) => &refusal.code,
    }
}

#[tokio::test]
async fn each_item_gets_its_answer_and_a_faulty_one_stops_no_other() {
    let service = service().await;
    let first = answers(&service, vec![item(1, submission(1)), item(2, submission(2))]).await;
    assert_eq!(first.len(), 2);
    let mut no_cra = submission(3);
    no_cra.cra = None;
    let items = vec![
        item(10, submission(1)),
        item(11, other_content(2)),
        item(12, no_cra),
        pb::SubmitCrasRequest { item: 13, submission: None },
        item(14, pb::SubmitCraRequest { validate_only: true, ..submission(4) }),
        item(15, submission(5)),
    ];
    let answers: BTreeMap<_, _> = answers(&service, items).await.into_iter().collect();
    let codes: Vec<_> = answers.iter().map(|(item, outcome)| (*item, code(outcome))).collect();
    let expected = [
        (10, "DUPLICATE"),
        (11, "ALREADY_EXISTS"),
        (12, "INVALID_ARGUMENT"),
        (13, "INVALID_ARGUMENT"),
        (14, "OK"),
        (15, "OK"),
    ];
    assert_eq!(codes, expected);
    let Outcome::Refusal(refusal) = &answers[&13] else { panic!("item 13 was taken") };
    let fields: Vec<_> = refusal.violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["cra_id", "cra"]);
    assert_eq!(refusal.violations[1].reason, "REQUIRED");
    assert_eq!(refusal.violations[1].localized_message, "Indiquez le compte-rendu.");
    assert_eq!(service.events().await, 3);
}

#[tokio::test]
async fn an_item_gets_all_its_faults_even_if_they_exceed_a_header() {
    let redirections = vec![pb::Redirection::default(); 1_000];
    let follow_up = pb::FollowUp { redirections, ..pb::FollowUp::default() };
    let cra = pb::Cra { follow_up: Some(follow_up), ..form() };
    let full = pb::SubmitCraRequest { cra: Some(cra), ..submission(1) };
    let answers = answers(&service().await, vec![item(1, full)]).await;
    let Outcome::Refusal(refusal) = &answers[0].1 else { panic!("taken") };
    assert_eq!(refusal.violations.len(), 100);
    assert!(refusal.violations[99].field.starts_with("cra.follow_up.redirections["));
}

#[tokio::test]
async fn a_repeated_item_number_is_refused_and_its_first_item_is_accepted() {
    let service = service().await;
    let answers =
        answers(&service, vec![item(1, submission(1)), item(1, submission(2)), item(2, submission(3))]).await;
    let mut codes: Vec<_> = answers.iter().map(|(item, outcome)| (*item, code(outcome))).collect();
    codes.sort_unstable();
    assert_eq!(codes, [(1, "INVALID_ARGUMENT"), (1, "OK"), (2, "OK")]);
    assert_eq!(service.events().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_items_with_few_in_flight_are_each_recorded_once() {
    let limits =
        cra_ingestion::Limits { stream_items_in_flight: 7.try_into().unwrap(), ..Default::default() };
    let service = service_with(limits).await;
    let items = (1..=1_000).map(|number| item(number, submission(number.into()))).collect();
    let answers = answers(&service, items).await;
    let mut positions = Vec::new();
    for (item, outcome) in answers {
        let Outcome::Receipt(receipt) = outcome else { panic!("item {item} was refused") };
        assert_eq!(receipt.cra_id, cra_id(item.into()));
        positions.push(receipt.position);
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=1_000).collect::<Vec<_>>());
    assert_eq!(service.events().await, 1_000);
}

#[tokio::test]
async fn above_the_limit_of_streams_the_caller_gets_a_retry_delay() {
    let limits = cra_ingestion::Limits { streams_in_flight: 1.try_into().unwrap(), ..Default::default() };
    let service = service_with(limits).await;
    let mut client = service.ingestion().await;
    let _open = client.submit_cras(futures::stream::pending()).await.unwrap();
    let refused = client.import_legacy_cras(futures::stream::pending()).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert!(cra_runtime::rejection::retry_delay_of(&refused).is_some());
}
