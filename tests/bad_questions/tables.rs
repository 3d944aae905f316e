//! Unknown dimensions, measures, orders, periods and intervals, and tables above the limit.

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use cra_contracts::v1::{Dimension, Measure};
use cra_domain::event::timestamp_message;
use tonic::Request;

use super::{assert_invalid, requests, some_cras};
use crate::harness::events::submitted;
use crate::harness::{InProcess, workshop};

/// Numbers after the last dimension of the enum, and before the first.
const NO_DIMENSIONS: [i32; 4] = [18, -1, i32::MAX, i32::MIN];

async fn crossed(process: &InProcess, request: v1::GetCrossTableRequest, expected: &[(&str, &str)]) {
    let refused = process.service.get_cross_table(Request::new(request.clone())).await;
    let refused = refused.map(drop).expect_err(&format!("{request:?}"));
    assert_invalid(&format!("{request:?}"), &refused, expected);
}

async fn broken_down(process: &InProcess, request: v1::ListBreakdownRequest, expected: &[(&str, &str)]) {
    let refused = process.service.list_breakdown(Request::new(request.clone())).await;
    let refused = refused.map(drop).expect_err(&format!("{request:?}"));
    assert_invalid(&format!("{request:?}"), &refused, expected);
}

async fn cut(process: &InProcess, request: v1::GetTimeSeriesRequest, expected: &[(&str, &str)]) {
    let refused = process.service.get_time_series(Request::new(request.clone())).await;
    let refused = refused.map(drop).expect_err(&format!("{request:?}"));
    assert_invalid(&format!("{request:?}"), &refused, expected);
}

#[tokio::test]
async fn ages_and_statuses_are_not_crossed_and_only_count_people() {
    let (process, people) = (some_cras(), [Dimension::Age, Dimension::Status]);
    for rows in people {
        for columns in people {
            let expected = [("columns", "DIMENSIONS_NOT_CROSSED")];
            crossed(&process, requests::cross_table(rows, columns), &expected).await;
        }
        for measure in [Measure::People, Measure::EstimatedMinutes].map(i32::from) {
            let expected = [("measure", "MEASURE_NOT_DIVIDED")];
            let as_rows = requests::cross_table(rows, Dimension::Region);
            crossed(&process, v1::GetCrossTableRequest { measure, ..as_rows }, &expected).await;
            let as_columns = requests::cross_table(Dimension::Theme, rows);
            crossed(&process, v1::GetCrossTableRequest { measure, ..as_columns }, &expected).await;
        }
    }
}

#[tokio::test]
async fn dimensions_and_measures_are_mandatory_and_known() {
    let process = some_cras();
    let nothing = v1::GetCrossTableRequest::default();
    let required = [("rows", "REQUIRED"), ("columns", "REQUIRED"), ("measure", "REQUIRED")];
    crossed(&process, nothing, &required).await;
    let required = [("dimension", "REQUIRED")];
    broken_down(&process, v1::ListBreakdownRequest::default(), &required).await;
    for number in NO_DIMENSIONS {
        let unknown =
            v1::GetCrossTableRequest { rows: number, columns: number, measure: number, ..Default::default() };
        let expected = ["rows", "columns", "measure"].map(|field| (field, "UNKNOWN_VALUE"));
        crossed(&process, unknown, &expected).await;
        let unknown = v1::ListBreakdownRequest { dimension: number, ..Default::default() };
        broken_down(&process, unknown, &[("dimension", "UNKNOWN_VALUE")]).await;
    }
}

#[tokio::test]
async fn a_table_has_at_most_two_hundred_thousand_cells() {
    const ADVISORS: u128 = 500;
    const STRUCTURES: u128 = 400;
    let cra = |advisor: u128, structure: u128| v1::Cra {
        advisor_id: format!("conseiller-{advisor}"),
        structure_id: format!("structure-{structure}"),
        ..workshop(2)
    };
    let events: Vec<_> = (1..=ADVISORS).map(|n| submitted(n, 5, cra(n, n % STRUCTURES))).collect();
    let process = InProcess::of(&events);
    let request = requests::cross_table(Dimension::Advisor, Dimension::Structure);
    let table = process.service.get_cross_table(Request::new(request.clone())).await.unwrap().into_inner();
    assert_eq!((table.rows.len(), table.columns.len()), (500, 400));
    process.apply(&[submitted(ADVISORS + 1, 6, cra(1, STRUCTURES))], &[1]);
    crossed(&process, request, &[("columns", "TOO_MANY_CELLS")]).await;
}

#[tokio::test]
async fn an_order_is_one_of_the_known_orders() {
    let process = some_cras();
    for order_by in ["-", "--cras", "+cras", "CRAS", "cras ", " cras", "cras,name", "share", "é", "cras\0"] {
        let request = v1::ListBreakdownRequest {
            order_by: order_by.into(),
            ..requests::breakdown(v1::Selection::default())
        };
        broken_down(&process, request, &[("order_by", "ORDER_UNKNOWN")]).await;
    }
}

