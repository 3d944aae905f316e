//! Common steps before a query is answered: the caller's rights, the perimeter, one parse of the request, and a permit.
//! Rights and perimeter are checked before anything else of the request.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::selection::Selection;
use cra_runtime::clock::Clock;
use cra_runtime::deadline::deadline;
use cra_runtime::identity::Callers;
use cra_runtime::in_flight::{InFlight, Permit};
use cra_runtime::off_workers::{is_large, off_workers};
use prost::Message;
use tokio::time::Instant;
use tonic::{Request, Status};

use super::faults::Faults;
use super::grant::{Grant, Right};
use crate::generations::Generations;
use crate::queries::{self, Consistency, LogHead, Snapshot};

/// A request to the read models.
pub(super) trait Question: Message + 'static {
    /// The right that it requires.
    fn right(&self) -> Right;

    /// The CRAs that it selects.
    fn selection(&self) -> Option<&v1::Selection>;

    /// The required position.
    fn consistency(&self) -> Option<&v1::Consistency>;
}

macro_rules! question {
    ($request:ident, $right:expr) => {
        question!($request, $right, |request| request.selection.as_ref(), |request| request
            .consistency
            .as_ref());
    };
    ($request:ident, $right:expr, $selection:expr, $consistency:expr) => {
        impl Question for v1::$request {
            fn right(&self) -> Right {
                let right: fn(&Self) -> Right = $right;
                right(self)
            }

            fn selection(&self) -> Option<&v1::Selection> {
                let selection: fn(&Self) -> Option<&v1::Selection> = $selection;
                selection(self)
            }

            fn consistency(&self) -> Option<&v1::Consistency> {
                let consistency: fn(&Self) -> Option<&v1::Consistency> = $consistency;
                consistency(self)
            }
        }
    };
}

question!(GetStatisticsRequest, |_| Right::Counts { dimensions: [0; 2] });
question!(GetTimeSeriesRequest, |_| Right::Counts { dimensions: [0; 2] });
question!(ListBreakdownRequest, |request| Right::Counts { dimensions: [request.dimension, 0] });
question!(GetCrossTableRequest, |request| Right::Counts { dimensions: [request.rows, request.columns] });
question!(
    WatchStatisticsRequest,
    |_| Right::Counts { dimensions: [0; 2] },
    |request| request.selection.as_ref(),
    |_| None
);
question!(ListCrasRequest, |_| Right::Reads);
question!(ListLikelyDoublesRequest, |_| Right::Reads);
question!(FollowCrasRequest, |_| Right::Reads, |request| request.selection.as_ref(), |_| None);
question!(GetCraRequest, |_| Right::One, |_| None, |request| request.consistency.as_ref());
question!(ExportRequest, |request| {
    use v1::ExportContent as C;
    match request.content() {
        C::Unspecified => Right::UnnamedFile,
        C::Statistics | C::Breakdown | C::Series => Right::FileOfFigures { dimension: request.dimension },
        C::Cras | C::CraThemes | C::CraAges | C::CraStatuses | C::CraOrganisations => Right::FileOfCras,
    }
});

/// An admitted query.
pub(super) struct Admitted {
    /// The caller.
    pub(super) grant: Grant,
    /// The selected CRAs.
    pub(super) selection: Arc<Selection>,
    /// The required position.
    pub(super) consistency: Consistency,
    /// Held while the answer is made.
    pub(super) permit: Permit,
    limit: InFlight,
    /// The caller's timeout.
    caller_waits: Option<Duration>,
}

/// A query with a fixed snapshot.
pub(super) struct Ready {
    /// The caller.
    pub(super) grant: Grant,
    /// The selected CRAs.
    pub(super) selection: Arc<Selection>,
    /// The snapshot of the answer.
    pub(super) snapshot: Snapshot,
    /// Held while the answer is made.
    pub(super) permit: Permit,
}

/// What a query is admitted by, and asked of.
pub struct Admission {
    /// The read models.
    pub generations: Arc<Generations>,
    /// The head of the log.
    pub log_head: LogHead,
    /// The current time, for refusing times in the future.
    pub clock: Arc<dyn Clock>,
    /// How callers are found.
    pub callers: Callers,
    /// Limit of queries that wait for a position of the log.
    pub waiting: InFlight,
}

impl Admission {
    /// Checks and parses a request, and reports every fault at once. `read` parses what is specific to the request; a
    /// large request is parsed on a blocking thread, unless its caller leaves first.
    pub(super) async fn admit<Q: Question, T: Send + 'static>(
        &self,
        request: Request<Q>,
        limit: &InFlight,
        read: impl FnOnce(&mut Q, &Grant, &mut Faults) -> Option<T> + Send + 'static,
    ) -> Result<(Admitted, T), Status> {
        let grant = Grant::of(self.callers, &request)?;
        let (metadata, _, mut request) = request.into_parts();
        let (now, judge) = (self.clock.now(), grant.clone());
        let is_large = is_large(&request);
        let reading = off_workers(is_large, move || {
            let right = request.right();
            judge.may_ask(right)?;
            let selection = Selection::read(request.selection().unwrap_or(&v1::Selection::default()));
            judge.may_select(right, &selection.selection)?;
            let mut faults = Faults::default();
            let consistency = faults.one(Consistency::parse(request.consistency(), now));
            let asked = read(&mut request, &judge, &mut faults);
            let selection = faults.all(selection.into_result());
            let Some(((selection, consistency), asked)) = selection.zip(consistency).zip(asked) else {
                return Err(faults.into_status());
            };
            judge.begins(right, &selection)?;
            Ok((selection, consistency, asked))
        });
        let (selection, consistency, asked) = reading.await??;
        let permit = limit.try_acquire(&grant.caller)?;
        let (selection, limit) = (Arc::new(selection), limit.clone());
        let caller_waits = deadline(&metadata);
        Ok((Admitted { grant, selection, consistency, permit, limit, caller_waits }, asked))
    }

    /// Fixes the snapshot of the answer. While the read models lack the required position, the caller waits with a
    /// waiting permit, and holds no permit for work.
    pub(super) async fn reach(&self, admitted: Admitted) -> Result<Ready, Status> {
        let Admitted { grant, selection, consistency, permit, limit, caller_waits } = admitted;
        let until = queries::wait_until(Instant::now(), caller_waits);
        if consistency.is_reached(&self.generations) {
            let snapshot = consistency.snapshot(&self.generations, until).await?;
            return Ok(Ready { grant, selection, snapshot, permit });
        }
        drop(permit);
        let waits = self.waiting.try_acquire(&grant.caller)?;
        let snapshot = consistency.existing_snapshot(&self.generations, &self.log_head, until).await?;
        drop(waits);
        let permit = limit.try_acquire(&grant.caller)?;
        Ok(Ready { grant, selection, snapshot, permit })
    }
}
