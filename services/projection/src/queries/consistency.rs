//! The position that an answer shows: the current one, not before a receipt's position, or as of an earlier one.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};
use cra_domain::event;
use cra_eventlog::{LogIdentity, Position};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{LogHead, QueryError, Snapshot};
use crate::generations::{Generation, Generations, Lineage};
use crate::store::{Checkpoint, Session, StoreError};
use cra_analytics::fact::nanoseconds;

const MIN_POSITION: &str = "consistency.min_position";
const PAGE_TOKEN: &str = "page_token";
const AS_OF_POSITION: &str = "consistency.as_of_position";
const AS_OF_TIME: &str = "consistency.as_of_time";

/// The caller's requirement on the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    min_position: Position,
    /// The field that contains it.
    field: &'static str,
    as_of: AsOf,
    /// The log of the position, if the caller gives it.
    log: Option<LogIdentity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AsOf {
    Now,
    Position(Position),
    /// In nanoseconds since 1970.
    Time(i64),
}

impl Consistency {
    /// Parses the requirement. Times after `now` are refused.
    pub fn parse(message: Option<&v1::Consistency>, now: Timestamp) -> Result<Self, Violation> {
        let Some(message) = message else {
            return Ok(Self {
                min_position: Position::START,
                field: MIN_POSITION,
                as_of: AsOf::Now,
                log: None,
            });
        };
        let refuse = |field: &str, fault: Fault| Err(Violation::new(field, fault));
        let as_of = match (message.as_of_position, message.as_of_time) {
            (0, None) => AsOf::Now,
            (0, Some(time)) => match event::timestamp("as_of_time", Some(&time)) {
                Ok(found) if found > now => {
                    return refuse(AS_OF_TIME, Question::TimeInFuture { found }.into());
                }
                Ok(time) => AsOf::Time(nanoseconds(time)),
                Err(_) => {
                    let fault = Question::TimeInvalid { seconds: time.seconds, nanos: time.nanos };
                    return refuse(AS_OF_TIME, fault.into());
                }
            },
            (position, None) => AsOf::Position(Position(position)),
            (_, Some(_)) => {
                return refuse(AS_OF_TIME, Question::OneOfTwo("consistency.as_of_position").into());
            }
        };
        let log = (!message.log.is_empty()).then(|| LogIdentity(message.log.clone()));
        Ok(Self { min_position: Position(message.min_position), field: MIN_POSITION, as_of, log })
    }

    /// The state as of a past time, once a position is reached.
    #[must_use]
    pub fn as_of_time(min_position: Position, time: Timestamp) -> Self {
        Self { min_position, field: MIN_POSITION, as_of: AsOf::Time(nanoseconds(time)), log: None }
    }

    /// The state at a position shown before, by this server or another: waits until it is reached.
    #[must_use]
    pub fn at(position: Position) -> Self {
        let as_of = if position == Position::START { AsOf::Now } else { AsOf::Position(position) };
        // A page token is valid for one log only.
        Self { min_position: position, field: PAGE_TOKEN, as_of, log: None }
    }

    /// Whether the read models have reached the requested position of the requested log.
    #[must_use]
    pub fn is_reached(&self, generations: &Generations) -> bool {
        let serving = generations.serving();
        let is_of_the_log = self.check_log(&serving.description().log, &generations.lineage().borrow());
        is_of_the_log.is_ok() && serving.position() >= self.min_position
    }

    /// Refuses a position of another log, or of a predecessor past the last common position.
    fn check_log(&self, served: &LogIdentity, lineage: &Lineage) -> Result<(), QueryError> {
        let Some(log) = &self.log else { return Ok(()) };
        let position = match self.as_of {
            AsOf::Position(position) => position.max(self.min_position),
            AsOf::Now | AsOf::Time(_) => self.min_position,
        };
        match lineage.common_position(served, log) {
            Some(common) if position <= common => Ok(()),
            Some(common) => Err(QueryError::PastTheCommonPosition {
                position: position.0,
                log: log.0.clone(),
                common: common.0,
            }),
            None => Err(QueryError::LogReplaced),
        }
    }

