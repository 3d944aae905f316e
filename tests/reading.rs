//! Every answer names the position of the log that it shows, and queries that cannot be answered are refused with the
//! reason.

use std::time::{Duration, Instant};

use cra_contracts::v1 as pb;
use cra_runtime::rejection::{fact_of, violations_of};
use tonic::{Code, Request, Status};
use tonic_reflection::pb::{v1, v1alpha};

use crate::harness::{
    Pair, assert_refused, at_least, connected, new_id, statistics_at, submission, submitted, workshop,
};

async fn ask(
    pair: &Pair,
    selection: pb::Selection,
    consistency: pb::Consistency,
) -> Result<pb::GetStatisticsResponse, Status> {
    let request = pb::GetStatisticsRequest { selection: Some(selection), consistency: Some(consistency) };
    let answer = pair.statistics().await.get_statistics(request).await?;
    Ok(answer.into_inner())
}

fn as_of(position: u64) -> pb::Consistency {
    pb::Consistency { as_of_position: position, ..pb::Consistency::default() }
}

async fn submit(pair: &Pair, participants: u32) -> pb::Receipt {
    let request = submission(&new_id(), workshop(participants));
    submitted(&mut pair.ingestion().await, request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_may_exist_is_waited_for_within_the_callers_deadline() {
    let pair = Pair::start().await;
    let receipt = submit(&pair, 5).await;
    statistics_at(&mut pair.statistics().await, receipt.position).await;

    // The position may exist in the log, which does not answer.
    pair.signal_log("-STOP");
    let deadline = Duration::from_secs(1);
    let mut request = Request::new(pb::GetStatisticsRequest {
        consistency: at_least(receipt.position + 1),
        ..pb::GetStatisticsRequest::default()
    });
    request.set_timeout(deadline);
    let mut statistics = pair.statistics().await;
    let started = Instant::now();
    let refused = statistics.get_statistics(request).await.unwrap_err();
    let waited = started.elapsed();
    pair.signal_log("-CONT");

    assert_refused(&refused, Code::DeadlineExceeded, "NOT_YET_APPLIED");
    assert_eq!(fact_of(&refused, "applied"), Some(receipt.position.to_string()));
    assert!(waited <= deadline, "{waited:?}");
    assert!(waited >= deadline / 2, "it did not wait: {waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_of_an_earlier_receipt_the_earlier_figures_are_given_and_past_the_head_none() {
    let pair = Pair::start().await;
    let first = submit(&pair, 5).await;
    let second = submit(&pair, 7).await;
    let now = statistics_at(&mut pair.statistics().await, second.position).await;
    assert_eq!((now.cras, now.acts), (2, 12));

    let everything = pb::Selection::default;
    for (receipt, figures) in [(&first, (1, 5)), (&second, (2, 12))] {
        let answer = ask(&pair, everything(), as_of(receipt.position)).await.unwrap();
        let (statistics, snapshot) = (answer.statistics.unwrap(), answer.snapshot.unwrap());
        assert_eq!((statistics.cras, statistics.acts), figures);
        assert_eq!(snapshot.position, receipt.position);
        assert_eq!(snapshot.recorded_at, receipt.recorded_at);
        assert!(!snapshot.generation.is_empty() && !snapshot.definitions.is_empty());
    }

    let past = ask(&pair, everything(), as_of(second.position + 1)).await.unwrap_err();
    assert_refused(&past, Code::OutOfRange, "PAST_THE_HEAD");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_that_cannot_be_understood_is_refused_with_every_field_and_never_widened() {
    let pair = Pair::start().await;
    let selection = pb::Selection {
        from: "2024-02-30".into(),
        region_codes: vec!["11".into(), "999".into()],
        department_codes: vec!["2C".into()],
        epci_codes: vec!["nowhere".into()],
        commune_codes: vec!["75999".into()],
        postal_codes: vec!["00000".into()],
        structure_ids: vec!["a b".into()],
        channels: vec![77],
        activities: vec![pb::Activity::Workshop.into(), 78],
        themes: vec![79],
        durations: vec![80],
        ..pb::Selection::default()
    };
    let refused = ask(&pair, selection, pb::Consistency::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let violations = violations_of(&refused);
    let mut fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    fields.sort_unstable();
    let expected = [
        "selection.activities[1]",
        "selection.channels[0]",
        "selection.commune_codes[0]",
        "selection.department_codes[0]",
        "selection.durations[0]",
        "selection.epci_codes[0]",
        "selection.from",
        "selection.postal_codes[0]",
        "selection.region_codes[1]",
        "selection.structure_ids[0]",
        "selection.themes[0]",
    ];
    assert_eq!(fields, expected);
    for violation in &violations {
        assert!(!violation.reason.is_empty(), "{violation:?}");
        assert!(!violation.description.is_empty(), "{violation:?}");
        assert!(!violation.localized_message.is_empty(), "{violation:?}");
    }

    let inverted =
        pb::Selection { from: "2024-03-02".into(), to: "2024-03-01".into(), ..pb::Selection::default() };
    let refused = ask(&pair, inverted, pb::Consistency::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let fields: Vec<_> = violations_of(&refused).into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["selection.to"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_shows_the_positions_of_the_projection_and_the_log() {
    let pair = Pair::start().await;
    submit(&pair, 5).await;
    let last = submit(&pair, 7).await;
    statistics_at(&mut pair.statistics().await, last.position).await;

    let status = pair.operations().await.get_status(pb::GetStatusRequest::default()).await;
    let status = status.unwrap().into_inner();
    assert_eq!((status.applied_position, status.log_position), (last.position, last.position));
    assert_eq!(status.parked_events, 0);
    let serving: Vec<_> = status.generations.iter().filter(|generation| generation.serving).collect();
    assert_eq!(serving.len(), 1);
    assert_eq!(serving[0].name, status.generation);
    assert_eq!(serving[0].position, last.position);
}

/// Lists the services of a process by a version of the reflection protocol; the versions have equal types.
macro_rules! listed_by {
    ($version:ident, $service:expr) => {{
        use $version::server_reflection_client::ServerReflectionClient;
        use $version::server_reflection_request::MessageRequest;
        use $version::server_reflection_response::MessageResponse;
        let mut client = ServerReflectionClient::new(connected($service.address()).await.unwrap());
        let request = $version::ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..Default::default()
        };
        let answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        let answer = answers.into_inner().message().await.unwrap().unwrap();
        match answer.message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => {
                list.service.into_iter().map(|it| it.name).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn each_process_lists_its_own_services_by_both_versions_of_reflection() {
    let pair = Pair::start().await;
    let expected = [
        (&pair.ingestion, ["cra.v1.IngestionService", "cra.v1.ReferenceService"]),
        (&pair.projection, ["cra.v1.OperationsService", "cra.v1.StatisticsService"]),
    ];
    for (service, names) in expected {
        for listed in [listed_by!(v1, service), listed_by!(v1alpha, service)] {
            let mut ours: Vec<_> = listed.iter().filter(|name| name.starts_with("cra.")).collect();
            ours.sort_unstable();
            assert_eq!(ours, names.each_ref());
            assert!(listed.iter().any(|name| name == "grpc.health.v1.Health"), "{listed:?}");
        }
    }
}
