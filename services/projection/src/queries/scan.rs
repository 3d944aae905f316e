//! The scan behind every query: the facts that a selection matches at a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_contracts::v1;
use cra_domain::selection::Selection;
use cra_runtime::off_workers::is_large;

use super::{QueryError, Snapshot};
use crate::generations::Generation;
use crate::store::{Session, StoreError};
use cra_analytics::accumulator::Accumulator;
use cra_analytics::cells::{Axes, Cells};
use cra_analytics::columns::{Candidates, Plan, ScanRequest};
use cra_analytics::dimension::Dimension;
use cra_analytics::fact::{Fact, FactKey};
use cra_analytics::filter::Filter;
use cra_analytics::packed_fact::FactRef;
use cra_analytics::record::record;
use cra_analytics::rows::Rows;
use cra_analytics::scope::{Scope, ScopeSet};

/// Number of scopes whose sums are added in at most a millisecond.
const FEW_SCOPES: usize = 4;

/// Number of facts that are counted in some hundred microseconds.
const FEW_FACTS: usize = 16_384;

/// Number of facts between two checks for cancellation.
const FACTS_BETWEEN_CHECKS: usize = 1_024;

/// A running query: a snapshot and its cancellation flag.
pub(crate) struct Scan {
    pub(crate) snapshot: Snapshot,
    cancelled: Arc<AtomicBool>,
}

/// What sums gave, by slot.
struct Sums {
    gathered: Vec<Accumulator>,
    left: Vec<Left>,
}

/// What is left to be counted: a filter, and sets of scopes to which its facts belong.
type Left = (Filter, Vec<Vec<Scope>>);

