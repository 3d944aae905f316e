//! A log can be exported to a folder and imported again, to NATS or embedded, with every event at its position: a
//! projection of the restored log gives the same figures, and ingestion the same receipts. A killed export or import
//! resumes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use cra_contracts::v1 as pb;
use cra_eventlog::conformance::entry;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_eventlog::testing::NatsServer;
use cra_eventlog::{Read as _, Restore as _, StreamId};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::harness::{
    Kind, Pair, cra_log, cra_log_json, cra_of, eventually, imported, new_id, record, recorded, statistics_at,
    submission, submitted, workshop,
};

const DOCUMENTS: [(u32, &str); 3] = [
    (1, include_str!("../services/domain/src/legacy/golden/v1-workshop.json")),
    (2, include_str!("../services/domain/src/legacy/golden/v2-repaired.json")),
    (3, include_str!("../services/domain/src/legacy/golden/v3-repaired.json")),
];
/// More than three segments, so that an interruption falls in between.
const MANY: u64 = 160_000;

/// The requests made to a pair, to be made again.
struct Life {
    submissions: Vec<(pb::SubmitCraRequest, pb::Receipt)>,
    imports: Vec<(pb::ImportLegacyCrasRequest, pb::Receipt)>,
    last: u64,
}

fn document((form_version, document): (u32, &str)) -> pb::ImportLegacyCrasRequest {
    let parsed: Value = serde_json::from_str(document).unwrap();
    let id = &parsed["_id"];
    let legacy_id = id.as_str().or_else(|| id["$oid"].as_str()).unwrap().to_owned();
    let document = document.as_bytes().to_vec().into();
    pb::ImportLegacyCrasRequest { item: form_version.into(), legacy_id, form_version, document }
}

/// Submissions, corrections, withdrawals, older documents, and a message of another program.
async fn lived(pair: &Pair) -> Life {
    let mut ingestion = pair.ingestion().await;
    let mut life = Life { submissions: Vec::new(), imports: Vec::new(), last: 0 };
    for number in 0..12 {
        let request = submission(&new_id(), cra_of(number));
        let receipt = submitted(&mut ingestion, request.clone()).await.unwrap();
        let (cra_id, expected_revision) = (request.cra_id.clone(), receipt.revision);
        if number % 3 == 1 {
            let reason = "des participants oubliés".to_owned();
            let correction =
                pb::CorrectCraRequest { cra_id, expected_revision, cra: Some(workshop(8 + number)), reason };
            ingestion.correct_cra(correction).await.unwrap();
        } else if number % 3 == 2 {
            let reason = "saisi deux fois".to_owned();
            ingestion
                .withdraw_cra(pb::WithdrawCraRequest { cra_id, expected_revision, reason })
                .await
                .unwrap();
        } else {
            life.submissions.push((request, receipt));
        }
        if number == 5 {
            write_foreign(&pair.nats);
        }
    }
    let requests: Vec<_> = DOCUMENTS.into_iter().map(document).collect();
    let receipts = imported(&mut ingestion, requests.clone()).await;
    life.last = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    assert_eq!(life.last, 12 + 8 + 1 + 3);
    life.imports = requests.into_iter().zip(receipts).collect();
    life
}

/// Publishes under a subject without a CRA id, and waits until the server has it.
fn write_foreign(nats: &NatsServer) {
    let mut stream = TcpStream::connect(nats.url().trim_start_matches("nats://")).unwrap();
    stream
        .write_all(b"CONNECT {\"verbose\":false}\r\nPUB cra.event.not-a-cra 7\r\nforeign\r\nPING\r\n")
        .unwrap();
    let pong = BufReader::new(stream).lines().find(|line| line.as_ref().unwrap() == "PONG");
    assert!(pong.is_some());
}

