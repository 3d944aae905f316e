//! `StatisticsService`.

use std::num::NonZeroU64;
use std::sync::Arc;

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService;
use cra_domain::cra::check_cra_id;
use cra_eventlog::{Head, Position};
use cra_runtime::in_flight::InFlight;
use cra_runtime::shutdown::Shutdown;
use serde::de::DeserializeOwned;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::admit::{Admission, Admitted, Ready};
use super::export::{self, Chunks};
use super::faults::Faults;
use super::grant::Grant;
use super::listing::{Asker, Listing, Page, Paged};
use super::published;
use super::stream::streamed;
use crate::publications::{self, Publications};
use crate::queries::{self, Axes, Breakdown, Claim, CraState, ExportSpec, Follow, QueryError, Watch};
use cra_analytics::periods::Periods;

/// The service.
pub struct Statistics {
    /// Admits queries to the read models.
    pub admission: Admission,
    /// Limit of concurrent queries.
    pub in_flight: InFlight,
    /// Limit of concurrent exports.
    pub exports: InFlight,
    /// Maximum size of a file.
    pub export_bytes_max: NonZeroU64,
    /// Limit of open streams.
    pub streams: InFlight,
    /// The source of public answers.
    pub publications: Publications,
    /// Ends endless streams at the shutdown.
    pub shutdown: Shutdown,
}

impl Statistics {
    /// Parses which page a request asks for.
    fn page<Q: Paged, C: DeserializeOwned + Copy + Send + 'static>(
        &self,
    ) -> impl Fn(&mut Q, &Grant, &mut Faults) -> Option<(Listing, Page<C>)> + Send + 'static + use<Q, C> {
        let Admission { generations, signer, clock, .. } = &self.admission;
        let (generations, signer, now) = (Arc::clone(generations), signer.clone(), clock.now());
        move |request, grant, faults| {
            let asker = Asker { grant, signer: &signer, now };
            let (listing, page) = Listing::read(request, &generations, &asker, faults);
            page.map(|page| (listing, page))
        }
    }
}

#[tonic::async_trait]
impl StatisticsService for Statistics {
    async fn get_statistics(
        &self,
        request: Request<v1::GetStatisticsRequest>,
    ) -> Result<Response<v1::GetStatisticsResponse>, Status> {
        if let Some(answer) = self.published(&request, published::statistics)? {
            return Ok(Response::new(answer));
        }
        let (admitted, ()) = self.admission.admit(request, &self.in_flight, |_, _, _| Some(())).await?;
        let Ready { selection, snapshot, permit: _permit, .. } = self.admission.reach(admitted).await?;
        let shown = snapshot.to_message();
        let statistics = queries::statistics(selection, snapshot).await?;
        let answer = v1::GetStatisticsResponse { statistics: Some(statistics), snapshot: Some(shown) };
        Ok(Response::new(answer))
    }

    async fn get_time_series(
        &self,
        request: Request<v1::GetTimeSeriesRequest>,
    ) -> Result<Response<v1::GetTimeSeriesResponse>, Status> {
        if let Some(answer) = self.published(&request, published::series)? {
            return Ok(Response::new(answer));
        }
        let read = |request: &mut v1::GetTimeSeriesRequest, _: &Grant, faults: &mut Faults| {
            let none = v1::Selection::default();
            faults.all(Periods::parse(request.selection.as_ref().unwrap_or(&none), request.granularity))
        };
        let (admitted, periods) = self.admission.admit(request, &self.in_flight, read).await?;
        let Ready { selection, snapshot, permit: _permit, .. } = self.admission.reach(admitted).await?;
        let shown = snapshot.to_message();
        let points = queries::time_series(selection, periods, snapshot).await?;
        Ok(Response::new(v1::GetTimeSeriesResponse { points, snapshot: Some(shown) }))
    }

