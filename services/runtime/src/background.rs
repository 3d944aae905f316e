//! Threads for work without urgency, so that urgent work is not delayed: a separate tokio runtime whose threads run
//! only when no other thread needs the core.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// The runtime; dropping it ends its tasks.
pub struct Background {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Background {
    /// Starts the threads.
    pub fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.thread_name("background").enable_all().on_thread_start(set_idle_policy);
        let runtime = builder.build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Runs a task, and those that it spawns, in the background.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle.spawn(task)
    }

    /// Handle for spawning tasks later.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Without waiting, because a thread of another runtime must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Gives this thread the idle scheduling policy. A low priority would not suffice: since Linux 6.6 a thread of the
/// usual policy finishes its time slice of 3 ms before one of a higher priority gets its core; an idle thread yields at
/// once.
#[cfg(target_os = "linux")]
fn set_idle_policy() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };

    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy) {
        tracing::warn!(?error, "work in the background may delay calls");
    }
}

#[cfg(not(target_os = "linux"))]
fn set_idle_policy() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadSchedulePolicy, thread_schedule_policy};

    use super::*;

    #[tokio::test]
    async fn only_its_threads_have_the_idle_policy() {
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