/// Everything that a pair answers about its log, as texts: figures at every position and time, and histories.
async fn answers(pair: &Pair, life: &Life) -> Vec<String> {
    let (mut statistics, mut ingestion) = (pair.statistics().await, pair.ingestion().await);
    statistics_at(&mut statistics, life.last).await;
    let mut texts = Vec::new();
    let mut times = Vec::new();
    let cra_ids =
        life.submissions.iter().map(|(_, receipt)| receipt).chain(life.imports.iter().map(|(_, r)| r));
    for receipt in cra_ids {
        let history = recorded(&mut ingestion, &receipt.cra_id).await.unwrap();
        times.extend(history.iter().map(|event| event.recorded_at.unwrap()));
        texts.push(format!("{history:?}"));
    }
    let at_positions =
        (1..=life.last).map(|as_of_position| pb::Consistency { as_of_position, ..Default::default() });
    let at_times =
        times.into_iter().map(|time| pb::Consistency { as_of_time: Some(time), ..Default::default() });
    for consistency in at_positions.chain(at_times) {
        let request = pb::GetStatisticsRequest { consistency: Some(consistency), ..Default::default() };
        let mut answer = statistics.get_statistics(request).await.unwrap().into_inner();
        // Each projection names its read models independently, and a restored log is another log.
        let snapshot = answer.snapshot.as_mut().unwrap();
        (snapshot.generation, snapshot.log) = (String::new(), String::new());
        texts.push(format!("{answer:?}"));
    }
    assert!(texts.iter().any(|answer| answer.contains("Withdrawn") || answer.contains("Imported")));
    texts
}

/// Earlier requests are recognised, at their positions.
async fn receipts_are_duplicates(pair: &Pair, life: &Life) {
    let mut ingestion = pair.ingestion().await;
    for (request, receipt) in &life.submissions {
        let again = submitted(&mut ingestion, request.clone()).await.unwrap();
        // The restored log is another one.
        assert_eq!(again, pb::Receipt { duplicate: true, log: again.log.clone(), ..receipt.clone() });
    }
    let requests: Vec<_> = life.imports.iter().map(|(request, _)| request.clone()).collect();
    let mut again = imported(&mut ingestion, requests).await;
    // Streamed answers may arrive in any order.
    again.sort_by_key(|receipt| receipt.position);
    let mut receipts: Vec<_> = life.imports.iter().map(|(_, receipt)| receipt.clone()).collect();
    receipts.sort_by_key(|receipt| receipt.position);
    for (again, receipt) in again.iter().zip(&receipts) {
        assert_eq!(again, &pb::Receipt { duplicate: true, log: again.log.clone(), ..receipt.clone() });
    }
    let next = record(&mut ingestion, workshop(5)).await;
    assert_eq!(next.position, life.last + 1, "the log continues after the restored events");
}

fn server() -> (TempDir, NatsServer) {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    (dir, nats)
}

