//! Writing an event's bytes to the disk, durably, at a steady rate: the log's server does it for every submission. The times of
//! a disk that others use too differ by the second, so it is measured while the services work, not before.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::latency::Latencies;

/// What such rows are compared with.
pub(crate) const SYNCED: &str = "a write of 600 bytes to a file, with sync, at the same time, 100/s";

/// About as many as an event has with its headers.
const BYTES: usize = 600;
/// Often enough for a 99th percentile in some seconds, and a fraction of the submissions' own writes.
const EVERY: Duration = Duration::from_millis(10);

/// Writes until it is stopped.
pub(crate) struct SyncedWrites {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<anyhow::Result<Latencies>>,
}

impl SyncedWrites {
    /// Writes to a file in a folder of the log's disk.
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut file = tempfile::tempfile_in(folder).context("no file for synced writes")?;
        let stopped = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stopped);
        let thread = thread::spawn(move || write(&mut file, &until));
        Ok(Self { stopped, thread })
    }

    /// How long each write took, from when it was due: one that waits for the one before counts as late.
    pub(crate) fn stop(self) -> anyhow::Result<Latencies> {
        self.stopped.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow::anyhow!("the thread of synced writes panicked"))?
    }
}

fn write(file: &mut File, stopped: &AtomicBool) -> anyhow::Result<Latencies> {
    let mut times = Latencies::new();
    let mut due = Instant::now();
    while !stopped.load(Ordering::Relaxed) {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        file.write_all(&[0; BYTES])?;
        file.sync_data()?;
        times.add(due.elapsed());
        due += EVERY;
    }
    Ok(times)
}
