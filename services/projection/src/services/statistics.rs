//! `StatisticsService`.

use std::num::NonZeroU64;
use std::sync::Arc;

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService;
use cra_domain::cra::check_cra_id;
use cra_eventlog::{EventLog, Position};
use cra_runtime::clock::Clock;
use cra_runtime::deadline::deadline;
use cra_runtime::identity::Callers;
use cra_runtime::in_flight::InFlight;
use cra_runtime::shutdown::Shutdown;
use tokio::time::Instant;
use tonic::codegen::BoxStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::export::{self, Chunks};
use super::faults::Faults;
use super::grant::Grant;
use super::listing::{Asker, Listing};
use super::stream::streamed;
use crate::generations::Generations;
use crate::queries::page::Signer;
use crate::queries::{
    self, Breakdown, Consistency, CrossTable, Follow, QueryError, Snapshot, Standing, Watch,
};
use crate::views::periods::Periods;
use crate::views::small_counts::{self, Base};

/// The service.
pub struct Statistics {
    /// Where the facts are.
    pub generations: Arc<Generations>,
    /// Where the log ends.
    pub log: Arc<dyn EventLog>,
    /// Says what is in the future.
    pub clock: Arc<dyn Clock>,
    /// Bounds the queries at work.
    pub in_flight: InFlight,
    /// Bounds the files being written.
    pub exports: InFlight,
    /// Largest file.
    pub export_bytes_max: NonZeroU64,
    /// Bounds the streams that are open.
    pub streams: InFlight,
    /// Who asks.
    pub callers: Callers,
    /// Signs the tokens of pages.
    pub signer: Signer,
    /// What public figures are rounded to.
    pub small_count_base: Base,
    /// Ends the streams that would go on for ever.
    pub shutdown: Shutdown,
}

impl Statistics {
    /// What is granted to whoever sent a request.
    fn grant<T>(&self, request: &Request<T>) -> Result<Grant, Status> {
        self.callers.of(request).map(Grant)
    }

    fn asker<'a>(&'a self, grant: &'a Grant) -> Asker<'a> {
        Asker { grant, signer: &self.signer, now: self.clock.now() }
    }

    /// Reads what a request asks of the position.
    fn consistency(&self, asked: Option<&v1::Consistency>, faults: &mut Faults) -> Option<Consistency> {
        faults.one(Consistency::parse(asked, self.clock.now()))
    }

    /// Reads a selection for its faults; the query reads it again at its snapshot.
    fn selection(&self, selection: Option<v1::Selection>, faults: &mut Faults) -> Option<v1::Selection> {
        let selection = selection.unwrap_or_default();
        faults.all(queries::check_selection(&selection, &self.generations.serving()))?;
        Some(selection)
    }

    /// Waits for what a reader asks of the position, as long as the caller does.
    async fn reach(&self, consistency: Consistency, metadata: &MetadataMap) -> Result<Snapshot, Status> {
        let until = queries::wait_until(Instant::now(), deadline(metadata));
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
        let grant = self.grant(&request)?;
        let (metadata, _, request) = request.into_parts();
        grant.counts_past(request.consistency.as_ref())?;
        let mut faults = Faults::default();
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let selection = self.selection(request.selection, &mut faults);
        let Some((consistency, selection)) = consistency.zip(selection) else {
            return Err(faults.told());
        };
        grant.counts(&selection, &[])?;
        let snapshot = self.reach(consistency, &metadata).await?;
        let shown = snapshot.to_message();
        let mut statistics = queries::statistics(selection, snapshot).await?;
        if let Some(base) = grant.rounds_to(self.small_count_base) {
            statistics = small_counts::statistics(&statistics, base);
        }
        let answer = v1::GetStatisticsResponse { statistics: Some(statistics), snapshot: Some(shown) };
        Ok(Response::new(answer))
    }

