//! Answers to callers when the log fails.

use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::{reason_of, retry_delay_of};
use pb::submit_cras_response::Outcome;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::fixtures::{Mode, Running, service, submission};

async fn status_of(service: &Running, name: &str) -> ServingStatus {
    let request = HealthCheckRequest { service: name.to_owned() };
    let response = HealthClient::new(service.channel().await).check(request).await.unwrap();
    response.into_inner().status()
}

async fn becomes(service: &Running, name: &str, expected: ServingStatus) {
    let change = async {
        while status_of(service, name).await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), change).await.expect("the health did not change");
}

#[tokio::test]
async fn while_the_log_is_down_a_submission_is_refused_early_and_accepted_when_it_is_back() {
    let service = service().await;
    let mut client = service.ingestion().await;
    service.log.set(Mode::Down);
    let refused = client.submit_cra(submission(1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(reason_of(&refused).as_deref(), Some("LOG_UNAVAILABLE"));
    assert!(retry_delay_of(&refused).is_some());
    assert!(refused.message().contains("retry with the same id"), "{}", refused.message());
    assert_eq!(service.events().await, 0);
    service.log.set(Mode::Up);
    client.submit_cra(submission(1)).await.unwrap();
}

#[tokio::test]
async fn while_the_log_is_down_an_item_of_a_stream_is_refused_and_the_stream_continues() {
    let service = service().await;
    service.log.set(Mode::Down);
    let items = (1..=2).map(|item| pb::SubmitCrasRequest { item, submission: Some(submission(item.into())) });
    let items: Vec<_> = items.collect();
    let answers = service.ingestion().await.submit_cras(futures::stream::iter(items)).await.unwrap();
    let mut answers = answers.into_inner();
    for _ in 0..2 {
        let Outcome::Refusal(refusal) = answers.message().await.unwrap().unwrap().outcome.unwrap() else {
            panic!("taken")
        };
        assert_eq!(refusal.code, "UNAVAILABLE");
    }
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test]
async fn an_unconfirmed_append_is_reported_as_such_and_a_retry_finds_the_outcome() {
    let service = service().await;
    let mut client = service.ingestion().await;
    service.log.set(Mode::Unconfirmed);
    let unknown = client.submit_cra(submission(1)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unavailable);
    assert_eq!(reason_of(&unknown).as_deref(), Some("OUTCOME_UNKNOWN"));
    assert!(retry_delay_of(&unknown).is_some());
    service.log.set(Mode::Up);
    let receipt = client.submit_cra(submission(1)).await.unwrap().into_inner().receipt.unwrap();
    assert!(receipt.duplicate);
    assert_eq!(service.events().await, 1);
}

#[tokio::test]
async fn a_cra_under_constant_conflicts_is_aborted_not_retried_forever() {
    let service = service().await;
    service.log.set(Mode::Contended);
    let aborted = service.ingestion().await.submit_cra(submission(1)).await.unwrap_err();
    assert_eq!(aborted.code(), Code::Aborted);
    assert_eq!(reason_of(&aborted).as_deref(), Some("CRA_CONTENDED"));
}

#[tokio::test]
async fn health_follows_the_log_for_ingestion_and_for_the_whole_but_not_for_reference() {
    let service = service().await;
    becomes(&service, "cra.v1.IngestionService", ServingStatus::Serving).await;
    becomes(&service, "", ServingStatus::Serving).await;
    service.log.set(Mode::Down);
    becomes(&service, "cra.v1.IngestionService", ServingStatus::NotServing).await;
    assert_eq!(status_of(&service, "").await, ServingStatus::NotServing);
    assert_eq!(status_of(&service, "cra.v1.ReferenceService").await, ServingStatus::Serving);
    service.log.set(Mode::Up);
    becomes(&service, "", ServingStatus::Serving).await;
}