impl Scan {
    /// Runs a query on a blocking thread. It is cancelled when the caller's future is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        snapshot: Snapshot,
        question: impl FnOnce(&Self) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (scan, _cancel_on_drop) = Self::streamed(snapshot);
        let answer = tokio::task::spawn_blocking(move || question(&scan)).await;
        answer.map_err(|_| QueryError::Cancelled)?
    }

    /// A query whose answer is a stream: it is cancelled when the guard is dropped. Blocks.
    pub(crate) fn streamed(snapshot: Snapshot) -> (Self, CancelOnDrop) {
        let cancelled = Arc::new(AtomicBool::new(false));
        let cancel_on_drop = CancelOnDrop(Arc::clone(&cancelled));
        (Self { snapshot, cancelled }, cancel_on_drop)
    }

    /// Counts every matching fact, on all cores; see [`cra_analytics::columns::Snapshot::count`].
    pub(crate) fn count<T: Send>(
        &self,
        selection: &Selection,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, FactRef<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, QueryError> {
        let filter = self.filter(selection);
        let sets = filter.scope_set().into_sets();
        let request = self.request(&filter, &sets);
        self.snapshot.facts.count(request, new, add, merge).ok_or(QueryError::Cancelled)
    }

    /// As [`Scan::count`], for what needs the keys of the facts only.
    pub(crate) fn keys<T: Send>(
        &self,
        selection: &Selection,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, FactKey) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Result<T, QueryError> {
        let filter = self.filter(selection);
        let sets = filter.scope_set().into_sets();
        let request = self.request(&filter, &sets);
        self.snapshot.facts.keys(request, new, add, merge).ok_or(QueryError::Cancelled)
    }

    /// Adds what the selection matches to the cells of a cross table.
    pub(crate) fn cells(&self, selection: &Selection, axes: Axes) -> Result<Cells, QueryError> {
        let filter = self.filter(selection);
        let sets = filter.scope_set().into_sets();
        let request = self.request(&filter, &sets);
        self.snapshot.facts.cells(request, axes).ok_or(QueryError::Cancelled)
    }

    /// Adds what the selection matches to the rows of a dimension.
    pub(crate) fn rows(&self, selection: &Selection, dimension: Dimension) -> Result<Rows, QueryError> {
        let filter = self.filter(selection);
        let sets = filter.scope_set().into_sets();
        let request = self.request(&filter, &sets);
        self.snapshot.facts.rows(request, dimension).ok_or(QueryError::Cancelled)
    }

    /// Gathers what the selection matches by the slot of each day; days without a slot are skipped. Blocks.
    pub(crate) fn by_day(
        &self,
        selection: &Selection,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize> + Sync,
    ) -> Result<Vec<Accumulator>, QueryError> {
        let filter = self.filter(selection);
        let scope_set = filter.scope_set();
        self.count_left(self.sums(filter, scope_set, slots, &slot_of), &slot_of)
    }

    /// A filter at the snapshot, which matches facts of scopes of each set.
    fn request<'a>(&'a self, filter: &'a Filter, sets: &'a [Vec<Scope>]) -> ScanRequest<'a> {
        let candidates = Candidates::Within(sets);
        ScanRequest { position: self.snapshot.position.0, filter, candidates, cancelled: &self.cancelled }
    }

    /// Counts what the selection matches, by the slot of each day, and makes an answer of it; days without a slot are
    /// skipped. Runs on a blocking thread, unless it adds a few sums or facts, which is faster than waking one.
    pub(crate) async fn gathered<T: Send + 'static>(
        snapshot: Snapshot,
        selection: Arc<Selection>,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize> + Send + Sync + 'static,
        answer: impl FnOnce(&Self, Vec<Accumulator>) -> T + Send + 'static,
    ) -> Result<T, QueryError> {
        if is_large(selection.message()) {
            return Self::run(snapshot, move |scan| {
                scan.by_day(&selection, slots, slot_of).map(|gathered| answer(scan, gathered))
            })
            .await;
        }
        let (scan, _cancel_on_drop) = Self::streamed(snapshot);
        let filter = scan.filter(&selection);
        let scope_set = filter.scope_set();
        if matches!(&scope_set, ScopeSet::Exactly(scopes) if scopes.len() > FEW_SCOPES) {
            return Self::on_a_thread(scan, answer, move |scan| {
                scan.count_left(scan.sums(filter, scope_set, slots, &slot_of), &slot_of)
            })
            .await;
        }
        let sums = scan.sums(filter, scope_set, slots, &slot_of);
        let plans = scan.plans(&sums.left);
        if plans.iter().map(Plan::facts).sum::<usize>() <= FEW_FACTS {
            let gathered = scan.count_planned(&plans, sums.gathered, &slot_of)?;
            return Ok(answer(&scan, gathered));
        }
        drop(plans);
        Self::on_a_thread(scan, answer, move |scan| scan.count_left(sums, &slot_of)).await
    }

    async fn on_a_thread<T: Send + 'static>(
        scan: Self,
        answer: impl FnOnce(&Self, Vec<Accumulator>) -> T + Send + 'static,
        count: impl FnOnce(&Self) -> Result<Vec<Accumulator>, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let counting =
            tokio::task::spawn_blocking(move || count(&scan).map(|gathered| answer(&scan, gathered)));
        counting.await.map_err(|_| QueryError::Cancelled)?
    }

    fn is_now(&self) -> bool {
        self.snapshot.position.0 == self.snapshot.facts.position()
    }

    /// What a filter matches of whole scopes that have sums, and what is left to be counted fact by fact.
    fn sums(
        &self,
        filter: Filter,
        scope_set: ScopeSet,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize>,
    ) -> Sums {
        let mut gathered = vec![Accumulator::default(); slots];
        let scopes = match scope_set {
            ScopeSet::Exactly(scopes) if self.is_now() => scopes,
            scope_set => return Sums { gathered, left: vec![(filter, scope_set.into_sets())] },
        };
        let (days, mut left) = (filter.days(), BTreeMap::<_, Vec<_>>::new());
        for scope in scopes {
            for days in self.snapshot.facts.gather_sums(scope, &days, &slot_of, &mut gathered) {
                left.entry(days.into_inner()).or_default().push(scope);
            }
        }
        let left = left
            .into_iter()
            .map(|((first, last), scopes)| (filter.only(first..=last, &scopes), vec![scopes]));
        Sums { gathered, left: left.collect() }
    }

    /// Counts what sums left.
    fn count_left(
        &self,
        sums: Sums,
        slot_of: impl Fn(i32) -> Option<usize> + Sync,
    ) -> Result<Vec<Accumulator>, QueryError> {
        self.count_planned(&self.plans(&sums.left), sums.gathered, slot_of)
    }

    fn plans<'a>(&'a self, left: &'a [Left]) -> Vec<Plan<'a>> {
        left.iter().map(|(filter, sets)| self.snapshot.facts.plan(self.request(filter, sets))).collect()
    }

    /// Adds what plans count to what was gathered.
    fn count_planned(
        &self,
        plans: &[Plan<'_>],
        mut gathered: Vec<Accumulator>,
        slot_of: impl Fn(i32) -> Option<usize> + Sync,
    ) -> Result<Vec<Accumulator>, QueryError> {
        for plan in plans {
            let counted = self.snapshot.facts.gather(plan, gathered.len(), &slot_of);
            let counted = counted.ok_or(QueryError::Cancelled)?;
            gathered.iter_mut().zip(counted).for_each(|(own, counted)| own.merge(counted));
        }
        Ok(gathered)
    }

    /// Binds a selection for testing facts.
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

    /// Fails if the query was cancelled; checked once in a while.
    pub(crate) fn check(&self, number: usize) -> Result<(), QueryError> {
        if number.is_multiple_of(FACTS_BETWEEN_CHECKS) && self.cancelled.load(Ordering::Relaxed) {
            return Err(QueryError::Cancelled);
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
