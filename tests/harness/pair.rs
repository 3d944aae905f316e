//! The pair: a nats-server and the two services, on files of one test.

use std::path::Path;

use cra_eventlog::testing::NatsServer;
use tempfile::TempDir;

use super::clients::{Ingestion, Operations, Statistics};
use super::process::{Kind, Service};

/// Everything a test needs running; stopped, services first, when dropped.
pub(crate) struct Pair {
    pub(crate) ingestion: Service,
    pub(crate) projection: Service,
    pub(crate) nats: NatsServer,
    dir: TempDir,
}

impl Pair {
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

    /// A pair on a server that runs, with its files in `dir` as those of the services.
    pub(crate) async fn start_on(dir: TempDir, nats: NatsServer, settings: &[(&str, &str)]) -> Self {
        let url = nats.url();
        let settings: Vec<_> = settings.iter().copied().chain([("LOG__URL", url.as_str())]).collect();
        let ingestion = Service::new(Kind::Ingestion, &dir.path().join("ingestion"), &settings);
        let projection = Self::projection_in(&dir.path().join("projection"), &settings);
        let mut pair = Self { ingestion, projection, nats, dir };
        tokio::join!(pair.ingestion.start_and_serve(), pair.projection.start_and_serve());
        pair
    }

    /// One more projection of the same log, on read models of its own; not started.
    pub(crate) fn another_projection(&self) -> Service {
        let url = self.nats.url();
        Self::projection_in(&self.dir.path().join("another-projection"), &[("LOG__URL", &url)])
    }

    fn projection_in(dir: &Path, settings: &[(&str, &str)]) -> Service {
        let data = dir.join("read-models").display().to_string();
        let settings: Vec<_> = settings.iter().copied().chain([("DATA", data.as_str())]).collect();
        Service::new(Kind::Projection, dir, &settings)
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