    /// Like [`Consistency::snapshot`], but refuses at once a position that the log does not have. While the head of the
    /// log is unknown, it waits.
    pub async fn existing_snapshot(
        &self,
        generations: &Generations,
        head: &LogHead,
        deadline: Instant,
    ) -> Result<Snapshot, QueryError> {
        let waiting = self.snapshot(generations, deadline);
        if self.is_reached(generations) {
            return waiting.await;
        }
        let beyond = async {
            if let Ok(head) = head.now().await {
                generations.update_lineage(&head);
                let is_of_the_log = self.check_log(&head.identity, &generations.lineage().borrow());
                if let Err(error) = is_of_the_log {
                    return error;
                }
                if head.position < self.min_position {
                    return QueryError::PastTheHead { field: self.field, head: head.position.0 };
                }
            }
            // The log has the position, or cannot be read.
            std::future::pending().await
        };
        tokio::select! {
            biased;
            reached = waiting => reached,
            error = beyond => Err(error),
        }
    }

    /// Waits for the requested position until the deadline, and fixes the snapshot of the answer.
    pub async fn snapshot(
        &self,
        generations: &Generations,
        deadline: Instant,
    ) -> Result<Snapshot, QueryError> {
        let now = loop {
            // A generation that was replaced in between is not used any more.
            if let Some(now) = Snapshot::now(self.reached(generations, deadline).await?) {
                break now;
            }
            tokio::task::yield_now().await;
        };
        let as_of = self.as_of;
        if as_of == AsOf::Now {
            return Ok(now);
        }
        let fixed = tokio::task::spawn_blocking(move || fix(as_of, now));
        fixed.await.map_err(|_| QueryError::Cancelled)?
    }

    /// The serving generation, once it has reached `min_position`; another one may start to serve while waiting.
    async fn reached(
        &self,
        generations: &Generations,
        deadline: Instant,
    ) -> Result<Arc<Generation>, QueryError> {
        let (mut serving, mut lineage) = (generations.watch(), generations.lineage());
        loop {
            let generation = serving.borrow_and_update().clone();
            let mut applied = generation.watch();
            let of_the_log = self.check_log(&generation.description().log, &lineage.borrow_and_update());
            let is_of_the_log = of_the_log.is_ok();
            let reached = |applied: &Option<Checkpoint>| {
                let position = applied.as_ref().map_or(Position::START, |applied| applied.position);
                is_of_the_log && position >= self.min_position
            };
            let replaced = tokio::select! {
                () = tokio::time::sleep_until(deadline), if !reached(&applied.borrow()) => {
                    of_the_log?;
                    let applied = generation.position().0;
                    return Err(QueryError::NotYet { wanted: self.min_position.0, applied });
                }
                outcome = applied.wait_for(reached) => outcome.is_err(),
                replaced = serving.changed() => replaced.is_ok(),
                learned = lineage.changed() => learned.is_ok(),
            };
            if !replaced {
                return Ok(generation);
            }
        }
    }
}

/// Fixes the position within a state that contains everything it may need. Blocks.
fn fix(as_of: AsOf, now: Snapshot) -> Result<Snapshot, QueryError> {
    let (store, head) = (now.generation.session()?, now.position);
    let position = match as_of {
        AsOf::Now => return Ok(now),
        AsOf::Position(position) if position > head => {
            return Err(QueryError::PastTheHead { field: AS_OF_POSITION, head: head.0 });
        }
        AsOf::Position(position) => position,
        AsOf::Time(time) => position_at(&store, time, head)?,
    };
    Ok(Snapshot { position, recorded_at: time_at(&store, position)?, ..now })
}

/// The last position whose time is not after `time`. The log's time never decreases, so a binary search finds it.
fn position_at(store: &Session, time: i64, head: Position) -> Result<Position, StoreError> {
    let (mut low, mut high) = (Position::START, head);
    while low < high {
        let middle = Position(low.0 + (high.0 - low.0).div_ceil(2));
        let at = time_at(store, middle)?
            .ok_or_else(|| StoreError::Damaged("a position without its effect".into()))?;
        if at <= time { low = middle } else { high = Position(middle.0 - 1) }
    }
    Ok(low)
}

/// The log's time at a position; `None` for an empty log.
fn time_at(store: &Session, position: Position) -> Result<Option<i64>, StoreError> {
    Ok(store.effect(position)?.map(|effect| effect.recorded_at))
}

/// Maximum wait for a position, if the caller sets no shorter deadline.
const WAIT_MS_MAX: u64 = 10_000;

/// Deadline of the wait for a position: slightly before the caller's, so that it gets the reason.
#[must_use]
pub fn wait_until(now: Instant, caller: Option<Duration>) -> Instant {
    let longest = Duration::from_millis(WAIT_MS_MAX);
    let wait = caller.map_or(longest, |caller| caller.saturating_sub(caller / 10).min(longest));
    now + wait
}

#[cfg(test)]
mod tests;
