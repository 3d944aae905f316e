//! Every change of a selection after a position, as a stream that follows the log: what a copy in another system needs
//! to stay equal. It ends when the caller leaves, the service stops, or the log is another one.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_contracts::v1::follow_cras_response::Change as Message;
use cra_domain::selection::Selection;
use cra_eventlog::Position;
use cra_runtime::shutdown::Shutdown;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::QueryError;
use super::changes::{self, Effect, POSITIONS_MAX, Span};
use super::history::{self, Claim, History, LeftOut};
use crate::generations::{Generation, Generations};
use crate::store::Checkpoint;

/// Number of answers buffered ahead of the caller.
const READY_MAX: usize = 256;
/// Interval of checkpoints for a caller without changes.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// A stream of answers, as the service sends them.
pub type Answers<T> = mpsc::Receiver<Result<T, QueryError>>;

/// Parameters of a follower.
#[derive(Clone, Debug)]
pub struct Follow {
    /// The followed CRAs.
    pub selection: Arc<Selection>,
    /// The last position that the caller has.
    pub after: Position,
    /// The log and the history of this position, if the caller gives it.
    pub claim: Option<Claim>,
    /// The last position, or never.
    pub end: Option<Position>,
}

/// Starts to follow.
#[must_use]
pub fn follow(
    question: Follow,
    generations: Arc<Generations>,
    shutdown: Shutdown,
) -> Answers<v1::FollowCrasResponse> {
    let (answers, receiver) = mpsc::channel(READY_MAX);
    let Follow { selection, after, claim, end } = question;
    let following = Following {
        selection,
        end,
        claim,
        history: None,
        left_out: LeftOut::of(Vec::new()),
        generations,
        answers,
        done: after,
        sent: None,
        sent_at: Instant::now(),
    };
    tokio::spawn(run_until_closed(following.answers.clone(), shutdown, following.run()));
    receiver
}

/// Runs a stream until it ends, its caller leaves, or the service stops; sends the reason.
pub(super) async fn run_until_closed<T>(
    answers: mpsc::Sender<Result<T, QueryError>>,
    shutdown: Shutdown,
    running: impl Future<Output = Result<(), QueryError>>,
) {
    let ended = tokio::select! {
        ended = running => ended,
        () = shutdown.requested() => Err(QueryError::Stopping),
        () = answers.closed() => Ok(()),
    };
    if let Err(error) = ended {
        // A caller that has gone needs no reason.
        let _ = answers.send(Err(error)).await;
    }
}

struct Following {
    selection: Arc<Selection>,
    end: Option<Position>,
    /// The caller's claim about its position, until it was checked.
    claim: Option<Claim>,
    /// Known once a generation has reached the caller's position.
    history: Option<History>,
    /// Up to the last answer.
    left_out: LeftOut,
    generations: Arc<Generations>,
    answers: mpsc::Sender<Result<v1::FollowCrasResponse, QueryError>>,
    /// Processed up to here.
    done: Position,
    /// The position of the last answer.
    sent: Option<Position>,
    sent_at: Instant,
}

impl Following {
    async fn run(mut self) -> Result<(), QueryError> {
        loop {
            let generation = self.more().await?;
            let reached = generation.position();
            while self.done < self.bounded(reached) {
                self.step(&generation, reached).await?;
            }
            let has_ended = self.has_ended();
            if self.is_ahead() && (has_ended || self.sent_at.elapsed() >= CHECKPOINT_EVERY) {
                self.send(self.done, Message::Checkpoint(true)).await?;
            }
            if has_ended {
                return Ok(());
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.done >= end)
    }

    /// Whether more was processed than the caller knows.
    fn is_ahead(&self) -> bool {
        self.sent != Some(self.done)
    }

    fn bounded(&self, position: Position) -> Position {
        self.end.map_or(position, |end| position.min(end))
    }

    /// Waits for a generation with positions that were not processed; at most until the next checkpoint is due.
    async fn more(&mut self) -> Result<Arc<Generation>, QueryError> {
        let mut serving = self.generations.watch();
        loop {
            let generation = serving.borrow_and_update().clone();
            let mut applied = generation.watch();
            if !self.continues_in(&generation).await? {
                tokio::select! {
                    _ = applied.changed() => {}
                    changed = serving.changed() => if changed.is_err() { return Err(QueryError::Cancelled) },
                }
                continue;
            }
            if self.has_ended() || generation.position() > self.done {
                return Ok(generation);
            }
            let known = generation.retried();
            let has_news = |it: &Checkpoint| it.position > self.done || it.retried != known;
            let checkpoint_at = self.sent_at + CHECKPOINT_EVERY;
            tokio::select! {
                _ = applied.wait_for(|applied| applied.as_ref().is_some_and(has_news)) => {}
                changed = serving.changed() => if changed.is_err() { return Err(QueryError::Cancelled) },
                () = tokio::time::sleep_until(checkpoint_at), if self.is_ahead() => return Ok(generation),
            }
        }
    }

    /// Whether a generation can be used: only once it has reached the caller's position, of the log that the caller
    /// names. Ends the stream if its history does not continue what the caller has.
    async fn continues_in(&mut self, generation: &Arc<Generation>) -> Result<bool, QueryError> {
        if let Some(history) = &mut self.history {
            history.continue_in(generation, self.done).await?;
            return Ok(true);
        }
        let log = &generation.description().log;
        let is_another = self.claim.as_ref().is_some_and(|claim| !claim.is_of(&log.0));
        if is_another || generation.position() < self.done {
            return Ok(false);
        }
        let history = History::of(Arc::clone(generation));
        let (read, until) = (Arc::clone(generation), self.done);
        let left_out =
            tokio::task::spawn_blocking(move || history::left_out(&read, Position::START, until)).await;
        self.left_out = LeftOut::of(left_out.map_err(|_| QueryError::Cancelled)??);
        if let Some(claim) = self.claim.take() {
            claim.check(generation, &self.left_out)?;
        }
        self.history = Some(history);
        Ok(true)
    }

    /// Processes some positions and sends their effects.
    async fn step(&mut self, generation: &Arc<Generation>, reached: Position) -> Result<(), QueryError> {
        let furthest = Position(self.done.0.saturating_add(POSITIONS_MAX));
        let span = Span { after: self.done, until: self.bounded(reached).min(furthest) };
        let (generation, selection) = (Arc::clone(generation), self.selection.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let left_out = history::left_out(&generation, span.after, span.until)?;
            Ok::<_, QueryError>((changes::effects(&generation, &selection, span)?, left_out))
        });
        let (effects, left_out) = looking.await.map_err(|_| QueryError::Cancelled)??;
        self.left_out.extend(left_out);
        for (position, effect) in effects {
            self.send(
                position,
                match effect {
                    Effect::Upsert(record) => Message::Upsert(*record),
                    Effect::Removal(cra_id) => Message::Removal(cra_id.to_string()),
                },
            )
            .await?;
        }
        self.done = span.until;
        Ok(())
    }

    async fn send(&mut self, position: Position, change: Message) -> Result<(), QueryError> {
        self.left_out.reach(position);
        let log = self.history.as_ref().map(|history| history.name(&self.left_out)).unwrap_or_default();
        let answer = v1::FollowCrasResponse { position: position.0, change: Some(change), log };
        self.answers.send(Ok(answer)).await.map_err(|_| QueryError::Cancelled)?;
        self.sent = Some(position);
        self.sent_at = Instant::now();
        Ok(())
    }
}
