//! The long calls of `OperationsService`: replays and checks as streams of progress. Each ends with its caller: a
//! cancelled replay is removed; one interrupted by the end of the process is resumed by the next.

use std::sync::Arc;

use cra_contracts::v1;
use cra_eventlog::Position;
use cra_runtime::rejection::{Rejection, Retry, Row};
use cra_runtime::shutdown::Shutdown;
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::{Code, Status};

use crate::batches::ApplierError;
use crate::generations::{Generation, PromoteError};
use crate::queries::QueryError;
use crate::replay::{Progress, ReplayError, Replayer};
use crate::store::StoreError;
use crate::verify;

const AT_WORK: Row = Row { code: Code::FailedPrecondition, reason: "REPLAY_AT_WORK", retry: Retry::Never };
const INTERRUPTED: Row =
    Row { code: Code::Unavailable, reason: "REPLAY_INTERRUPTED", retry: Retry::AfterMs(1_000) };
const NO_SUCH_GENERATION: Row =
    Row { code: Code::NotFound, reason: "GENERATION_NOT_FOUND", retry: Retry::Never };

/// Number of answers buffered ahead of the caller; further progress is skipped.
const READY_MAX: usize = 16;

type Answers<T> = mpsc::Sender<Result<T, Status>>;

/// The lock for a replay, or the refusal.
pub(super) fn begin(replayer: &Replayer) -> Result<OwnedMutexGuard<()>, Status> {
    let busy = "another replay, check or promotion is in progress; wait for its end";
    replayer.try_begin().ok_or_else(|| Rejection::new(AT_WORK, busy).into())
}

/// Parameters of a replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rebuild {
    /// Last position; otherwise the head of the log.
    pub(super) until: Option<Position>,
    pub(super) promote: bool,
}

/// Replays into another generation than the serving one.
pub(super) fn rebuild(
    replayer: Replayer,
    permit: OwnedMutexGuard<()>,
    rebuild: Rebuild,
    shutdown: Shutdown,
) -> BoxStream<v1::RebuildResponse> {
    let (answers, receiver) = mpsc::channel(READY_MAX);
    replayer.background.clone().spawn(async move {
        let last = rebuilt(&replayer, rebuild, &shutdown, &answers).await;
        // First, so that a caller that has read the last answer may call again at once.
        drop(permit);
        if let Some(last) = last {
            drop(answers.send(last).await);
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

/// The last answer; `None` if the caller has gone.
async fn rebuilt(
    replayer: &Replayer,
    rebuild: Rebuild,
    shutdown: &Shutdown,
    answers: &Answers<v1::RebuildResponse>,
) -> Option<Result<v1::RebuildResponse, Status>> {
    let generation = match replayer.start_build(rebuild.until).await {
        Ok(generation) => generation,
        Err(error) => return Some(Err(error.into())),
    };
    let ended = tokio::select! {
        ended = fill(replayer, &generation, rebuild, answers) => ended,
        () = shutdown.requested() => return Some(Err(QueryError::Stopping.into())),
        () = answers.closed() => {
            tracing::info!(generation = generation.name(), "replay cancelled by its caller");
            replayer.discard(generation).await;
            return None;
        }
    };
    if let Err(error) = &ended {
        tracing::warn!(generation = generation.name(), error = %error, "replay ended early");
        if !error.is_resumable() {
            replayer.discard(generation).await;
        }
    }
    Some(ended.map_err(Status::from))
}

async fn fill(
    replayer: &Replayer,
    generation: &Arc<Generation>,
    rebuild: Rebuild,
    answers: &Answers<v1::RebuildResponse>,
) -> Result<v1::RebuildResponse, ReplayError> {
    let head = replayer.log.head().await?.position;
    let mut last = v1::RebuildResponse { generation: generation.name().to_owned(), ..Default::default() };
    replayer
        .fill(generation, rebuild.until.unwrap_or(head), |progress: Progress| {
            last.position = progress.position.0;
            last.log_position = head.0;
            last.events_per_second = progress.events_per_second;
            last.remaining_seconds = progress.remaining_seconds();
            // A slow caller misses some progress.
            let _ = answers.try_send(Ok(last.clone()));
        })
        .await?;
    if rebuild.promote {
        replayer.promote(generation).await?;
        last.promoted = true;
    } else {
        replayer.finish_filling(generation).await?;
    }
    last.position = generation.position().0;
    // The log has grown in the meantime, and a promoted generation follows it.
    last.log_position = last.log_position.max(last.position);
    last.remaining_seconds = 0;
    Ok(last)
}

/// Replays into a scratch generation, and compares the serving one with it.
pub(super) fn check(
    replayer: Replayer,
    permit: OwnedMutexGuard<()>,
    shutdown: Shutdown,
) -> BoxStream<v1::VerifyResponse> {
    let (answers, receiver) = mpsc::channel(READY_MAX);
    replayer.background.clone().spawn(async move {
        let ended = tokio::select! {
            ended = compare(&replayer, &answers) => ended.map_err(Status::from),
            () = shutdown.requested() => Err(QueryError::Stopping.into()),
            () = answers.closed() => return,
        };
        drop(permit);
        drop(answers.send(ended).await);
    });
    Box::pin(ReceiverStream::new(receiver))
}

async fn compare(
    replayer: &Replayer,
    answers: &Answers<v1::VerifyResponse>,
) -> Result<v1::VerifyResponse, ReplayError> {
    let checked = replayer.generations.serving();
    let until = checked.position();
    let replay = replayer.start_scratch().await?;
    let mut last = v1::VerifyResponse { log_position: until.0, ..Default::default() };
    replayer
        .fill(&replay, until, |progress: Progress| {
            last.position = progress.position.0;
            let _ = answers.try_send(Ok(last.clone()));
        })
        .await?;
    let name = checked.name().to_owned();
    let differences = replayer.blocking(move |_| Ok(unmoved_differences(&checked, &replay)?)).await?;
    for difference in &differences {
        tracing::error!(generation = name, difference, "the read models differ from a replay of the log");
    }
    Ok(v1::VerifyResponse { same: Some(differences.is_empty()), differences, ..last })
}

/// The differences, computed again if a parked event was retried in between. Blocks.
fn unmoved_differences(checked: &Generation, replay: &Generation) -> Result<Vec<String>, StoreError> {
    loop {
        let retried = checked.retried();
        let differences = verify::differences(checked, replay)?;
        if checked.retried() == retried {
            return Ok(differences);
        }
    }
}

impl From<ReplayError> for Status {
    fn from(error: ReplayError) -> Self {
        let message = error.to_string();
        match error {
            ReplayError::Log(_) | ReplayError::ReaderEnded => {
                let message = format!("{message}; the replayed part is kept, call again to resume");
                Rejection::new(INTERRUPTED, message).into()
            }
            ReplayError::Apply(ApplierError::Store(error))
            | ReplayError::Promote(PromoteError::Store(error)) => QueryError::from(error).into(),
            ReplayError::Apply(ApplierError::Panicked) => QueryError::Cancelled.into(),
            ReplayError::ForeignLog(_) => QueryError::LogReplaced.into(),
            ReplayError::Promote(PromoteError::NoSuchGeneration(name)) => {
                Rejection::new(NO_SUCH_GENERATION, message).about("generation", name).into()
            }
        }
    }
}
