//! The scan that every question is answered from: the facts that a selection counts at a snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_contracts::v1;

use super::{QueryError, Snapshot};
use crate::generations::Generation;
use crate::store::{Session, StoreError};
use crate::views::countable::Seen;
use crate::views::fact::{Fact, FactKey};
use crate::views::filter::Filter;
use crate::views::record::record;

/// Facts between two looks at whether somebody still waits for the answer.
const FACTS_BETWEEN_CHECKS: usize = 1_024;

/// One question at work: a snapshot, and whether somebody still waits.
pub(crate) struct Scan {
    pub(crate) snapshot: Snapshot,
    left: Arc<AtomicBool>,
}

impl Scan {
    /// Runs a question off the async workers. It ends early when the caller's future is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        snapshot: Snapshot,
        question: impl FnOnce(&Self) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (scan, _leaving) = Self::streamed(snapshot);
        let answer = tokio::task::spawn_blocking(move || question(&scan)).await;
        answer.map_err(|_| QueryError::Ended)?
    }

    /// A question whose answer goes on after the first word: it ends early when the guard is dropped. Blocks.
    pub(crate) fn streamed(snapshot: Snapshot) -> (Self, Leaving) {
        let left = Arc::new(AtomicBool::new(false));
        let leaving = Leaving(Arc::clone(&left));
        (Self { snapshot, left }, leaving)
    }

    /// Counts every fact that the selection counts, on all cores; see [`View::count`].
    pub(crate) fn count<T: Send>(
        &self,
        selection: &v1::Selection,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, Seen<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, QueryError> {
        let filter = self.filter(selection)?;
        let facts = self.snapshot.generation.facts();
        let counted = facts.count(self.snapshot.position, &filter, &self.left, new, add, merge);
        counted.ok_or(QueryError::Ended)
    }

    /// Gives every fact that the selection counts whole, by day, until the first failure.
    pub(crate) fn try_each(
        &self,
        selection: &v1::Selection,
        mut take: impl FnMut(FactKey, &Fact) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let filter = self.filter(selection)?;
        for (number, fact) in self.session().facts(filter.keys()).enumerate() {
            self.check(number)?;
            let (key, fact) = fact?;
            if self.counts(&filter, key, &fact) {
                take(key, &fact)?;
            }
        }
        Ok(())
    }

    /// A selection, ready to be asked of facts.
    pub(crate) fn filter(&self, selection: &v1::Selection) -> Result<Filter, QueryError> {
        Filter::parse(selection, &self.snapshot.generation.dictionary().read()).map_err(QueryError::Invalid)
    }

    /// Access to the facts.
    pub(crate) fn session(&self) -> Session {
        self.snapshot.generation.session()
    }

    /// Whether a fact counts at the snapshot.
    pub(crate) fn counts(&self, filter: &Filter, key: FactKey, fact: &Fact) -> bool {
        fact.counts_at(key.from, self.snapshot.position.0) && filter.matches_fact(key, fact)
    }

    /// The CRA of a fact.
    pub(crate) fn record(&self, key: FactKey, fact: &Fact) -> Result<v1::CraRecord, QueryError> {
        record_in(&self.snapshot.generation, key, fact)
    }

    /// Ends the question when nobody waits any more; looked at once in a while.
    pub(crate) fn check(&self, number: usize) -> Result<(), QueryError> {
        if number.is_multiple_of(FACTS_BETWEEN_CHECKS) && self.left.load(Ordering::Relaxed) {
            return Err(QueryError::Ended);
        }
        Ok(())
    }
}

/// The CRA of a fact of a generation.
pub(super) fn record_in(
    generation: &Generation,
    key: FactKey,
    fact: &Fact,
) -> Result<v1::CraRecord, QueryError> {
    record(key, fact, &generation.dictionary().read())
        .map_err(|error| StoreError::Damaged(error.to_string()).into())
}

/// Sets its flag when it is dropped.
pub(crate) struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
