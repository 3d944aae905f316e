//! Calls that need no token: bounded per address and in total, limited in age like every stream, and reflection only if
//! it is enabled.

use std::time::Duration;

use cra_runtime::rejection::{reason_of, retry_delay_of};
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use super::{PROBED, client_from};
use crate::harness::{Issuer, Kind, Pair, eventually, run_to_end, within};

const SOON: Duration = Duration::from_secs(30);

fn list_services() -> ServerReflectionRequest {
    let message_request = Some(MessageRequest::ListServices(String::new()));
    ServerReflectionRequest { host: String::new(), message_request }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_of_health_and_reflection_end_like_every_other() {
    for issuer in [None, Some(Issuer::new())] {
        let lifetime = [("SERVER__PER_CLIENT__STREAM_LIFETIME_S", "2"), ("SERVER__STALLED_AFTER_S", "2")];
        let pair = match &issuer {
            None => Pair::start_with(&lifetime).await,
            Some(issuer) => Pair::start_trusting(issuer, &lifetime).await,
        };
        for service in [pair.ingestion.address(), pair.projection.address()] {
            let mut health = HealthClient::new(client_from(2, service).await.unwrap());
            let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
            let ended = within(SOON, "the watch ends", async {
                loop {
                    if let Err(status) = watch.next().await.expect("a status") {
                        return status;
                    }
                }
            })
            .await;
            assert_eq!(reason_of(&ended).as_deref(), Some("STREAM_LIFETIME"), "{ended}");
            assert!(retry_delay_of(&ended).is_some());

            let mut reflection = ServerReflectionClient::new(client_from(2, service).await.unwrap());
            let (sender, requests) = tokio::sync::mpsc::channel(1);
            sender.send(list_services()).await.unwrap();
            let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
            let mut answers = reflection.server_reflection_info(requests).await.unwrap().into_inner();
            assert!(answers.message().await.unwrap().is_some());
            let ended = within(SOON, "reflection ends", async { answers.next().await });
            // The reflection library ends its answers when the client's messages end.
            assert!(!matches!(ended.await, Some(Ok(_))));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_holds_so_many_calls_without_a_token_and_others_are_answered() {
    let issuer = Issuer::new();
    let few = [
        PROBED,
        ("SERVER__WITHOUT_TOKEN__CALLS_IN_FLIGHT", "16"),
        ("SERVER__WITHOUT_TOKEN__CALLS_PER_ADDRESS", "4"),
    ];
    let pair = Pair::start_trusting(&issuer, &few).await;
    let service = pair.ingestion.address();
    let mut attacker = HealthClient::new(client_from(2, service).await.unwrap());
    let mut watches = Vec::new();
    for _ in 0..4 {
        watches.push(attacker.watch(HealthCheckRequest::default()).await.unwrap());
    }
    let refused = attacker.watch(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason_of(&refused).as_deref()), (Code::ResourceExhausted, Some("BUSY")));
    let mut other = HealthClient::new(client_from(3, service).await.unwrap());
    other.check(HealthCheckRequest::default()).await.expect("another address is answered");
    drop(watches);
    eventually("a finished watch releases its permit", async || {
        attacker.check(HealthCheckRequest::default()).await.map_err(|status| status.to_string())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_served_only_where_it_is_not_turned_off() {
    for (setting, is_served) in [("true", true), ("false", false)] {
        let pair = Pair::start_with(&[("SERVER__REFLECTION", setting)]).await;
        for service in [pair.ingestion.address(), pair.projection.address()] {
            let mut client = ServerReflectionClient::new(client_from(2, service).await.unwrap());
            let answer = client.server_reflection_info(tokio_stream::iter([list_services()])).await;
            match answer {
                Ok(_) => assert!(is_served),
                Err(status) => {
                    assert!(!is_served, "{status}");
                    assert_eq!(status.code(), Code::Unimplemented);
                }
            }
        }
    }
}

#[test]
fn limits_outside_their_bounds_are_refused_at_start_with_what_is_expected() {
    for kind in [Kind::Ingestion, Kind::Projection] {
        for (name, value, message) in [
            (
                "CRA_SERVER__CONNECTIONS__HANDSHAKE_MS",
                "50",
                "`server.connections.handshake_ms` is 50; expected 100",
            ),
            (
                "CRA_SERVER__CONNECTIONS__IDLE_S",
                "100000",
                "`server.connections.idle_s` is 100000; expected 1 to 86400",
            ),
            ("CRA_SERVER__UNDECODED_BYTES", "1000", "`server.undecoded_bytes` is 1000; expected 16777216"),
            ("CRA_SERVER__WITHOUT_TOKEN__CALLS_PER_ADDRESS", "200", "expected 1 to 64"),
            ("CRA_LIMITS__TRUSTED_PROXIES", r#"["gateway"]"#, "`gateway` is not a network"),
            ("CRA_LIMITS__TRUSTED_PROXIES", r#"["0.0.0.0/0"]"#, "holds every address"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            run_to_end(kind, dir.path(), &[], &[(name, value)]).failed().reports(message);
        }
    }
}
