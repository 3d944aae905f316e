//! Silent, slow and idle connections: they end at deadlines, and are closed earlier if connections are needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cra_contracts::v1 as pb;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::attacker::{Connection, End, PING, PREFACE, SETTINGS};
use super::{PROBED, client_from, figure, probed};
use crate::harness::{
    Ingestion, Issuer, Pair, Service, carrying, eventually, national, new_id, submission, workshop,
};

/// Maximum connections of the service in these tests, and per address.
const ALL: u64 = 48;
const PER_ADDRESS: usize = 16;
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// A service with few connections; `rest` are further settings.
async fn crowded(issuer: &Issuer, rest: &[(&str, &str)]) -> Pair {
    let settings = [
        PROBED,
        ("SERVER__CONCURRENT_CONNECTIONS", "48"),
        ("SERVER__CONNECTIONS__PER_ADDRESS", "16"),
        ("SERVER__WITHOUT_TOKEN__CALLS_IN_FLIGHT", "16"),
        ("SERVER__WITHOUT_TOKEN__CALLS_PER_ADDRESS", "4"),
    ];
    let settings: Vec<_> = settings.iter().chain(rest).copied().collect();
    Pair::start_trusting(issuer, &settings).await
}

/// Keeps silent connections from one address open, half of which have sent the preface; replaces closed ones.
async fn besiege(last: u8, service: std::net::SocketAddr, stop: Arc<AtomicBool>) {
    let mut connections: Vec<Option<Connection>> = (0..PER_ADDRESS).map(|_| None).collect();
    while !stop.load(Ordering::Relaxed) {
        for (number, slot) in connections.iter_mut().enumerate() {
            if slot.as_ref().is_none_or(Connection::is_closed) {
                let opened = if number % 2 == 0 {
                    Connection::from(last, service).await
                } else {
                    Connection::greeted(last, service).await
                };
                *slot = opened.ok();
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn is_served(service: &Service, token: &str) {
    let mut client = Ingestion::new(client_from(1, service.address()).await.unwrap());
    let request = carrying(token, submission(&new_id(), workshop(5)));
    client.submit_cra(request).await.expect("an honest client is served");
    assert_eq!(service.health().await, Ok(ServingStatus::Serving), "and health");
    let (status, text) = probed(service, "/readyz").await;
    assert_eq!((status.as_str(), text.as_str()), ("HTTP/1.1 200 OK", "SERVING\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_up_to_the_bound_keep_neither_clients_nor_probes_out() {
    let issuer = Issuer::new();
    // So long that no deadline closes the silent connections.
    let patient =
        [("SERVER__CONNECTIONS__HANDSHAKE_MS", "60000"), ("SERVER__CONNECTIONS__FIRST_REQUEST_MS", "600000")];
    let pair = crowded(&issuer, &patient).await;
    let token = issuer.token("cra:submit", &national());
    let mut long_served = pair.ingestion().await;
    long_served.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let service = pair.ingestion.address();
    let siege: Vec<_> = (2..=6).map(|last| tokio::spawn(besiege(last, service, Arc::clone(&stop)))).collect();
    eventually("every connection is in use", async || {
        let gave_way = figure(&pair.ingestion, r#"cra_connections_closed_total{cause="gave_way"}"#).await;
        if gave_way > 20 { Ok(()) } else { Err(format!("{gave_way} gave way")) }
    })
    .await;
    for _ in 0..10 {
        is_served(&pair.ingestion, &token).await;
        assert!(figure(&pair.ingestion, "cra_connections").await <= ALL);
    }
    // The oldest connection stays, because it carried a token.
    long_served.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for attacker in siege {
        attacker.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_does_not_come_to_a_request_is_closed_at_its_deadline() {
    let issuer = Issuer::new();
    let hasty =
        [("SERVER__CONNECTIONS__HANDSHAKE_MS", "500"), ("SERVER__CONNECTIONS__FIRST_REQUEST_MS", "1500")];
    let pair = crowded(&issuer, &hasty).await;
    let service = pair.ingestion.address();
    let silent = Connection::from(2, service).await.unwrap();
    assert_eq!(silent.ended().await, End::Cut);

    // Slow-loris: never silent for long, and never done.
    let slow = Connection::from(2, service).await.unwrap();
    slow.sends_until_closed(PREFACE, Duration::from_millis(60)).await;
    let mut slow = Connection::from(2, service).await.unwrap();
    slow.send(PREFACE).await.unwrap();
    slow.sends_until_closed(SETTINGS, Duration::from_millis(20)).await;

    let greeted = Connection::greeted(2, service).await.unwrap();
    assert_eq!(greeted.ended().await, End::Announced, "a waiting client is asked to reconnect");
    for (cause, least) in [("handshake", 2), ("first_request", 2)] {
        let series = format!("cra_connections_closed_total{{cause=\"{cause}\"}}");
        eventually(&format!("{cause} is counted"), async || {
            let closed = figure(&pair.ingestion, &series).await;
            if closed >= least { Ok(()) } else { Err(closed.to_string()) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_without_a_request_are_bounded_whatever_they_are() {
    let issuer = Issuer::new();
    let patient =
        [("SERVER__CONNECTIONS__HANDSHAKE_MS", "60000"), ("SERVER__CONNECTIONS__FIRST_REQUEST_MS", "600000")];
    let pair = crowded(&issuer, &patient).await;
    let pinging = Connection::greeted(2, pair.ingestion.address()).await.unwrap();
    pinging.sends_until_closed(&PING.repeat(100), Duration::ZERO).await;
    eventually("the cause is counted", async || {
        let series = r#"cra_connections_closed_total{cause="bytes_before_request"}"#;
        if figure(&pair.ingestion, series).await >= 1 { Ok(()) } else { Err(String::new()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_gets_a_goaway_and_a_stock_client_continues_with_another() {
    let issuer = Issuer::new();
    let pair = crowded(&issuer, &[("SERVER__CONNECTIONS__IDLE_S", "1")]).await;
    let service = pair.ingestion.address();
    let mut raw = Connection::greeted(2, service).await.unwrap();
    raw.call(1, HEALTH).await.unwrap();
    raw.data(1, &[0; 5]).await.unwrap();
    assert_eq!(raw.ended().await, End::Announced);

    let token = issuer.token("cra:submit", &national());
    let mut client = Ingestion::new(client_from(3, service).await.unwrap());
    let mut watching = HealthClient::new(client_from(4, service).await.unwrap());
    let mut watch = watching.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    for closed in [1, 2] {
        client.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();
        eventually("the client's connection is closed", async || {
            let idle = figure(&pair.ingestion, r#"cra_connections_closed_total{cause="idle"}"#).await;
            if idle > closed { Ok(()) } else { Err(idle.to_string()) }
        })
        .await;
    }
    // A connection with an open stream is not idle, however little it carries.
    let unchanged = tokio::time::timeout(Duration::from_millis(10), watch.message()).await;
    assert!(unchanged.is_err(), "{unchanged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_its_bound_and_a_trusted_proxy_has_none() {
    let issuer = Issuer::new();
    let patient = [
        ("SERVER__CONNECTIONS__HANDSHAKE_MS", "60000"),
        ("SERVER__CONNECTIONS__FIRST_REQUEST_MS", "600000"),
        ("LIMITS__TRUSTED_PROXIES", r#"["127.0.0.9/32"]"#),
    ];
    let pair = crowded(&issuer, &patient).await;
    let service = pair.ingestion.address();
    let open = async |last: u8, count: usize| {
        let mut opened = Vec::new();
        for _ in 0..count {
            opened.push(Connection::from(last, service).await.unwrap());
        }
        opened
    };
    let (of_proxy, of_caller) = (open(9, PER_ADDRESS + 4).await, open(2, PER_ADDRESS + 4).await);
    eventually("those past the bound make room", async || {
        let closed = of_caller.iter().filter(|connection| connection.is_closed()).count();
        if closed == 4 { Ok(()) } else { Err(format!("{closed} are closed")) }
    })
    .await;
    assert!(of_proxy.iter().all(|connection| !connection.is_closed()));
    drop(of_caller);

    // Also above the limit of calls without a token; callers behind the proxy count by their tokens.
    let mut watching = HealthClient::new(client_from(9, service).await.unwrap());
    let mut watches = Vec::new();
    for _ in 0..8 {
        watches.push(watching.watch(HealthCheckRequest::default()).await.expect("a proxy has many callers"));
    }
    let mut client = Ingestion::new(client_from(9, service).await.unwrap());
    let token = issuer.token("cra:submit", &national());
    client.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_with_a_token_keep_their_room_and_one_more_is_refused() {
    let issuer = Issuer::new();
    let pair = crowded(&issuer, &[("SERVER__CONNECTIONS__PER_ADDRESS", "2")]).await;
    let token = issuer.token("cra:submit", &national());
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut client = Ingestion::new(client_from(2, pair.ingestion.address()).await.unwrap());
        client.submit_cra(carrying(&token, submission(&new_id(), workshop(5)))).await.unwrap();
        connections.push(client);
    }
    let refused = Connection::from(2, pair.ingestion.address()).await.unwrap();
    assert_eq!(refused.ended().await, End::Cut);
    assert!(figure(&pair.ingestion, r#"cra_connections_refused_total{cause="address"}"#).await >= 1);
    for client in &mut connections {
        let request = pb::SubmitCraRequest { ..submission(&new_id(), workshop(5)) };
        client.submit_cra(carrying(&token, request)).await.unwrap();
    }
}
