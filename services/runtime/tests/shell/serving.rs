//! Health, reflection and limits, which every service has in addition to its own methods.

use std::num::NonZeroU32;
use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_runtime::health::Readiness;
use cra_runtime::rejection::reason_of;
use cra_runtime::serve::{DrainOutcome, ServerSettings};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::probe::{Running, Server, run, with_drain_deadline};

const NAME: &str = "cra.v1.OperationsService";

async fn status_of(running: &Running, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(running.channel().await);
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.unwrap().into_inner().status()
}

#[tokio::test]
async fn health_answers_for_the_service_and_for_the_whole() {
    let running = run(ServerSettings::default()).await;
    assert_eq!(status_of(&running, NAME).await, ServingStatus::Serving);
    assert_eq!(status_of(&running, "").await, ServingStatus::Serving);

    running.health.set::<Server>(Readiness::NotServing).await;
    assert_eq!(status_of(&running, NAME).await, ServingStatus::NotServing);
    assert_eq!(status_of(&running, "").await, ServingStatus::NotServing);
}

#[tokio::test]
async fn a_health_watch_is_told_that_the_service_leaves_and_does_not_hold_the_drain() {
    let running = run(with_drain_deadline(15_000)).await;
    let mut client = HealthClient::new(running.channel().await);
    let request = HealthCheckRequest { service: String::new() };
    let mut watch = client.watch(request).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    running.shutdown.begin();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let health = running.health.clone();
    assert_eq!(running.drained().await, DrainOutcome::InTime);
    // A late report of the service is ignored, not an error.
    health.set_all(Readiness::Serving).await;
}

#[tokio::test]
async fn reflection_v1_lists_what_this_process_serves_and_describes_the_contract() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

    let running = run(ServerSettings::default()).await;
    let mut client = ServerReflectionClient::new(running.channel().await);
    let questions = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol(NAME.to_owned()),
        MessageRequest::FileContainingSymbol("google.rpc.BadRequest".to_owned()),
    ];
    let requests = questions
        .map(|question| ServerReflectionRequest { host: String::new(), message_request: Some(question) });
    let mut answers = client.server_reflection_info(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let mut next = async || -> ServerReflectionResponse { answers.message().await.unwrap().unwrap() };

    let Some(MessageResponse::ListServicesResponse(listed)) = next().await.message_response else {
        panic!("no list");
    };
    let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", NAME]);
    for symbol in [NAME, "google.rpc.BadRequest"] {
        let described = next().await.message_response;
        assert!(matches!(described, Some(MessageResponse::FileDescriptorResponse(_))), "{symbol}");
    }
}

#[tokio::test]
async fn reflection_v1alpha_lists_the_service_too() {
    use tonic_reflection::pb::v1alpha::ServerReflectionRequest;
    use tonic_reflection::pb::v1alpha::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1alpha::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1alpha::server_reflection_response::MessageResponse;

    let running = run(ServerSettings::default()).await;
    let mut client = ServerReflectionClient::new(running.channel().await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers =
        client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = answer else { panic!("no list") };
    assert!(listed.service.iter().any(|service| service.name == NAME));
}

#[tokio::test]
async fn the_callers_deadline_reaches_the_handler() {
    let running = run(ServerSettings::default()).await;
    let mut client = running.client().await;
    let within = |deadline: Duration| {
        let mut request = Request::new(pb::GetStatusRequest::default());
        request.set_timeout(deadline);
        request
    };
    running.probe.answer.notify_one();
    let answer = client.get_status(within(Duration::from_secs(7))).await.unwrap();
    assert_eq!(answer.into_inner().lag_ms, 7_000);
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_servers_limit_is_ended_with_deadline_exceeded() {
    let settings = ServerSettings { request_timeout_ms: 50.try_into().unwrap(), ..ServerSettings::default() };
    let running = run(settings).await;
    let ended = running.client().await.get_status(pb::GetStatusRequest::default()).await.unwrap_err();
    assert_eq!(ended.code(), Code::DeadlineExceeded, "{ended:?}");
    assert_eq!(reason_of(&ended).as_deref(), Some("TIMED_OUT"));
}

#[tokio::test]
async fn a_handler_that_panics_answers_internal_and_the_service_goes_on() {
    let running = run(ServerSettings::default()).await;
    let mut client = running.client().await;
    let fault = client.promote(pb::PromoteRequest::default()).await.unwrap_err();
    assert_eq!(fault.code(), Code::Internal, "{fault:?}");
    assert!(!fault.message().contains("as the test asks"), "{fault:?}");
    running.probe.answer.notify_one();
    client.get_status(pb::GetStatusRequest::default()).await.unwrap();
}

#[tokio::test]
async fn what_the_process_does_not_serve_is_unimplemented() {
    let running = run(ServerSettings::default()).await;
    let mut foreign = pb::ingestion_service_client::IngestionServiceClient::new(running.channel().await);
    let unknown = foreign.get_cra_history(pb::GetCraHistoryRequest::default()).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unimplemented);
}

#[tokio::test]
async fn headers_past_the_limit_are_refused() {
    let settings =
        ServerSettings { max_header_bytes: NonZeroU32::new(1_024).unwrap(), ..ServerSettings::default() };
    let running = run(settings).await;
    let mut request = Request::new(pb::GetStatusRequest::default());
    request.metadata_mut().insert("x-large", "x".repeat(4_096).parse().unwrap());
    running.probe.answer.notify_one();
    running.client().await.get_status(request).await.unwrap_err();
}

#[tokio::test]
async fn past_the_bound_a_connection_is_refused_at_once_and_its_place_can_be_taken_again() {
    let settings = ServerSettings { concurrent_connections: NonZeroU32::MIN, ..ServerSettings::default() };
    let running = run(settings).await;
    let mut first = running.client().await;
    let endless = first.verify(pb::VerifyRequest::default()).await.unwrap();

    let refused = async {
        match tonic::transport::Endpoint::from_shared(format!("http://{}", running.address))
            .unwrap()
            .connect()
            .await
        {
            Ok(channel) => pb::operations_service_client::OperationsServiceClient::new(channel)
                .get_status(pb::GetStatusRequest::default())
                .await
                .is_err(),
            Err(_) => true,
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(5), refused).await.expect("the caller hangs"));

    drop((first, endless));
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.probe.answer.notify_one();
    running.client().await.get_status(pb::GetStatusRequest::default()).await.unwrap();
}

#[tokio::test]
async fn past_the_bound_an_idle_connection_gives_way_to_a_new_one() {
    let settings = ServerSettings { concurrent_connections: NonZeroU32::MIN, ..ServerSettings::default() };
    let running = run(settings).await;
    // Each stays open at its client.
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = running.client().await;
        running.probe.answer.notify_one();
        client.get_status(pb::GetStatusRequest::default()).await.unwrap();
        clients.push(client);
    }
}
