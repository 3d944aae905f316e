//! A restore is exclusive: while it runs, and after an interruption, the log accepts no other event, whatever is
//! submitted. A finished log continues the positions of the backed-up log, and records it as its predecessor.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use cra_contracts::v1 as pb;
use cra_eventlog::conformance::entry;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_eventlog::testing::NatsServer;
use cra_eventlog::{Position, Read as _, Restore as _, StreamId};
use cra_runtime::rejection::{reason_of, retry_delay_of};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt as _;
use uuid::Uuid;

use crate::harness::{
    Ingestion, Kind, Pair, Statistics, connected, cra_log, cra_log_json, cra_of, eventually, new_id, run_cra,
    service_pair, submission, submit_stream, submitted, workshop,
};

/// Number of events of the backup: enough to be killed midway.
const EVENTS: u64 = 120_000;
const CLIENTS: usize = 8;
const RETRY: Duration = Duration::from_millis(20);

pub(crate) async fn log_on(nats: &NatsServer) -> NatsLog {
    NatsLog::connect(NatsSettings { url: nats.url(), ..NatsSettings::default() }).await.unwrap()
}

pub(crate) async fn delete_stream(nats: &NatsServer) {
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    context.delete_stream("CRA").await.unwrap();
}

/// End of the stream, whatever its state; `None` if it does not exist.
async fn end_of(nats: &NatsServer) -> Option<u64> {
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    context.get_stream("CRA").await.ok().map(|stream| stream.cached_info().state.last_sequence)
}

/// Clients that submit continuously, each with its id until it is acknowledged.
pub(crate) struct Clients {
    ended: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Vec<pb::Receipt>>>,
}