#[tokio::test]
async fn a_series_has_both_days_a_granularity_and_at_most_a_thousand_periods() {
    let process = some_cras();
    let days = |from: &str, to: &str| {
        requests::series(v1::Selection { from: from.into(), to: to.into(), ..v1::Selection::default() })
    };
    let required =
        [("selection.from", "REQUIRED"), ("selection.to", "REQUIRED"), ("granularity", "REQUIRED")];
    cut(&process, v1::GetTimeSeriesRequest::default(), &required).await;
    cut(&process, days("", ""), &required[..2]).await;
    cut(&process, days("2024-01-01", ""), &required[1..2]).await;
    cut(&process, days("", "2024-01-01"), &required[..1]).await;
    for granularity in [6, -1, i32::MAX] {
        let request = v1::GetTimeSeriesRequest { granularity, ..days("2024-01-01", "2024-02-01") };
        cut(&process, request, &[("granularity", "UNKNOWN_VALUE")]).await;
    }
    let daily =
        |from, to| v1::GetTimeSeriesRequest { granularity: v1::Granularity::Day.into(), ..days(from, to) };
    let largest = process.service.get_time_series(Request::new(daily("2022-01-01", "2024-09-26"))).await;
    assert_eq!(largest.unwrap().into_inner().points.len(), 1_000);
    let too_many = [("granularity", "TOO_MANY_PERIODS")];
    cut(&process, daily("2022-01-01", "2024-09-27"), &too_many).await;
    cut(&process, daily("0001-01-01", "9999-12-31"), &too_many).await;
    cut(&process, days("0001-01-01", "9999-12-31"), &too_many).await;
}

#[tokio::test]
async fn figures_are_watched_at_most_ten_times_a_second() {
    let process = some_cras();
    for min_interval_ms in [1, 99] {
        let request = v1::WatchStatisticsRequest { min_interval_ms, ..Default::default() };
        let refused = process.service.watch_statistics(Request::new(request)).await.map(drop).unwrap_err();
        assert_invalid("WatchStatistics", &refused, &[("min_interval_ms", "INTERVAL_TOO_SHORT")]);
    }
}

#[tokio::test]
async fn a_file_has_a_content_an_offered_format_and_a_dimension_only_for_a_breakdown() {
    use v1::ExportContent::{Breakdown, CraThemes, Cras, Statistics};
    use v1::ExportFormat::{Csv, Ndjson, Parquet};
    let process = some_cras();
    let ask = async |content: i32, format: i32, dimension: i32, expected: &[(&str, &str)]| {
        let request = v1::ExportRequest { content, format, dimension, ..v1::ExportRequest::default() };
        let refused = process.service.export(Request::new(request.clone())).await.map(drop).unwrap_err();
        assert_invalid(&format!("{request:?}"), &refused, expected);
    };
    ask(0, 0, 0, &[("content", "REQUIRED"), ("format", "REQUIRED")]).await;
    ask(77, 5, 0, &[("content", "UNKNOWN_VALUE"), ("format", "UNKNOWN_VALUE")]).await;
    for format in [Ndjson, Parquet].map(i32::from) {
        ask(Statistics.into(), format, 0, &[("format", "FORMAT_NOT_OFFERED")]).await;
        ask(Breakdown.into(), format, 1, &[("format", "FORMAT_NOT_OFFERED")]).await;
    }
    for content in [Statistics, Cras, CraThemes].map(i32::from) {
        ask(content, Csv.into(), 1, &[("dimension", "DIMENSION_NOT_ALLOWED")]).await;
    }
    ask(Breakdown.into(), Csv.into(), 0, &[("dimension", "REQUIRED")]).await;
    ask(Breakdown.into(), Csv.into(), 99, &[("dimension", "UNKNOWN_VALUE")]).await;
}

#[tokio::test]
async fn every_fault_of_a_query_is_reported_at_once() {
    let process = some_cras();
    let selection = Some(v1::Selection { channels: vec![77], ..v1::Selection::default() });
    let later = timestamp_message("2100-01-01T00:00:00Z".parse().unwrap());
    let consistency = Some(v1::Consistency { as_of_time: Some(later), ..v1::Consistency::default() });
    let of_both = [("selection.channels[0]", "UNKNOWN_VALUE"), ("consistency.as_of_time", "TIME_IN_FUTURE")];
    let with = |more: &[(&'static str, &'static str)]| [more, &of_both].concat();
    let request = v1::ListBreakdownRequest {
        selection: selection.clone(),
        dimension: 99,
        order_by: "share".into(),
        page_size: 5_000,
        page_token: "next".into(),
        consistency: consistency.clone(),
        include_empty: false,
    };
    let expected = with(&[
        ("dimension", "UNKNOWN_VALUE"),
        ("order_by", "ORDER_UNKNOWN"),
        ("page_size", "PAGE_SIZE_TOO_LARGE"),
        ("page_token", "PAGE_TOKEN_INVALID"),
    ]);
    broken_down(&process, request, &expected).await;
    let request = v1::GetCrossTableRequest {
        selection: selection.clone(),
        columns: Dimension::Theme.into(),
        measure: 99,
        consistency: consistency.clone(),
        ..v1::GetCrossTableRequest::default()
    };
    let expected = with(&[("rows", "REQUIRED"), ("measure", "UNKNOWN_VALUE")]);
    crossed(&process, request, &expected).await;
    let request = v1::GetTimeSeriesRequest { selection, granularity: 0, consistency };
    let days = [("selection.from", "REQUIRED"), ("selection.to", "REQUIRED"), ("granularity", "REQUIRED")];
    cut(&process, request, &with(&days)).await;
}
