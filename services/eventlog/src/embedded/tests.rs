//! The embedded log passes the conformance suite, and properties that only files have.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use tempfile::TempDir;

use super::{EmbeddedLog, OpenError};
use crate::conformance::{Fixture, event, new_stream};
use crate::port::{Append as _, AppendError, Expectation, Read as _};
use crate::position::Position;

struct OnDisk {
    dir: TempDir,
    log: Option<Arc<EmbeddedLog>>,
}

impl OnDisk {
    fn opened(&self) -> Arc<EmbeddedLog> {
        Arc::clone(self.log.as_ref().unwrap())
    }
}

#[async_trait]
impl Fixture for OnDisk {
    type Log = EmbeddedLog;

    fn log(&self) -> Arc<EmbeddedLog> {
        self.opened()
    }

    async fn reopen(&mut self) {
        self.opened().close().await;
        self.log = None;
        self.log = Some(Arc::new(EmbeddedLog::open(self.dir.path()).unwrap()));
    }
}

async fn on_disk() -> OnDisk {
    let dir = tempfile::tempdir().unwrap();
    let log = Some(Arc::new(EmbeddedLog::open(dir.path()).unwrap()));
    OnDisk { dir, log }
}

mod suite {
    crate::conformance_tests!(super::on_disk);
}

#[tokio::test]
async fn a_log_is_opened_once_and_the_error_says_what_to_do() {
    let fixture = on_disk().await;
    let error = EmbeddedLog::open(fixture.dir.path()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(&format!("(pid {}", std::process::id())));
}

#[tokio::test]
async fn a_closed_log_accepts_nothing_and_ends_its_readers() {
    let fixture = on_disk().await;
    let log = fixture.opened();
    let reader = log.read(Position::START);
    log.close().await;
    assert!(!log.is_available());
    let outcome = log.append(event(new_stream(), "late"), Expectation::NoEvent).await;
    assert!(matches!(outcome, Err(AppendError::Unavailable(_))), "{outcome:?}");
    assert_eq!(reader.count().await, 0);
}

#[tokio::test]
async fn invalid_files_are_an_error_not_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    for _ in 0..50 {
        let _ = log.append(event(new_stream(), "event"), Expectation::NoEvent).await.unwrap();
    }
    drop(log);
    scramble(dir.path());
    let outcome = EmbeddedLog::open(dir.path());
    assert!(outcome.is_err(), "a log of scrambled files opened");
}

/// Environment variable with the directory that the killed process writes to.
const VICTIM_DIR: &str = "CRA_TEST_VICTIM_DIR";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_acknowledged_is_there_in_order_and_chained() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for _ in 0..3 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "embedded::tests::a_process_to_be_killed", "--nocapture"])
            .env(VICTIM_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(victim.stdout.take().unwrap());
        let positions =
            output.lines().filter_map(|line| line.unwrap().strip_prefix("acknowledged ")?.parse().ok());
        acknowledged = positions.take(200).max().unwrap_or(acknowledged);
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    assert!(acknowledged >= 600, "only {acknowledged} were acknowledged");
    let log = EmbeddedLog::open(dir.path()).unwrap();
    let head = log.head().await.unwrap().position;
    assert!(head >= Position(acknowledged), "acknowledged up to {acknowledged}, the log ends at {head}");
    let mut entries = log.read(Position::START);
    for expected in 1..=head.0 {
        let entry = entries.next().await.unwrap().unwrap();
        assert_eq!(entry.position, Position(expected));
        let history = log.history(entry.stream.unwrap()).await.unwrap();
        assert!(history.iter().any(|revision| revision.position == entry.position));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started, and killed, by the test of killed processes"]
async fn a_process_to_be_killed() {
    let Some(dir) = std::env::var_os(VICTIM_DIR) else {
        return;
    };
    let log = Arc::new(EmbeddedLog::open(Path::new(&dir)).unwrap());
    let writers = (0..8).map(|_| {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            loop {
                let first = event(new_stream(), "first");
                let stream = first.stream;
                let at = log.append(first, Expectation::NoEvent).await.unwrap().position();
                println!("acknowledged {at}");
                let at =
                    log.append(event(stream, "second"), Expectation::LastAt(at)).await.unwrap().position();
                println!("acknowledged {at}");
            }
        })
    });
    futures::future::join_all(writers).await;
}

/// Overwrites every file of the log with random bytes.
fn scramble(dir: &Path) {
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            scramble(&path);
        } else {
            let length = std::fs::metadata(&path).unwrap().len();
            std::fs::write(&path, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
        }
    }
}
