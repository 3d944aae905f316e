//! Queries that base cells cannot answer are refused: these once revealed exact counts behind rounded ones.

use cra_contracts::v1 as pb;
use cra_runtime::rejection::reason_of;
use tonic::{Code, Status};

use super::cells::selection;
use super::publishing::{Publishing, ask, publicly};
use crate::harness::{Statistics, carrying};

fn assert_refused(refused: &Status, what: &str) {
    assert_eq!(refused.code(), Code::PermissionDenied, "{what}: {refused}");
    assert_eq!(reason_of(refused).as_deref(), Some("SCOPE_MISSING"), "{what}");
    assert!(refused.message().contains("whole published months"), "{what}: {refused}");
}

async fn publishing() -> Publishing {
    let mut publishing = Publishing::start("2026-02-27T12:00:00Z").await;
    publishing.publish("2026-03-16T01:00:00Z", "2026-03-16T00:00:00Z").await;
    publishing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_of_anything_but_regions_departments_and_whole_published_months_is_refused() {
    let mut publishing = publishing().await;
    let token = publishing.token();
    let days =
        |from: &str, to: &str| pb::Selection { from: from.into(), to: to.into(), ..Default::default() };
    let text = || vec!["1".to_owned()];
    let everything = pb::Selection::default;
    let refused = [
        pb::Selection { epci_codes: vec!["200054781".into()], ..everything() },
        pb::Selection { commune_codes: vec!["75101".into()], ..everything() },
        pb::Selection { postal_codes: vec!["75001".into()], ..everything() },
        pb::Selection { structure_ids: text(), ..everything() },
        pb::Selection { advisor_ids: text(), ..everything() },
        pb::Selection { venue_ids: text(), ..everything() },
        pb::Selection { channels: vec![1], ..everything() },
        pb::Selection { activities: vec![1], ..everything() },
        pb::Selection { themes: vec![1], ..everything() },
        pb::Selection { sub_themes: vec![1], ..everything() },
        pb::Selection { durations: vec![1], ..everything() },
        pb::Selection { ages: vec![1], ..everything() },
        pb::Selection { statuses: vec![1], ..everything() },
        days("2026-01-02", "2026-01-31"),
        days("2026-01-01", "2026-01-30"),
        days("2026-03-01", "2026-03-31"),
        days("2026-01-01", "2026-12-31"),
        days("2019-12-01", "2026-01-31"),
        days("2026-03-01", ""),
        days("", "2019-12-31"),
    ];
    for selection in refused {
        let refused = ask(&mut publishing.statistics, &token, selection.clone()).await.unwrap_err();
        assert_refused(&refused, &format!("{selection:?}"));
    }
    for selection in
        [days("2026-02-30", ""), days("2026-02-01", "2026-01-31"), selection(&["999"], "2026-01", "2026-01")]
    {
        let refused = ask(&mut publishing.statistics, &token, selection.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{selection:?}");
    }
    for selection in
        [everything(), days("2020-01-01", ""), days("", "2026-02-28"), days("2026-02-01", "2026-02-28")]
    {
        assert!(ask(&mut publishing.statistics, &token, selection.clone()).await.is_ok(), "{selection:?}");
    }
    publishing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_pages_orders_dimensions_steps_cross_tables_and_streams_are_refused() {
    let mut publishing = publishing().await;
    let consistencies = [
        pb::Consistency { min_position: 1, ..Default::default() },
        pb::Consistency { as_of_position: 1, ..Default::default() },
        pb::Consistency { as_of_time: Some(prost_types::Timestamp::default()), ..Default::default() },
    ];
    for consistency in consistencies {
        let request = pb::GetStatisticsRequest { consistency: Some(consistency), ..Default::default() };
        let request = publicly(&publishing, request);
        assert_refused(&publishing.statistics.get_statistics(request).await.unwrap_err(), "a position");
    }
    let by = |dimension: pb::Dimension| pb::ListBreakdownRequest {
        dimension: dimension.into(),
        ..Default::default()
    };
    let mut refused: Vec<_> = (3..=17).map(|number| by(pb::Dimension::try_from(number).unwrap())).collect();
    for order_by in ["estimated_minutes", "-last_date", "last_recorded_at"] {
        refused.push(pb::ListBreakdownRequest { order_by: order_by.into(), ..by(pb::Dimension::Department) });
    }
    refused.push(pb::ListBreakdownRequest { page_token: "AAAA".into(), ..by(pb::Dimension::Region) });
    for request in refused {
        let what = format!("{request:?}");
        let request = publicly(&publishing, request);
        assert_refused(&publishing.statistics.list_breakdown(request).await.unwrap_err(), &what);
    }
    for granularity in [pb::Granularity::Day, pb::Granularity::Week] {
        let request = pb::GetTimeSeriesRequest {
            selection: Some(selection(&[], "2026-01", "2026-02")),
            granularity: granularity.into(),
            consistency: None,
        };
        let request = publicly(&publishing, request);
        assert_refused(&publishing.statistics.get_time_series(request).await.unwrap_err(), "days");
    }
    let crossed = pb::GetCrossTableRequest {
        rows: pb::Dimension::Department.into(),
        columns: pb::Dimension::Month.into(),
        ..Default::default()
    };
    let crossed = publicly(&publishing, crossed);
    assert_refused(&publishing.statistics.get_cross_table(crossed).await.unwrap_err(), "a cross table");
    let token = publishing.token();
    assert_nothing_else_is_let_in(&mut publishing.statistics, &token).await;
    publishing.stop().await;
}

async fn assert_nothing_else_is_let_in(statistics: &mut Statistics, token: &str) {
    let ended = [
        statistics.watch_statistics(carrying(token, pb::WatchStatisticsRequest::default())).await.map(drop),
        statistics.list_cras(carrying(token, pb::ListCrasRequest::default())).await.map(drop),
        statistics.get_cra(carrying(token, pb::GetCraRequest::default())).await.map(drop),
        statistics
            .list_likely_doubles(carrying(token, pb::ListLikelyDoublesRequest::default()))
            .await
            .map(drop),
        statistics.follow_cras(carrying(token, pb::FollowCrasRequest::default())).await.map(drop),
        statistics.export(carrying(token, pb::ExportRequest::default())).await.map(drop),
    ];
    for ended in ended {
        assert_eq!(ended.unwrap_err().code(), Code::PermissionDenied);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_public_rows_is_the_only_one_and_says_how_many_rows_there_are() {
    let mut publishing = publishing().await;
    let request = pb::ListBreakdownRequest {
        dimension: pb::Dimension::Department.into(),
        include_empty: true,
        page_size: 3,
        ..Default::default()
    };
    let request = publicly(&publishing, request);
    let answer = publishing.statistics.list_breakdown(request).await.unwrap().into_inner();
    assert_eq!((answer.rows.len(), answer.next_page_token.as_str()), (3, ""));
    assert!(answer.total_rows > 100, "{}", answer.total_rows);
    publishing.stop().await;
}
