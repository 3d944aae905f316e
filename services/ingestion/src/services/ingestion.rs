//! `cra.v1.IngestionService`: acquires permits under the process's limits, passes requests on, and encodes the answers.
//! Contains no rule of the form.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use cra_contracts::bounds;
use cra_contracts::v1::{self, ingestion_service_server::IngestionService};
use cra_domain::cra::check_cra_id;
use cra_runtime::audit::Trail;
use cra_runtime::bounded;
use cra_runtime::identity::Callers;
use cra_runtime::in_flight::{InFlight, Permit};
use cra_runtime::off_workers::{is_large, off_workers};
use cra_runtime::shutdown::Shutdown;
use prost::{Message, Name};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::author::Author;
use super::item_numbers::ItemNumbers;
use super::{change, items, legacy, submission};
use crate::append::CommandExecutor;
use crate::metrics::{Answers, Kind};
use crate::refused::Refused;
use crate::settings::Limits;

/// Retry delay for a caller above a limit.
const CALL_RETRY_AFTER: Duration = Duration::from_millis(500);
const STREAM_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The service; one per process.
pub(crate) struct IngestionApi {
    executor: CommandExecutor,
    answers: Answers,
    calls: InFlight,
    streams: InFlight,
    stream_items_in_flight: NonZeroU16,
    callers: Callers,
    shutdown: Shutdown,
}

/// A share of a stream's permit, or why an item is refused.
type Admitted = Result<Arc<Permit>, Refused>;

/// State that all items of a stream share.
struct StreamContext {
    executor: CommandExecutor,
    answers: Answers,
    author: Author,
}

impl IngestionApi {
    /// The service on a log. At `shutdown` streams are read no further.
    pub(crate) fn new(
        executor: CommandExecutor,
        answers: Answers,
        limits: &Limits,
        callers: Callers,
        shutdown: Shutdown,
    ) -> Self {
        let in_flight = |what, limit: NonZeroU32, retry_after| InFlight::new(what, limit, retry_after);
        Self {
            executor,
            answers,
            calls: in_flight("calls", limits.calls_in_flight, CALL_RETRY_AFTER),
            streams: in_flight("streams", limits.streams_in_flight, STREAM_RETRY_AFTER),
            stream_items_in_flight: limits.stream_items_in_flight,
            callers,
            shutdown,
        }
    }

    /// The limits of calls and streams.
    pub(crate) fn limits(&self) -> [&InFlight; 2] {
        [&self.calls, &self.streams]
    }

    /// Counts an answer on its way to the caller.
    fn counted(&self, kind: Kind, answer: Result<v1::Receipt, Refused>) -> Result<v1::Receipt, Refused> {
        self.answers.count(kind, answer.as_ref());
        answer
    }

    /// The author and a permit of a request. One client holds at most its share of the limit.
    fn admit<T>(&self, request: &Request<T>, limit: &InFlight) -> Result<(Author, Permit), Status> {
        let caller = self.callers.of(request)?;
        let permit = limit.try_acquire(&caller)?;
        Ok((Author::new(caller, Trail::of(request)), permit))
    }

    /// Answers each item of a stream separately. `answer` receives a share of the stream's permit, or why the item's
    /// number is refused.
    fn each_item<Q, A, F>(
        &self,
        request: Request<Streaming<Q>>,
        number_of: fn(&Q) -> u64,
        answer: fn(Arc<StreamContext>, Q, Admitted) -> F,
    ) -> Result<Response<BoxStream<A>>, Status>
    where
        Q: Message + Name + 'static,
        A: Send + 'static,
        F: Future<Output = A> + Send + 'static,
    {
        // Shared with the items: the stream's permit is released when its last append has ended.
        let (author, permit) = self.admit(&request, &self.streams)?;
        let permit = Arc::new(permit);
        let context = Arc::new(StreamContext {
            executor: self.executor.clone(),
            answers: self.answers.clone(),
            author,
        });
        let mut numbers = ItemNumbers::default();
        let answer = move |request: Q| {
            let admitted =
                numbers.take(number_of(&request)).or_refuse().and_then(|()| within_bounds(&request));
            let admitted = admitted.map(|()| Arc::clone(&permit));
            answer(Arc::clone(&context), request, admitted)
        };
        let (in_flight, shutdown) = (self.stream_items_in_flight, self.shutdown.clone());
        Ok(Response::new(items::answers(request.into_inner(), in_flight, shutdown, answer)))
    }
}

