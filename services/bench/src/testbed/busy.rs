//! Other work on the machine: a process with a busy thread per core, as a build has.

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

/// The priority of other work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// That of the services.
    Same,
    /// Lower, by as much as the units of `deploy/systemd` put the services above all else.
    Lower,
}

/// The difference of `Nice` of these units to 0.
const NICENESS: &str = "10";

impl Busy {
    pub(crate) fn start(priority: Priority) -> anyhow::Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = match priority {
            Priority::Same => Command::new(program),
            Priority::Lower => {
                // It becomes the program, and keeps its process id.
                let mut nice = Command::new("nice");
                nice.args(["-n", NICENESS]).arg(program);
                nice
            }
        };
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
