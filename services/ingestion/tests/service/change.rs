//! Corrections and withdrawals.

use cra_contracts::v1 as pb;
use cra_runtime::rejection::{fact_of, reason_of, violations_of};
use pb::cra_event::Fact;
use tonic::{Code, Status};

use crate::fixtures::{Running, cra_id, form, other_content, service, submission};

const REASON: &str = "un participant oublié";

async fn submit(service: &Running, id: u128) {
    service.ingestion().await.submit_cra(submission(id)).await.unwrap();
}

fn correction(id: u128, expected_revision: u64) -> pb::CorrectCraRequest {
    pb::CorrectCraRequest {
        cra_id: cra_id(id),
        expected_revision,
        cra: other_content(id).cra,
        reason: format!("  {REASON} "),
    }
}

async fn correct(service: &Running, request: pb::CorrectCraRequest) -> Result<pb::Receipt, Status> {
    let response = service.ingestion().await.correct_cra(request).await?;
    Ok(response.into_inner().receipt.unwrap())
}

async fn withdraw(service: &Running, expected_revision: u64, reason: &str) -> Result<pb::Receipt, Status> {
    let request = pb::WithdrawCraRequest { cra_id: cra_id(1), expected_revision, reason: reason.into() };
    let response = service.ingestion().await.withdraw_cra(request).await?;
    Ok(response.into_inner().receipt.unwrap())
}

#[tokio::test]
async fn a_corrected_and_withdrawn_cra_keeps_its_whole_life_in_the_log() {
    let service = service().await;
    submit(&service, 1).await;
    let corrected = correct(&service, correction(1, 1)).await.unwrap();
    assert_eq!((corrected.revision, corrected.position, corrected.duplicate), (2, 2, false));
    let withdrawn = withdraw(&service, 2, REASON).await.unwrap();
    assert_eq!((withdrawn.revision, withdrawn.position), (3, 3));

    let request = pb::GetCraHistoryRequest { cra_id: cra_id(1) };
    let events = service.ingestion().await.get_cra_history(request).await.unwrap().into_inner().events;
    let facts: Vec<_> = events.into_iter().map(|event| event.fact.unwrap()).collect();
    let [Fact::Submitted(_), Fact::Corrected(corrected), Fact::Withdrawn(withdrawn)] = &facts[..] else {
        panic!("{facts:?}")
    };
    assert_eq!((corrected.reason.as_str(), withdrawn.reason.as_str()), (REASON, REASON), "trimmed");
    assert_ne!(corrected.cra.as_ref().unwrap().themes, form().themes);
}

#[tokio::test]
async fn a_repeated_change_returns_its_receipt_and_records_nothing_more() {
    let service = service().await;
    submit(&service, 1).await;
    let first = correct(&service, correction(1, 1)).await.unwrap();
    let again = correct(&service, correction(1, 1)).await.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, ..first });
    let first = withdraw(&service, 2, REASON).await.unwrap();
    let again = withdraw(&service, 2, REASON).await.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, ..first });
    assert_eq!(service.events().await, 3);
}

#[tokio::test]
async fn a_change_of_an_outdated_revision_is_aborted_with_the_current_one() {
    let service = service().await;
    submit(&service, 1).await;
    let _ = correct(&service, correction(1, 1)).await.unwrap();
    for refused in [
        correct(&service, pb::CorrectCraRequest { reason: "une autre raison".into(), ..correction(1, 1) })
            .await,
        withdraw(&service, 1, REASON).await,
        withdraw(&service, 3, REASON).await,
    ] {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::Aborted);
        assert_eq!(reason_of(&refused).as_deref(), Some("CRA_REVISION_CHANGED"));
        assert_eq!(fact_of(&refused, "current_revision").as_deref(), Some("2"));
    }
    assert_eq!(service.events().await, 2);
}

