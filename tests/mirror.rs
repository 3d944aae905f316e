//! A mirror replaces its log without a lost or doubled event. If the log is available, it is closed first; otherwise
//! the operator decides. Two logs are never in use at once.

use crate::harness::{Pair, cra_log, cra_log_json, eventually};
use async_nats::jetstream::{self, stream::Config};
use cra_eventlog::testing::{NatsServer, STORE_DIR};
use cra_eventlog::{LogIdentity, Position, Read as _};
use serde_json::Value;
use tempfile::TempDir;

use crate::exclusive_restore::{Clients, accepts, log_on, recorded, refuses};
use crate::harness::deployed::free_ports;

/// A server in a separate JetStream domain, with a leaf node connection on a port.
fn server(dir: &TempDir, domain: &str, leaf_nodes: &str) -> NatsServer {
    let settings = format!(
        "jetstream {{ store_dir: \"{STORE_DIR}\", sync_interval: always, domain: {domain} }}\n\
         leafnodes {{ {leaf_nodes} }}"
    );
    NatsServer::start_with(dir.path(), &settings).unwrap_or_else(|error| panic!("{error}"))
}

/// A log with both services, and an empty server that reaches it.
struct Fixture {
    pair: Pair,
    dir: TempDir,
    other: NatsServer,
    work: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let [leaf] = free_ports();
        let (dir, mirror_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let source = server(&dir, "source", &format!("listen: \"127.0.0.1:{leaf}\""));
        let other =
            server(&mirror_dir, "mirror", &format!("remotes: [{{ url: \"nats-leaf://127.0.0.1:{leaf}\" }}]"));
        let pair = Pair::start_on(dir, source, &[]).await;
        Self { pair, dir: mirror_dir, other, work: tempfile::tempdir().unwrap() }
    }

    fn mirrored(&self) -> Value {
        cra_log_json(
            self.work.path(),
            &["mirror", "--source-domain", "source", "--nats-url", &self.other.url()],
        )
    }

    async fn mirror_has(&self, position: u64) {
        eventually("the mirror follows", async || match self.mirrored() {
            state if state["position"] == position => Ok(()),
            state => Err(state.to_string()),
        })
        .await;
    }
}

async fn stream(nats: &NatsServer) -> Config {
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    context.get_stream("CRA").await.unwrap().cached_info().config.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_move_to_the_mirror_under_load_loses_and_doubles_nothing() {
    let fixture = Fixture::new().await;
    let before = recorded(&fixture.pair, 20).await;
    assert_eq!(fixture.mirrored()["source"], before.log);
    let clients = Clients::begin(fixture.pair.ingestion.address());
    eventually("clients submit", async || match clients.acknowledged() {
        30.. => Ok(()),
        number => Err(number.to_string()),
    })
    .await;
    let activated = cra_log_json(fixture.work.path(), &["activate", "--nats-url", &fixture.other.url()]);
    assert_eq!(activated["predecessor"], before.log);
    eventually("ingestion on the closed log says where the log is", async || {
        let closings = fixture.pair.ingestion.output().matches("it is closed: the log is nats/CRA/").count();
        if closings == 1 { Ok(()) } else { Err(fixture.pair.ingestion.output()) }
    })
    .await;
    let receipts = clients.end().await;
    // Run again, it changes nothing. Events that ingestion submitted before it noticed may have arrived over the leaf
    // node connection.
    let again = cra_log_json(fixture.work.path(), &["activate", "--nats-url", &fixture.other.url()]);
    assert_eq!((&again["log"], &again["predecessor"]), (&activated["log"], &activated["predecessor"]));

    let log = log_on(&fixture.other).await;
    let (head, common) = (log.head().await.unwrap(), activated["position"].as_u64().unwrap());
    let predecessor = &head.predecessors[0];
    assert_eq!(
        (&predecessor.log, predecessor.last_position),
        (&LogIdentity(before.log.clone()), Position(common))
    );
    for receipt in receipts.iter().chain([&before]) {
        let entry = log.entry(Position(receipt.position)).await.unwrap().unwrap();
        assert_eq!(entry.stream.unwrap().to_string(), receipt.cra_id, "{receipt:?}");
    }

    let next = Pair::start_on(fixture.dir, fixture.other, &[]).await;
    let after = recorded(&next, 3).await;
    assert_eq!(after.position, head.position.0 + 3);
    let mut statistics = next.statistics().await;
    accepts(&mut statistics, before.position, &before.log).await;
    refuses(&mut statistics, after.position, &before.log, &format!("up to {common} only")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_log_a_mirror_takes_its_place_only_as_the_operator_decides() {
    let mut fixture = Fixture::new().await;
    let before = recorded(&fixture.pair, 20).await;
    fixture.mirror_has(20).await;
    fixture.pair.nats.kill();
    let mirror = stream(&fixture.other).await;
    let away = cra_log(fixture.work.path(), &["activate", "--nats-url", &fixture.other.url()]);
    assert_eq!(away.status.code(), Some(2));
    assert!(
        away.stderr.contains("--without-source") && away.stderr.contains("position 20"),
        "{}",
        away.stderr
    );
    assert_eq!(stream(&fixture.other).await, mirror, "it changed something");

    let activated = cra_log_json(
        fixture.work.path(),
        &["activate", "--without-source", "--nats-url", &fixture.other.url()],
    );
    assert_eq!((&activated["position"], &activated["predecessor"]), (&20.into(), &before.log.clone().into()));
    let next = Pair::start_on(fixture.dir, fixture.other, &[]).await;
    assert_eq!(recorded(&next, 1).await.position, 21);
    accepts(&mut next.statistics().await, before.position, &before.log).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_no_mirror_or_one_of_another_log_does_not_become_the_log() {
    let fixture = Fixture::new().await;
    recorded(&fixture.pair, 5).await;
    let of_itself = cra_log(fixture.work.path(), &["activate", "--nats-url", &fixture.pair.nats.url()]);
    assert!(of_itself.stderr.contains("stream CRA is no mirror"), "{}", of_itself.stderr);
    fixture.mirror_has(5).await;

    // The source is created again without the mirror noticing.
    crate::exclusive_restore::delete_stream(&fixture.pair.nats).await;
    drop(log_on(&fixture.pair.nats).await);
    let designed = stream(&fixture.pair.nats).await;
    let other = cra_log(fixture.work.path(), &["activate", "--nats-url", &fixture.other.url()]);
    assert_eq!(other.status.code(), Some(2));
    assert!(other.stderr.contains("it mirrors nats/CRA/"), "{}", other.stderr);
    assert_eq!(stream(&fixture.pair.nats).await, designed, "another log was closed");
}
