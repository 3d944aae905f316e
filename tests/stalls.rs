//! Stalled connections: slow, silent or closed in one direction, between a client and ingestion, or between the
//! services and the log. A request of unknown outcome leads to exactly one event when it is sent again, and a silent
//! connection does not delay a shutdown.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cra_eventlog::testing::NatsServer;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::{
    Direction, Ingestion, Load, Proxy, Service, Statistics, audit, connected, either, eventually, new_id,
    record, recorded, service_pair, submission, submitted, workshop,
};

const CLIENTS: u32 = 3;
/// Number of changes acknowledged between two faults.
const CHANGES: u64 = 30;
const DRAIN_DEADLINE: Duration = Duration::from_secs(4);
/// Margin of ingestion and the runtime beyond it.
const MARGIN: Duration = Duration::from_secs(3);
const SETTINGS: [(&str, &str); 1] = [("SERVER__DRAIN_DEADLINE_MS", "4000")];

/// The pair with an unreliable network before the log, and one before ingestion.
struct Stalling {
    to_ingestion: Proxy,
    to_log: Proxy,
    ingestion: Service,
    projection: Service,
    nats: NatsServer,
    _dir: TempDir,
}

impl Stalling {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        let to_log = Proxy::to(nats.address()).await;
        let url = format!("nats://{}", to_log.address());
        let (mut ingestion, mut projection) = service_pair(dir.path(), &url, &SETTINGS);
        tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
        let to_ingestion = Proxy::to(ingestion.address()).await;
        Self { to_ingestion, to_log, ingestion, projection, nats, _dir: dir }
    }

    async fn direct(&self) -> Ingestion {
        Ingestion::new(connected(self.ingestion.address()).await.unwrap())
    }
}

async fn client(address: SocketAddr) -> Ingestion {
    Ingestion::new(connected(address).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_stalls_under_load_what_was_acknowledged_counts_exactly_once() {
    let stalling = Stalling::start().await;
    let load = Load::begin(&[stalling.to_ingestion.address()], CLIENTS);
    load.goes_on(CHANGES).await;
    for _ in 0..either(1, 6) {
        for proxy in [&stalling.to_ingestion, &stalling.to_log] {
            proxy.delay(Duration::from_millis(30));
            load.goes_on(CHANGES).await;
            proxy.pass_on();
            for direction in [Direction::Requests, Direction::Answers] {
                proxy.hold(direction);
                // Longer than one try of an append.
                sleep(Duration::from_millis(1_800)).await;
                proxy.pass_on();
                load.goes_on(CHANGES).await;
                proxy.half_close(direction);
                load.goes_on(CHANGES).await;
            }
            proxy.keep_answers_back();
            sleep(Duration::from_millis(500)).await;
            proxy.cut();
            load.goes_on(CHANGES).await;
        }
    }
    let acknowledged = load.end().await;
    let entries = audit::log_of(&stalling.nats.url(), 1).await;
    let mut statistics = Statistics::new(connected(stalling.projection.address()).await.unwrap());
    let mut ingestion = stalling.direct().await;
    audit::all_is_well(&mut ingestion, &mut statistics, &entries, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_asked_to_leave_is_held_neither_by_a_silent_client_nor_by_a_silent_log() {
    let mut stalling = Stalling::start().await;
    let cra_id = new_id();
    let mut silent = client(stalling.to_ingestion.address()).await;
    record(&mut silent, workshop(5)).await;
    stalling.to_log.hold(Direction::Answers);
    let request = submission(&cra_id, workshop(5));
    let unanswered = tokio::spawn(async move { submitted(&mut silent, request).await });
    eventually("the request is recorded while its answer is held", async || {
        let entries = audit::log_of(&stalling.nats.url(), 1).await;
        if entries.len() == 2 { Ok(()) } else { Err(format!("{} events", entries.len())) }
    })
    .await;
    stalling.to_ingestion.hold(Direction::Answers);

    let stopped_at = Instant::now();
    stalling.ingestion.terminate();
    stalling.projection.terminate();
    let (ingestion, projection) = tokio::join!(stalling.ingestion.ended(), stalling.projection.ended());
    assert!(stopped_at.elapsed() < DRAIN_DEADLINE + MARGIN, "{:?}", stopped_at.elapsed());
    assert!(ingestion.success() && projection.success(), "{ingestion}, {projection}");
    stalling.to_ingestion.cut();
    assert!(unanswered.await.unwrap().is_err(), "nothing answered it");

    stalling.to_log.cut();
    tokio::join!(stalling.ingestion.start_and_serve(), stalling.projection.start_and_serve());
    let mut direct = stalling.direct().await;
    let receipt = submitted(&mut direct, submission(&cra_id, workshop(5))).await.unwrap();
    assert!(receipt.duplicate);
    assert_eq!(recorded(&mut direct, &cra_id).await.unwrap().len(), 1);
    let entries = audit::log_of(&stalling.nats.url(), 1).await;
    let mut statistics = Statistics::new(connected(stalling.projection.address()).await.unwrap());
    audit::equals_recomputation(&mut statistics, &entries).await;
}
