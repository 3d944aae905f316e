//! The scan that every question is answered from: the facts that a selection counts at a snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_contracts::v1;
use cra_domain::selection::Selection;
use cra_runtime::off_workers::is_large;

use super::{QueryError, Snapshot};
use crate::generations::Generation;
use crate::store::{Session, StoreError};
use cra_analytics::accumulator::Accumulator;
use cra_analytics::columns::{Candidates, ScanRequest};
use cra_analytics::fact::{Fact, FactKey};
use cra_analytics::filter::Filter;
use cra_analytics::packed_fact::FactRef;
use cra_analytics::record::record;
use cra_analytics::scope::{Scope, ScopeSet};

/// Positions that are passed over in the time that a listed one takes to look up.
const POSITIONS_PER_LISTED: usize = 8;

/// Scopes whose sums of all days are added in a millisecond at most.
const FEW_SCOPES: usize = 4;

/// Facts between two looks at whether somebody still waits for the answer.
const FACTS_BETWEEN_CHECKS: usize = 1_024;

/// One question at work: a snapshot, and whether somebody still waits.
pub(crate) struct Scan {
    pub(crate) snapshot: Snapshot,
    cancelled: Arc<AtomicBool>,
}

impl Scan {
    /// Runs a question off the async workers. It ends early when the caller's future is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        snapshot: Snapshot,
        question: impl FnOnce(&Self) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (scan, _cancel_on_drop) = Self::streamed(snapshot);
        let answer = tokio::task::spawn_blocking(move || question(&scan)).await;
        answer.map_err(|_| QueryError::Ended)?
    }

    /// A question whose answer goes on after the first word: it ends early when the guard is dropped. Blocks.
    pub(crate) fn streamed(snapshot: Snapshot) -> (Self, CancelOnDrop) {
        let cancelled = Arc::new(AtomicBool::new(false));
        let cancel_on_drop = CancelOnDrop(Arc::clone(&cancelled));
        (Self { snapshot, cancelled }, cancel_on_drop)
    }

    /// Counts every fact that the selection counts, on all cores; see [`cra_analytics::columns::Snapshot::count`].
    pub(crate) fn count<T: Send>(
        &self,
        selection: &Selection,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, FactRef<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, QueryError> {
        let filter = self.filter(selection);
        self.count_within(&filter, filter.scope_set(), new, add, merge)
    }

    fn count_within<T: Send>(
        &self,
        filter: &Filter,
        scope_set: ScopeSet,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, FactRef<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, QueryError> {
        let scopes = match scope_set {
            ScopeSet::Exactly(scopes) => vec![scopes],
            ScopeSet::Within(scopes) => scopes,
        };
        let listed = scopes.iter().filter_map(|scopes| self.listed(scopes)).min_by_key(Vec::len);
        let candidates = listed.as_deref().map_or(Candidates::Everything, Candidates::Positions);
        self.count_candidates(filter, candidates, new, add, merge)
    }

    fn count_candidates<T: Send>(
        &self,
        filter: &Filter,
        candidates: Candidates<'_>,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, FactRef<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, QueryError> {
        let Snapshot { facts, position, .. } = &self.snapshot;
        let request = ScanRequest { position: position.0, filter, candidates, cancelled: &self.cancelled };
        facts.count(request, new, add, merge).ok_or(QueryError::Ended)
    }

    /// The positions of the facts of scopes, where looking at each is less work than looking at everything.
    fn listed(&self, scopes: &[Scope]) -> Option<Vec<u32>> {
        let most = self.snapshot.facts.positions() / POSITIONS_PER_LISTED;
        self.snapshot.columns.by_posting_list(scopes, self.snapshot.position.0, most)
    }

    /// Gathers what the selection counts, by the slot of each day, and makes an answer of it; days without a slot are left
    /// out. Off the async workers, unless some sums of a small selection are the whole answer: that takes less than to wake
    /// another thread.
    pub(crate) async fn gathered<T: Send + 'static>(
        snapshot: Snapshot,
        selection: Arc<Selection>,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize> + Send + Sync + 'static,
        answer: impl FnOnce(&Self, Vec<Accumulator>) -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        if is_large(selection.message()) {
            return Self::run(snapshot, move |scan| {
                let filter = scan.filter(&selection);
                let scope_set = filter.scope_set();
                scan.gather(&filter, scope_set, slots, slot_of).map(|gathered| answer(scan, gathered))
            })
            .await;
        }
        let (scan, _cancel_on_drop) = Self::streamed(snapshot);
        let filter = scan.filter(&selection);
        let scope_set = filter.scope_set();
        if let Some(gathered) = scan.sums_of_few(&filter, &scope_set, slots, &slot_of) {
            return Ok(answer(&scan, gathered));
        }
        let counting = tokio::task::spawn_blocking(move || {
            scan.gather(&filter, scope_set, slots, slot_of).map(|gathered| answer(&scan, gathered))
        });
        counting.await.map_err(|_| QueryError::Ended)?
    }

    /// The sums of days of a few whole scopes; `None` where there are more, or where something must be counted.
    fn sums_of_few(
        &self,
        filter: &Filter,
        scope_set: &ScopeSet,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize>,
    ) -> Option<Vec<Accumulator>> {
        let ScopeSet::Exactly(scopes) = scope_set else {
            return None;
        };
        if !self.is_now() || scopes.len() > FEW_SCOPES {
            return None;
        }
        let (days, mut gathered) = (filter.days(), vec![Accumulator::default(); slots]);
        let mut add = |scope: &Scope| self.snapshot.facts.gather_days(*scope, &days, &slot_of, &mut gathered);
        scopes.iter().all(&mut add).then_some(gathered)
    }

    fn is_now(&self) -> bool {
        self.snapshot.position.0 == self.snapshot.facts.position()
    }

    /// Gathers what a filter counts. Of whole scopes, sums of days are added where they are there; all else is counted fact
    /// by fact.
    fn gather(
        &self,
        filter: &Filter,
        scope_set: ScopeSet,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize> + Sync,
    ) -> Result<Vec<Accumulator>, QueryError> {
        let new = || vec![Accumulator::default(); slots];
        let add = |slots: &mut Vec<Accumulator>, _, fact: FactRef<'_>| {
            if let Some(slot) = slot_of(fact.fixed().day) {
                slots[slot].add(&fact);
            }
        };
        let merge = |own: &mut Vec<Accumulator>, other: Vec<Accumulator>| {
            own.iter_mut().zip(other).for_each(|(own, other)| own.merge(other));
        };
        let scopes = match scope_set {
            ScopeSet::Exactly(scopes) if self.is_now() => scopes,
            scope_set => return self.count_within(filter, scope_set, new, add, merge),
        };
        let mut gathered = new();
        let (days, mut without_sums) = (filter.days(), Vec::new());
        for scope in scopes {
            if !self.snapshot.facts.gather_days(scope, &days, &slot_of, &mut gathered) {
                without_sums.push(scope);
            }
        }
        if without_sums.is_empty() {
            return Ok(gathered);
        }
        match self.listed(&without_sums) {
            Some(listed) => {
                let counted =
                    self.count_candidates(filter, Candidates::Positions(&listed), new, add, merge)?;
                merge(&mut gathered, counted);
                Ok(gathered)
            }
            None => self.count_candidates(filter, Candidates::Everything, new, add, merge),
        }
    }

    /// Gives every fact that the selection counts whole, by day, then by position, until the first failure.
    pub(crate) fn try_each(
        &self,
        selection: &Selection,
        mut take: impl FnMut(&Fact) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let add = |keys: &mut Vec<FactKey>, from, seen: FactRef<'_>| {
            keys.push(FactKey { day: seen.fixed().day, from });
        };
        let mut keys = self.count(selection, Vec::new, add, Vec::extend)?;
        keys.sort_unstable();
        let session = self.session()?;
        for (number, key) in keys.into_iter().enumerate() {
            self.check(number)?;
            take(&session.fact(key.from)?)?;
        }
        Ok(())
    }

    /// A selection, ready to be asked of facts.
    pub(crate) fn filter(&self, selection: &Selection) -> Filter {
        Filter::bind(selection, &self.snapshot.generation.dictionary().read())
    }

    /// Access to the facts.
    pub(crate) fn session(&self) -> Result<Session, QueryError> {
        Ok(self.snapshot.generation.session()?)
    }

    /// The CRA of a fact.
    pub(crate) fn record(&self, fact: &Fact) -> Result<v1::CraRecord, QueryError> {
        record_in(&self.snapshot.generation, fact)
    }

    /// Ends the question when nobody waits any more; looked at once in a while.
    pub(crate) fn check(&self, number: usize) -> Result<(), QueryError> {
        if number.is_multiple_of(FACTS_BETWEEN_CHECKS) && self.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Ended);
        }
        Ok(())
    }
}

/// The CRA of a fact of a generation.
pub(super) fn record_in(generation: &Generation, fact: &Fact) -> Result<v1::CraRecord, QueryError> {
    record(fact, &generation.dictionary().read())
        .map_err(|error| StoreError::Damaged(error.to_string()).into())
}

/// Sets its flag when it is dropped.
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
