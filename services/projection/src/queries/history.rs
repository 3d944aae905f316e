//! The history that the changes sent to a follower are based on: the log, the definitions, and the parked events. A
//! returning follower names it, so that a position of another log or history is never continued.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use cra_eventlog::{LogIdentity, Position, Predecessor};
use ring::digest::{Context, SHA256};

use super::QueryError;
use crate::generations::Generation;
use crate::store::StoreError;

/// Length of the digest that a follower stores, in bytes.
const DIGEST_BYTES: usize = 8;
/// Separator of the parts of a follower's `log`.
const SEPARATOR: char = '#';

/// The basis of the changes sent so far.
pub(super) struct History {
    generation: Arc<Generation>,
    /// Number of its events that were retried with success by then.
    retried: u64,
}

impl History {
    pub(super) fn of(generation: Arc<Generation>) -> Self {
        Self { retried: generation.retried(), generation }
    }

    /// The log and the history as named in an answer, with these parked events.
    pub(super) fn name(&self, left_out: &LeftOut) -> String {
        let described = self.generation.description();
        format!("{}{SEPARATOR}{}{SEPARATOR}{left_out}", described.log.0, described.definitions)
    }

    /// Continues the history in a generation after a position, if it was built from the same log with the same
    /// definitions, and has the same parked events up to there.
    pub(super) async fn continue_in(
        &mut self,
        new: &Arc<Generation>,
        after: Position,
    ) -> Result<(), QueryError> {
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
        // One that is being built is compared once it has reached the position.
        if new.position() < after {
            return Ok(());
        }
        let now = Self::of(Arc::clone(new));
        let (former, new) = (Arc::clone(&self.generation), Arc::clone(new));
        let compared = tokio::task::spawn_blocking(move || have_the_same_parked(&former, &new, after)).await;
        if !compared.map_err(|_| QueryError::Cancelled)? {
            return Err(QueryError::HistoryChanged);
        }
        *self = now;
        Ok(())
    }
}

/// The positions of a generation's parked events within a range. Blocks.
pub(super) fn left_out(
    generation: &Generation,
    after: Position,
    until: Position,
) -> Result<Vec<Position>, StoreError> {
    let session = generation.session()?;
    let parked = session.parked_events(after.next()..=until);
    parked.map(|entry| Ok(entry?.0)).collect()
}

/// Whether two generations have the same parked events up to a position; false if one cannot be read. Blocks.
fn have_the_same_parked(former: &Generation, new: &Generation, until: Position) -> bool {
    let of = |generation| left_out(generation, Position::START, until);
    matches!((of(former), of(new)), (Ok(former), Ok(new)) if former == new)
}

/// A digest of the parked events up to a position; empty if there are none.
#[derive(Clone)]
pub(super) struct LeftOut {
    positions: Context,
    are_any: bool,
    /// Parked events after those in the digest.
    next: VecDeque<Position>,
}

impl LeftOut {
    /// For exactly these events.
    pub(super) fn of(positions: Vec<Position>) -> Self {
        let mut left_out = Self { positions: Context::new(&SHA256), are_any: false, next: positions.into() };
        left_out.reach(Position(u64::MAX));
        left_out
    }

    /// Adds later events, in the log's order.
    pub(super) fn extend(&mut self, positions: Vec<Position>) {
        self.next.extend(positions);
    }

    /// Adds the events up to a position to the digest.
    pub(super) fn reach(&mut self, until: Position) {
        while let Some(position) = self.next.pop_front_if(|position| *position <= until) {
            self.positions.update(&position.0.to_be_bytes());
            self.are_any = true;
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.are_any {
            return Ok(());
        }
        let digest = self.positions.clone().finish();
        digest.as_ref().iter().take(DIGEST_BYTES).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A returning follower's claim about its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    log: String,
    definitions: String,
    left_out: String,
}

impl Claim {
    /// Parses the `log` of an earlier answer. An unknown text belongs to no log.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut parts = text.rsplitn(3, SEPARATOR).map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(left_out), Some(definitions), Some(log)) => Ok(Self { log, definitions, left_out }),
            _ => Err(QueryError::LogReplaced),
        }
    }

    /// Why it is refused by a log with these predecessors, which it does not belong to.
    #[must_use]
    pub fn of_another_log(&self, predecessors: &[Predecessor]) -> QueryError {
        match cra_eventlog::forgotten_since(predecessors, &LogIdentity(self.log.clone())) {
            Some(forgetting) => QueryError::LogForgot { at: forgetting.at.clone() },
            None => QueryError::LogReplaced,
        }
    }

    /// Whether it belongs to a log.
    #[must_use]
    pub fn is_of(&self, log: &str) -> bool {
        self.log == log
    }

    /// Refuses a history that a generation of the same log does not have.
    pub(super) fn check(&self, generation: &Generation, left_out: &LeftOut) -> Result<(), QueryError> {
        let is_the_same =
            self.definitions == generation.description().definitions && self.left_out == left_out.to_string();
        if is_the_same { Ok(()) } else { Err(QueryError::HistoryChanged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(positions: &[u64]) -> String {
        LeftOut::of(positions.iter().map(|position| Position(*position)).collect()).to_string()
    }

    #[test]
    fn the_digest_covers_the_parked_events_up_to_a_position() {
        assert_eq!(digest(&[]), "");
        assert_eq!(digest(&[3]).len(), 2 * DIGEST_BYTES);
        assert_ne!(digest(&[3]), digest(&[4]));
        let mut later = LeftOut::of(vec![Position(3)]);
        later.extend(vec![Position(7), Position(9)]);
        assert_eq!(later.to_string(), digest(&[3]));
        later.reach(Position(8));
        assert_eq!(later.to_string(), digest(&[3, 7]));
    }

    #[test]
    fn a_claim_is_parsed_for_any_name_of_the_log() {
        let claim = Claim::parse("nats/C#1/2026-11-27 3:31:28 +00:00:00#2#").unwrap();
        assert!(claim.is_of("nats/C#1/2026-11-27 3:31:28 +00:00:00"));
        assert_eq!((claim.definitions.as_str(), claim.left_out.as_str()), ("2", ""));
        for text in ["", "x", "x#y"] {
            assert!(matches!(Claim::parse(text), Err(QueryError::LogReplaced)), "{text}");
        }
    }
}
