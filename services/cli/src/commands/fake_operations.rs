//! An operations service for tests of commands: sends configured answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cra_contracts::v1;
use cra_contracts::v1::operations_service_server::{OperationsService, OperationsServiceServer};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::BoxStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

pub(super) use super::fake::Written;
use super::fake::served;
use crate::args::EndpointArgs;

/// Configured answers.
#[derive(Debug, Default)]
pub(super) struct Fake {
    /// Number of answers of a replay or a check.
    pub(super) answers: u64,
    /// Whether a replay stays open after them until its caller disconnects, which removes its read models.
    pub(super) never_ends: bool,
    /// Verdict of a check.
    pub(super) same: Option<bool>,
    /// Number of parked events, two per page. A retry of all events applies none; a retry of some applies those.
    pub(super) parked: u64,
    pub(super) is_replaying: Arc<AtomicBool>,
}

impl Fake {
    /// Serves on a port that the system chooses.
    pub(super) async fn serve(self) -> EndpointArgs {
        served(Server::builder().add_service(OperationsServiceServer::new(self))).await
    }
}

/// Represents the read models of a replay; dropping it removes them.
struct Made(Arc<AtomicBool>);

impl Drop for Made {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[tonic::async_trait]
impl OperationsService for Fake {
    async fn get_status(
        &self,
        _request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let mut names = vec!["g1"];
        if self.is_replaying.load(Ordering::SeqCst) {
            names.push("g2");
        }
        let generation =
            |name: &&str| v1::Generation { name: (*name).to_owned(), ..v1::Generation::default() };
        let generations = names.iter().map(generation).collect();
        Ok(Response::new(v1::GetStatusResponse { generations, ..v1::GetStatusResponse::default() }))
    }

    async fn rebuild(
        &self,
        _request: Request<v1::RebuildRequest>,
    ) -> Result<Response<BoxStream<v1::RebuildResponse>>, Status> {
        self.is_replaying.store(true, Ordering::SeqCst);
        let made = Made(Arc::clone(&self.is_replaying));
        let (last, never_ends) = (self.answers, self.never_ends);
        let (answers, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let _made = made;
            for position in 1..=last {
                let (generation, log_position) = ("g2".to_owned(), last);
                let answer = v1::RebuildResponse { generation, position, log_position, ..Default::default() };
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
            if never_ends {
                answers.closed().await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn pause(
        &self,
        _request: Request<v1::PauseRequest>,
    ) -> Result<Response<v1::PauseResponse>, Status> {
        Ok(Response::new(v1::PauseResponse::default()))
    }

    async fn resume(
        &self,
        _request: Request<v1::ResumeRequest>,
    ) -> Result<Response<v1::ResumeResponse>, Status> {
        Ok(Response::new(v1::ResumeResponse::default()))
    }

    async fn promote(
        &self,
        _request: Request<v1::PromoteRequest>,
    ) -> Result<Response<v1::PromoteResponse>, Status> {
        Ok(Response::new(v1::PromoteResponse { former_generation: "g1".to_owned() }))
    }

    async fn verify(
        &self,
        _request: Request<v1::VerifyRequest>,
    ) -> Result<Response<BoxStream<v1::VerifyResponse>>, Status> {
        let (last, verdict) = (self.answers, self.same);
        let answers = tokio_stream::iter(1..=last).map(move |position| {
            let same = verdict.filter(|_| position == last);
            let differences = if same == Some(false) { vec!["a difference".to_owned()] } else { Vec::new() };
            Ok(v1::VerifyResponse { position, log_position: last, same, differences })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn list_parked_events(
        &self,
        request: Request<v1::ListParkedEventsRequest>,
    ) -> Result<Response<v1::ListParkedEventsResponse>, Status> {
        let first: u64 = request.into_inner().page_token.parse().unwrap_or(1);
        let event = |position| v1::ParkedEvent { position, ..v1::ParkedEvent::default() };
        let events = (first..=self.parked.min(first + 1)).map(event).collect();
        let next = first + 2;
        let next_page_token = if next <= self.parked { next.to_string() } else { String::new() };
        Ok(Response::new(v1::ListParkedEventsResponse { events, next_page_token }))
    }

    async fn retry_parked_events(
        &self,
        request: Request<v1::RetryParkedEventsRequest>,
    ) -> Result<Response<v1::RetryParkedEventsResponse>, Status> {
        let applied = request.into_inner().positions.len() as u64;
        let still_parked = if applied == 0 { self.parked } else { 0 };
        Ok(Response::new(v1::RetryParkedEventsResponse { applied, still_parked }))
    }
}
