//! A rolling upgrade of both services under load, in the order of the manifests: projections first, in place; then
//! ingestion, the new instance before the old one stops. Each instance is stopped by SIGTERM, reports `NOT_SERVING`,
//! and accepts calls for its drain delay, while balancers follow `/readyz`.
//!
//! The "next version" is the same program: this proves the order, the drain and the clients. Compatibility of events
//! between versions is proved by golden bytes and the tests of foreign events.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cra_contracts::v1 as pb;
use cra_eventlog::testing::NatsServer;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::{Client, in_repository, lines_of, submission, written};
use crate::harness::{Ended, Service, Statistics, connected, eventually, new_id, probed, service_pair};

const SETTINGS: [(&str, &str); 3] = [
    ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0"),
    ("SERVER__DRAIN_DELAY_MS", "3000"),
    ("SERVER__DRAIN_DEADLINE_MS", "15000"),
];
/// Batch size of the guide's client.
const CRAS_AT_A_TIME: usize = 5;

/// Distributes connections over the ready instances, as an orchestrator's endpoints do.
struct Balancer {
    address: SocketAddr,
    ready: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    async fn over(ready: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, ready) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(ready)));
        let backends = Arc::clone(&ready);
        tokio::spawn(async move {
            for turn in 0.. {
                let (mut caller, _) = listener.accept().await.unwrap();
                let mut candidates = backends.lock().unwrap().clone();
                let first = turn % candidates.len();
                candidates.rotate_left(first);
                tokio::spawn(async move {
                    for candidate in candidates {
                        if let Ok(mut service) = TcpStream::connect(candidate).await {
                            // An error means that one side has closed the connection.
                            let _ = tokio::io::copy_bidirectional(&mut caller, &mut service).await;
                            return;
                        }
                    }
                });
            }
        });
        Self { address, ready }
    }

    fn add(&self, service: &Service) {
        self.ready.lock().unwrap().push(service.address());
    }

    /// Stops an instance, sends it nothing more once it is not ready, and waits until it has exited.
    async fn leaves(&self, service: &mut Service) {
        service.terminate();
        eventually("it is not ready", async || {
            let (ready, _) = probed(service, "/readyz").await;
            if ready.contains("503") { Ok(()) } else { Err(ready) }
        })
        .await;
        let address = service.address();
        self.ready.lock().unwrap().retain(|other| *other != address);
        let ended = service.ended().await;
        assert!(ended.success(), "{ended}: {}", service.output());
    }
}

/// Submits with the guide's Python client and reads its own writes until `stop` is set; returns the number of CRAs.
/// Every call must succeed, if necessary by its retries.
fn work(ingestion: SocketAddr, projection: SocketAddr, stop: &AtomicBool) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let cras: Vec<Value> = (0..CRAS_AT_A_TIME).map(|_| submission(&new_id(), 1)).collect();
        let file = written(folder.path(), "some.json", &cras);
        let receipts = lines_of(Client::Python.run(ingestion, projection, &["submit", &file]));
        assert_eq!(receipts.len(), CRAS_AT_A_TIME);
        assert!(receipts.iter().all(|receipt| receipt["revision"] == 1), "{receipts:?}");
        count += CRAS_AT_A_TIME;
        let position = receipts.last().unwrap()["position"].to_string();
        let figures =
            &lines_of(Client::Python.run(ingestion, projection, &["stats", "conseiller-1", &position]))[0];
        assert!(figures["cras"].as_u64().unwrap() >= count as u64, "{figures}: {count} were acknowledged");
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_upgrade_under_load_loses_nothing_doubles_nothing_and_fails_no_call() {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let pair = |name: &str| service_pair(&dir.path().join(name), &nats.url(), &SETTINGS);
    let (mut ingestion_1, mut projection_1) = pair("first");
    let (mut ingestion_2, mut projection_2) = pair("second");
    tokio::join!(
        ingestion_1.start_and_serve(),
        ingestion_2.start_and_serve(),
        projection_1.start_and_serve(),
        projection_2.start_and_serve(),
    );
    let ingestion = Balancer::over(vec![ingestion_1.address(), ingestion_2.address()]).await;
    let projection = Balancer::over(vec![projection_1.address(), projection_2.address()]).await;

    let stop = Arc::new(AtomicBool::new(false));
    let working = {
        let (ingestion, projection, stop) = (ingestion.address, projection.address, Arc::clone(&stop));
        tokio::task::spawn_blocking(move || work(ingestion, projection, &stop))
    };
    // A client without retries, over one connection at a time.
    let calling = {
        let address = ingestion.address.to_string();
        tokio::task::spawn_blocking(move || {
            let mut command = Client::Python.interpreter();
            command.arg(in_repository("tests/readers/keep_calling.py")).args([address.as_str(), "25"]);
            command.output().unwrap()
        })
    };

    for service in [&mut projection_1, &mut projection_2] {
        projection.leaves(service).await;
        service.start_and_serve().await;
        projection.add(service);
    }
    let (mut ingestion_3, _) = pair("third");
    let (mut ingestion_4, _) = pair("fourth");
    for (former, next) in [(&mut ingestion_1, &mut ingestion_3), (&mut ingestion_2, &mut ingestion_4)] {
        next.start_and_serve().await;
        ingestion.add(next);
        ingestion.leaves(former).await;
    }

    let output = calling.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    let count = working.await.unwrap();
    let called = Ended::from(output).succeeded().json();
    assert_eq!(called["failed"], Value::Array(Vec::new()), "{called}");
    assert!(count > 0 && called["calls"].as_u64().unwrap() > 0);
    for service in [&projection_1, &projection_2] {
        eventually("it has applied what was acknowledged, once each", async || {
            let mut statistics = Statistics::new(connected(service.address()).await?);
            let answer = statistics.get_statistics(pb::GetStatisticsRequest::default()).await;
            let cras = answer.map_err(|status| status.to_string())?.into_inner().statistics.unwrap().cras;
            if cras == count as u64 { Ok(()) } else { Err(format!("{cras} of {count}")) }
        })
        .await;
    }
}
