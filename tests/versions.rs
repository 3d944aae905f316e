//! Two versions of events: a projection that is older than ingestion parks the kind of event that it does not know, and
//! counts it after its upgrade; a projection that is upgraded first parks nothing.
//!
//! An older version is one that finds a fact in an unknown field: a proxy between the log and the projection renames
//! the field of withdrawals. The upgrade is a start on the same read models without the proxy, and a replay, because
//! parked events keep the bytes that the proxy forwarded.

use std::net::SocketAddr;

use cra_contracts::v1 as pb;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{
    Operations, Pair, Service, Statistics, connected, record, service_pair, statistics_at, workshop,
};

const REASON: &str = "saisi deux fois";
/// The key of `CraEvent.withdrawn`, field 8, and of a field that no version has yet; both contain bytes.
const WITHDRAWN: u8 = 8 << 3 | 2;
const UNKNOWN: u8 = 15 << 3 | 2;

/// The stored bytes of the withdrawal, from the field's key on.
fn withdrawal(key: u8) -> Vec<u8> {
    let withdrawn = pb::CraWithdrawn { reason: REASON.to_owned() }.encode_to_vec();
    [&[key, u8::try_from(withdrawn.len()).unwrap()][..], &withdrawn].concat()
}

/// Forwards bytes; each withdrawal becomes what an older version would read, wherever reads split it.
async fn renamed(mut from: impl tokio::io::AsyncRead + Unpin, mut to: impl tokio::io::AsyncWrite + Unpin) {
    let (known, unknown) = (withdrawal(WITHDRAWN), withdrawal(UNKNOWN));
    let mut waiting = Vec::new();
    let mut part = vec![0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut part).await {
        waiting.extend_from_slice(&part[..read]);
        while let Some(at) = waiting.windows(known.len()).position(|bytes| bytes == known) {
            waiting[at..at + unknown.len()].copy_from_slice(&unknown);
        }
        // The bytes that may begin a withdrawal are held back.
        let prefix = (1..known.len()).rev().find(|prefix| waiting.ends_with(&known[..*prefix])).unwrap_or(0);
        let passed: Vec<_> = waiting.drain(..waiting.len() - prefix).collect();
        if to.write_all(&passed).await.is_err() {
            return;
        }
    }
}

/// The address at which a projection reads the log as an older version does.
async fn as_an_older_version(log: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (reader, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(log).await.unwrap();
            let ((from_reader, to_reader), (from_server, mut to_server)) =
                (reader.into_split(), server.into_split());
            tokio::spawn(renamed(from_server, to_reader));
            tokio::spawn(async move {
                let mut from_reader = from_reader;
                // Either side may disconnect at any time.
                let _ = tokio::io::copy(&mut from_reader, &mut to_server).await;
            });
        }
    });
    format!("nats://{address}")
}

async fn cras(projection: &Service, position: u64) -> u64 {
    let mut statistics = Statistics::new(connected(projection.address()).await.unwrap());
    statistics_at(&mut statistics, position).await.cras
}

async fn parked(projection: &Service) -> Vec<u64> {
    let mut operations = Operations::new(connected(projection.address()).await.unwrap());
    let listed = operations.list_parked_events(pb::ListParkedEventsRequest::default()).await.unwrap();
    listed.into_inner().events.iter().map(|event| event.position).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_later_version_is_parked_by_an_older_projection_and_counts_after_its_upgrade() {
    let pair = Pair::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (_, mut older) = service_pair(dir.path(), &as_an_older_version(pair.nats.address()).await, &[]);
    older.start_and_serve().await;

    // Ingestion was upgraded first, and writes events that the older projection does not know.
    let mut ingestion = pair.ingestion().await;
    let receipt = record(&mut ingestion, workshop(5)).await;
    let withdrawn = record(&mut ingestion, workshop(7)).await;
    assert_eq!((receipt.position, withdrawn.position), (1, 2));
    let request =
        pb::WithdrawCraRequest { cra_id: withdrawn.cra_id, expected_revision: 1, reason: REASON.to_owned() };
    ingestion.withdraw_cra(request).await.unwrap();
    assert_eq!((cras(&older, 3).await, parked(&older).await), (2, vec![3]));
    // A projection that was upgraded before ingestion parks nothing.
    assert_eq!((cras(&pair.projection, 3).await, parked(&pair.projection).await), (1, vec![]));

    older.terminate();
    assert!(older.ended().await.success());
    let (_, mut upgraded) = service_pair(dir.path(), &pair.nats.url(), &[]);
    upgraded.start_and_serve().await;
    assert_eq!(parked(&upgraded).await, [3], "nothing is lost by the upgrade");
    let mut operations = Operations::new(connected(upgraded.address()).await.unwrap());
    let request = pb::RebuildRequest { until_position: 0, promote: true };
    let mut replayed = operations.rebuild(request).await.unwrap().into_inner();
    while replayed.message().await.unwrap().is_some() {}
    assert_eq!((cras(&upgraded, 3).await, parked(&upgraded).await), (1, vec![]));
}