impl Clients {
    pub(crate) fn begin(address: SocketAddr) -> Self {
        let (ended, acknowledged, refused) =
            <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let tasks = (0..CLIENTS).map(|_| {
            let (ended, acknowledged, refused) = (ended.clone(), acknowledged.clone(), refused.clone());
            tokio::spawn(async move {
                let mut ingestion = Ingestion::new(connected(address).await.unwrap());
                let mut receipts = Vec::new();
                let mut waiting = submission(&new_id(), workshop(5));
                while !ended.load(Ordering::Relaxed) {
                    match submitted(&mut ingestion, waiting.clone()).await {
                        Ok(receipt) => {
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                            receipts.push(receipt);
                            waiting = submission(&new_id(), workshop(5));
                        }
                        Err(status) => {
                            assert_eq!(status.code(), tonic::Code::Unavailable, "{status}");
                            assert!(retry_delay_of(&status).is_some(), "{status}");
                            refused.fetch_add(1, Ordering::Relaxed);
                            sleep(RETRY).await;
                        }
                    }
                }
                receipts
            })
        });
        let tasks = tasks.collect();
        Self { ended, acknowledged, refused, tasks }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub(crate) async fn end(self) -> Vec<pb::Receipt> {
        self.ended.store(true, Ordering::Relaxed);
        let mut receipts = Vec::new();
        for task in self.tasks {
            receipts.extend(task.await.unwrap());
        }
        receipts
    }
}

fn import(work: &Path, backup: &str, url: &str) -> Child {
    let mut command = Kind::CommandLine.command();
    command.args(["log", "import", backup, "--nats-url", url]).current_dir(work).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A backup of a log with many events, which is then deleted; and a backup of another log.
async fn backed_up(work: &Path, nats: &NatsServer) {
    for (backup, events) in [("other", 1_000), ("backup", EVENTS)] {
        let log = log_on(nats).await;
        for first in (1..=events).step_by(1_000) {
            let entries = (first..first + 1_000)
                .map(|at| entry(at, Some(StreamId(Uuid::from_u128(at.into()))), backup));
            log.restore(entries.collect()).await.unwrap();
        }
        cra_log_json(work, &["export", backup, "--nats-url", &nats.url()]);
        delete_stream(nats).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_between_the_events_of_a_restore_that_is_killed_and_run_again_under_load() {
    let work = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(work.path()).unwrap_or_else(|error| panic!("{error}"));
    let (mut ingestion, _) = service_pair(work.path(), &nats.url(), &[]);
    // The log is deleted afterwards, while ingestion keeps running.
    ingestion.start_and_serve().await;
    delete_stream(&nats).await;
    backed_up(work.path(), &nats).await;
    let clients = Clients::begin(ingestion.address());

    let mut killed = import(work.path(), "backup", &nats.url());
    eventually("the import makes progress", async || match end_of(&nats).await {
        Some(end) if end >= 5_000 => Ok(()),
        end => Err(format!("{end:?}")),
    })
    .await;
    assert_eq!(killed.try_wait().unwrap(), None, "it ended before it could be killed");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let more_refused = async || {
        let refused = clients.refused.load(Ordering::Relaxed);
        eventually("submissions are refused", async || match clients.refused.load(Ordering::Relaxed) {
            now if now >= refused + 3 * CLIENTS => Ok(()),
            now => Err(format!("{now} refusals")),
        })
        .await;
    };
    // The server may still store the last batch of the import.
    more_refused().await;
    let end = end_of(&nats).await;
    more_refused().await;
    assert_eq!(end_of(&nats).await, end, "the interrupted log accepted an event");
    assert_eq!(clients.acknowledged(), 0);

    cra_log(work.path(), &["import", "other", "--nats-url", &nats.url()]).exited(2);
    let impatient = [("CRA_LOG__START_TIMEOUT_MS", "500")];
    let export = ["log", "export", "third", "--nats-url", &nats.url()];
    run_cra(work.path(), &export, &impatient).reports("run it again");

    let restored = cra_log_json(work.path(), &["import", "backup", "--nats-url", &nats.url()]);
    assert!(restored["thereBefore"].as_u64() >= end, "{restored}");
    let reached = clients.acknowledged() + 5 * CLIENTS;
    eventually("ingestion accepts submissions again", async || match clients.acknowledged() {
        number if number >= reached => Ok(()),
        number => Err(format!("{number} acknowledged")),
    })
    .await;
    let receipts = clients.end().await;
    holds_both(&nats, &receipts).await;
    ingestion.is_unharmed();
}

/// Asserts that the log has the backup at its positions, followed by each acknowledged submission once.
async fn holds_both(nats: &NatsServer, receipts: &[pb::Receipt]) {
    let log = log_on(nats).await;
    let head = log.head().await.unwrap();
    assert_eq!(head.predecessors[0].last_position, Position(EVENTS));
    let mut positions = HashMap::<Uuid, Vec<u64>>::new();
    let mut entries = log.read(Position::START);
    for position in 1..=head.position.0 {
        let entry = timeout(Duration::from_secs(30), entries.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(entry.position, Position(position));
        let cra_id = entry.stream.unwrap().0;
        if position <= EVENTS {
            assert_eq!((cra_id, &entry.payload[..]), (Uuid::from_u128(position.into()), &b"backup"[..]));
        } else {
            positions.entry(cra_id).or_default().push(position);
        }
    }
    for receipt in receipts {
        assert_eq!(positions[&receipt.cra_id.parse().unwrap()], [receipt.position], "{receipt:?}");
        assert_eq!(receipt.log, head.identity.0);
    }
    // A client may have stopped before the answer to its last submission.
    assert!(positions.len() <= receipts.len() + CLIENTS);
}

fn request_at(position: u64, log: &str) -> pb::GetStatisticsRequest {
    let consistency =
        pb::Consistency { min_position: position, log: log.to_owned(), ..pb::Consistency::default() };
    pb::GetStatisticsRequest { consistency: Some(consistency), ..pb::GetStatisticsRequest::default() }
}

/// Records some CRAs; returns the last receipt.
pub(crate) async fn recorded(pair: &Pair, cras: u32) -> pb::Receipt {
    let requests: Vec<_> = (0..cras).map(|number| submission(&new_id(), cra_of(number))).collect();
    let receipts = submit_stream(&mut pair.ingestion().await, tokio_stream::iter(requests)).await;
    receipts.into_iter().max_by_key(|receipt| receipt.position).unwrap()
}

pub(crate) async fn accepts(statistics: &mut Statistics, position: u64, log: &str) {
    let shown =
        statistics.get_statistics(request_at(position, log)).await.unwrap().into_inner().snapshot.unwrap();
    assert!(shown.position >= position && shown.log != log);
}

pub(crate) async fn refuses(statistics: &mut Statistics, position: u64, log: &str, saying: &str) {
    let refused = statistics.get_statistics(request_at(position, log)).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("LOG_REPLACED"), "{refused}");
    assert!(refused.message().contains(saying), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_of_a_log_that_was_restored_count_up_to_the_last_common_one_through_two_restores() {
    let work = tempfile::tempdir().unwrap();
    let first = Pair::start().await;
    let common = recorded(&first, 20).await;
    cra_log_json(work.path(), &["export", "backup", "--nats-url", &first.nats.url()]);
    let beyond = recorded(&first, 3).await;
    let checkpoint = work.path().join("copy.json");
    let follow = |pair: &Pair| {
        let url = format!("http://{}", pair.projection.address());
        let flags =
            ["follow", "--stop-at-head", "--checkpoint", checkpoint.to_str().unwrap(), "--projection-url"];
        run_cra(work.path(), &[&flags[..], &[&url]].concat(), &[])
    };
    follow(&first).succeeded();

    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    cra_log_json(work.path(), &["import", "backup", "--nats-url", &nats.url()]);
    let second = Pair::start_on(dir, nats, &[]).await;
    let mut statistics = second.statistics().await;
    accepts(&mut statistics, common.position, &common.log).await;
    refuses(&mut statistics, beyond.position, &common.log, "up to 20 only").await;
    refuses(&mut statistics, 1, "nats/CRA/another", "another event log").await;
    let ended = follow(&second);
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(2), ""), "{}", ended.stderr);

    // On the embedded log, whose backup names both.
    let of_second = recorded(&second, 2).await;
    cra_log_json(work.path(), &["export", "backup-2", "--nats-url", &second.nats.url()]);
    cra_log_json(work.path(), &["import", "backup-2", "--data", "standalone"]);
    cra_log_json(work.path(), &["export", "backup-3", "--data", "standalone"]);
    let manifest = fs::read_to_string(work.path().join("backup-3/manifest.json")).unwrap();
    assert!(manifest.contains(&common.log) && manifest.contains(&of_second.log), "{manifest}");
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    cra_log_json(work.path(), &["import", "backup-3", "--nats-url", &nats.url()]);
    let third = Pair::start_on(dir, nats, &[]).await;
    let mut statistics = third.statistics().await;
    accepts(&mut statistics, of_second.position, &of_second.log).await;
    accepts(&mut statistics, common.position, &common.log).await;
    refuses(&mut statistics, of_second.position, &common.log, "up to 20 only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_kept_while_its_log_is_replaced_ends_and_takes_nothing_of_the_other_log() {
    let work = tempfile::tempdir().unwrap();
    let pair = Pair::start().await;
    let common = recorded(&pair, 20).await;
    cra_log_json(work.path(), &["export", "backup", "--nats-url", &pair.nats.url()]);
    recorded(&pair, 5).await;
    let projection = format!("http://{}", pair.projection.address());
    let copied = fs::File::create(work.path().join("copied")).unwrap();
    let mut following = Kind::CommandLine
        .command()
        .args(["follow", "--checkpoint", "copy.json", "--projection-url", &projection])
        .current_dir(work.path())
        .stdin(Stdio::null())
        .stdout(copied)
        .stderr(fs::File::create(work.path().join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let read = |name: &str| fs::read_to_string(work.path().join(name)).unwrap();
    eventually("the copy is whole", async || match read("copied").lines().count() {
        25 => Ok(()),
        lines => Err(format!("{lines} lines")),
    })
    .await;

    // The log is restored from a backup without the last five, and others take their positions.
    delete_stream(&pair.nats).await;
    cra_log_json(work.path(), &["import", "backup", "--nats-url", &pair.nats.url()]);
    eventually("ingestion takes submissions of the restored log", async || {
        submitted(&mut pair.ingestion().await, submission(&new_id(), workshop(5)))
            .await
            .map_err(|it| it.to_string())
    })
    .await;
    recorded(&pair, 7).await;
    let ended = eventually("the copy ends", async || match following.try_wait().unwrap() {
        Some(ended) => Ok(ended),
        None => Err(read("stderr")),
    })
    .await;
    assert_eq!(ended.code(), Some(2), "{}", read("stderr"));
    assert_eq!(read("copied").lines().count(), 25, "it took something of the other log");
    let checkpoint = read("copy.json");
    assert!(checkpoint.contains(&common.log), "{checkpoint}");
}

#[test]
fn an_import_without_a_backup_creates_no_log_and_an_incomplete_log_is_not_served() {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("empty")).unwrap();
    cra_log(work.path(), &["import", "empty", "--data", "standalone"])
        .exited(2)
        .reports("contains no backup");
    assert!(!work.path().join("standalone").exists(), "an empty log was left behind");
}
