//! An issuer that is unavailable when a service starts: the service reports that it can verify no token, fetches the
//! keys again with increasing delays, and serves once it has them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{
    Ingestion, Issuer, carrying, connected, eventually, national, new_id, service_pair, submission, workshop,
};
use crate::metrics::{scraped, value};

/// An issuer's address: fails until it is enabled, and counts requests.
struct Address {
    url: String,
    is_there: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

fn address(keys: String) -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let (is_there, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (answers, counted) = (Arc::clone(&is_there), Arc::clone(&asked));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            counted.fetch_add(1, Ordering::SeqCst);
            let (status, body) = if answers.load(Ordering::SeqCst) {
                ("200 OK", keys.as_str())
            } else {
                ("503 Service Unavailable", "")
            };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    Address { url, is_there, asked }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_away_at_start_are_asked_for_again_and_health_and_a_metric_say_so() {
    let issuer = Issuer::new();
    let address = address(issuer.key_set());
    let dir = tempfile::tempdir().unwrap();
    let nats = cra_eventlog::testing::NatsServer::start(dir.path()).unwrap();
    let own = issuer.settings_with_keys_at(&address.url);
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<_> = own.chain([("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")]).collect();
    let (mut ingestion, mut projection) = service_pair(dir.path(), &nats.url(), &settings);
    let begun = Instant::now();
    tokio::join!(ingestion.start(), projection.start());
    for service in [&ingestion, &projection] {
        eventually("health answers", async || match service.health().await? {
            ServingStatus::NotServing => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
        assert_eq!(value(&scraped(service).await, "cra_token_keys_usable"), Some(0.0));
    }
    let token = issuer.token("cra:submit", &national());
    let mut client = Ingestion::new(connected(ingestion.address()).await.unwrap());
    let request = submission(&new_id(), workshop(5));
    let refused = client.submit_cra(carrying(&token, request.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");

    // Fetched again automatically, at the earliest after 1, 2, 4 ... seconds, less a fifth.
    eventually("they are asked for again", async || match address.asked.load(Ordering::SeqCst) {
        few @ ..6 => Err(format!("asked {few} times")),
        _ => Ok(()),
    })
    .await;
    let asked = u32::try_from(address.asked.load(Ordering::SeqCst)).unwrap();
    let most = 2.0 * ((begun.elapsed().as_secs_f64() / 0.8 + 1.0).log2() + 2.0);
    assert!(f64::from(asked) <= most, "{asked} times, at most {most}");

    address.is_there.store(true, Ordering::SeqCst);
    for service in [&ingestion, &projection] {
        service.serving().await;
        assert_eq!(value(&scraped(service).await, "cra_token_keys_usable"), Some(1.0));
    }
    client.submit_cra(carrying(&token, request)).await.unwrap();
}
