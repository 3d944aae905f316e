//! All figures of one selection: a scan of the facts of its days.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_contracts::v1;

use super::{QueryError, Snapshot};
use crate::views::figures;
use crate::views::filter::Filter;
use crate::views::tally::Tally;

/// Facts between two looks at whether somebody still waits for the answer.
const FACTS_BETWEEN_CHECKS: usize = 1_024;

/// The figures of a selection at a snapshot.
pub async fn statistics(selection: v1::Selection, snapshot: Snapshot) -> Result<v1::Statistics, QueryError> {
    let left = Arc::new(AtomicBool::new(false));
    // Dropped with this future when the caller leaves: the scan then ends by itself.
    let _leaving = Leaving(Arc::clone(&left));
    let scan = tokio::task::spawn_blocking(move || {
        let tally = tally(&selection, &snapshot, &left)?;
        Ok(figures::statistics(&tally, &snapshot.generation.dictionary().read()))
    });
    scan.await.map_err(|_| QueryError::Ended)?
}

/// Sets its flag when it is dropped.
struct Leaving(Arc<AtomicBool>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn tally(selection: &v1::Selection, snapshot: &Snapshot, left: &AtomicBool) -> Result<Tally, QueryError> {
    let generation = &snapshot.generation;
    let filter = Filter::parse(selection, &generation.dictionary().read()).map_err(QueryError::Invalid)?;
    let mut tally = Tally::default();
    for (number, fact) in generation.session().facts(filter.days()).enumerate() {
        if number % FACTS_BETWEEN_CHECKS == 0 && left.load(Ordering::Relaxed) {
            return Err(QueryError::Ended);
        }
        let (key, fact) = fact?;
        if fact.counts_at(key.from, snapshot.position.0) && filter.matches(key, &fact) {
            tally.add(&fact);
        }
    }
    Ok(tally)
}