/// A pair on a new server with a restored backup.
async fn restored(work: &Path, backup: &str, last: u64) -> Pair {
    let (dir, nats) = server();
    let outcome = cra_log_json(work, &["import", backup, "--nats-url", &nats.url()]);
    assert_eq!((&outcome["lastPosition"], &outcome["events"]), (&last.into(), &last.into()));
    Pair::start_on(dir, nats, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_gives_the_same_figures_histories_and_receipts_by_way_of_the_embedded_log_too() {
    let work = tempfile::tempdir().unwrap();
    let pair = Pair::start().await;
    let life = lived(&pair).await;
    let before = answers(&pair, &life).await;
    let exported = cra_log_json(work.path(), &["export", "backup", "--nats-url", &pair.nats.url()]);
    assert_eq!((&exported["lastPosition"], &exported["segments"]), (&life.last.into(), &1.into()));

    // The foreign event is reported, but is not damage.
    cra_log(work.path(), &["verify", "backup"]).exited(1).reports("its subject names no CRA");

    let on_nats = restored(work.path(), "backup", life.last).await;
    assert!(answers(&on_nats, &life).await == before, "the figures differ on a second server");
    receipts_are_duplicates(&on_nats, &life).await;

    cra_log_json(work.path(), &["import", "backup", "--data", "standalone"]);
    cra_log_json(work.path(), &["export", "second", "--data", "standalone"]);
    let back_on_nats = restored(work.path(), "second", life.last).await;
    assert!(answers(&back_on_nats, &life).await == before, "the figures differ after the embedded log");
    receipts_are_duplicates(&back_on_nats, &life).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_resumes_where_it_ended_and_is_of_one_log_only() {
    let work = tempfile::tempdir().unwrap();
    let pair = Pair::start().await;
    let url = pair.nats.url();
    for position in 1..=3_u64 {
        record(&mut pair.ingestion().await, workshop(5)).await;
        let exported = cra_log_json(work.path(), &["export", "backup", "--nats-url", &url]);
        assert_eq!((&exported["events"], &exported["segments"]), (&1.into(), &position.into()));
    }
    assert_eq!(cra_log_json(work.path(), &["verify", "backup"])["doNotRead"], 0);
    let (_dir, other) = server();
    cra_log(work.path(), &["export", "backup", "--nats-url", &other.url()])
        .exited(2)
        .reports("export to another folder");

    let log = EmbeddedLog::open(&work.path().join("held/log")).unwrap();
    for command in ["export", "import"] {
        cra_log(work.path(), &[command, "backup", "--data", "held"])
            .exited(2)
            .reports("stop the `cra standalone` that uses it first");
    }
    drop(log);
    let ended = cra_log(work.path(), &["export", "new", "--data", "nowhere"]);
    assert_eq!((ended.status.code(), work.path().join("nowhere").exists()), (Some(2), false));
}

async fn on(nats: &NatsServer) -> NatsLog {
    NatsLog::connect(NatsSettings { url: nats.url(), ..NatsSettings::default() }).await.unwrap()
}

async fn head(log: &NatsLog) -> u64 {
    log.head().await.unwrap().position.0
}

/// Many events, written as a restore writes them.
async fn filled(nats: &NatsServer) {
    let log = on(nats).await;
    for first in (1..=MANY).step_by(1_000) {
        let entries =
            (first..first + 1_000).map(|at| entry(at, Some(StreamId(Uuid::from_u128(at.into()))), "event"));
        log.restore(entries.collect()).await.unwrap();
    }
}

fn spawn(work: &Path, arguments: &[&str]) -> Child {
    let mut command = Kind::CommandLine.command();
    command.arg("log").args(arguments).current_dir(work).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(mut child: Child) {
    assert_eq!(child.try_wait().unwrap(), None, "it ended before it could be interrupted");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn segments(backup: &Path) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(backup) else { return Vec::new() };
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "zst")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_and_an_import_that_are_killed_resume_and_nothing_is_lost_or_doubled() {
    let work = tempfile::tempdir().unwrap();
    let (_dir, nats) = server();
    filled(&nats).await;
    let backup = work.path().join("backup");
    for reached in 1..=2 {
        let export = spawn(work.path(), &["export", "backup", "--nats-url", &nats.url()]);
        eventually("the export makes progress", async || match segments(&backup).len() {
            number if number >= reached => Ok(()),
            number => Err(format!("{number} segments")),
        })
        .await;
        kill(export);
        // Usable as it is: these events are not CRAs, which is reported, but is not damage.
        let verified = cra_log(work.path(), &["verify", "backup", "--json"]);
        assert!(matches!(verified.status.code(), Some(0 | 1)), "{}", verified.stderr);
    }
    let exported = cra_log_json(work.path(), &["export", "backup", "--nats-url", &nats.url()]);
    assert_eq!((&exported["lastPosition"], &exported["segments"]), (&MANY.into(), &4.into()));
    eprintln!("export: {exported}");

    let (_dir, second) = server();
    let log = on(&second).await;
    for reached in [MANY / 8, MANY / 4] {
        let import = spawn(work.path(), &["import", "backup", "--nats-url", &second.url()]);
        eventually("the import makes progress", async || match head(&log).await {
            at if at > reached => Ok(()),
            at => Err(format!("{at} events")),
        })
        .await;
        kill(import);
    }
    let there = head(&log).await;
    let outcome = cra_log_json(work.path(), &["import", "backup", "--nats-url", &second.url()]);
    eprintln!("import: {outcome}");
    assert!(outcome["thereBefore"].as_u64().unwrap() >= there);
    assert_eq!(head(&log).await, MANY);
    let again = cra_log_json(work.path(), &["import", "backup", "--nats-url", &second.url()]);
    assert_eq!((&again["events"], &again["thereBefore"]), (&0.into(), &MANY.into()), "compared, not doubled");
}
