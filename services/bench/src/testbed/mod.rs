//! What is measured, running: a nats-server and the two services as processes of their own, in a folder of the
//! measurement. Everything is stopped, and the folder removed, when the measurement ends, however it ends.

mod busy;
mod disk;
mod fill;
mod memory;
mod program;
mod retained;
mod serve;
mod service;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use cra_eventlog::nats::NatsSettings;
use cra_eventlog::server::NatsServer;
use indicatif::ProgressBar;
use tempfile::TempDir;

use super::generator::Generator;
use retained::RetainedData;

pub(crate) use busy::{Busy, Priority, keep_busy};
pub(crate) use disk::bytes_below;
pub(crate) use memory::{Memory, Usage};
pub(crate) use retained::Manifest;
pub(crate) use serve::serve;
pub(crate) use service::{Kind, Service, read_models};

/// Where measurements happen.
pub(crate) struct Testbed {
    nats_server: PathBuf,
    /// Where filled logs are retained for the next measurement.
    keep: Option<PathBuf>,
    dir: TempDir,
}

/// A log that holds the data, on a separate server.
pub(crate) struct Log {
    pub(crate) server: NatsServer,
    /// What it holds.
    pub(crate) manifest: Manifest,
    /// Where the services keep their files.
    pub(crate) dir: PathBuf,
    /// Whether its server wrote it, rather than started on it.
    pub(crate) filled: bool,
}

impl Testbed {
    /// A folder for the measurement, and the program of the log's server.
    pub(crate) fn prepare(nats_server: Option<PathBuf>, keep: Option<PathBuf>) -> anyhow::Result<Self> {
        let nats_server = program::nats_server(nats_server)?;
        let dir = tempfile::Builder::new().prefix("cra-bench-").tempdir();
        Ok(Self { nats_server, keep, dir: dir.context("no folder for the measurement")? })
    }

    /// An empty log, in a folder of that name.
    pub(crate) async fn empty_log(&self, name: &str) -> anyhow::Result<(NatsServer, PathBuf)> {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir)?;
        Ok((self.start(&dir).await?, dir))
    }

    /// A log that holds the data, in a folder of that name: a retained one, or else one that is filled now.
    pub(crate) async fn filled_log(
        &self,
        name: &str,
        generator: &Arc<Generator>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Log> {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(&dir)?;
        let retained = self.keep.as_ref().map(|keep| RetainedData::of(keep, generator));
        if let Some(retained) = &retained
            && let Some(manifest) = retained.manifest()?
        {
            retained.copy_to(&dir).context("the retained log cannot be used")?;
            return Ok(Log { server: self.start(&dir).await?, manifest, dir, filled: false });
        }
        let mut server = self.start(&dir).await?;
        let manifest = fill::fill(settings(server.url()), generator, bar).await?;
        if let Some(retained) = &retained {
            server.quit()?;
            retained.retain(&dir, &manifest).context("the log cannot be retained")?;
            server.restart()?;
        }
        Ok(Log { server, manifest, dir, filled: retained.is_none() })
    }

    async fn start(&self, dir: &Path) -> anyhow::Result<NatsServer> {
        let (program, dir) = (self.nats_server.clone(), dir.to_owned());
        Ok(tokio::task::spawn_blocking(move || NatsServer::start_program(&program, &dir)).await??)
    }
}

/// How the event log reaches a server.
pub(crate) fn settings(url: String) -> NatsSettings {
    // A log of ten million events takes a server its time to open.
    NatsSettings { url, start_timeout_ms: 300_000, ..NatsSettings::default() }
}
