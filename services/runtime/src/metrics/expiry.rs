//! When the certificates and credentials end that the settings name: a figure of each, read again by time and at SIGHUP, and
//! one line of the log when an end is near.

use std::collections::HashMap;
use std::time::Duration;

use cra_private::Expiring;
use jiff::Timestamp;
use prometheus::IntGaugeVec;
use tokio::task::{AbortHandle, JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::{Metrics, MetricsError};
use crate::reload::Reloads;

/// How often the files are read.
const READ_INTERVAL: Duration = Duration::from_mins(1);
/// An end that is nearer than this is logged: as long before as the alert.
const NEAR_S: i64 = 14 * 24 * 3_600;

/// The files are read until this is dropped.
#[derive(Debug, Default)]
pub struct Watched(Option<AbortHandle>);

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Metrics {
    /// Shows when each file's content ends, from now on. A file that cannot be read, or has no end, keeps its last figure or has
    /// none: those who use it report what is wrong with it.
    pub async fn watch_ends(&self, files: Vec<Expiring>) -> Result<Watched, MetricsError> {
        let help =
            "When the certificates or credentials end that the setting names, in seconds since the epoch.";
        let ends = self.gauges("cra_expires_timestamp_seconds", help, &["setting"])?;
        if files.is_empty() {
            return Ok(Watched::default());
        }
        let mut watch = Watch { files, ends, known: HashMap::new() };
        let mut reloads = Reloads::listen();
        watch = match read(watch).await {
            Some(watch) => watch,
            None => return Ok(Watched::default()),
        };
        let task: JoinHandle<()> = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = sleep(READ_INTERVAL) => {}
                    () = reloads.next() => {}
                }
                let Some(same) = read(watch).await else { return };
                watch = same;
            }
        });
        Ok(Watched(Some(task.abort_handle())))
    }
}

struct Watch {
    files: Vec<Expiring>,
    ends: IntGaugeVec,
    /// The end of each setting's file that was read last.
    known: HashMap<&'static str, i64>,
}

/// `None` where the runtime ends.
async fn read(mut watch: Watch) -> Option<Watch> {
    let reading = spawn_blocking(move || {
        for file in &watch.files {
            let Ok(Some(end)) = file.end() else { continue };
            watch.ends.with_label_values(&[file.setting()]).set(end);
            if watch.known.insert(file.setting(), end) != Some(end) {
                warn_if_near(file, end);
            }
        }
        watch
    });
    reading.await.ok()
}

/// Once for each end: when it is read first. What comes near while the process runs is the alert's.
fn warn_if_near(file: &Expiring, end: i64) {
    if end - Timestamp::now().as_second() < NEAR_S {
        let at = Timestamp::from_second(end).map(|at| at.to_string()).unwrap_or_default();
        let shown = file.file().display();
        tracing::warn!(setting = file.setting(), file = %shown, at, "it ends within 14 days, or has ended: renew it");
    }
}