#[tokio::test]
async fn a_withdrawn_cra_cannot_be_changed_and_an_unknown_one_is_not_found() {
    let service = service().await;
    submit(&service, 1).await;
    let _ = withdraw(&service, 1, REASON).await.unwrap();
    let refused = correct(&service, correction(1, 2)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let refused = withdraw(&service, 1, "une autre raison").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let refused = correct(&service, correction(2, 1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

#[tokio::test]
async fn every_fault_of_a_change_is_reported_at_once() {
    let service = service().await;
    let mut cra = form();
    cra.themes.clear();
    let request = pb::CorrectCraRequest {
        cra_id: "mine".into(),
        expected_revision: 1,
        cra: Some(cra),
        reason: "ab".into(),
    };
    let refused = correct(&service, request).await.unwrap_err();
    let mut faults: Vec<_> =
        violations_of(&refused).into_iter().map(|v| (v.field, v.reason.into_owned())).collect();
    faults.sort();
    let reported: Vec<_> = faults.iter().map(|(field, reason)| (field.as_str(), reason.as_str())).collect();
    assert_eq!(
        reported,
        [("cra.themes", "REQUIRED"), ("cra_id", "CRA_ID_INVALID"), ("reason", "REASON_LENGTH")]
    );
}

#[tokio::test]
async fn of_eight_racing_corrections_of_one_revision_one_is_recorded() {
    let service = service().await;
    submit(&service, 1).await;
    let racers = (0..8).map(|n| {
        let request = pb::CorrectCraRequest { reason: format!("raison numéro {n}"), ..correction(1, 1) };
        correct(&service, request)
    });
    let outcomes = futures::future::join_all(racers).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(refused.code(), Code::Aborted);
    }
    assert_eq!(service.events().await, 2);
}

#[tokio::test]
async fn a_withdrawn_cra_submitted_again_is_reported_as_withdrawn() {
    let service = service().await;
    let mut client = service.ingestion().await;
    let first = client.submit_cra(submission(1)).await.unwrap().into_inner().receipt.unwrap();
    let corrected = correct(&service, correction(1, 1)).await.unwrap();
    let withdrawn = withdraw(&service, 2, REASON).await.unwrap();
    assert!(!first.withdrawn && !corrected.withdrawn && !withdrawn.withdrawn);

    let again = client.submit_cra(submission(1)).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, withdrawn: true, ..first });
    let again = correct(&service, correction(1, 1)).await.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, withdrawn: true, ..corrected });
    // The withdrawal is final: nothing reversed it.
    let again = withdraw(&service, 2, REASON).await.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, ..withdrawn });
    assert_eq!(service.events().await, 3);
}

#[tokio::test]
async fn the_content_of_a_correction_submitted_under_its_id_returns_that_revision() {
    let service = service().await;
    submit(&service, 1).await;
    let corrected = correct(&service, correction(1, 1)).await.unwrap();
    // As in an exported file: complete, with its lists in any order.
    let request = pb::GetCraHistoryRequest { cra_id: cra_id(1) };
    let events = service.ingestion().await.get_cra_history(request).await.unwrap().into_inner().events;
    let Some(Fact::Corrected(fact)) = &events[1].fact else { panic!("no correction") };
    let exported = pb::SubmitCraRequest { cra: fact.cra.clone(), ..submission(1) };
    let mut client = service.ingestion().await;
    let again = client.submit_cra(exported.clone()).await.unwrap().into_inner().receipt.unwrap();
    assert_eq!(again, pb::Receipt { duplicate: true, ..corrected });
    let other = pb::Cra { annotation: "autre".into(), ..exported.cra.unwrap() };
    let refused =
        client.submit_cra(pb::SubmitCraRequest { cra: Some(other), ..submission(1) }).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn faults_of_a_correction_and_of_its_reason_are_reported_whether_the_cra_exists_or_not() {
    let service = service().await;
    submit(&service, 1).await;
    for id in [1, 2] {
        let cra = pb::Cra { themes: vec![pb::Theme::Other.into()], duration: None, ..form() };
        let request = pb::CorrectCraRequest { cra: Some(cra), reason: "ab".into(), ..correction(id, 1) };
        let refused = correct(&service, request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let fields: Vec<_> = violations_of(&refused).into_iter().map(|v| v.field).collect();
        assert_eq!(fields, ["cra.themes[0]", "cra.duration", "reason"]);
    }
}
