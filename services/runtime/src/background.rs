//! Threads for work that may wait, so that what somebody waits for does not: a tokio runtime of its own, whose threads
//! the system runs when no other one wants the core. Knows nothing of the work.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// The lowest of the system's usual priorities: 19 steps below that of other threads.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

/// The runtime; its tasks end with it.
pub struct Background {
    /// Taken by the end only.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Background {
    /// Starts the threads.
    pub fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("background").enable_all().on_thread_start(step_back);
        let runtime = builder.build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Runs a task, and what it starts, in the background.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle.spawn(task)
    }

    /// For whoever starts tasks later.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Without waiting, which a thread of another runtime may not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread: without a process, the call is about the thread on Linux, and only there.
#[cfg(target_os = "linux")]
fn step_back() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "work in the background runs at the usual priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn its_threads_step_back_and_no_others_do() {
        let background = Background::start().unwrap();
        let before = getpriority_process(None).unwrap();
        let of_tasks = background.spawn(async {
            let blocking = tokio::task::spawn_blocking(|| getpriority_process(None).unwrap());
            (getpriority_process(None).unwrap(), blocking.await.unwrap())
        });
        assert_eq!(of_tasks.await.unwrap(), (NICE, NICE));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}
