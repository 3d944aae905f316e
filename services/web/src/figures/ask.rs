//! The queries of the statistics page: first the figures, then everything else at the position of the figures.

use cra_client::{Clients, within_deadline};
use cra_contracts::v1::{self, Dimension, Granularity};
use cra_domain::cra::parse_day;
use cra_domain::period::Period;
use jiff::civil::Date;
use tonic::Status;

use crate::address::{Address, Compare, View};
use crate::fault::Fault;
use crate::periods::{bounded, step};
use crate::services::answer;

/// Upper bound on the rows of a breakdown: more than there are departments.
const DEPARTMENTS_MAX: u32 = 200;
/// Number of attempts when the read models change between the queries of a page.
const TRIES_MAX: usize = 3;

/// Everything that the page shows, from one state of the log.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) statistics: v1::Statistics,
    pub(super) snapshot: v1::Snapshot,
    /// The period to compare with, and its figures.
    pub(super) former: Option<(Period, v1::Statistics)>,
    /// The length of the periods, and the figures of each.
    pub(super) series: (Granularity, Vec<v1::TimePoint>),
    pub(super) breakdown: (Dimension, v1::ListBreakdownResponse),
    /// The row of every department, for the map.
    pub(super) departments: Vec<v1::BreakdownRow>,
    /// `None` for callers who may only see public figures.
    pub(super) cross: Option<v1::GetCrossTableResponse>,
}

/// Queries everything at one position.
pub(super) async fn answers(clients: &Clients, address: &Address, today: Date) -> Result<Answers, Fault> {
    for _ in 0..TRIES_MAX {
        if let Some(answers) = Box::pin(try_once(clients, address, today)).await? {
            return Ok(answers);
        }
    }
    Err(Fault::Refused(Box::new(Status::unavailable(
        "the answers for one page show different states of the log",
    ))))
}

/// The period to compare with.
fn other_period(address: &Address) -> Option<Period> {
    let v1::Selection { from, to, .. } = &address.selection;
    let period = Period::between(parse_day(from)?, parse_day(to)?)?;
    Some(match address.view.compare? {
        Compare::Before => period.before(),
        Compare::YearEarlier => period.a_year_earlier(),
    })
}

/// `None` if the answers show different states of the log.
async fn try_once(clients: &Clients, address: &Address, today: Date) -> Result<Option<Answers>, Fault> {
    let Address { selection, at, view } = address;
    let mut statistics = clients.statistics();
    let request =
        v1::GetStatisticsRequest { selection: Some(selection.clone()), consistency: Some(at.consistency()) };
    let first = answer(statistics.get_statistics(within_deadline(request)).await)?;
    let snapshot = first.snapshot.unwrap_or_default();
    let is_public = snapshot.publication.is_some();
    let consistency = if snapshot.position == 0 || is_public {
        at.consistency()
    } else {
        let v1::Snapshot { position, log, .. } = snapshot.clone();
        // A replica that is behind waits for the position.
        v1::Consistency { min_position: position, as_of_position: position, as_of_time: None, log }
    };
    let queries = Queries { clients, selection, view, consistency, is_public };
    let bounded = bounded(selection, snapshot.publication.as_ref(), today);
    let step = step(view.step, &bounded, is_public);
    let by = match view.by {
        Dimension::Region => Dimension::Region,
        _ if is_public => Dimension::Department,
        by => by,
    };
    let is_whole = selection.from == bounded.from && selection.to == bounded.to;
    let (former, series, rows, departments, cross) = tokio::try_join!(
        queries.former(other_period(address)),
        queries.series(bounded, step),
        queries.breakdown(by, view.rows),
        queries.breakdown(Dimension::Department, DEPARTMENTS_MAX),
        queries.cross(),
    )?;
    let snapshots = [
        former.as_ref().and_then(|(_, answer)| answer.snapshot.as_ref()),
        series.snapshot.as_ref(),
        rows.snapshot.as_ref(),
        departments.snapshot.as_ref(),
        cross.as_ref().and_then(|answer| answer.snapshot.as_ref()),
    ];
    let shows_the_same = |other: &v1::Snapshot| {
        other.position == snapshot.position
            && other.log == snapshot.log
            && other.definitions == snapshot.definitions
            && other.publication == snapshot.publication
    };
    if !snapshots.into_iter().flatten().all(shows_the_same) {
        return Ok(None);
    }
    let points = if is_whole { series.points } else { without_empty_ends(series.points) };
    Ok(Some(Answers {
        statistics: first.statistics.unwrap_or_default(),
        snapshot,
        former: former.map(|(period, answer)| (period, answer.statistics.unwrap_or_default())),
        series: (step, points),
        breakdown: (by, rows),
        departments: departments.rows,
        cross,
    }))
}