/// Refuses an item with a list that is too long. For unary methods the shell does that.
fn within_bounds<Q: Message + Name>(request: &Q) -> Result<(), Refused> {
    match bounds::exceeded(request) {
        exceeded if exceeded.is_empty() => Ok(()),
        exceeded => {
            let mut violations = bounded::violations(exceeded);
            for violation in &mut violations {
                // Paths of an item are relative to what it submits.
                if let Some(path) = violation.field.strip_prefix("submission.") {
                    violation.field = path.to_owned();
                }
            }
            Err(Refused::invalid(&violations))
        }
    }
}

/// The outcome of an item that was started or refused at once.
async fn outcome_of<T>(
    begun: Result<impl Future<Output = Result<T, Refused>>, Refused>,
) -> Result<T, Refused> {
    begun?.await
}

#[tonic::async_trait]
impl IngestionService for IngestionApi {
    async fn submit_cra(
        &self,
        request: Request<v1::SubmitCraRequest>,
    ) -> Result<Response<v1::SubmitCraResponse>, Status> {
        let (author, permit) = self.admit(&request, &self.calls)?;
        let (executor, request) = (self.executor.clone(), request.into_inner());
        let is_large = is_large(&request);
        let begin = move || submission::submit(&executor, author, &request, permit);
        let answer = off_workers(is_large, begin).await?.await;
        let receipt = self.counted(Kind::Submit, answer)?;
        Ok(Response::new(v1::SubmitCraResponse { receipt: Some(receipt) }))
    }

    async fn submit_cras(
        &self,
        request: Request<Streaming<v1::SubmitCrasRequest>>,
    ) -> Result<Response<BoxStream<v1::SubmitCrasResponse>>, Status> {
        self.each_item(
            request,
            |request| request.item,
            |context, request, admitted| {
                let item = request.item;
                let submission = request.submission.unwrap_or_default();
                let (executor, author) = (context.executor.clone(), context.author.clone());
                async move {
                    let is_large = is_large(&submission);
                    let begun = match admitted {
                        Ok(permit) => {
                            let begin = move || submission::submit(&executor, author, &submission, permit);
                            off_workers(is_large, begin).await.map_err(|_| Refused::Fault)
                        }
                        Err(refused) => Err(refused),
                    };
                    let outcome = outcome_of(begun).await;
                    context.answers.count(Kind::Submit, outcome.as_ref());
                    submission::answer(item, outcome)
                }
            },
        )
    }

    async fn correct_cra(
        &self,
        request: Request<v1::CorrectCraRequest>,
    ) -> Result<Response<v1::CorrectCraResponse>, Status> {
        let (author, permit) = self.admit(&request, &self.calls)?;
        let request = request.into_inner();
        author.changes(&request.cra_id, request.expected_revision)?;
        let answer = change::correct(&self.executor, author, request, permit).await;
        let receipt = Some(self.counted(Kind::Correct, answer)?);
        Ok(Response::new(v1::CorrectCraResponse { receipt }))
    }

    async fn withdraw_cra(
        &self,
        request: Request<v1::WithdrawCraRequest>,
    ) -> Result<Response<v1::WithdrawCraResponse>, Status> {
        let (author, permit) = self.admit(&request, &self.calls)?;
        let request = request.into_inner();
        author.changes(&request.cra_id, request.expected_revision)?;
        let answer = change::withdraw(&self.executor, author, request, permit).await;
        let receipt = Some(self.counted(Kind::Withdraw, answer)?);
        Ok(Response::new(v1::WithdrawCraResponse { receipt }))
    }

    async fn import_legacy_cras(
        &self,
        request: Request<Streaming<v1::ImportLegacyCrasRequest>>,
    ) -> Result<Response<BoxStream<v1::ImportLegacyCrasResponse>>, Status> {
        self.each_item(
            request,
            |request| request.item,
            |context, request, admitted| {
                let item = request.item;
                let begun = admitted
                    .map(|permit| legacy::import(&context.executor, context.author.clone(), request, permit));
                async move {
                    let outcome = outcome_of(begun).await;
                    context.answers.count(Kind::Import, outcome.as_ref().map(legacy::Imported::receipt));
                    legacy::answer(item, outcome)
                }
            },
        )
    }

    async fn get_cra_history(
        &self,
        request: Request<v1::GetCraHistoryRequest>,
    ) -> Result<Response<v1::GetCraHistoryResponse>, Status> {
        let (author, _permit) = self.admit(&request, &self.calls)?;
        let cra_id =
            check_cra_id(&request.into_inner().cra_id).map_err(|violation| Refused::invalid(&[violation]))?;
        author.reads(cra_id)?;
        let history = self.executor.history(cra_id).await?;
        let events = author.history(cra_id, history)?;
        author.was_shown(&events);
        Ok(Response::new(v1::GetCraHistoryResponse { events }))
    }
}
