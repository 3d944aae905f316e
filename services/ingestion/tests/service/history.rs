//! The history of one CRA.

use cra_contracts::v1 as pb;
use cra_eventlog::{Append as _, Expectation, NewEvent, StreamId};
use cra_runtime::identity::{PerimeterClaim, SigningKey};
use cra_runtime::rejection::{reason_of, violations_of};
use pb::cra_event::Fact;
use prost::Message as _;
use tonic::{Code, Request, Status};

use crate::fixtures::{Running, cra_id, form, service, service_trusting, submission, token, withdrawal};

fn request(cra_id: impl Into<String>) -> pb::GetCraHistoryRequest {
    pb::GetCraHistoryRequest { cra_id: cra_id.into() }
}

#[tokio::test]
async fn the_history_is_the_stored_events_unchanged_oldest_first() {
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
        stream: StreamId(uuid::Uuid::from_u128(1)),
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

    // The submission's receipt is unchanged, and says that the CRA does not count.
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

fn carrying<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn within(departments: &[&str]) -> PerimeterClaim {
    let departments = departments.iter().map(ToString::to_string).collect();
    PerimeterClaim { departments, ..PerimeterClaim::default() }
}

const IN_RENNES: (&str, &str) = ("35238", "35000");
const IN_PARIS: (&str, &str) = ("75101", "75001");

fn form_in((commune_code, postal_code): (&str, &str)) -> pb::Cra {
    let place = pb::Place {
        commune_code: commune_code.into(),
        postal_code: postal_code.into(),
        ..form().place.unwrap()
    };
    pb::Cra { place: Some(place), ..form() }
}

async fn history(service: &Running, token: &str, number: u128) -> Result<Vec<pb::CraEvent>, Status> {
    let answer = service.ingestion().await.get_cra_history(carrying(token, request(cra_id(number)))).await?;
    Ok(answer.into_inner().events)
}

/// A CRA of Rennes that one correction moves to Paris and another one back, then withdrawn.
async fn moved_twice(service: &Running, token: &str, number: u128) {
    let mut client = service.ingestion().await;
    let submission = pb::SubmitCraRequest { cra: Some(form_in(IN_RENNES)), ..submission(number) };
    client.submit_cra(carrying(token, submission)).await.unwrap();
    for (expected_revision, place) in [(1, IN_PARIS), (2, IN_RENNES)] {
        let correction = pb::CorrectCraRequest {
            cra_id: cra_id(number),
            expected_revision,
            cra: Some(form_in(place)),
            reason: "une erreur de commune".into(),
        };
        client.correct_cra(carrying(token, correction)).await.unwrap();
    }
    client.withdraw_cra(carrying(token, withdrawal(number, 3))).await.unwrap();
}

#[tokio::test]
async fn revisions_outside_the_perimeter_are_shown_as_moved_without_their_content() {
    let key = SigningKey::generate_ed25519().unwrap();
    let service = service_trusting(&key).await;
    let national = PerimeterClaim { national: true, ..PerimeterClaim::default() };
    let all = token(&key, "cra:submit cra:correct cra:read", national);
    moved_twice(&service, &all, 1).await;
    let whole = history(&service, &all, 1).await.unwrap();
    assert!(whole.len() == 4 && whole.iter().all(|event| event.fact.is_some() && !event.moved));

    let shown = |department: &'static str, moved: [bool; 4]| {
        let expected = whole.iter().zip(moved).map(|(event, moved)| {
            let pb::CraEvent { event_id, revision, recorded_at, .. } = event.clone();
            let outside = pb::CraEvent { event_id, revision, recorded_at, moved, ..Default::default() };
            if moved { outside } else { event.clone() }
        });
        (token(&key, "cra:read", within(&[department])), expected.collect::<Vec<_>>())
    };
    // The withdrawal belongs to the place of the content that it withdraws.
    for (token, expected) in
        [shown("35", [false, true, false, false]), shown("75", [true, false, true, true])]
    {
        assert_eq!(history(&service, &token, 1).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_cra_outside_the_perimeter_costs_the_same_reads_as_one_that_does_not_exist() {
    let key = SigningKey::generate_ed25519().unwrap();
    let service = service_trusting(&key).await;
    let national = PerimeterClaim { national: true, ..PerimeterClaim::default() };
    let all = token(&key, "cra:submit cra:correct", national);
    moved_twice(&service, &all, 1).await;
    let stranger = token(&key, "cra:read cra:correct", within(&["2A"]));
    let asked = async |number| {
        service.log.reads();
        let shown = history(&service, &stranger, number).await.unwrap_err();
        let withdrawal = withdrawal(number, 1);
        let mut client = service.ingestion().await;
        let withdrawn = client.withdraw_cra(carrying(&stranger, withdrawal)).await.unwrap_err();
        let reported = |status: &Status| (status.code(), status.message().to_owned(), reason_of(status));
        (reported(&shown), reported(&withdrawn), service.log.reads())
    };
    let (outside, unknown) = (asked(1).await, asked(2).await);
    assert_eq!(outside, unknown);
    assert_eq!((outside.0.0, outside.1.0), (Code::NotFound, Code::NotFound));
    assert_eq!(outside.2, ["history", "history"]);
}