/// Parameters that all queries of a page share.
struct Queries<'a> {
    clients: &'a Clients,
    selection: &'a v1::Selection,
    view: &'a View,
    consistency: v1::Consistency,
    is_public: bool,
}

impl Queries<'_> {
    async fn former(
        &self,
        period: Option<Period>,
    ) -> Result<Option<(Period, v1::GetStatisticsResponse)>, Fault> {
        let Some(period) = period else { return Ok(None) };
        let selection = v1::Selection {
            from: period.from().to_string(),
            to: period.to().to_string(),
            ..self.selection.clone()
        };
        let request = v1::GetStatisticsRequest {
            selection: Some(selection),
            consistency: Some(self.consistency.clone()),
        };
        let mut statistics = self.clients.statistics();
        Ok(Some((period, answer(statistics.get_statistics(within_deadline(request)).await)?)))
    }

    async fn series(
        &self,
        selection: v1::Selection,
        step: Granularity,
    ) -> Result<v1::GetTimeSeriesResponse, Fault> {
        let request = v1::GetTimeSeriesRequest {
            selection: Some(selection),
            granularity: step.into(),
            consistency: Some(self.consistency.clone()),
        };
        let mut statistics = self.clients.statistics();
        answer(statistics.get_time_series(within_deadline(request)).await)
    }

    async fn breakdown(&self, by: Dimension, rows: u32) -> Result<v1::ListBreakdownResponse, Fault> {
        let request = v1::ListBreakdownRequest {
            selection: Some(self.selection.clone()),
            dimension: by.into(),
            order_by: "-cras".to_owned(),
            page_size: rows,
            consistency: Some(self.consistency.clone()),
            ..Default::default()
        };
        let mut statistics = self.clients.statistics();
        answer(statistics.list_breakdown(within_deadline(request)).await)
    }

    /// The cross table; `None` if the dimensions cannot be crossed, or for public figures.
    async fn cross(&self) -> Result<Option<v1::GetCrossTableResponse>, Fault> {
        let View { cross_rows, cross_columns, measure, .. } = self.view;
        if self.is_public || !can_be_crossed(*cross_rows, *cross_columns) {
            return Ok(None);
        }
        let request = v1::GetCrossTableRequest {
            selection: Some(self.selection.clone()),
            rows: (*cross_rows).into(),
            columns: (*cross_columns).into(),
            measure: (*measure).into(),
            consistency: Some(self.consistency.clone()),
        };
        let mut statistics = self.clients.statistics();
        Ok(Some(answer(statistics.get_cross_table(within_deadline(request)).await)?))
    }
}

/// Whether two dimensions can be crossed. A CRA does not record the statuses of each age.
pub(super) fn can_be_crossed(rows: Dimension, columns: Dimension) -> bool {
    let counts_people = |it: Dimension| matches!(it, Dimension::Age | Dimension::Status);
    rows != columns && !(counts_people(rows) && counts_people(columns))
}

fn without_empty_ends(mut points: Vec<v1::TimePoint>) -> Vec<v1::TimePoint> {
    let counts = |point: &v1::TimePoint| point.statistics.as_ref().is_some_and(|it| it.cras > 0);
    let first = points.iter().position(counts).unwrap_or(points.len());
    let last = points.iter().rposition(counts).map_or(0, |last| last + 1);
    points.truncate(last);
    points.drain(..first.min(last));
    points
}
