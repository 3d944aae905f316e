//! An issuer that is unavailable when a service starts: the service reports that it can verify no token, fetches the
//! keys again with increasing delays, and serves once it has them.

use std::time::Instant;

use cra_fixtures::KeyServer;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{
    Ingestion, Issuer, carrying, connected, eventually, national, new_id, service_pair, submission, workshop,
};
use crate::metrics::{scraped, value};

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_unavailable_at_start_are_fetched_again_and_health_and_a_metric_report_it() {
    let issuer = Issuer::new();
    let address = KeyServer::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let nats = cra_eventlog::testing::NatsServer::start(dir.path()).unwrap();
    let own = issuer.settings_with_keys_at(&address.url);
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<_> = own.chain([("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")]).collect();
    let (mut ingestion, mut projection) = service_pair(dir.path(), &nats.url(), &settings);
    let started = Instant::now();
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
    eventually("they are requested again", async || match address.requests() {
        few @ ..6 => Err(format!("{few} requests")),
        _ => Ok(()),
    })
    .await;
    let requests = u32::try_from(address.requests()).unwrap();
    let limit = 2.0 * ((started.elapsed().as_secs_f64() / 0.8 + 1.0).log2() + 2.0);
    assert!(f64::from(requests) <= limit, "{requests} requests, at most {limit}");

    address.serve(issuer.key_set());
    for service in [&ingestion, &projection] {
        service.serving().await;
        assert_eq!(value(&scraped(service).await, "cra_token_keys_usable"), Some(1.0));
    }
    client.submit_cra(carrying(&token, request)).await.unwrap();
}
