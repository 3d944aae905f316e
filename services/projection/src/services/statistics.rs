//! `StatisticsService`.

use std::sync::Arc;

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService;
use cra_domain::cra::check_cra_id;
use cra_runtime::clock::Clock;
use cra_runtime::deadline::deadline;
use cra_runtime::in_flight::InFlight;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use super::export::{self, Chunks};
use crate::generations::Generations;
use crate::queries::{self, Consistency, QueryError, Snapshot, Standing};

/// The service.
pub struct Statistics {
    /// Where the facts are.
    pub generations: Arc<Generations>,
    /// Says what is in the future.
    pub clock: Arc<dyn Clock>,
    /// Bounds the queries at work.
    pub in_flight: InFlight,
    /// Bounds the files being written.
    pub exports: InFlight,
}

impl Statistics {
    async fn snapshot(
        &self,
        consistency: Option<&v1::Consistency>,
        metadata: &tonic::metadata::MetadataMap,
    ) -> Result<Snapshot, Status> {
        let until = queries::wait_until(Instant::now(), deadline(metadata));
        let consistency = Consistency::parse(consistency, self.clock.now())?;
        Ok(consistency.snapshot(&self.generations, until).await?)
    }
}

#[tonic::async_trait]
impl StatisticsService for Statistics {
    async fn get_statistics(
        &self,
        request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<v1::GetStatisticsResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let (metadata, _, request) = request.into_parts();
        let snapshot = self.snapshot(request.consistency.as_ref(), &metadata).await?;
        let shown = snapshot.to_message();
        let statistics = queries::statistics(request.selection.unwrap_or_default(), snapshot).await?;
        let answer = v1::GetStatisticsResponse { statistics: Some(statistics), snapshot: Some(shown) };
        Ok(Response::new(answer))
    }

    async fn get_time_series(
        &self,
        request: Request<v1::GetTimeSeriesRequest>,
    ) -> Result<Response<v1::GetTimeSeriesResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let (metadata, _, request) = request.into_parts();
        let snapshot = self.snapshot(request.consistency.as_ref(), &metadata).await?;
        let shown = snapshot.to_message();
        let selection = request.selection.unwrap_or_default();
        let points = queries::time_series(selection, request.granularity, snapshot).await?;
        Ok(Response::new(v1::GetTimeSeriesResponse { points, snapshot: Some(shown) }))
    }

    async fn get_cra(
        &self,
        request: Request<v1::GetCraRequest>,
    ) -> Result<Response<v1::GetCraResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let (metadata, _, request) = request.into_parts();
        let cra_id = check_cra_id(&request.cra_id).map_err(|fault| QueryError::Invalid(vec![fault]))?;
        let snapshot = self.snapshot(request.consistency.as_ref(), &metadata).await?;
        let shown = snapshot.to_message();
        let Standing { record, withdrawn } = queries::cra(cra_id, snapshot).await?;
        Ok(Response::new(v1::GetCraResponse { record: Some(record), withdrawn, snapshot: Some(shown) }))
    }

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Chunks>, Status> {
        let permit = self.exports.try_enter()?;
        let (metadata, _, request) = request.into_parts();
        let snapshot = self.snapshot(request.consistency.as_ref(), &metadata).await?;
        export::answer(request, snapshot, self.generations.data(), permit).await
    }
}
