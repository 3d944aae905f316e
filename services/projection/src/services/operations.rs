//! `OperationsService`.

use std::sync::Arc;

use cra_contracts::v1;
use cra_contracts::v1::operations_service_server::OperationsService;
use cra_domain::event::timestamp_message;
use cra_eventlog::EventLog;
use tonic::{Request, Response, Status};

use crate::generations::Generations;
use crate::queries::QueryError;
use crate::views::fact::instant;

/// The service.
pub struct Operations {
    /// What stands on disk.
    pub generations: Arc<Generations>,
    /// Where the log ends.
    pub log: Arc<dyn EventLog>,
}

#[tonic::async_trait]
impl OperationsService for Operations {
    async fn get_status(
        &self,
        _request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        let head = self.log.head().await.map_err(|error| {
            tracing::warn!(error = %error, "the head of the log is not known");
            QueryError::LogUnavailable
        })?;
        let generations = Arc::clone(&self.generations);
        let answer = tokio::task::spawn_blocking(move || status(&generations, head.position.0)).await;
        answer.map(Response::new).map_err(|_| QueryError::Ended.into())
    }
}

fn status(generations: &Generations, log_position: u64) -> v1::GetStatusResponse {
    let generation = generations.serving();
    let applied = generation.applied();
    let position = generation.position().0;
    let lag_ms = applied.as_ref().map_or(0, |applied| {
        u64::try_from((applied.applied_at - applied.last_recorded_at) / 1_000_000).unwrap_or(0)
    });
    v1::GetStatusResponse {
        generation: generation.name().to_owned(),
        applied_position: position,
        log_position,
        applied_at: applied.as_ref().map(|applied| timestamp_message(instant(applied.applied_at))),
        lag_ms,
        parked_events: applied.map_or(0, |applied| applied.parked),
        generations: vec![v1::Generation {
            name: generation.name().to_owned(),
            definitions: generation.description().definitions.clone(),
            position,
            bytes_on_disk: generations.bytes_on_disk(&generation),
            serving: true,
            created_at: Some(timestamp_message(instant(generation.description().created_at))),
        }],
    }
}
