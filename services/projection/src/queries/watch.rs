//! The statistics of a selection now, then again whenever they change: the effects of new events are examined first, so
//! that a watcher costs a scan only if one concerns it.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::cra::{Question, Violation};
use cra_domain::selection::Selection;
use cra_eventlog::Position;
use cra_runtime::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::changes::{self, Span};
use super::follow::{Answers, run_until_closed};
use super::{QueryError, Snapshot, statistics};
use crate::generations::{Generation, Generations};
use crate::store::Checkpoint;

/// Default interval.
const INTERVAL_MS_DEFAULT: u32 = 1_000;
/// Minimum interval.
const INTERVAL_MS_MIN: u32 = 100;

/// Parameters of a watcher.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The watched CRAs.
    pub selection: Arc<Selection>,
    /// Minimum time between two answers.
    pub interval: Duration,
}

/// Parses the interval of a request.
pub fn watch_interval(min_interval_ms: u32) -> Result<Duration, Violation> {
    let interval_ms = match min_interval_ms {
        0 => INTERVAL_MS_DEFAULT,
        interval_ms @ INTERVAL_MS_MIN.. => interval_ms,
        found_ms => {
            let fault = Question::IntervalTooShort { found_ms, min_ms: INTERVAL_MS_MIN };
            return Err(Violation::new("min_interval_ms", fault));
        }
    };
    Ok(Duration::from_millis(interval_ms.into()))
}

/// Starts a watcher.
#[must_use]
pub fn watch(
    question: Watch,
    generations: Arc<Generations>,
    shutdown: Shutdown,
) -> Answers<v1::WatchStatisticsResponse> {
    // One buffered answer: a slow caller gets the latest figures, not all intermediate ones.
    let (answers, receiver) = mpsc::channel(1);
    let watching = Watching { question, generations, answers: answers.clone(), last: None };
    tokio::spawn(run_until_closed(answers, shutdown, watching.run()));
    receiver
}

/// The last answer, and the position up to which nothing has changed since.
struct Last {
    statistics: v1::Statistics,
    generation: Arc<Generation>,
    position: Position,
    /// Number of events retried with success by then: another one changes the figures at the same position.
    retried: u64,
}

struct Watching {
    question: Watch,
    generations: Arc<Generations>,
    answers: mpsc::Sender<Result<v1::WatchStatisticsResponse, QueryError>>,
    last: Option<Last>,
}

impl Watching {
    async fn run(mut self) -> Result<(), QueryError> {
        loop {
            let (snapshot, retried) = self.changed().await?;
            let answers = self.answers.clone();
            let permit = answers.reserve().await.map_err(|_| QueryError::Cancelled)?;
            let statistics = statistics(self.question.selection.clone(), snapshot.clone()).await?;
            let is_news = self.last.as_ref().is_none_or(|last| last.statistics != statistics);
            let shown = snapshot.to_message();
            let (generation, position) = (snapshot.generation, snapshot.position);
            self.last = Some(Last { statistics: statistics.clone(), generation, position, retried });
            if is_news {
                let answer =
                    v1::WatchStatisticsResponse { statistics: Some(statistics), snapshot: Some(shown) };
                permit.send(Ok(answer));
            }
            tokio::time::sleep_until(Instant::now() + self.question.interval).await;
        }
    }

    /// Waits for a state with a change of the selection.
    async fn changed(&mut self) -> Result<(Snapshot, u64), QueryError> {
        let mut serving = self.generations.watch();
        loop {
            let generation = serving.borrow_and_update().clone();
            let Some(snapshot) = Snapshot::now(Arc::clone(&generation)) else {
                // Another generation was promoted in between.
                tokio::task::yield_now().await;
                continue;
            };
            let position = snapshot.position;
            let retried = snapshot.facts.watermark().map_or(0, |watermark| watermark.retried);
            let Some(last) = &mut self.last else {
                return Ok((snapshot, retried));
            };
            let is_same_log = generation.description().log == last.generation.description().log;
            // A generation that is being built must first reach the shown position.
            let is_behind = is_same_log && position < last.position;
            if !is_behind {
                if !Arc::ptr_eq(&generation, &last.generation) || retried != last.retried {
                    return Ok((snapshot, retried));
                }
                let span = Span { after: last.position, until: position };
                if concerns(generation.clone(), self.question.selection.clone(), span).await? {
                    return Ok((snapshot, retried));
                }
                last.position = position;
            }
            let mut applied = generation.watch();
            let (seen, known) = (last.position, last.retried);
            let has_news = |it: &Checkpoint| it.position > seen || it.retried != known;
            tokio::select! {
                _ = applied.wait_for(|applied| applied.as_ref().is_some_and(has_news)) => {}
                changed = serving.changed() => if changed.is_err() { return Err(QueryError::Cancelled) },
            }
        }
    }
}

async fn concerns(
    generation: Arc<Generation>,
    selection: Arc<Selection>,
    span: Span,
) -> Result<bool, QueryError> {
    let looked = tokio::task::spawn_blocking(move || changes::concerns(&generation, &selection, span)).await;
    looked.map_err(|_| QueryError::Cancelled)?
}
