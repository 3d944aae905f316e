//! The scan that every question is answered from: the facts that a selection counts at a snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_contracts::v1;

use super::{QueryError, Snapshot};
use crate::views::fact::{Fact, FactKey};
use crate::views::filter::Filter;

/// Facts between two looks at whether somebody still waits for the answer.
const FACTS_BETWEEN_CHECKS: usize = 1_024;

/// One question at work: a snapshot, and whether somebody still waits.
pub(super) struct Scan {
    pub(super) snapshot: Snapshot,
    left: Arc<AtomicBool>,
}

impl Scan {
    /// Runs a question off the async workers. It ends early when the caller's future is dropped.
    pub(super) async fn run<T: Send + 'static>(
        snapshot: Snapshot,
        question: impl FnOnce(&Self) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (scan, _leaving) = Self::streamed(snapshot);
        let answer = tokio::task::spawn_blocking(move || question(&scan)).await;
        answer.map_err(|_| QueryError::Ended)?
    }

    /// A question whose answer goes on after the first word: it ends early when the guard is dropped. Blocks.
    pub(super) fn streamed(snapshot: Snapshot) -> (Self, Leaving) {
        let left = Arc::new(AtomicBool::new(false));
        let leaving = Leaving(Arc::clone(&left));
        (Self { snapshot, left }, leaving)
    }

    /// Gives every fact that the selection counts, by day.
    pub(super) fn each(
        &self,
        selection: &v1::Selection,
        mut take: impl FnMut(FactKey, &Fact),
    ) -> Result<(), QueryError> {
        self.try_each(selection, |key, fact| {
            take(key, fact);
            Ok(())
        })
    }

    /// As [`Scan::each`], up to the first error.
    pub(super) fn try_each(
        &self,
        selection: &v1::Selection,
        mut take: impl FnMut(FactKey, &Fact) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let generation = &self.snapshot.generation;
        let filter =
            Filter::parse(selection, &generation.dictionary().read()).map_err(QueryError::Invalid)?;
        for (number, fact) in generation.session().facts(filter.days()).enumerate() {
            if number % FACTS_BETWEEN_CHECKS == 0 && self.left.load(Ordering::Relaxed) {
                return Err(QueryError::Ended);
            }
            let (key, fact) = fact?;
            if fact.counts_at(key.from, self.snapshot.position.0) && filter.matches(key, &fact) {
                take(key, &fact)?;
            }
        }
        Ok(())
    }
}

/// Sets its flag when it is dropped.
pub(super) struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