    async fn list_breakdown(
        &self,
        request: Request<v1::ListBreakdownRequest>,
    ) -> Result<Response<v1::ListBreakdownResponse>, Status> {
        if let Some(answer) = self.published(&request, published::breakdown)? {
            return Ok(Response::new(answer));
        }
        let page = self.page();
        let read = move |request: &mut v1::ListBreakdownRequest, grant: &Grant, faults: &mut Faults| {
            let page = page(request, grant, faults);
            let asked = Breakdown::parse(request.dimension, &request.order_by, request.include_empty);
            page.zip(faults.all(asked))
        };
        let (mut admitted, ((listing, page), question)) =
            self.admission.admit(request, &self.in_flight, read).await?;
        admitted.consistency = page.consistency(admitted.consistency);
        let Ready { grant, selection, snapshot, permit: _permit } = self.admission.reach(admitted).await?;
        let shown = snapshot.clone();
        let first = page.cursor().unwrap_or_default();
        let answer = queries::breakdown(selection, question, first, page.rows(), snapshot).await?;
        grant.trail.add_rows(answer.rows.len());
        Ok(Response::new(v1::ListBreakdownResponse {
            rows: answer.rows,
            next_page_token: listing.next(shown.position, answer.next)?,
            total_rows: answer.total_rows as u64,
            snapshot: Some(shown.to_message()),
        }))
    }

    async fn get_cross_table(
        &self,
        request: Request<v1::GetCrossTableRequest>,
    ) -> Result<Response<v1::GetCrossTableResponse>, Status> {
        if Grant::of(self.admission.callers, &request)?.is_public() {
            return Err(publications::refused("a cross table", None));
        }
        let read = |request: &mut v1::GetCrossTableRequest, _: &Grant, faults: &mut Faults| {
            faults.all(Axes::parse(request))
        };
        let (admitted, question) = self.admission.admit(request, &self.in_flight, read).await?;
        let Ready { selection, snapshot, permit: _permit, .. } = self.admission.reach(admitted).await?;
        let shown = snapshot.to_message();
        let crossed = queries::cross_table(selection, question, snapshot).await?;
        Ok(Response::new(v1::GetCrossTableResponse {
            columns: crossed.columns,
            column_labels: crossed.column_labels,
            rows: crossed.rows,
            snapshot: Some(shown),
            ..v1::GetCrossTableResponse::default()
        }))
    }

    async fn watch_statistics(
        &self,
        request: Request<v1::WatchStatisticsRequest>,
    ) -> Result<Response<BoxStream<v1::WatchStatisticsResponse>>, Status> {
        let read = |request: &mut v1::WatchStatisticsRequest, _: &Grant, faults: &mut Faults| {
            faults.one(queries::watch_interval(request.min_interval_ms))
        };
        let (Admitted { selection, permit, .. }, interval) =
            self.admission.admit(request, &self.streams, read).await?;
        let question = Watch { selection, interval };
        let answers =
            queries::watch(question, Arc::clone(&self.admission.generations), self.shutdown.clone());
        Ok(Response::new(streamed(answers, permit, |_| ())))
    }

    async fn list_cras(
        &self,
        request: Request<v1::ListCrasRequest>,
    ) -> Result<Response<v1::ListCrasResponse>, Status> {
        let (mut admitted, (listing, page)) =
            self.admission.admit(request, &self.in_flight, self.page()).await?;
        admitted.consistency = page.consistency(admitted.consistency);
        let Ready { grant, selection, snapshot, permit: _permit } = self.admission.reach(admitted).await?;
        let shown = snapshot.clone();
        let answer = queries::list(selection, page.cursor(), page.rows(), snapshot).await?;
        grant.trail.add_rows(answer.cras.len());
        Ok(Response::new(v1::ListCrasResponse {
            cras: answer.cras,
            next_page_token: listing.next(shown.position, answer.next)?,
            snapshot: Some(shown.to_message()),
        }))
    }

