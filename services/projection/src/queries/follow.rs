//! Every change of a selection after a position, as a stream that goes on with the log: what a copy elsewhere needs to
//! stay equal. It ends when the caller leaves, the service stops, or the log is another one.

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
use crate::generations::{Generation, Generations};
use crate::store::{Applied, StoreError};

/// Answers ready before the caller takes them.
const READY_MAX: usize = 256;
/// A caller that nothing concerns learns this often how far it is.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

/// Answers of a stream, as the service sends them.
pub type Answers<T> = mpsc::Receiver<Result<T, QueryError>>;

/// What is followed, from where to where.
#[derive(Clone, Debug)]
pub struct Follow {
    /// CRAs of interest.
    pub selection: Arc<Selection>,
    /// The last position that the caller has.
    pub after: Position,
    /// Where to end; else never.
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
    let history = History::of(generations.serving());
    let Follow { selection, after, end } = question;
    let following = Following {
        selection,
        end,
        history,
        generations,
        answers,
        done: after,
        said: None,
        said_at: Instant::now(),
    };
    tokio::spawn(sustain(following.answers.clone(), shutdown, following.run()));
    receiver
}

/// Lets a stream run until it ends by itself, its caller leaves, or the service stops, and tells why it ended.
pub(super) async fn sustain<T>(
    answers: mpsc::Sender<Result<T, QueryError>>,
    shutdown: Shutdown,
    running: impl Future<Output = Result<(), QueryError>>,
) {
    let ended = tokio::select! {
        ended = running => ended,
        () = shutdown.begun() => Err(QueryError::Stopping),
        () = answers.closed() => Ok(()),
    };
    if let Err(error) = ended {
        // A caller that left does not need to know.
        let _ = answers.send(Err(error)).await;
    }
}

/// What the changes told so far were computed from.
struct History {
    generation: Arc<Generation>,
    /// Events of it that were retried with success by then.
    retried: u64,
}

impl History {
    fn of(generation: Arc<Generation>) -> Self {
        Self { retried: generation.retried(), generation }
    }

    /// Whether what a generation tells after a position follows what was told: it was computed from the same log by the
    /// same definitions, and leaves out the same events up to there.
    async fn goes_on_in(&mut self, new: &Arc<Generation>, after: Position) -> Result<(), QueryError> {
        if self.generation.retried() != self.retried {
            return Err(QueryError::HistoryChanged);
        }
        if Arc::ptr_eq(new, &self.generation) {
            return Ok(());
        }
        let (former, described) = (self.generation.description(), new.description());
        if described.log != former.log {
            return Err(QueryError::LogReplaced);
        }
        if described.definitions != former.definitions {
            return Err(QueryError::HistoryChanged);
        }
        // One that is being filled is compared once it is as far.
        if new.position() < after {
            return Ok(());
        }
        let now = Self::of(Arc::clone(new));
        let (former, new) = (Arc::clone(&self.generation), Arc::clone(new));
        let compared = tokio::task::spawn_blocking(move || leave_out_the_same(&former, &new, after)).await;
        if !compared.map_err(|_| QueryError::Ended)? {
            return Err(QueryError::HistoryChanged);
        }
        *self = now;
        Ok(())
    }
}

/// Whether two generations left out the same events up to a position; not, if one cannot be read. Blocks.
fn leave_out_the_same(former: &Generation, new: &Generation, until: Position) -> bool {
    let left_out = |generation: &Generation| -> Result<Vec<Position>, StoreError> {
        let session = generation.session()?;
        let parked = session.parked_events(Position::START..=until);
        parked.map(|entry| Ok(entry?.0)).collect()
    };
    matches!((left_out(former), left_out(new)), (Ok(former), Ok(new)) if former == new)
}

struct Following {
    selection: Arc<Selection>,
    end: Option<Position>,
    history: History,
    generations: Arc<Generations>,
    answers: mpsc::Sender<Result<v1::FollowCrasResponse, QueryError>>,
    /// Looked at up to here.
    done: Position,
    /// The position of the last answer.
    said: Option<Position>,
    said_at: Instant,
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
            if self.is_ahead() && (has_ended || self.said_at.elapsed() >= CHECKPOINT_EVERY) {
                self.say(self.done, Message::Checkpoint(true)).await?;
            }
            if has_ended {
                return Ok(());
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.end.is_some_and(|end| self.done >= end)
    }

    /// Whether more was looked at than the caller knows.
    fn is_ahead(&self) -> bool {
        self.said != Some(self.done)
    }

    fn bounded(&self, position: Position) -> Position {
        self.end.map_or(position, |end| position.min(end))
    }

    /// Waits for a generation that holds more than was looked at; not longer than the caller may be left without a
    /// sign.
    async fn more(&mut self) -> Result<Arc<Generation>, QueryError> {
        let mut serving = self.generations.watch();
        loop {
            let generation = serving.borrow_and_update().clone();
            self.history.goes_on_in(&generation, self.done).await?;
            let mut applied = generation.watch();
            if self.has_ended() || generation.position() > self.done {
                return Ok(generation);
            }
            let known = generation.retried();
            let has_news = |it: &Applied| it.position > self.done || it.retried != known;
            let checkpoint_at = self.said_at + CHECKPOINT_EVERY;
            tokio::select! {
                _ = applied.wait_for(|applied| applied.as_ref().is_some_and(has_news)) => {}
                changed = serving.changed() => if changed.is_err() { return Err(QueryError::Ended) },
                () = tokio::time::sleep_until(checkpoint_at), if self.is_ahead() => return Ok(generation),
            }
        }
    }

    /// Looks at some positions and tells what they did.
    async fn step(&mut self, generation: &Arc<Generation>, reached: Position) -> Result<(), QueryError> {
        let furthest = Position(self.done.0.saturating_add(POSITIONS_MAX));
        let span = Span { after: self.done, until: self.bounded(reached).min(furthest) };
        let (generation, selection) = (Arc::clone(generation), self.selection.clone());
        let effects =
            tokio::task::spawn_blocking(move || changes::effects(&generation, &selection, span)).await;
        for (position, effect) in effects.map_err(|_| QueryError::Ended)?? {
            self.say(
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

    async fn say(&mut self, position: Position, change: Message) -> Result<(), QueryError> {
        let answer = v1::FollowCrasResponse { position: position.0, change: Some(change) };
        self.answers.send(Ok(answer)).await.map_err(|_| QueryError::Ended)?;
        self.said = Some(position);
        self.said_at = Instant::now();
        Ok(())
    }
}
