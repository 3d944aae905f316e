//! Runs work on large requests on blocking threads, not on those that serve all connections.

use prost::Message;
use tokio::task::{AbortHandle, spawn_blocking};
use tonic::Status;

use crate::rejection::{INTERNAL, Rejection};

/// Size of a message above which it is processed on a blocking thread.
pub(crate) const LARGE_REQUEST_BYTES: usize = 64 * 1_024;

/// Whether processing a message takes long enough for a blocking thread.
pub fn is_large(message: &impl Message) -> bool {
    message.encoded_len() > LARGE_REQUEST_BYTES
}

/// Runs work, on a blocking thread if it `is_large`. Work that has not started is cancelled with the future, and at the
/// end of the process. Fails only if the work panics.
pub async fn off_workers<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    if !is_large {
        return Ok(work());
    }
    let working = spawn_blocking(work);
    let _given_up = AbortOnDrop(working.abort_handle());
    working.await.map_err(|error| {
        tracing::error!(%error, "a request could not be read");
        Rejection::new(INTERNAL, "internal error; see the service log").into()
    })
}

/// Aborts a task when it is dropped.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn large_work_leaves_its_callers_thread_and_small_work_does_not() {
        let here = thread::current().id();
        for is_large in [true, false] {
            let there = off_workers(is_large, || thread::current().id()).await.unwrap();
            assert_eq!(there != here, is_large);
        }
    }

    #[test]
    fn work_that_has_not_started_is_cancelled_with_its_caller() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let has_run = Arc::new(AtomicBool::new(false));
        runtime.block_on(async {
            let (release, wait) = std::sync::mpsc::channel::<()>();
            // The only thread for such work.
            let busy = spawn_blocking(move || wait.recv());
            let flag = Arc::clone(&has_run);
            let waiting = tokio::spawn(off_workers(true, move || flag.store(true, Ordering::SeqCst)));
            tokio::task::yield_now().await;
            waiting.abort();
            let _ = waiting.await;
            release.send(()).unwrap();
            busy.await.unwrap().unwrap();
            off_workers(true, || ()).await.unwrap();
        });
        assert!(!has_run.load(Ordering::SeqCst));
    }
}
