//! Replays the log into a generation beside the serving one, which goes on meanwhile, and puts it in its place. The
//! events take the same way as live ones.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::{EventLog, Position, ReadError};
use cra_runtime::clock::Clock;
use cra_runtime::in_flight::InFlight;
use cra_runtime::shutdown::Shutdown;
use futures::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep};

use crate::batches::{self, Applier, ApplyError, Kinship, kinship};
use crate::generations::{Generation, Generations, TakeOverError};
use crate::metrics::Filling;
use crate::store::StoreError;

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// How long after a question the next one is expected.
const QUESTIONS_PAUSE: Duration = Duration::from_secs(1);
/// Pause before the next try of what goes on by itself.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a replay ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log cannot be read; what was replayed is kept, and a new try goes on from there.
    #[error("{0}")]
    Log(#[from] ReadError),
    /// The log's reader ended; likewise.
    #[error("the log's reader ended")]
    ReaderEnded,
    /// The generation cannot be written.
    #[error("{0}")]
    Apply(#[from] ApplyError),
    /// The log is not the one that the generation was begun from.
    #[error("{0}")]
    ForeignLog(String),
    /// It cannot take over.
    #[error("{0}")]
    TakeOver(#[from] TakeOverError),
}

impl ReplayError {
    /// Whether what was replayed is good, so that a new try goes on from there.
    #[must_use]
    pub fn leaves_a_beginning(&self) -> bool {
        match self {
            Self::Log(_) | Self::ReaderEnded => true,
            Self::Apply(_) | Self::ForeignLog(_) | Self::TakeOver(_) => false,
        }
    }
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Apply(error.into())
    }
}

/// How far a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Replayed up to here.
    pub position: Position,
    /// Where it ends.
    pub end: Position,
    /// Since it began.
    pub events_per_second: u64,
}

impl Progress {
    /// Seconds left at that speed; 0 while it is not known.
    #[must_use]
    pub fn remaining_seconds(&self) -> u64 {
        let left = self.end.0.saturating_sub(self.position.0);
        if self.events_per_second == 0 { 0 } else { left.div_ceil(self.events_per_second) }
    }
}

/// Replays the log, one generation at a time.
#[derive(Clone)]
pub struct Replayer {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The generations.
    pub generations: Arc<Generations>,
    /// Says when events were applied.
    pub clock: Arc<dyn Clock>,
    /// Taken by whoever fills or replaces a generation.
    pub place: Arc<tokio::sync::Mutex<()>>,
    /// Told how far the replay at work is.
    pub filling: Arc<Filling>,
    /// Where replays are at work, so that questions and live events go before them.
    pub background: Handle,
    /// Questions on their way: while some are asked, replays rest as long as they work.
    pub questions: InFlight,
}

impl Replayer {
    /// The one place for a replay; `None` while another one is at work.
    #[must_use]
    pub fn try_begin(&self) -> Option<OwnedMutexGuard<()>> {
        Arc::clone(&self.place).try_lock_owned().ok()
    }

    /// A generation beside the serving one.
    pub fn other(&self, name: &str) -> Result<Arc<Generation>, ReplayError> {
        let other = self.generations.other(name);
        other.ok_or_else(|| TakeOverError::NoSuchGeneration(name.to_owned()).into())
    }

    /// Computes the read models again where the serving ones were computed by other definitions, and lets those serve
    /// until it is done. Goes on whatever fails, until the shutdown begins.
    pub async fn bring_to_todays_definitions(self, shutdown: Shutdown) {
        while !self.serves_todays_definitions() {
            let computed = tokio::select! {
                computed = self.compute_again() => computed,
                () = shutdown.begun() => return,
            };
            let Err(error) = computed else {
                continue;
            };
            tracing::error!(error = %error, "the read models could not be computed again; trying again");
            tokio::select! {
                () = sleep(RETRY_AFTER) => {}
                () = shutdown.begun() => return,
            }
        }
    }

    fn serves_todays_definitions(&self) -> bool {
        self.generations.serving().description().definitions == cra_analytics::definitions()
    }

    /// Computes the read models by today's definitions, once no other replay is at work.
    async fn compute_again(&self) -> Result<(), ReplayError> {
        let _place = Arc::clone(&self.place).lock_owned().await;
        if self.serves_todays_definitions() {
            return Ok(());
        }
        let serving = self.generations.serving();
        tracing::warn!(
            generation = serving.name(),
            definitions = serving.description().definitions,
            wanted = cra_analytics::definitions(),
            "the read models were computed by other definitions; they serve until they are computed again"
        );
        let generation = self.begin_filling(None).await?;
        let tell = |progress: Progress| {
            tracing::info!(
                position = progress.position.0,
                end = progress.end.0,
                events_per_second = progress.events_per_second,
                remaining_seconds = progress.remaining_seconds(),
                "computing the read models again"
            );
        };
        let computed = async {
            let head = self.log.head().await?.position;
            self.fill(&generation, head, tell).await?;
            self.take_over(&generation).await
        };
        match computed.await {
            Ok(_) => Ok(()),
            Err(error) => {
                if !error.leaves_a_beginning() {
                    self.discard(generation).await;
                }
                Err(error)
            }
        }
    }

