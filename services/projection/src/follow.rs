//! Follows the log: reads it from where the serving generation stands, applies what comes, and starts over where the
//! log is not the one that the generation was computed from. Goes on by itself whatever fails.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::{EventLog, Head, LogEntry, ReadError};
use cra_runtime::clock::Clock;
use cra_runtime::shutdown::Shutdown;
use futures::StreamExt as _;

use crate::generations::{Generation, Generations};
use crate::store::StoreError;

/// Events applied in one write: large enough that its cost is shared, small enough to stay in memory.
const BATCH_EVENTS_MAX: usize = 5_000;
const RETRY_MS_MIN: u64 = 100;
const RETRY_MS_MAX: u64 = 5_000;

/// Why following stopped for a moment.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error("{0}")]
    Log(#[from] ReadError),
    #[error("the log's reader ended")]
    ReaderEnded,
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("applying events failed within the storage library")]
    Panicked,
}

/// What the generation and the log say of each other.
enum Kinship {
    Same,
    Foreign { reason: String, head: Head },
}

/// Keeps the serving generation equal to the log.
pub struct Follower {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The generations.
    pub generations: Arc<Generations>,
    /// Says when events were applied.
    pub clock: Arc<dyn Clock>,
}

impl Follower {
    /// Follows until the shutdown begins.
    pub async fn run(self, shutdown: Shutdown) {
        let mut retry_ms = RETRY_MS_MIN;
        while !shutdown.has_begun() {
            let before = self.generations.serving().position();
            tokio::select! {
                () = shutdown.begun() => break,
                interruption = self.follow() => {
                    let generation = self.generations.serving();
                    if generation.position() > before {
                        retry_ms = RETRY_MS_MIN;
                    }
                    tracing::warn!(error = %interruption, position = generation.position().0, retry_ms, "following the log was interrupted");
                    self.recover(&generation, &interruption).await;
                }
            }
            tokio::select! {
                () = shutdown.begun() => break,
                () = tokio::time::sleep(Duration::from_millis(retry_ms)) => {}
            }
            retry_ms = (retry_ms * 2).min(RETRY_MS_MAX);
        }
    }

    /// Applies what comes, until something fails.
    async fn follow(&self) -> Interruption {
        let generation = self.generations.serving();
        match self.kinship(&generation).await {
            Ok(Kinship::Same) => {}
            Ok(Kinship::Foreign { reason, head }) => match self.start_over(reason, head).await {
                Ok(()) => return Interruption::ReaderEnded,
                Err(interruption) => return interruption,
            },
            Err(error) => return error.into(),
        }
        let mut entries = self.log.read(generation.position()).ready_chunks(BATCH_EVENTS_MAX);
        while let Some(chunk) = entries.next().await {
            let (batch, failure) = split(chunk);
            if !batch.is_empty()
                && let Err(interruption) = self.apply(&generation, batch).await
            {
                return interruption;
            }
            if let Some(failure) = failure {
                return failure.into();
            }
        }
        Interruption::ReaderEnded
    }

    async fn apply(&self, generation: &Arc<Generation>, batch: Vec<LogEntry>) -> Result<(), Interruption> {
        let (generation, now) = (Arc::clone(generation), self.clock.now());
        let applied = tokio::task::spawn_blocking(move || generation.apply(&batch, now)).await;
        Ok(applied.map_err(|_| Interruption::Panicked)??)
    }

    /// A generation that cannot be written is replaced; a log that cannot be read is only waited for.
    async fn recover(&self, generation: &Arc<Generation>, interruption: &Interruption) {
        if !matches!(interruption, Interruption::Store(_) | Interruption::Panicked) {
            return;
        }
        tracing::error!(generation = generation.name(), error = %interruption, "the read models failed");
        let restarted = match self.log.head().await {
            Ok(head) => self.start_over(interruption.to_string(), head).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = restarted {
            tracing::error!(error = %error, "a new generation could not be begun; trying again");
        }
    }

    async fn start_over(&self, reason: String, head: Head) -> Result<(), Interruption> {
        let (generations, now) = (Arc::clone(&self.generations), self.clock.now());
        let begun =
            tokio::task::spawn_blocking(move || generations.start_over(&reason, &head.identity, now)).await;
        Ok(begun.map_err(|_| Interruption::Panicked)??)
    }

    /// Whether the generation was computed from this log: the same stream, not shorter, with the same last event.
    async fn kinship(&self, generation: &Generation) -> Result<Kinship, ReadError> {
        let head = self.log.head().await?;
        let foreign = |reason: String, head: Head| Ok(Kinship::Foreign { reason, head });
        let known = &generation.description().log;
        if head.identity != *known {
            return foreign(format!("the log was created anew: {}, was {}", head.identity.0, known.0), head);
        }
        let Some(applied) = generation.applied() else {
            return Ok(Kinship::Same);
        };
        if head.position < applied.position {
            return foreign(format!("the log ends at {}, before {}", head.position, applied.position), head);
        }
        match self.log.entry(applied.position).await? {
            Some(entry) if entry.event_id == applied.event_id => Ok(Kinship::Same),
            _ => foreign(format!("the log holds another event at {}", applied.position), head),
        }
    }
}

/// The events before the first failure, and the failure.
fn split(chunk: Vec<Result<LogEntry, ReadError>>) -> (Vec<LogEntry>, Option<ReadError>) {
    let mut entries = Vec::with_capacity(chunk.len());
    for item in chunk {
        match item {
            Ok(entry) => entries.push(entry),
            Err(error) => return (entries, Some(error)),
        }
    }
    (entries, None)
}