    async fn list_likely_doubles(
        &self,
        request: Request<v1::ListLikelyDoublesRequest>,
    ) -> Result<Response<v1::ListLikelyDoublesResponse>, Status> {
        let (mut admitted, (listing, page)) =
            self.admission.admit(request, &self.in_flight, self.page()).await?;
        admitted.consistency = page.consistency(admitted.consistency);
        let Ready { grant, selection, snapshot, permit: _permit } = self.admission.reach(admitted).await?;
        let shown = snapshot.clone();
        let answer = queries::doubles(selection, page.cursor(), page.rows(), snapshot).await?;
        grant.trail.add_rows(2 * answer.doubles.len());
        Ok(Response::new(v1::ListLikelyDoublesResponse {
            doubles: answer.doubles,
            next_page_token: listing.next(shown.position, answer.next)?,
            snapshot: Some(shown.to_message()),
        }))
    }

    async fn get_cra(
        &self,
        request: Request<v1::GetCraRequest>,
    ) -> Result<Response<v1::GetCraResponse>, Status> {
        let read = |request: &mut v1::GetCraRequest, _: &Grant, faults: &mut Faults| {
            faults.one(check_cra_id(&request.cra_id))
        };
        let (admitted, cra_id) = self.admission.admit(request, &self.in_flight, read).await?;
        admitted.grant.begins_of(cra_id)?;
        let Ready { grant, snapshot, permit: _permit, .. } = self.admission.reach(admitted).await?;
        let shown = snapshot.to_message();
        let CraState { record, withdrawn } = queries::cra(cra_id, snapshot).await?;
        grant.shows(cra_id, record.cra.as_ref())?;
        grant.trail.add_rows(1);
        Ok(Response::new(v1::GetCraResponse { record: Some(record), withdrawn, snapshot: Some(shown) }))
    }

    async fn follow_cras(
        &self,
        request: Request<v1::FollowCrasRequest>,
    ) -> Result<Response<BoxStream<v1::FollowCrasResponse>>, Status> {
        let read = |request: &mut v1::FollowCrasRequest, _: &Grant, _: &mut Faults| {
            // Without a position there is nothing to compare.
            let claim = (request.after_position > 0 && !request.log.is_empty()).then(|| request.log.clone());
            Some((Position(request.after_position), claim, request.stop_at_head))
        };
        let (admitted, (after, claim, stop_at_head)) =
            self.admission.admit(request, &self.streams, read).await?;
        let Head { identity, position: head, predecessors, .. } = self.admission.log_head.now().await?;
        let claim = claim.as_deref().map(Claim::parse).transpose()?;
        if let Some(claim) = claim.as_ref().filter(|claim| !claim.is_of(&identity.0)) {
            return Err(claim.of_another_log(&predecessors).into());
        }
        if after > head {
            return Err(QueryError::PastTheHead { field: "after_position", head: head.0 }.into());
        }
        let end = stop_at_head.then_some(head);
        let question = Follow { selection: admitted.selection, after, claim, end };
        let answers =
            queries::follow(question, Arc::clone(&self.admission.generations), self.shutdown.clone());
        let trail = admitted.grant.trail;
        Ok(Response::new(streamed(answers, admitted.permit, move |answer: &v1::FollowCrasResponse| {
            trail.add_rows(usize::from(shows_a_cra(answer)));
        })))
    }

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Chunks>, Status> {
        let read = |request: &mut v1::ExportRequest, _: &Grant, faults: &mut Faults| {
            faults.all(queries::check_export(request))
        };
        let (admitted, kind) = self.admission.admit(request, &self.exports, read).await?;
        let Ready { grant, selection, snapshot, permit } = self.admission.reach(admitted).await?;
        let wanted = ExportSpec::new(kind, selection);
        let folder = self.admission.generations.data();
        let limits = export::Limits { bytes_max: self.export_bytes_max, permit };
        export::answer(wanted, snapshot, folder, limits, grant.trail).await
    }
}

fn shows_a_cra(answer: &v1::FollowCrasResponse) -> bool {
    use v1::follow_cras_response::Change;
    matches!(answer.change, Some(Change::Upsert(_) | Change::Removal(_)))
}
