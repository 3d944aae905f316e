//! Positions and times that cannot be answered, and CRAs that do not exist.

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use cra_domain::event::timestamp_message;
use cra_runtime::rejection::fact_of;
use tonic::{Code, Request};

use super::{CRAS, assert_invalid, assert_past_the_head, requests, some_cras};
use crate::harness::events::id;
use crate::harness::{InProcess, assert_refused};

const AS_OF_TIME: &str = "consistency.as_of_time";

async fn from_each(
    process: &InProcess,
    consistency: v1::Consistency,
) -> Vec<(&'static str, requests::Outcome)> {
    let mut outcomes =
        requests::as_it_stood(process, &v1::Selection::default(), Some(consistency.clone())).await;
    outcomes.push(("GetCra", requests::cra(process, Some(consistency)).await));
    outcomes
}

#[tokio::test]
async fn a_position_past_the_head_is_out_of_range_for_every_query() {
    let process = some_cras();
    for as_of_position in [u64::from(CRAS) + 1, u64::MAX] {
        let consistency = v1::Consistency { as_of_position, ..v1::Consistency::default() };
        for (method, outcome) in from_each(&process, consistency.clone()).await {
            assert_past_the_head(method, &outcome.unwrap_err(), "consistency.as_of_position");
        }
        let request = v1::FollowCrasRequest { after_position: as_of_position, ..Default::default() };
        let refused = process.service.follow_cras(Request::new(request)).await.map(drop).unwrap_err();
        assert_past_the_head("FollowCras", &refused, "after_position");
    }
}

#[tokio::test]
async fn a_future_time_a_malformed_time_and_two_bounds_at_once_are_refused() {
    let process = some_cras();
    let time = |instant: &str| v1::Consistency {
        as_of_time: Some(timestamp_message(instant.parse().unwrap())),
        ..v1::Consistency::default()
    };
    let past = time("2024-03-05T12:00:00Z");
    let no_time = |seconds, nanos| {
        let as_of_time = past.as_of_time.map(|mut time| {
            (time.seconds, time.nanos) = (seconds, nanos);
            time
        });
        v1::Consistency { as_of_time, ..v1::Consistency::default() }
    };
    let bad = [
        (time("2100-01-01T00:00:00Z"), "TIME_IN_FUTURE"),
        (v1::Consistency { as_of_position: 1, ..past }, "ONE_OF_TWO"),
        (no_time(1_700_000_000, -1), "DATE_INVALID"),
        (no_time(1_700_000_000, 1_000_000_000), "DATE_INVALID"),
        (no_time(i64::MAX, 0), "DATE_INVALID"),
        (no_time(i64::MIN, 0), "DATE_INVALID"),
    ];
    for (consistency, reason) in bad {
        for (method, outcome) in from_each(&process, consistency.clone()).await {
            let query = format!("{method} with {consistency:?}");
            assert_invalid(&query, &outcome.expect_err(&query), &[(AS_OF_TIME, reason)]);
        }
    }
}

#[tokio::test]
async fn a_position_that_the_log_does_not_have_is_refused_at_once() {
    let process = some_cras();
    let min_position = u64::from(CRAS) + 1;
    let consistency = Some(v1::Consistency { min_position, ..v1::Consistency::default() });
    let request = Request::new(v1::ListCrasRequest { consistency, ..v1::ListCrasRequest::default() });
    let refused = process.service.list_cras(request).await.unwrap_err();
    assert_refused(&refused, Code::OutOfRange, "PAST_THE_HEAD");
    assert_eq!(fact_of(&refused, "field").as_deref(), Some("consistency.min_position"));
}

#[tokio::test]
async fn a_cra_is_found_only_by_its_id() {
    let process = some_cras();
    let ask = async |cra_id: String| {
        let request = v1::GetCraRequest { cra_id, consistency: None };
        process.service.get_cra(Request::new(request)).await
    };
    assert!(ask(id(1)).await.is_ok());
    let near = [format!("{} ", id(1)), format!("{}0", id(1)), id(1)[..35].to_owned()];
    let bad = ["", "1", "conseiller-1", "é", "\0"].map(str::to_owned).into_iter().chain(near);
    for cra_id in bad.chain(["a".repeat(100_000)]) {
        let refused = ask(cra_id.clone()).await.unwrap_err();
        assert_invalid(&cra_id[..cra_id.len().min(50)], &refused, &[("cra_id", "CRA_ID_INVALID")]);
    }
    let unknown = ask(id(99)).await.unwrap_err();
    assert_refused(&unknown, Code::NotFound, "CRA_NOT_FOUND");
}
