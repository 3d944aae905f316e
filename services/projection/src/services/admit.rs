//! Common steps before a query is answered: the caller's rights, the perimeter, one parse of the request, and a permit.
//! Rights and perimeter are checked before anything else of the request.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::selection::{Selection, canonical};
use cra_runtime::clock::Clock;
use cra_runtime::conditional::Conditional;
use cra_runtime::deadline::deadline;
use cra_runtime::identity::Callers;
use cra_runtime::in_flight::{InFlight, Permit};
use cra_runtime::off_workers::{is_large, off_workers};
use jiff::Timestamp;
use prost::{Message, Name};
use tokio::time::Instant;
use tonic::{Request, Status};

use super::faults::Faults;
use super::grant::{Grant, Right};
use crate::generations::Generations;
use crate::queries::page::Signer;
use crate::queries::{self, Consistency, LogHead, Snapshot};

/// A request to the read models.
pub(super) trait Question: Message + Name + Clone + 'static {
    /// Whether its answer may have the token of a next page.
    const HAS_PAGES: bool;

    /// The right that it requires.
    fn right(&self) -> Right;

    /// The CRAs that it selects.
    fn selection(&self) -> Option<&v1::Selection>;

    /// The required position.
    fn consistency(&self) -> Option<&v1::Consistency>;

    /// Everything else that it asks.
    fn rest(&self) -> Self;
}

macro_rules! question {
    ($request:ident, [$($selection:ident)?], [$($consistency:ident)?], $right:expr) => {
        question!($request, [$($selection)?], [$($consistency)?], false, $right);
    };
    ($request:ident, [$($selection:ident)?], [$($consistency:ident)?], $has_pages:literal, $right:expr) => {
        impl Question for v1::$request {
            const HAS_PAGES: bool = $has_pages;

            fn right(&self) -> Right {
                let right: fn(&Self) -> Right = $right;
                right(self)
            }

            fn selection(&self) -> Option<&v1::Selection> {
                None$(.or(self.$selection.as_ref()))?
            }

            fn consistency(&self) -> Option<&v1::Consistency> {
                None$(.or(self.$consistency.as_ref()))?
            }

            fn rest(&self) -> Self {
                let mut rest = self.clone();
                $(rest.$selection = None;)?
                $(rest.$consistency = None;)?
                rest
            }
        }
    };
}

question!(GetStatisticsRequest, [selection], [consistency], |_| Right::Counts { dimensions: [0; 2] });
question!(GetTimeSeriesRequest, [selection], [consistency], |_| Right::Counts { dimensions: [0; 2] });
question!(ListBreakdownRequest, [selection], [consistency], true, |request| {
    Right::Counts { dimensions: [request.dimension, 0] }
});
question!(GetCrossTableRequest, [selection], [consistency], |request| {
    Right::Counts { dimensions: [request.rows, request.columns] }
});
question!(WatchStatisticsRequest, [selection], [], |_| Right::Counts { dimensions: [0; 2] });
question!(ListCrasRequest, [selection], [consistency], true, |_| Right::Reads);
question!(ListLikelyDoublesRequest, [selection], [consistency], true, |_| Right::Reads);
question!(FollowCrasRequest, [selection], [], |_| Right::Reads);
question!(GetCraRequest, [], [consistency], |_| Right::One);
question!(ExportRequest, [selection], [consistency], |request| {
    use v1::ExportContent as C;
    match request.content() {
        C::Unspecified => Right::UnnamedFile,
        C::Statistics | C::Breakdown | C::Series => Right::FileOfFigures { dimension: request.dimension },
        C::Cras | C::CraThemes | C::CraAges | C::CraStatuses | C::CraOrganisations => Right::FileOfCras,
    }
});

/// A question that may be asked again by a caller that kept the answer.
struct ConditionalQuery {
    conditional: Conditional,
    /// Its name, what it asks of its selection, and what else its answer depends on.
    parts: Vec<Vec<u8>>,
}

