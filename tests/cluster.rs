//! Three servers hold the log. If one of them is killed, leader or follower, the services continue. If two are killed,
//! nothing is acknowledged until a majority is back. Every acknowledged change counts exactly once.

use async_nats::jetstream;
use cra_eventlog::testing::NatsCluster;
use tonic::Code;

use crate::harness::{
    Ingestion, Load, Statistics, audit, connected, either, eventually, new_id, recorded, service_pair,
    statistics_at, submission, submitted, workshop,
};

const SETTINGS: [(&str, &str); 2] = [("LOG__REPLICAS", "3"), ("LOG__APPEND_TIMEOUT_MS", "2000")];
const CLIENTS: u32 = 3;
/// Number of changes acknowledged between two faults.
const CHANGES: u64 = 50;

/// The server that leads the stream.
async fn leader(cluster: &NatsCluster) -> usize {
    eventually("the stream has a leader", async || {
        let client = async_nats::connect(cluster.url().split(',').collect::<Vec<_>>()).await;
        let context = jetstream::new(client.map_err(|error| error.to_string())?);
        let stream = context.get_stream("CRA").await.map_err(|error| error.to_string())?;
        let leader = stream.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone());
        leader.and_then(|name| cluster.number_of(&name)).ok_or_else(|| "none".to_owned())
    })
    .await
}

/// Waits until every server has the whole stream, so that any of them may fail next.
async fn replicated(cluster: &NatsCluster) {
    eventually("every replica is current", async || {
        let client = async_nats::connect(cluster.url().split(',').collect::<Vec<_>>()).await;
        let context = jetstream::new(client.map_err(|error| error.to_string())?);
        let stream = context.get_stream("CRA").await.map_err(|error| error.to_string())?;
        let info = stream.cached_info().cluster.clone().ok_or("no cluster")?;
        let current = info.replicas.iter().filter(|replica| replica.current && !replica.offline).count();
        if current == 2 && info.leader.is_some() { Ok(()) } else { Err(format!("{info:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_three_servers_one_may_be_lost_and_without_a_majority_nothing_false_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = NatsCluster::start(dir.path(), 3).unwrap_or_else(|error| panic!("{error}"));
    let (mut ingestion, mut projection) = service_pair(dir.path(), &cluster.url(), &SETTINGS);
    tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
    let load = Load::begin(&[ingestion.address()], CLIENTS);
    load.goes_on(CHANGES).await;
    for _ in 0..either(1, 8) {
        let leads = leader(&cluster).await;
        cluster.nodes()[leads].kill();
        load.goes_on(CHANGES).await;
        cluster.nodes()[leads].restart().unwrap();
        replicated(&cluster).await;

        let follows = (leader(&cluster).await + 1) % 3;
        cluster.nodes()[follows].kill();
        load.goes_on(CHANGES).await;
        cluster.nodes()[follows].restart().unwrap();
        replicated(&cluster).await;
    }
    let acknowledged = load.end().await;
    let entries = audit::log_of(&cluster.url(), 3).await;
    let mut statistics = Statistics::new(connected(projection.address()).await.unwrap());
    audit::equals_recomputation(&mut statistics, &entries).await;
    let counted = statistics_at(&mut statistics, 0).await;

    let mut client = Ingestion::new(connected(ingestion.address()).await.unwrap());
    let lost = [leader(&cluster).await, (leader(&cluster).await + 1) % 3];
    for node in lost {
        cluster.nodes()[node].kill();
    }
    let refused: Vec<_> = (0..3).map(|_| new_id()).collect();
    for cra_id in &refused {
        let status = submitted(&mut client, submission(cra_id, workshop(5))).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    assert_eq!(statistics_at(&mut statistics, 0).await, counted, "statistics are answered without the log");
    for node in lost {
        cluster.nodes()[node].restart().unwrap();
    }
    for cra_id in &refused {
        eventually("the log accepts appends again", async || {
            let again = submitted(&mut client, submission(cra_id, workshop(5))).await;
            again.map_err(|status| status.to_string())
        })
        .await;
        // Until all servers are back, the leader may change.
        let events = eventually("the log can be read again", async || {
            recorded(&mut client, cra_id).await.map_err(|status| status.to_string())
        });
        assert_eq!(events.await.len(), 1);
    }

    replicated(&cluster).await;

    let entries = audit::log_of(&cluster.url(), 3).await;
    let known: Vec<_> = refused.iter().map(|id| id.parse().ok()).collect();
    let (ours, of_the_load): (Vec<_>, Vec<_>) =
        entries.iter().cloned().partition(|entry| known.contains(&entry.stream.map(|stream| stream.0)));
    assert_eq!(ours.len(), refused.len());
    audit::holds_exactly(&of_the_load, &acknowledged);
    audit::equals_recomputation(&mut statistics, &entries).await;
    audit::receipts_agree(&mut client, &acknowledged).await;
}