    /// The generation to fill: a new one, or the one that was left when the process ended and is not past the end that
    /// is wanted now.
    pub async fn begin_filling(&self, until: Option<Position>) -> Result<Arc<Generation>, ReplayError> {
        let (identity, now) = (self.log.head().await?.identity, self.clock.now());
        self.blocking(move |generations| Ok(generations.begin_filling(&identity, until, now)?)).await
    }

    /// Keeps a generation that holds what it was to be filled with, beside the serving one.
    pub async fn finish_filling(&self, generation: &Arc<Generation>) -> Result<(), ReplayError> {
        let generation = Arc::clone(generation);
        self.blocking(move |generations| Ok(generations.finish_filling(&generation)?)).await
    }

    /// Removes a generation, unless it serves by now.
    pub async fn discard(&self, generation: Arc<Generation>) {
        let discarded = self.blocking(move |generations| Ok(generations.discard(&generation)?)).await;
        if let Err(error) = discarded {
            tracing::error!(error = %error, "a generation could not be removed");
        }
    }

    /// A generation that goes when it is dropped.
    pub async fn begin_passing(&self) -> Result<Arc<Generation>, ReplayError> {
        let (identity, now) = (self.log.head().await?.identity, self.clock.now());
        self.blocking(move |generations| Ok(Arc::new(generations.begin_passing(&identity, now)?))).await
    }

    /// Applies to a generation what follows its position, up to an end that the log holds.
    pub async fn fill(
        &self,
        generation: &Arc<Generation>,
        end: Position,
        mut tell: impl FnMut(Progress),
    ) -> Result<(), ReplayError> {
        if let Kinship::Foreign { reason, .. } = kinship(&*self.log, generation).await? {
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
        let mut told = Instant::now();
        while generation.position() < end {
            let (mut batch, failure) = batches.next().await.ok_or(ReplayError::ReaderEnded)?;
            batch.retain(|entry| entry.position <= end);
            let applying = Instant::now();
            applier.apply(generation, batch, self.clock.now()).await?;
            self.give_way(applying.elapsed()).await;
            at_work.reached(progress(generation.position()));
            if told.elapsed() >= PROGRESS_EVERY {
                tell(progress(generation.position()));
                told = Instant::now();
            }
            if let Some(failure) = failure {
                return Err(failure.into());
            }
        }
        tell(progress(generation.position()));
        Ok(())
    }

    /// Rests as long as it worked, while questions are asked: what replays do in the background is not all, for the log's
    /// server sends to them.
    async fn give_way(&self, worked: Duration) {
        if are_expected(&self.questions) {
            sleep(worked).await;
        }
    }

    /// Brings a generation to where the serving one is, and puts it in its place. Readers never see an earlier position
    /// than before. Gives the former one.
    pub async fn take_over(&self, generation: &Arc<Generation>) -> Result<Arc<Generation>, ReplayError> {
        let head = self.log.head().await?.position;
        self.fill(generation, head, |_| {}).await?;
        let filled = Arc::clone(generation);
        // Before the turn, which events wait for.
        self.blocking(move |_| {
            filled.flush()?;
            Ok(filled.get_ready()?)
        })
        .await?;
        let turn = self.generations.turn().await;
        self.fill(generation, self.generations.serving().position(), |_| {}).await?;
        let name = generation.name().to_owned();
        // The turn goes along: should the caller leave now, nothing is applied before the change is complete.
        self.blocking(move |generations| {
            let _turn = turn;
            Ok(generations.take_over(&name)?)
        })
        .await
    }

    /// Works on the generations' files off the async workers.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Generations) -> Result<T, ReplayError> + Send + 'static,
    ) -> Result<T, ReplayError> {
        let generations = Arc::clone(&self.generations);
        let done = tokio::task::spawn_blocking(move || work(&generations)).await;
        done.map_err(|_| ApplyError::Panicked)?
    }
}

/// Whether questions are on their way, or will be soon: somebody asked a moment ago.
pub(crate) fn are_expected(questions: &InFlight) -> bool {
    questions.was_wanted_within(QUESTIONS_PAUSE)
}

fn per_second(events: u64, elapsed: Duration) -> u64 {
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    events.saturating_mul(1_000) / milliseconds
}

#[cfg(test)]
mod tests;
