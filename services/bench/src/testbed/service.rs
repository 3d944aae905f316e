//! A service as a child process; it is killed when it is dropped.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use cra_client::{Bearer, Clients, TlsFiles};
use tokio::time::{sleep, timeout_at};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use super::memory::Memory;

const READY_RETRY: Duration = Duration::from_millis(5);
/// Reading ten million events for the first time takes minutes on a slow machine.
const SERVING_WAIT: Duration = Duration::from_mins(30);
const END_WAIT: Duration = Duration::from_secs(30);
const END_RETRY: Duration = Duration::from_millis(10);
/// Of what a service wrote, shown when it fails.
const LAST_LINES: usize = 15;

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Kind {
    Ingestion,
    Projection,
}

/// A running service.
pub(crate) struct Service {
    kind: Kind,
    child: Child,
    url: String,
    output: PathBuf,
    /// From the start of the process until it served.
    pub(crate) started_in: Duration,
}

impl Service {
    /// Starts a service on a log, with its files in `dir`, and waits until its health says SERVING.
    pub(crate) async fn start(kind: Kind, log_url: &str, dir: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let output = dir.join(format!("{kind}.log"));
        let mut command = Command::new(std::env::current_exe()?);
        // Nothing of our environment configures it.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CRA_")) {
            command.env_remove(name);
        }
        let begun = Instant::now();
        let child = command
            .args(["serve", kind.into()])
            .env("CRA_LISTEN", &address)
            .env("CRA_LOG__URL", log_url)
            .env("CRA_LOG__START_TIMEOUT_MS", "300000")
            .envs((kind == Kind::Projection).then(|| ("CRA_DATA", read_models(dir))))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&output)?)
            .spawn()
            .with_context(|| format!("the {kind} service cannot be started"))?;
        let mut service =
            Self { kind, child, url: format!("http://{address}"), output, started_in: Duration::ZERO };
        service.wait_until_serving().await?;
        service.started_in = begun.elapsed();
        Ok(service)
    }

    async fn wait_until_serving(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + SERVING_WAIT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the {} service ended at once ({status}); {}", self.kind, self.last_lines());
            }
            if let Ok(connection) = self.connect().await
                && let Ok(watched) = connection.health().watch(HealthCheckRequest::default()).await
            {
                // A stream of notices: polling would take a good part of a core from a replay.
                let mut statuses = watched.into_inner();
                while let Ok(Ok(Some(answer))) = timeout_at(deadline.into(), statuses.message()).await {
                    if answer.status() == ServingStatus::Serving {
                        return Ok(());
                    }
                }
            }
            sleep(READY_RETRY).await;
        }
        bail!("the {} service did not serve within {SERVING_WAIT:?}; {}", self.kind, self.last_lines())
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> anyhow::Result<Clients> {
        let channel = cra_client::endpoint(&self.url, TlsFiles::default(), false)?.connect().await?;
        Ok(Clients::new(channel, Bearer::Nothing))
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its memory, if the system reports it.
    pub(crate) fn memory(&self) -> Option<Memory> {
        Memory::of_process(self.child.id())
    }

    /// Lets it leave as if it had been asked to, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + END_WAIT;
        loop {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    bail!("the {} service ended with {status}; {}", self.kind, self.last_lines())
                }
                None if Instant::now() > deadline => {
                    bail!("the {} service did not leave within {END_WAIT:?}", self.kind)
                }
                None => sleep(END_RETRY).await,
            }
        }
    }

    fn last_lines(&self) -> String {
        let output = std::fs::read_to_string(&self.output).unwrap_or_default();
        let lines: Vec<_> = output.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        format!("it wrote last:\n{last}")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the projection of a folder keeps its read models.
pub(crate) fn read_models(dir: &Path) -> PathBuf {
    dir.join("read-models")
}
