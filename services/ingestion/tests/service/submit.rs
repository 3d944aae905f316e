//! Single submissions.

use cra_contracts::v1 as pb;
use cra_runtime::rejection::{reason_of, retry_delay_of, violations_of};
use tonic::{Code, Status};

use crate::fixtures::{
    Running, TUESDAY, cra_id, form, instant, other_content, service, service_with, submission,
};

async fn submit(service: &Running, request: pb::SubmitCraRequest) -> Result<pb::Receipt, Status> {
    let response = service.ingestion().await.submit_cra(request).await?;
    Ok(response.into_inner().receipt.unwrap())
}

fn defaults(receipt: &pb::Receipt) -> Vec<(&str, &str)> {
    receipt.defaulted_fields.iter().map(|default| (default.field.as_str(), default.value.as_str())).collect()
}

#[tokio::test]
async fn the_receipt_of_an_accepted_submission_has_its_position_and_its_defaults() {
    let service = service().await;
    let receipt = submit(&service, submission(1)).await.unwrap();
    assert_eq!((receipt.cra_id.as_str(), receipt.revision, receipt.position), (cra_id(1).as_str(), 1, 1));
    assert!(!receipt.duplicate);
    assert_eq!(receipt.recorded_at.unwrap().seconds, instant(crate::fixtures::MONDAY).as_second());
    assert_eq!(defaults(&receipt), [("cra.date", "2024-03-04"), ("cra.participants", "5")]);
    assert_eq!(service.events().await, 1);
}

#[tokio::test]
async fn every_fault_is_reported_at_once_with_its_path_its_reason_and_a_french_message() {
    let service = service().await;
    let mut cra = form();
    cra.advisor_id.clear();
    cra.ages = Some(pb::AgeCounts { over_60: 4, ..pb::AgeCounts::default() });
    cra.themes.push(pb::Theme::Smartphone.into());
    let request = pb::SubmitCraRequest { cra_id: "mine".into(), cra: Some(cra), validate_only: false };
    let refused = submit(&service, request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let violations = violations_of(&refused);
    let mut reported: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.reason.as_ref())).collect();
    reported.sort_unstable();
    let expected = [
        ("cra.advisor_id", "REQUIRED"),
        ("cra.ages", "AGES_SUM_MISMATCH"),
        ("cra.themes[1]", "THEME_CLOSED"),
        ("cra_id", "CRA_ID_INVALID"),
    ];
    assert_eq!(reported, expected);
    let ages = violations.iter().find(|violation| violation.field == "cra.ages").unwrap();
    assert_eq!(ages.description, "the ages add up to 4, expected the 5 participants: 1 too few");
    assert!(
        ages.localized_message.starts_with("Les tranches d'âge totalisent 4"),
        "{}",
        ages.localized_message
    );
    assert_eq!(service.events().await, 0);
}

#[tokio::test]
async fn a_request_without_a_cra_reports_that_and_its_bad_id() {
    let refused = submit(&service().await, pb::SubmitCraRequest::default()).await.unwrap_err();
    let fields: Vec<_> = violations_of(&refused).into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["cra_id", "cra"]);
}

#[tokio::test]
async fn a_request_full_of_faults_still_fits_in_the_headers_and_counts_them() {
    let redirections = vec![pb::Redirection::default(); 1_000];
    let follow_up = pb::FollowUp { redirections, ..pb::FollowUp::default() };
    let cra = pb::Cra { follow_up: Some(follow_up), ..form() };
    let request = pb::SubmitCraRequest { cra: Some(cra), ..submission(1) };
    let refused = submit(&service().await, request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.details().len() < 6 * 1024, "{}", refused.details().len());
    assert!(refused.message().starts_with("100 violations: "), "{}", refused.message());
    assert!(violations_of(&refused).len() > 10);
}

#[tokio::test]
async fn validating_only_returns_the_defaults_and_records_nothing() {
    let service = service().await;
    let check = pb::SubmitCraRequest { validate_only: true, ..submission(1) };
    let receipt = submit(&service, check).await.unwrap();
    assert_eq!((receipt.revision, receipt.position, receipt.recorded_at), (0, 0, None));
    assert_eq!(defaults(&receipt), [("cra.date", "2024-03-04"), ("cra.participants", "5")]);
    assert_eq!(service.events().await, 0);
}

#[tokio::test]
async fn a_repeated_submission_returns_the_first_receipt_and_records_nothing_more() {
    let service = service().await;
    let first = submit(&service, submission(1)).await.unwrap();
    let spelled_otherwise =
        pb::SubmitCraRequest { cra_id: cra_id(1).replace('-', "").to_uppercase(), ..submission(1) };
    for again in [submission(1), spelled_otherwise] {
        let repeated = submit(&service, again).await.unwrap();
        assert_eq!(repeated, pb::Receipt { duplicate: true, ..first.clone() });
    }
    assert_eq!(service.events().await, 1);
}

#[tokio::test]
async fn a_retry_on_the_next_day_that_left_the_day_to_the_form_is_the_same_submission() {
    let service = service().await;
    let first = submit(&service, submission(1)).await.unwrap();
    service.clock.set(instant(TUESDAY));
    let repeated = submit(&service, submission(1)).await.unwrap();
    assert_eq!(repeated, pb::Receipt { duplicate: true, ..first });
    let reported = pb::Cra { date: "2024-03-05".into(), ..form() };
    let refused =
        submit(&service, pb::SubmitCraRequest { cra: Some(reported), ..submission(1) }).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn other_content_under_an_existing_id_is_refused_and_the_first_remains() {
    let service = service().await;
    submit(&service, submission(1)).await.unwrap();
    let refused = submit(&service, other_content(1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(reason_of(&refused).as_deref(), Some("CRA_ALREADY_EXISTS"));
    assert_eq!(retry_delay_of(&refused), None);
    assert_eq!(service.events().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_racers_with_one_submission_one_is_executed_and_seven_are_duplicates() {
    let service = service().await;
    let client = service.ingestion().await;
    let racers = (0..8).map(|_| {
        let mut client = client.clone();
        tokio::spawn(
            async move { client.submit_cra(submission(1)).await.unwrap().into_inner().receipt.unwrap() },
        )
    });
    let mut duplicates = 0;
    for racer in racers.collect::<Vec<_>>() {
        let receipt = racer.await.unwrap();
        assert_eq!((receipt.revision, receipt.position), (1, 1));
        duplicates += u32::from(receipt.duplicate);
    }
    assert_eq!(duplicates, 7);
    assert_eq!(service.events().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_the_limit_of_calls_in_flight_the_caller_is_told_when_to_come_back() {
    let limits = cra_ingestion::Limits { calls_in_flight: 1.try_into().unwrap(), ..Default::default() };
    let service = service_with(limits).await;
    let closed = service.log.gate.acquire_many(1_000).await.unwrap();
    let mut client = service.ingestion().await;
    let waiting = tokio::spawn({
        let mut client = client.clone();
        async move {
            // The only permit may be in use by a check when it arrives.
            loop {
                match client.submit_cra(submission(1)).await {
                    Err(refused) if refused.code() == Code::ResourceExhausted => {
                        tokio::task::yield_now().await;
                    }
                    outcome => return outcome,
                }
            }
        }
    });
    let refused = loop {
        // A check is quick, so when it is refused, the other call holds the permit.
        let check = pb::SubmitCraRequest { validate_only: true, ..submission(2) };
        match client.submit_cra(check).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(retry_delay_of(&refused).is_some());
    drop(closed);
    waiting.await.unwrap().unwrap();
}
