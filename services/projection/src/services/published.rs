//! Public queries: answered from the last publication, whatever the caller's perimeter.

use cra_contracts::v1;
use cra_runtime::conditional::Conditional;
use prost::{Message, Name};
use tonic::{Request, Status};

use super::Statistics;
use super::grant::Grant;
use crate::publications::{PublicBreakdown, PublicQuestion, PublicSeries, Publication};

impl Statistics {
    /// The answer to a caller of public figures; `None` for a caller with exact ones.
    pub(super) fn published<Q: Message + Name, A>(
        &self,
        request: &Request<Q>,
        answer: impl FnOnce(&Publication, &Q) -> Result<A, Status>,
    ) -> Result<Option<A>, Status> {
        let grant = Grant::of(self.admission.callers, request)?;
        if !grant.is_public() {
            return Ok(None);
        }
        let _permit = self.in_flight.try_acquire(&grant.caller)?;
        let (publication, question) = (self.publications.last()?, request.get_ref());
        let made = answer(&publication, question)?;
        let conditional = Conditional::of(request);
        if conditional.is_by_get() {
            // Equal names are equal figures.
            let name = publication.name().as_bytes();
            conditional.check_not_modified(&[name, Q::NAME.as_bytes(), &question.encode_to_vec()])?;
        }
        Ok(Some(made))
    }
}

/// The public figures of whole departments and months.
pub(super) fn statistics(
    publication: &Publication,
    request: &v1::GetStatisticsRequest,
) -> Result<v1::GetStatisticsResponse, Status> {
    let v1::GetStatisticsRequest { selection, consistency } = request;
    let question = PublicQuestion::parse(selection.as_ref(), consistency.as_ref(), publication.last_month())?;
    Ok(v1::GetStatisticsResponse {
        statistics: Some(publication.statistics(&question)),
        snapshot: Some(publication.snapshot()),
    })
}

/// Like [`statistics`], by month, quarter or year.
pub(super) fn series(
    publication: &Publication,
    request: &v1::GetTimeSeriesRequest,
) -> Result<v1::GetTimeSeriesResponse, Status> {
    let series = PublicSeries::parse(request, publication.last_month())?;
    Ok(v1::GetTimeSeriesResponse {
        points: publication.series(&series),
        snapshot: Some(publication.snapshot()),
    })
}

/// Like [`statistics`], by region or department: in one page with the requested number of rows.
pub(super) fn breakdown(
    publication: &Publication,
    request: &v1::ListBreakdownRequest,
) -> Result<v1::ListBreakdownResponse, Status> {
    let breakdown = PublicBreakdown::parse(request, publication.last_month())?;
    let mut rows = publication.breakdown(&breakdown);
    let total_rows = rows.len() as u64;
    rows.truncate(breakdown.rows_max);
    Ok(v1::ListBreakdownResponse {
        rows,
        next_page_token: String::new(),
        total_rows,
        snapshot: Some(publication.snapshot()),
    })
}
