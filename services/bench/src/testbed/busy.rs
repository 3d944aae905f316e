//! Other work on the machine: a process with a busy thread per core, at the priority of everything else, as a build has.

use std::hint::black_box;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::Context as _;

/// More than the caches of a core hold: a build reads memory too.
const BUFFER_WORDS: usize = 1 << 20;

/// A running process; it ends when this is dropped.
pub(crate) struct Busy(Child);

impl Busy {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.arg("busy").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(child.spawn().context("the busy process cannot be started")?))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Computes on every core until standard input ends: its other end is held by the measurement.
pub(crate) fn keep_busy() {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    for _ in 0..cores {
        thread::spawn(|| {
            let mut words: Vec<u64> = vec![1; BUFFER_WORDS];
            loop {
                let sum = words.iter_mut().fold(0_u64, |sum, word| {
                    *word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(sum);
                    *word
                });
                black_box(sum);
            }
        });
    }
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
