//! One request of each kind, valid except for the given selection or consistency.

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use tonic::{Request, Status};

use crate::harness::InProcess;
use crate::harness::events::id;

/// Only whether a request was answered: the answers themselves do not matter here.
pub(super) type Outcome = Result<(), Status>;

/// Sets a period that can be divided into months, if the selection has no days.
fn of_some_days(selection: v1::Selection) -> v1::Selection {
    let or = |day: String, default: &str| if day.is_empty() { default.to_owned() } else { day };
    v1::Selection {
        from: or(selection.from.clone(), "2024-01-01"),
        to: or(selection.to.clone(), "2024-12-31"),
        ..selection
    }
}

pub(super) fn series(selection: v1::Selection) -> v1::GetTimeSeriesRequest {
    let granularity = v1::Granularity::Month.into();
    v1::GetTimeSeriesRequest { selection: Some(selection), granularity, consistency: None }
}

pub(super) fn breakdown(selection: v1::Selection) -> v1::ListBreakdownRequest {
    v1::ListBreakdownRequest {
        selection: Some(selection),
        dimension: v1::Dimension::Advisor.into(),
        ..v1::ListBreakdownRequest::default()
    }
}

pub(super) fn cross_table(rows: v1::Dimension, columns: v1::Dimension) -> v1::GetCrossTableRequest {
    v1::GetCrossTableRequest {
        rows: rows.into(),
        columns: columns.into(),
        measure: v1::Measure::Cras.into(),
        ..v1::GetCrossTableRequest::default()
    }
}

pub(super) fn export() -> v1::ExportRequest {
    v1::ExportRequest {
        content: v1::ExportContent::Cras.into(),
        format: v1::ExportFormat::Csv.into(),
        ..v1::ExportRequest::default()
    }
}

/// Every query about a selection as of a position, with the name of its method.
pub(super) async fn as_it_stood(
    process: &InProcess,
    selection: &v1::Selection,
    consistency: Option<v1::Consistency>,
) -> Vec<(&'static str, Outcome)> {
    let (service, selected) = (&process.service, Some(selection.clone()));
    let statistics =
        v1::GetStatisticsRequest { selection: selected.clone(), consistency: consistency.clone() };
    let series = v1::GetTimeSeriesRequest {
        consistency: consistency.clone(),
        ..series(of_some_days(selection.clone()))
    };
    let breakdown =
        v1::ListBreakdownRequest { consistency: consistency.clone(), ..breakdown(selection.clone()) };
    let dimensions = cross_table(v1::Dimension::Theme, v1::Dimension::Month);
    let cross_table = v1::GetCrossTableRequest {
        selection: selected.clone(),
        consistency: consistency.clone(),
        ..dimensions
    };
    let cras = v1::ListCrasRequest {
        selection: selected.clone(),
        consistency: consistency.clone(),
        ..v1::ListCrasRequest::default()
    };
    let doubles = v1::ListLikelyDoublesRequest {
        selection: selected.clone(),
        consistency: consistency.clone(),
        ..Default::default()
    };
    let export = v1::ExportRequest { selection: selected, consistency: consistency.clone(), ..export() };
    vec![
        ("GetStatistics", service.get_statistics(Request::new(statistics)).await.map(drop)),
        ("GetTimeSeries", service.get_time_series(Request::new(series)).await.map(drop)),
        ("ListBreakdown", service.list_breakdown(Request::new(breakdown)).await.map(drop)),
        ("GetCrossTable", service.get_cross_table(Request::new(cross_table)).await.map(drop)),
        ("ListCras", service.list_cras(Request::new(cras)).await.map(drop)),
        ("ListLikelyDoubles", service.list_likely_doubles(Request::new(doubles)).await.map(drop)),
        ("Export", service.export(Request::new(export)).await.map(drop)),
    ]
}

/// Every query about a selection, including streams.
pub(super) async fn each(process: &InProcess, selection: &v1::Selection) -> Vec<(&'static str, Outcome)> {
    let mut outcomes = as_it_stood(process, selection, None).await;
    let selection = Some(selection.clone());
    let watch = v1::WatchStatisticsRequest { selection: selection.clone(), ..Default::default() };
    outcomes.push(("WatchStatistics", process.service.watch_statistics(Request::new(watch)).await.map(drop)));
    let follow = v1::FollowCrasRequest { selection, stop_at_head: true, ..Default::default() };
    outcomes.push(("FollowCras", process.service.follow_cras(Request::new(follow)).await.map(drop)));
    outcomes
}

/// The query for the first CRA.
pub(super) async fn cra(process: &InProcess, consistency: Option<v1::Consistency>) -> Outcome {
    let request = v1::GetCraRequest { cra_id: id(1), consistency };
    process.service.get_cra(Request::new(request)).await.map(drop)
}
