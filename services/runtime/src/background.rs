//! Threads for work that may wait, so that what somebody waits for does not: a tokio runtime of its own, whose threads
//! the system runs when no other one wants the core. Knows nothing of the work.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

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

/// Has this thread run when no other one wants the core. A low priority alone would not do: since Linux 6.6 a thread of
/// the usual policy ends its time slice, 3 ms, before one of a higher priority that woke up gets its core; a thread of
/// the idle policy gives it up at once.
#[cfg(target_os = "linux")]
fn step_back() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };

    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        tracing::warn!(?error, "work in the background may disturb what somebody waits for");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

    use super::*;

    #[tokio::test]
    async fn its_threads_step_back_and_no_others_do() {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let background = Background::start().unwrap();
        let before = thread_schedule_policy().unwrap();
        assert_ne!(before, idle);
        let of_tasks = background.spawn(async {
            let blocking = tokio::task::spawn_blocking(|| thread_schedule_policy().unwrap());
            (thread_schedule_policy().unwrap(), blocking.await.unwrap())
        });
        assert_eq!(of_tasks.await.unwrap(), (idle, idle));
        assert_eq!(thread_schedule_policy().unwrap(), before);
    }
}
