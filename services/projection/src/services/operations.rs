//! `OperationsService`.

use std::sync::Arc;

use cra_contracts::v1;
use cra_contracts::v1::operations_service_server::OperationsService;
use cra_domain::cra::{Question, Violation, check_reason};
use cra_domain::event::timestamp_message;
use cra_eventlog::{Forgetting, Position, Predecessor};
use cra_runtime::audit::{Kind, Trail};
use cra_runtime::identity::{Caller, Callers, Scope};
use cra_runtime::shutdown::Shutdown;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::faults::Faults;
use super::grant::Grant;
use super::listing::{Asker, Listing, Page};
use super::replay::{self, Rebuild};
use crate::apply::Retried;
use crate::generations::{Generation, Generations, Pause};
use crate::queries::page::Signer;
use crate::queries::{self, QueryError};
use crate::replay::Replayer;
use crate::store::{Parked, StoreError};
use cra_analytics::fact::instant;

pub(crate) struct Operations {
    /// The generations, the log, and the replays between them.
    pub replayer: Replayer,
    /// Who asks.
    pub callers: Callers,
    /// Signs the tokens of pages.
    pub signer: Signer,
    /// Ends replays at the shutdown.
    pub shutdown: Shutdown,
}

impl Operations {
    /// Reads or writes the read models on a blocking thread.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Generations) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let generations = Arc::clone(&self.replayer.generations);
        let done = tokio::task::spawn_blocking(move || work(&generations)).await;
        Ok(done.map_err(|_| QueryError::Cancelled)??)
    }
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let Grant { caller, trail } = Grant::of(self.callers, &request)?;
        let act = act(*request.get_ref())?;
        if let Some(act) = act {
            trail.begin(Kind::Operation)?;
            trail.about("act", act.as_str_name());
            trail.about("log", self.replayer.generations.serving().description().log.0.clone());
        }
        let head = queries::head(&*self.replayer.log).await?.position;
        let status = self.blocking(move |generations| Ok(status(generations, head.0))).await?;
        let caller = (self.callers == Callers::Identified).then(|| named(&caller));
        Ok(Response::new(v1::GetStatusResponse { caller, ..status }))
    }

    async fn rebuild(
        &self,
        request: Request<v1::RebuildRequest>,
    ) -> Result<Response<BoxStream<v1::RebuildResponse>>, Status> {
        let trail = begun(&request)?;
        let v1::RebuildRequest { until_position, promote } = request.into_inner();
        trail.about("untilPosition", until_position);
        trail.about("promote", promote);
        let until = (until_position > 0).then_some(Position(until_position));
        if until.is_some() && promote {
            let fault = Question::OneOfTwo("until_position");
            return Err(QueryError::from(Violation::new("promote", fault)).into());
        }
        let head = queries::head(&*self.replayer.log).await?.position;
        if until.is_some_and(|until| until > head) {
            return Err(QueryError::PastTheHead { field: "until_position", head: head.0 }.into());
        }
        let permit = replay::begin(&self.replayer)?;
        let rebuild = Rebuild { until, promote };
        let answers = replay::rebuild(self.replayer.clone(), permit, rebuild, self.shutdown.clone());
        Ok(Response::new(answers))
    }

    async fn promote(
        &self,
        request: Request<v1::PromoteRequest>,
    ) -> Result<Response<v1::PromoteResponse>, Status> {
        let trail = begun(&request)?;
        let name = request.into_inner().generation;
        let permit = replay::begin(&self.replayer)?;
        if self.replayer.generations.serving().name() == name {
            // Repeated: nothing changes.
            return Ok(Response::new(v1::PromoteResponse::default()));
        }
        let generation = self.replayer.other(&name)?;
        trail.about("generation", generation.name());
        let replayer = self.replayer.clone();
        // Once started, it is completed, whether the caller waits or not.
        let promoting = tokio::spawn(async move {
            let _permit = permit;
            replayer.promote(&generation).await
        });
        let former = promoting.await.map_err(|_| QueryError::Cancelled)??;
        Ok(Response::new(v1::PromoteResponse { former_generation: former.name().to_owned() }))
    }

    async fn verify(
        &self,
        request: Request<v1::VerifyRequest>,
    ) -> Result<Response<BoxStream<v1::VerifyResponse>>, Status> {
        begun(&request)?;
        let permit = replay::begin(&self.replayer)?;
        Ok(Response::new(replay::check(self.replayer.clone(), permit, self.shutdown.clone())))
    }

    async fn list_parked_events(
        &self,
        request: Request<v1::ListParkedEventsRequest>,
    ) -> Result<Response<v1::ListParkedEventsResponse>, Status> {
        let grant = Grant::of(self.callers, &request)?;
        grant.trail.begin(Kind::Read)?;
        let mut faults = Faults::default();
        let asker = Asker { grant: &grant, signer: &self.signer, now: self.replayer.clock.now() };
        let (listing, page) =
            Listing::read(&mut request.into_inner(), &self.replayer.generations, &asker, &mut faults);
        let Some(page) = page else {
            return Err(faults.into_status());
        };
        let (position, events, next) = self.blocking(move |generations| parked(generations, &page)).await?;
        grant.trail.add_rows(events.len());
        let next_page_token = listing.next(position, next)?;
        Ok(Response::new(v1::ListParkedEventsResponse { events, next_page_token }))
    }

    async fn retry_parked_events(
        &self,
        request: Request<v1::RetryParkedEventsRequest>,
    ) -> Result<Response<v1::RetryParkedEventsResponse>, Status> {
        let trail = begun(&request)?;
        let mut positions: Vec<_> = request.into_inner().positions.into_iter().map(Position).collect();
        positions.sort_unstable();
        positions.dedup();
        trail.about("positions", positions.len());
        let now = self.replayer.clock.now();
        let apply_lock = self.replayer.generations.apply_lock().await;
        let answer = self
            .blocking(move |generations| {
                // Held so that nothing else is applied, even if the caller leaves.
                let _apply_lock = apply_lock;
                let generation = generations.serving();
                retry(&generation, &positions, |position| generation.retry(position, now))
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn pause(&self, request: Request<v1::PauseRequest>) -> Result<Response<v1::PauseResponse>, Status> {
        let Grant { caller, trail } = Grant::of(self.callers, &request)?;
        trail.begin(Kind::Operation)?;
        let reason = check_reason(&request.into_inner().reason).map_err(QueryError::from)?;
        trail.about("reason", reason.clone());
        let (since, client_id) = (self.replayer.clock.now(), caller.client_id.clone());
        let apply_lock = self.replayer.generations.apply_lock().await;
        let answer = self
            .blocking(move |generations| {
                // The batch in progress is finished, and nothing after it, even if the caller leaves.
                let _apply_lock = apply_lock;
                let pause = generations.pause(Pause { reason, since, client_id })?;
                let applied_position = generations.serving().position().0;
                Ok(v1::PauseResponse { applied_position, pause: Some(pause_state(pause)) })
            })
            .await?;
        Ok(Response::new(answer))
    }

    async fn resume(
        &self,
        request: Request<v1::ResumeRequest>,
    ) -> Result<Response<v1::ResumeResponse>, Status> {
        begun(&request)?;
        let resumed = self.blocking(|generations| {
            generations.resume()?;
            Ok(v1::ResumeResponse { applied_position: generations.serving().position().0 })
        });
        Ok(Response::new(resumed.await?))
    }
}

fn pause_state(pause: Pause) -> v1::PauseState {
    let Pause { reason, since, client_id } = pause;
    v1::PauseState { reason, since: Some(timestamp_message(since)), client_id }
}

/// Starts the audit record of an operation.
fn begun<T>(request: &Request<T>) -> Result<Trail, Status> {
    let trail = Trail::of(request);
    trail.begin(Kind::Operation)?;
    Ok(trail)
}

/// The act that a request announces.
fn act(request: v1::GetStatusRequest) -> Result<Option<v1::LogAct>, Status> {
    match v1::LogAct::try_from(request.act) {
        Ok(v1::LogAct::Unspecified) => Ok(None),
        Ok(act) => Ok(Some(act)),
        Err(_) => Err(QueryError::from(Violation::new(
            "act",
            Question::value_unknown(request.act, v1::LogAct::as_str_name),
        ))
        .into()),
    }
}

fn named(caller: &Caller) -> v1::Caller {
    let granted = Scope::ALL.into_iter().filter(|scope| caller.may(*scope));
    v1::Caller {
        client_id: caller.client_id.clone(),
        subject: caller.subject.clone(),
        scopes: granted.map(|scope| scope.name().to_owned()).collect(),
    }
}

fn status(generations: &Generations, log_position: u64) -> v1::GetStatusResponse {
    let serving = generations.serving();
    let applied = serving.checkpoint();
    let lag_ms = applied.as_ref().map_or(0, |applied| {
        // A record may be dated after its application, or by centuries off.
        u64::try_from(applied.applied_at.saturating_sub(applied.last_recorded_at) / 1_000_000).unwrap_or(0)
    });
    let all = generations.all();
    v1::GetStatusResponse {
        generation: serving.name().to_owned(),
        applied_position: serving.position().0,
        log_position,
        applied_at: applied.as_ref().map(|applied| timestamp_message(instant(applied.applied_at))),
        lag_ms,
        parked_events: applied.map_or(0, |checkpoint| checkpoint.parked),
        generations: all
            .iter()
            .map(|generation| v1::Generation {
                name: generation.name().to_owned(),
                definitions: generation.description().definitions.clone(),
                position: generation.position().0,
                bytes_on_disk: generations.bytes_on_disk(generation),
                serving: generation.name() == serving.name(),
                created_at: Some(timestamp_message(instant(generation.description().created_at))),
            })
            .collect(),
        pause: generations.paused().borrow().clone().map(pause_state),
        log: serving.description().log.0.clone(),
        log_since: Some(timestamp_message(generations.followed_since())),
        forgettings: generations.lineage().borrow().forgettings().map(forgetting).collect(),
        caller: None,
    }
}

fn forgetting((former, forgetting): (&Predecessor, &Forgetting)) -> v1::Forgetting {
    v1::Forgetting {
        forgotten_at: forgetting.at.parse().ok().map(timestamp_message),
        former_log: former.log.0.clone(),
        last_common_position: former.last_position.0,
        certificate: forgetting.certificate.clone(),
    }
}

type ParkedPage = (Position, Vec<v1::ParkedEvent>, Option<Position>);

/// Position of the generation, a page of its parked events in the log's order, and the start of the next page.
fn parked(generations: &Generations, page: &Page<Position>) -> Result<ParkedPage, StoreError> {
    let generation = generations.serving();
    let first = page.cursor().unwrap_or(Position::START);
    let mut events = Vec::new();
    let mut bytes = 0;
    for entry in generation.session()?.parked_events(first..=Position(u64::MAX)) {
        let (position, Parked { cra_id, error, payload }) = entry?;
        bytes += payload.len() + error.len();
        if !page.has_room(events.len(), bytes) {
            return Ok((generation.position(), events, Some(position)));
        }
        let cra_id = cra_id.map(|id| id.to_string()).unwrap_or_default();
        events.push(v1::ParkedEvent { position: position.0, cra_id, error, payload: payload.into() });
    }
    Ok((generation.position(), events, None))
}

/// Retries the events at some positions, or all of them, in the log's order: later events of a CRA depend on earlier
/// ones.
fn retry(
    generation: &Generation,
    positions: &[Position],
    retry: impl Fn(Position) -> Result<Option<Retried>, StoreError>,
) -> Result<v1::RetryParkedEventsResponse, StoreError> {
    let all: Vec<Position> = if positions.is_empty() {
        let session = generation.session()?;
        let parked = session.parked_events(Position::START..=Position(u64::MAX));
        parked.map(|entry| Ok(entry?.0)).collect::<Result<_, StoreError>>()?
    } else {
        positions.to_vec()
    };
    let mut answer = v1::RetryParkedEventsResponse::default();
    for position in all {
        match retry(position)? {
            Some(Retried::Applied) => answer.applied += 1,
            Some(Retried::StillParked) => answer.still_parked += 1,
            None => {}
        }
    }
    tracing::info!(applied = answer.applied, still_parked = answer.still_parked, "parked events retried");
    Ok(answer)
}

#[cfg(test)]
mod tests;
