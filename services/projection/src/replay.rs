//! Replays the log into another generation while the serving one continues, and promotes it. The events are applied in
//! the same way as live ones.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::{Position, Read, ReadError};
use cra_runtime::clock::Clock;
use cra_runtime::in_flight::InFlight;
use cra_runtime::shutdown::Shutdown;
use futures::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep};

use crate::batches::{self, Applier, ApplierError, LogContinuity, log_continuity};
use crate::generations::{Generation, Generations, PromoteError};
use crate::metrics::Filling;
use crate::store::StoreError;

/// Interval of progress reports.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// How long after a query the next one is expected.
const QUERY_INTERVAL_MAX: Duration = Duration::from_secs(1);
/// Pause before an automatic retry.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a replay ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read; the replayed part is kept, and a retry resumes.
    #[error("{0}")]
    Log(#[from] ReadError),
    /// The log stream closed unexpectedly; the replayed part is kept.
    #[error("the log stream closed unexpectedly")]
    ReaderEnded,
    /// The generation cannot be written.
    #[error("{0}")]
    Apply(#[from] ApplierError),
    /// The log is not the one that the generation was started from.
    #[error("{0}")]
    ForeignLog(String),
    /// It cannot be promoted.
    #[error("{0}")]
    Promote(#[from] PromoteError),
}

impl ReplayError {
    /// Whether the replayed part is valid, so that a retry resumes.
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Log(_) | Self::ReaderEnded => true,
            Self::Apply(_) | Self::ForeignLog(_) | Self::Promote(_) => false,
        }
    }
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Apply(error.into())
    }
}

/// Progress of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Current position.
    pub position: Position,
    /// Target position.
    pub end: Position,
    /// Average speed since the start.
    pub events_per_second: u64,
}

impl Progress {
    /// Estimated remaining seconds; 0 if unknown.
    #[must_use]
    pub(crate) fn remaining_seconds(&self) -> u64 {
        let left = self.end.0.saturating_sub(self.position.0);
        if self.events_per_second == 0 { 0 } else { left.div_ceil(self.events_per_second) }
    }
}

/// Replays the log, one generation at a time.
#[derive(Clone)]
pub(crate) struct Replayer {
    /// The log.
    pub log: Arc<dyn Read>,
    /// The generations.
    pub generations: Arc<Generations>,
    /// Time at which events are applied.
    pub clock: Arc<dyn Clock>,
    /// Locked while a generation is built or replaced.
    pub permit: Arc<tokio::sync::Mutex<()>>,
    /// Metrics of the replay in progress.
    pub filling: Arc<Filling>,
    /// Runtime of replays, with lower priority than queries and live events.
    pub background: Handle,
    /// Queries in flight: while there are some, replays pause as long as they work.
    pub questions: InFlight,
}