    async fn get_time_series(
        &self,
        request: Request<v1::GetTimeSeriesRequest>,
    ) -> Result<Response<v1::GetTimeSeriesResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, request) = request.into_parts();
        grant.counts_past(request.consistency.as_ref())?;
        let mut faults = Faults::default();
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let periods = request.selection.clone().unwrap_or_default();
        let periods = faults.all(Periods::parse(&periods, request.granularity));
        let selection = self.selection(request.selection, &mut faults);
        let Some(((consistency, periods), selection)) = consistency.zip(periods).zip(selection) else {
            return Err(faults.told());
        };
        grant.counts(&selection, &[])?;
        let snapshot = self.reach(consistency, &metadata).await?;
        let shown = snapshot.to_message();
        let mut points = queries::time_series(selection, periods, snapshot).await?;
        if let Some(base) = grant.rounds_to(self.small_count_base) {
            points = small_counts::series(points, base);
        }
        Ok(Response::new(v1::GetTimeSeriesResponse { points, snapshot: Some(shown) }))
    }

    async fn list_breakdown(
        &self,
        request: Request<v1::ListBreakdownRequest>,
    ) -> Result<Response<v1::ListBreakdownResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, mut request) = request.into_parts();
        grant.counts_past(request.consistency.as_ref())?;
        let mut faults = Faults::default();
        let (listing, page) =
            Listing::read(&mut request, &self.generations, &self.asker(&grant), &mut faults);
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let question =
            faults.all(Breakdown::parse(request.dimension, &request.order_by, request.include_empty));
        let selection = self.selection(request.selection, &mut faults);
        let asked = page.zip(consistency).zip(question).zip(selection);
        let Some((((page, consistency), question), selection)) = asked else {
            return Err(faults.told());
        };
        grant.counts(&selection, &[request.dimension])?;
        grant.counts_on(&page)?;
        let snapshot = self.reach(page.consistency(consistency), &metadata).await?;
        let shown = snapshot.clone();
        let first = page.cursor().unwrap_or_default();
        let answer = queries::breakdown(selection, question, first, page.rows(), snapshot).await?;
        let (rows, total_rows) = match grant.rounds_to(self.small_count_base) {
            // How many rows there are would tell of those that are not listed.
            Some(base) => (small_counts::rows(answer.rows, base), 0),
            None => (answer.rows, answer.total_rows as u64),
        };
        Ok(Response::new(v1::ListBreakdownResponse {
            rows,
            next_page_token: listing.next(shown.position, answer.next)?,
            total_rows,
            snapshot: Some(shown.to_message()),
        }))
    }

    async fn get_cross_table(
        &self,
        request: Request<v1::GetCrossTableRequest>,
    ) -> Result<Response<v1::GetCrossTableResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, request) = request.into_parts();
        grant.counts_past(request.consistency.as_ref())?;
        let mut faults = Faults::default();
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let question = faults.all(CrossTable::parse(&request));
        let measure = request.measure();
        let selection = self.selection(request.selection, &mut faults);
        let Some(((consistency, question), selection)) = consistency.zip(question).zip(selection) else {
            return Err(faults.told());
        };
        grant.counts(&selection, &[request.rows, request.columns])?;
        let snapshot = self.reach(consistency, &metadata).await?;
        let shown = snapshot.to_message();
        let crossed = queries::cross_table(selection, question, snapshot).await?;
        let exact = v1::GetCrossTableResponse {
            columns: crossed.columns,
            column_labels: crossed.column_labels,
            rows: crossed.rows,
            snapshot: Some(shown),
            ..v1::GetCrossTableResponse::default()
        };
        Ok(Response::new(match grant.rounds_to(self.small_count_base) {
            Some(base) => small_counts::cross_table(exact, measure, base),
            None => exact,
        }))
    }

    async fn watch_statistics(
        &self,
        request: Request<v1::WatchStatisticsRequest>,
    ) -> Result<Response<BoxStream<v1::WatchStatisticsResponse>>, Status> {
        let permit = self.streams.try_enter()?;
        let grant = self.grant(&request)?;
        let v1::WatchStatisticsRequest { selection, min_interval_ms } = request.into_inner();
        let mut faults = Faults::default();
        let interval = faults.one(queries::watch_interval(min_interval_ms));
        let selection = self.selection(selection, &mut faults);
        let Some((interval, selection)) = interval.zip(selection) else {
            return Err(faults.told());
        };
        grant.counts(&selection, &[])?;
        let question = Watch { selection, interval };
        let answers = queries::watch(question, Arc::clone(&self.generations), self.shutdown.clone());
        Ok(Response::new(streamed(answers, permit)))
    }

    async fn list_cras(
        &self,
        request: Request<v1::ListCrasRequest>,
    ) -> Result<Response<v1::ListCrasResponse>, Status> {
        let _permit = self.in_flight.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, mut request) = request.into_parts();
        let mut faults = Faults::default();
        let (listing, page) =
            Listing::read(&mut request, &self.generations, &self.asker(&grant), &mut faults);
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let selection = self.selection(request.selection, &mut faults);
        let Some(((page, consistency), selection)) = page.zip(consistency).zip(selection) else {
            return Err(faults.told());
        };
        grant.reads("ListCras", &selection)?;
        let snapshot = self.reach(page.consistency(consistency), &metadata).await?;
        let shown = snapshot.clone();
        let answer = queries::list(selection, page.cursor(), page.rows(), snapshot).await?;
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
        let _permit = self.in_flight.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, mut request) = request.into_parts();
        let mut faults = Faults::default();
        let (listing, page) =
            Listing::read(&mut request, &self.generations, &self.asker(&grant), &mut faults);
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let selection = self.selection(request.selection, &mut faults);
        let Some(((page, consistency), selection)) = page.zip(consistency).zip(selection) else {
            return Err(faults.told());
        };
        grant.reads("ListLikelyDoubles", &selection)?;
        let snapshot = self.reach(page.consistency(consistency), &metadata).await?;
        let shown = snapshot.clone();
        let answer = queries::doubles(selection, page.cursor(), page.rows(), snapshot).await?;
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
        let _permit = self.in_flight.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, request) = request.into_parts();
        grant.counts_past(request.consistency.as_ref())?;
        let mut faults = Faults::default();
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let cra_id = faults.one(check_cra_id(&request.cra_id));
        let Some((consistency, cra_id)) = consistency.zip(cra_id) else {
            return Err(faults.told());
        };
        let snapshot = self.reach(consistency, &metadata).await?;
        let shown = snapshot.to_message();
        let Standing { record, withdrawn } = queries::cra(cra_id, snapshot).await?;
        grant.shows("GetCra", cra_id, record.cra.as_ref())?;
        Ok(Response::new(v1::GetCraResponse { record: Some(record), withdrawn, snapshot: Some(shown) }))
    }

    async fn follow_cras(
        &self,
        request: Request<v1::FollowCrasRequest>,
    ) -> Result<Response<BoxStream<v1::FollowCrasResponse>>, Status> {
        let permit = self.streams.try_enter()?;
        let grant = self.grant(&request)?;
        let v1::FollowCrasRequest { selection, after_position, stop_at_head } = request.into_inner();
        let mut faults = Faults::default();
        let Some(selection) = self.selection(selection, &mut faults) else {
            return Err(faults.told());
        };
        grant.reads("FollowCras", &selection)?;
        let (after, head) = (Position(after_position), queries::head(&*self.log).await?);
        if after > head {
            return Err(QueryError::PastTheHead { field: "after_position", head: head.0 }.into());
        }
        let question = Follow { selection, after, end: stop_at_head.then_some(head) };
        let answers = queries::follow(question, Arc::clone(&self.generations), self.shutdown.clone());
        Ok(Response::new(streamed(answers, permit)))
    }

    async fn export(&self, request: Request<v1::ExportRequest>) -> Result<Response<Chunks>, Status> {
        let permit = self.exports.try_enter()?;
        let grant = self.grant(&request)?;
        let (metadata, _, request) = request.into_parts();
        grant.counts_past(request.consistency.as_ref())?;
        let mut faults = Faults::default();
        let consistency = self.consistency(request.consistency.as_ref(), &mut faults);
        let wanted = faults.all(queries::check_export(&request, &self.generations.serving()));
        let Some((consistency, wanted)) = consistency.zip(wanted) else {
            return Err(faults.told());
        };
        grant.exports(wanted.content(), request.selection.as_ref().unwrap_or(&v1::Selection::default()))?;
        let snapshot = self.reach(consistency, &metadata).await?;
        let folder = self.generations.data();
        export::answer(wanted, snapshot, folder, self.export_bytes_max, permit).await
    }
}
