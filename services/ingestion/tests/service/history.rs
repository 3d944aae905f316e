//! The history of one CRA.

use cra_contracts::v1 as pb;
use cra_eventlog::{EventLog as _, Expectation, NewEvent};
use cra_runtime::rejection::{reason_of, violations_of};
use pb::cra_event::Fact;
use prost::Message as _;
use tonic::Code;

use crate::given::{cra_id, service, submission};

fn request(cra_id: impl Into<String>) -> pb::GetCraHistoryRequest {
    pb::GetCraHistoryRequest { cra_id: cra_id.into() }
}

#[tokio::test]
async fn the_history_is_the_stored_events_as_they_are_oldest_first() {
    let service = service().await;
    let mut client = service.ingestion().await;
    let receipt = client.submit_cra(submission(1)).await.unwrap().into_inner().receipt.unwrap();
    let withdrawn = pb::CraEvent {
        event_id: cra_id(99),
        cra_id: cra_id(1),
        revision: 2,
        fact: Some(Fact::Withdrawn(pb::CraWithdrawn { reason: "saisi deux fois".into() })),
        ..pb::CraEvent::default()
    };
    let event = NewEvent {
        cra_id: uuid::Uuid::from_u128(1),
        event_id: uuid::Uuid::from_u128(99),
        payload: withdrawn.encode_to_vec().into(),
        trace: None,
    };
    let last = Expectation::LastAt(cra_eventlog::Position(receipt.position));
    let _ = service.log.append(event, last).await.unwrap();

    let events = client.get_cra_history(request(cra_id(1))).await.unwrap().into_inner().events;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].recorded_at, receipt.recorded_at);
    let Some(Fact::Submitted(submitted)) = &events[0].fact else { panic!("no submission") };
    assert_eq!(submitted.cra.as_ref().unwrap().date, "2024-03-04");
    assert_eq!(submitted.defaulted_fields, ["cra.date", "cra.participants"]);
    assert_eq!(events[1], withdrawn);

    // Whatever happened since, the submission's receipt stays what it was, and says that the CRA does not count.
    let again = client.submit_cra(submission(1)).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, withdrawn: true, ..receipt });
}

#[tokio::test]
async fn a_cra_without_events_is_not_found_and_a_bad_id_is_a_fault_of_the_request() {
    let service = service().await;
    let mut client = service.ingestion().await;
    let missing = client.get_cra_history(request(cra_id(1))).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    assert_eq!(reason_of(&missing).as_deref(), Some("CRA_NOT_FOUND"));
    let refused = client.get_cra_history(request("mine")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violations_of(&refused)[0].field, "cra_id");
}