impl ConditionalQuery {
    /// The question of a request; `None` for a request whose caller cannot have kept an answer.
    fn of<Q: Question>(request: &Request<Q>, grant: &Grant, signer: &Signer, now: Timestamp) -> Option<Self> {
        let conditional = Conditional::of(request);
        // One CRA is shown or refused once it is found, and costs no counting.
        if !conditional.is_by_get() || request.get_ref().right() == Right::One {
            return None;
        }
        let mut parts = vec![Q::NAME.as_bytes().to_vec(), request.get_ref().rest().encode_to_vec()];
        if Q::HAS_PAGES {
            // A page token is sealed for its caller, and valid for a while.
            parts.extend([grant.owner().into_bytes(), signer.period(now)]);
        }
        Some(Self { conditional, parts })
    }

    /// Ends the call if its caller has the answer: of the same log, position, definitions and question.
    fn check_not_modified(&self, selection: &Selection, snapshot: &Snapshot) -> Result<(), Status> {
        let shown = snapshot.to_message();
        let selection = canonical(selection.message().clone()).encode_to_vec();
        let position = shown.position.to_be_bytes();
        let of_snapshot: [&[u8]; 4] =
            [shown.log.as_bytes(), shown.definitions.as_bytes(), &position, &selection];
        let of_question = self.parts.iter().map(Vec::as_slice);
        let parts: Vec<&[u8]> = of_snapshot.into_iter().chain(of_question).collect();
        self.conditional.check_not_modified(&parts)
    }
}

/// An admitted query.
pub(super) struct Admitted {
    pub(super) grant: Grant,
    pub(super) selection: Arc<Selection>,
    /// The required position.
    pub(super) consistency: Consistency,
    /// Held while the answer is made.
    pub(super) permit: Permit,
    limit: InFlight,
    /// The caller's timeout.
    caller_waits: Option<Duration>,
    /// Of a request by GET.
    asked: Option<ConditionalQuery>,
}

/// A query with a fixed snapshot.
pub(super) struct Ready {
    pub(super) grant: Grant,
    pub(super) selection: Arc<Selection>,
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
    /// Signs the tokens of pages.
    pub signer: Signer,
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
        let (now, judge) = (self.clock.now(), grant.clone());
        let kept = ConditionalQuery::of(&request, &grant, &self.signer, now);
        let (metadata, _, mut request) = request.into_parts();
        let is_large = is_large(&request);
        let reading = off_workers(is_large, move || {
            let right = request.right();
            judge.check_scope(right)?;
            let selection = Selection::read(request.selection().unwrap_or(&v1::Selection::default()));
            judge.check_perimeter(right, &selection.selection)?;
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
        let admitted = Admitted { grant, selection, consistency, permit, limit, caller_waits, asked: kept };
        Ok((admitted, asked))
    }

    /// Fixes the snapshot of the answer. While the read models lack the required position, the caller waits with a
    /// waiting permit, and holds no permit for work. The call of a caller that has the answer ends here, without counting.
    pub(super) async fn reach(&self, admitted: Admitted) -> Result<Ready, Status> {
        let Admitted { grant, selection, consistency, permit, limit, caller_waits, asked } = admitted;
        let until = queries::wait_until(Instant::now(), caller_waits);
        let (snapshot, permit) = if consistency.is_reached(&self.generations) {
            (consistency.snapshot(&self.generations, until).await?, permit)
        } else {
            drop(permit);
            let waits = self.waiting.try_acquire(&grant.caller)?;
            let snapshot = consistency.existing_snapshot(&self.generations, &self.log_head, until).await?;
            drop(waits);
            (snapshot, limit.try_acquire(&grant.caller)?)
        };
        if let Some(asked) = asked {
            asked.check_not_modified(&selection, &snapshot)?;
        }
        Ok(Ready { grant, selection, snapshot, permit })
    }
}
