//! Follows the log: reads it from the position of the serving generation, applies new events, and starts over if the
//! generation was not built from this log. Recovers from every failure.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use cra_eventlog::{Head, Read, ReadError};
use cra_runtime::clock::Clock;
use cra_runtime::shutdown::Shutdown;
use futures::StreamExt as _;
use tokio::task::JoinError;

use crate::batches::{self, Applier, ApplierError, LogContinuity, log_continuity};
use crate::generations::{Generation, Generations};
use crate::store::StoreError;

const RETRY: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(5))
    .without_max_times();
/// Interval at which failures of the files are detected that no event met, but a query or the flush.
const FILES_CHECK: Duration = Duration::from_millis(500);

/// Why following was interrupted.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error("{0}")]
    Log(#[from] ReadError),
    #[error("the log stream closed unexpectedly")]
    ReaderEnded,
    #[error("{0}")]
    Apply(#[from] ApplierError),
    #[error("another generation serves")]
    Replaced,
    #[error("the projection is paused")]
    Paused,
}

/// Keeps the serving generation up to date with the log.
pub(crate) struct Follower {
    /// The log.
    pub log: Arc<dyn Read>,
    /// The generations.
    pub generations: Arc<Generations>,
    /// Time at which events are applied.
    pub clock: Arc<dyn Clock>,
}

impl Follower {
    /// Follows until the shutdown.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut retries = RETRY.build();
        let mut paused = self.generations.paused();
        while !shutdown.is_requested() {
            tokio::select! {
                () = shutdown.requested() => break,
                // Its sender lives as long as the generations.
                _ = paused.wait_for(Option::is_none) => {}
            }
            let before = self.generations.serving().position();
            tokio::select! {
                () = shutdown.requested() => break,
                interruption = self.follow() => {
                    if matches!(interruption, Interruption::Replaced | Interruption::Paused) {
                        continue;
                    }
                    let generation = self.generations.serving();
                    if generation.position() > before {
                        retries = RETRY.build();
                    }
                    tracing::warn!(error = %interruption, position = generation.position().0, "following the log was interrupted");
                    self.recover(&generation, interruption).await;
                }
            }
            tokio::select! {
                () = shutdown.requested() => break,
                () = tokio::time::sleep(retries.next().unwrap_or_default()) => {}
            }
        }
    }

    /// Applies new events, until a failure or until another generation serves.
    async fn follow(&self) -> Interruption {
        let mut serving = self.generations.watch();
        let generation = serving.borrow_and_update().clone();
        match log_continuity(&*self.log, &generation).await {
            Ok(LogContinuity::Same) => {}
            Ok(LogContinuity::Foreign { reason, head }) => match self.start_over(reason, head).await {
                Ok(()) => return Interruption::Replaced,
                Err(interruption) => return interruption,
            },
            Err(error) => return error.into(),
        }
        let mut batches = batches::batches(&self.log, generation.position());
        let applier = Applier::start();
        let mut paused = self.generations.paused();
        loop {
            let (batch, failure) = tokio::select! {
                _ = paused.wait_for(Option::is_some) => return Interruption::Paused,
                _ = serving.changed() => return Interruption::Replaced,
                error = failed(&generation) => return error.into(),
                next = batches.next() => match next {
                    Some(next) => next,
                    None => return Interruption::ReaderEnded,
                },
            };
            let apply_lock = self.generations.apply_lock().await;
            if serving.has_changed().unwrap_or(true) {
                return Interruption::Replaced;
            }
            if paused.borrow().is_some() {
                return Interruption::Paused;
            }
            if let Err(error) = applier.apply(&generation, batch, self.clock.now()).await {
                return error.into();
            }
            drop(apply_lock);
            if let Some(failure) = failure {
                return failure.into();
            }
        }
    }

    /// Replaces a damaged generation; waits if the log cannot be read or the disk cannot be written.
    async fn recover(&self, generation: &Arc<Generation>, interruption: Interruption) {
        let failure = match interruption {
            Interruption::Apply(ApplierError::Store(failure)) => failure,
            Interruption::Apply(panicked @ ApplierError::Panicked) => {
                StoreError::Damaged(panicked.to_string())
            }
            Interruption::Log(_)
            | Interruption::ReaderEnded
            | Interruption::Replaced
            | Interruption::Paused => return,
        };
        tracing::error!(generation = generation.name(), error = %failure, "the read models failed");
        let recovered = match self.log.head().await {
            Ok(head) => {
                let (generations, now) = (Arc::clone(&self.generations), self.clock.now());
                let recover = move || generations.recover(&failure, &head.identity, now);
                settled(tokio::task::spawn_blocking(recover).await)
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = recovered {
            tracing::error!(error = %error, "the read models cannot be repaired yet; retrying");
        }
    }

    async fn start_over(&self, reason: String, head: Head) -> Result<(), Interruption> {
        let (generations, now) = (Arc::clone(&self.generations), self.clock.now());
        generations.update_lineage(&head);
        // Before the last copy of the figures is dropped.
        tracing::error!(
            reason,
            log = head.identity.0,
            position = head.position.0,
            predecessors = ?head.predecessors,
            "the log is not the one that the read models were computed from; they go to quarantine"
        );
        let begun =
            tokio::task::spawn_blocking(move || generations.start_over(&reason, &head.identity, now)).await;
        settled(begun)
    }
}

fn settled(done: Result<Result<(), StoreError>, JoinError>) -> Result<(), Interruption> {
    Ok(done.map_err(|_| ApplierError::Panicked)?.map_err(ApplierError::from)?)
}

/// Returns when the generation's files have failed.
pub(crate) async fn failed(generation: &Generation) -> ApplierError {
    loop {
        if let Err(error) = generation.check() {
            return error.into();
        }
        tokio::time::sleep(FILES_CHECK).await;
    }
}
