//! The pair: a nats-server and the two services, with the files of one test.

use std::path::{Path, PathBuf};

use cra_eventlog::testing::NatsServer;
use tempfile::TempDir;

use super::clients::{Ingestion, Operations, Statistics};
use super::issuer::Issuer;
use super::process::{Kind, Service, signal};

/// All processes of a test; stopped when dropped, services first.
pub(crate) struct Pair {
    pub(crate) ingestion: Service,
    pub(crate) projection: Service,
    pub(crate) nats: NatsServer,
    dir: TempDir,
}

impl Pair {
    /// Sends a signal to the log's server, such as `-STOP`.
    pub(crate) fn signal_log(&self, name: &str) {
        let pid = self.nats.pid().unwrap();
        signal(pid, name);
        // A thread on another core may still answer for a moment.
        while name == "-STOP" && !is_stopped(pid) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// A pair on an empty log, both serving.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A pair with further settings for both services: environment variables without `CRA_`.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        Self::start_on(dir, nats, settings).await
    }

    /// A pair that trusts an issuer, with further settings for both services.
    pub(crate) async fn start_trusting(issuer: &Issuer, settings: &[(&str, &str)]) -> Self {
        let own = issuer.settings();
        let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Self::start_with(&own.chain(settings.iter().copied()).collect::<Vec<_>>()).await
    }

    /// A pair with further settings for each service: environment variables without `CRA_`.
    pub(crate) async fn start_apart(of_ingestion: &[(&str, &str)], of_projection: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
        let (ingestion, _) = service_pair(dir.path(), &nats.url(), of_ingestion);
        let (_, projection) = service_pair(dir.path(), &nats.url(), of_projection);
        Self::serving(Self { ingestion, projection, nats, dir }).await
    }

    /// A pair on a running server, with its files in `dir`.
    pub(crate) async fn start_on(dir: TempDir, nats: NatsServer, settings: &[(&str, &str)]) -> Self {
        let (ingestion, projection) = service_pair(dir.path(), &nats.url(), settings);
        Self::serving(Self { ingestion, projection, nats, dir }).await
    }

    async fn serving(mut pair: Self) -> Self {
        tokio::join!(pair.ingestion.start_and_serve(), pair.projection.start_and_serve());
        pair
    }

    /// Another projection of the same log, with separate read models; not started.
    pub(crate) fn another_projection(&self) -> Service {
        let (_, another) = service_pair(&self.dir.path().join("another"), &self.nats.url(), &[]);
        another
    }

    /// The folder of all files: of the log's server, `ingestion`, `projection`.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The folder of the projection's read models.
    pub(crate) fn read_models(&self) -> PathBuf {
        self.dir.path().join("projection/read-models")
    }

    /// A new connection to ingestion.
    pub(crate) async fn ingestion(&self) -> Ingestion {
        Ingestion::new(super::connected(self.ingestion.address()).await.unwrap())
    }

    /// A new connection to the projection's statistics.
    pub(crate) async fn statistics(&self) -> Statistics {
        Statistics::new(super::connected(self.projection.address()).await.unwrap())
    }

    /// A new connection to the projection's operations.
    pub(crate) async fn operations(&self) -> Operations {
        Operations::new(super::connected(self.projection.address()).await.unwrap())
    }
}

/// The two services on a log, in a directory; not started. Further settings are environment variables without `CRA_`.
pub(crate) fn service_pair(dir: &Path, log_url: &str, settings: &[(&str, &str)]) -> (Service, Service) {
    let projection = dir.join("projection");
    let data = projection.join("read-models").display().to_string();
    let settings: Vec<_> =
        settings.iter().copied().chain([("LOG__URL", log_url), ("DATA", data.as_str())]).collect();
    // Only the projection has files.
    let of_ingestion: Vec<_> = settings.iter().copied().filter(|(name, _)| *name != "DATA").collect();
    let ingestion = Service::new(Kind::Ingestion, &dir.join("ingestion"), &of_ingestion);
    (ingestion, Service::new(Kind::Projection, &projection, &settings))
}

/// Whether every thread of a process is stopped by a signal.
fn is_stopped(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let states = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")));
    // `pid (name) state …`: the name may contain anything.
    states.flatten().all(|stat| stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('T')))
}