impl Replayer {
    /// The lock for a replay; `None` while another one is in progress.
    #[must_use]
    pub(crate) fn try_begin(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.permit).try_lock_owned().ok()
    }

    /// A generation other than the serving one.
    pub(crate) fn other(&self, name: &str) -> Result<Arc<Generation>, ReplayError> {
        let other = self.generations.other(name);
        other.ok_or_else(|| PromoteError::NoSuchGeneration(name.to_owned()).into())
    }

    /// Builds the read models again if the serving ones have other definitions, which serve until it is done. Retries
    /// until the shutdown.
    pub(crate) async fn rebuild_if_outdated(self, shutdown: Shutdown) {
        while !self.serves_todays_definitions() {
            let computed = tokio::select! {
                computed = self.rebuild_outdated() => computed,
                () = shutdown.requested() => return,
            };
            let Err(error) = computed else {
                continue;
            };
            tracing::error!(error = %error, "the read models could not be rebuilt; retrying");
            tokio::select! {
                () = sleep(RETRY_AFTER) => {}
                () = shutdown.requested() => return,
            }
        }
    }

    fn serves_todays_definitions(&self) -> bool {
        self.generations.serving().description().definitions == cra_analytics::definitions()
    }

    /// Builds the read models with today's definitions, once no other replay is in progress.
    async fn rebuild_outdated(&self) -> Result<(), ReplayError> {
        let _permit = Arc::clone(&self.permit).lock_owned().await;
        if self.serves_todays_definitions() {
            return Ok(());
        }
        let serving = self.generations.serving();
        tracing::warn!(
            generation = serving.name(),
            definitions = serving.description().definitions,
            wanted = cra_analytics::definitions(),
            "the read models have other definitions; they serve until they are rebuilt"
        );
        let generation = self.start_build(None).await?;
        let report = |progress: Progress| {
            tracing::info!(
                position = progress.position.0,
                end = progress.end.0,
                events_per_second = progress.events_per_second,
                remaining_seconds = progress.remaining_seconds(),
                "rebuilding the read models"
            );
        };
        let computed = async {
            let head = self.log.head().await?.position;
            self.fill(&generation, head, report).await?;
            self.promote(&generation).await
        };
        match computed.await {
            Ok(_) => Ok(()),
            Err(error) => {
                if !error.is_resumable() {
                    self.discard(generation).await;
                }
                Err(error)
            }
        }
    }

    /// The generation to build: a new one, or an unfinished one that is not past the requested end.
    pub(crate) async fn start_build(&self, until: Option<Position>) -> Result<Arc<Generation>, ReplayError> {
        let (identity, now) = (self.log.head().await?.identity, self.clock.now());
        self.blocking(move |generations| Ok(generations.start_build(&identity, until, now)?)).await
    }

    /// Keeps a completely built generation.
    pub(crate) async fn finish_filling(&self, generation: &Arc<Generation>) -> Result<(), ReplayError> {
        let generation = Arc::clone(generation);
        self.blocking(move |generations| Ok(generations.finish_filling(&generation)?)).await
    }

    /// Removes a generation, unless it serves by now.
    pub(crate) async fn discard(&self, generation: Arc<Generation>) {
        let discarded = self.blocking(move |generations| Ok(generations.discard(&generation)?)).await;
        if let Err(error) = discarded {
            tracing::error!(error = %error, "a generation could not be removed");
        }
    }

    /// A scratch generation, removed when it is dropped.
    pub(crate) async fn start_scratch(&self) -> Result<Arc<Generation>, ReplayError> {
        let (identity, now) = (self.log.head().await?.identity, self.clock.now());
        self.blocking(move |generations| Ok(Arc::new(generations.start_scratch(&identity, now)?))).await
    }

    /// Applies the events after its position to a generation, up to an end that the log has.
    pub(crate) async fn fill(
        &self,
        generation: &Arc<Generation>,
        end: Position,
        mut report: impl FnMut(Progress),
    ) -> Result<(), ReplayError> {
        if let LogContinuity::Foreign { reason, .. } = log_continuity(&*self.log, generation).await? {
            return Err(ReplayError::ForeignLog(reason));
        }
        let (begun_at, begun) = (generation.position(), Instant::now());
        let progress = |position: Position| Progress {
            position,
            end,
            events_per_second: per_second(position.0 - begun_at.0, begun.elapsed()),
        };
        let mut batches = batches::batches(&self.log, begun_at);
        let applier = Applier::start();
        let at_work = self.filling.begin();
        let mut reported = Instant::now();
        while generation.position() < end {
            let (mut batch, failure) = batches.next().await.ok_or(ReplayError::ReaderEnded)?;
            batch.retain(|entry| entry.position <= end);
            let applying = Instant::now();
            applier.apply(generation, batch, self.clock.now()).await?;
            self.yield_to_queries(applying.elapsed()).await;
            let Progress { position, end, events_per_second } = progress(generation.position());
            at_work.reached(position, end, events_per_second);
            if reported.elapsed() >= PROGRESS_EVERY {
                report(progress(generation.position()));
                reported = Instant::now();
            }
            if let Some(failure) = failure {
                return Err(failure.into());
            }
        }
        report(progress(generation.position()));
        Ok(())
    }

    /// Pauses as long as it worked, while queries arrive: low priority alone does not suffice, because the log's server
    /// works for replays too.
    async fn yield_to_queries(&self, worked: Duration) {
        if are_expected(&self.questions) {
            sleep(worked).await;
        }
    }

    /// Brings a generation to the serving one's position, and promotes it. Readers never see an earlier position than
    /// before. Returns the previous one.
    pub(crate) async fn promote(&self, generation: &Arc<Generation>) -> Result<Arc<Generation>, ReplayError> {
        let head = self.log.head().await?.position;
        self.fill(generation, head, |_| {}).await?;
        let filled = Arc::clone(generation);
        // Before the lock, which events wait for.
        self.blocking(move |_| {
            filled.flush()?;
            filled.load()?;
            Ok(filled.warm_up()?)
        })
        .await?;
        let apply_lock = self.generations.apply_lock().await;
        self.fill(generation, self.generations.serving().position(), |_| {}).await?;
        let name = generation.name().to_owned();
        // The lock moves into the work: if the caller is cancelled now, nothing is applied before the change is
        // complete.
        self.blocking(move |generations| {
            let _apply_lock = apply_lock;
            Ok(generations.promote(&name)?)
        })
        .await
    }

    /// Works on the generations' files on a blocking thread.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Generations) -> Result<T, ReplayError> + Send + 'static,
    ) -> Result<T, ReplayError> {
        let generations = Arc::clone(&self.generations);
        let done = tokio::task::spawn_blocking(move || work(&generations)).await;
        done.map_err(|_| ApplierError::Panicked)?
    }
}

/// Whether queries are in flight, or expected because one arrived recently.
pub(crate) fn are_expected(questions: &InFlight) -> bool {
    questions.was_requested_within(QUERY_INTERVAL_MAX)
}

fn per_second(events: u64, elapsed: Duration) -> u64 {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    events.saturating_mul(1_000) / milliseconds
}

#[cfg(test)]
mod tests;
