//! Both services in one process over an embedded log, as for trying out a client.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Kind, signal, wait_for_end};
use super::{Ingestion, connected, eventually};

/// `cra standalone`; killed when dropped.
pub(crate) struct Standalone {
    pub(crate) ingestion: SocketAddr,
    pub(crate) projection: SocketAddr,
    pub(crate) pages: SocketAddr,
    dir: TempDir,
    process: Child,
}

impl Standalone {
    /// Starts on an empty log, and waits until it serves.
    pub(crate) async fn start() -> Self {
        Self::start_as(Kind::CommandLine.command()).await
    }

    /// Like [`Standalone::start`], with this command, whose program is `cra`.
    pub(crate) async fn start_as(command: Command) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), command).await
    }

    /// Like [`Standalone::start_as`], with its data in a folder.
    pub(crate) async fn start_in(dir: TempDir, command: Command) -> Self {
        Self::started(dir, command, &[]).await
    }

    /// Starts with the month of sample data.
    pub(crate) async fn start_with_sample() -> Self {
        Self::started(tempfile::tempdir().unwrap(), Kind::CommandLine.command(), &["--sample"]).await
    }

    async fn started(dir: TempDir, mut command: Command, more: &[&str]) -> Self {
        let output = dir.path().join("stdout");
        let mut process = command
            .args(["standalone", "--data", "data"])
            .args(["--ingestion", "127.0.0.1:0", "--projection", "127.0.0.1:0", "--web", "127.0.0.1:0"])
            .args(more)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(File::create(&output).unwrap())
            .stderr(File::create(dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let (ingestion, projection, pages) = eventually("standalone prints its addresses", async || {
            if let Some(status) = process.try_wait().unwrap() {
                panic!("{status}: {}", fs::read_to_string(dir.path().join("stderr")).unwrap());
            }
            let stdout = fs::read_to_string(&output).unwrap();
            let address = |service| address_of(service, &stdout).ok_or_else(|| stdout.clone());
            Ok((address("ingestion")?, address("projection")?, address("pages")?))
        })
        .await;
        Self { ingestion, projection, pages, dir, process }
    }

    /// A new connection to ingestion.
    pub(crate) async fn ingestion(&self) -> Ingestion {
        Ingestion::new(connected(self.ingestion).await.unwrap())
    }

    /// Kills it, and keeps its files.
    pub(crate) fn kill(&self) {
        signal(self.process.id(), "-KILL");
    }

    /// Standard output so far.
    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.dir.path().join("stdout")).unwrap()
    }

    /// Standard error so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGTERM; returns its exit status, or `None` after the time limit.
    pub(crate) fn terminated(&mut self, within: Duration) -> Option<ExitStatus> {
        signal(self.process.id(), "-TERM");
        wait_for_end(&mut self.process, within)
    }

    /// Starts it again on its data, once it has ended.
    pub(crate) async fn again(mut self, command: Command) -> Self {
        self.process.wait().unwrap();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        Self::start_in(dir, command).await
    }

    pub(crate) fn hang_up(&self) {
        signal(self.process.id(), "-HUP");
    }

    /// Fails the test if it has ended.
    pub(crate) fn is_unharmed(&mut self) {
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "standalone ended: {ended:?}");
    }

    /// A folder for files of the test.
    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        // Ignored: it may have exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn address_of(service: &str, stdout: &str) -> Option<SocketAddr> {
    let line = stdout.lines().find(|line| line.starts_with(service))?;
    line.rsplit("http://").next()?.split('/').next()?.parse().ok()
}
