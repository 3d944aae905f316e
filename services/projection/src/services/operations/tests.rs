//! Operations: their answers and refusals; and followers learn that the history has changed.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_contracts::v1::operations_service_server::OperationsService as _;
use cra_eventlog::Position;
use cra_runtime::rejection::{fact_of, reason_of, violations_of};
use cra_runtime::shutdown::Shutdown;
use tokio::time::timeout;
use tonic::{Code, Request, Status};

use crate::fixtures::{
    Running, SOON, corrected, cra, cra_id, last, rewrite_parked, statistics_of, submitted, workshop,
};
use crate::queries::{Answers, Follow, QueryError, Watch, follow, watch};

fn reported(status: &Status) -> (Code, String) {
    (status.code(), reason_of(status).unwrap())
}

/// Two CRAs, and unreadable events at 1, 3, 5 and 6.
async fn poisoned() -> Running {
    let running = Running::of(&[]).await;
    running.append_garbage(9).await;
    running.append(&[submitted(1, workshop(5))]).await;
    running.append_garbage(2).await;
    running.append(&[submitted(3, cra()), corrected(2, 2, workshop(4))]).await;
    running.append_garbage(8).await;
    running.catch_up().await;
    running
}

async fn listed(running: &Running, page_size: u32, page_token: &str) -> v1::ListParkedEventsResponse {
    let request = v1::ListParkedEventsRequest { page_size, page_token: page_token.to_owned() };
    running.operations.list_parked_events(Request::new(request)).await.unwrap().into_inner()
}

async fn retried(running: &Running, positions: &[u64]) -> (u64, u64) {
    let request = v1::RetryParkedEventsRequest { positions: positions.to_vec() };
    let answer = running.operations.retry_parked_events(Request::new(request)).await.unwrap().into_inner();
    (answer.applied, answer.still_parked)
}

fn positions(events: &[v1::ParkedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn unreadable_events_are_counted_and_listed_with_bytes_and_reason_and_stop_nothing() {
    let running = poisoned().await;
    assert_eq!(statistics_of(&running.serving(), 6).await.cras, 2);
    let status = running.status().await;
    assert_eq!((status.parked_events, status.applied_position, status.log_position), (4, 6, 6));
    let events = listed(&running, 0, "").await.events;
    assert_eq!(positions(&events), [1, 3, 5, 6]);
    assert_eq!(events[0].cra_id, cra_id(9).to_string());
    assert_eq!(events[0].payload, &b"\xffno event"[..]);
    assert!(!events[0].error.is_empty());
    assert_eq!(events[2].error, "changes a CRA that has no event");
}

#[tokio::test]
async fn what_is_parked_is_listed_in_pages_in_the_logs_order() {
    let running = poisoned().await;
    let first = listed(&running, 3, "").await;
    assert_eq!(positions(&first.events), [1, 3, 5]);
    let second = listed(&running, 3, &first.next_page_token).await;
    assert_eq!((positions(&second.events), second.next_page_token.as_str()), (vec![6], ""));
    assert_eq!(listed(&running, 4, "").await.next_page_token, "", "a full last page has none after it");
    assert_eq!(listed(&Running::of(&[]).await, 0, "").await, v1::ListParkedEventsResponse::default());

    for request in [
        v1::ListParkedEventsRequest { page_size: 1_001, page_token: "?".into() },
        v1::ListParkedEventsRequest { page_size: 1_002, page_token: format!("{}A", first.next_page_token) },
    ] {
        let refused = running.operations.list_parked_events(Request::new(request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let fields: Vec<_> = violations_of(&refused).into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["page_size", "page_token"]);
    }
}

#[tokio::test]
async fn events_are_retried_in_the_logs_order_however_they_are_named() {
    let running = poisoned().await;
    rewrite_parked(&running.serving(), 3, &submitted(2, workshop(3)));
    assert_eq!(retried(&running, &[5]).await, (0, 1), "it needs the one before it");
    assert_eq!(retried(&running, &[5, 3, 5, 2, 99]).await, (2, 0), "the others are not parked");
    assert_eq!(positions(&listed(&running, 0, "").await.events), [1, 6]);
    assert_eq!(running.status().await.parked_events, 2);
    assert_eq!(statistics_of(&running.serving(), 6).await.acts, 5 + 1 + 4);
    assert_eq!(statistics_of(&running.serving(), 3).await.acts, 5 + 3, "from its place in the log on");
    assert_eq!(retried(&running, &[]).await, (0, 2));
}

#[tokio::test]
async fn all_that_is_parked_is_retried_when_no_position_is_named() {
    let running = poisoned().await;
    rewrite_parked(&running.serving(), 3, &submitted(2, workshop(3)));
    assert_eq!(retried(&running, &[]).await, (2, 2));
    // The log itself still has the unreadable event: the check reports it.
    let checked = running.verified().await;
    assert_eq!(checked.same, Some(false));
    assert!(checked.differences.iter().any(|it| it.contains("parked at position 3")), "{checked:?}");
}

fn following(running: &Running, after: u64) -> Answers<v1::FollowCrasResponse> {
    let question = Follow { selection: Arc::default(), after: Position(after), claim: None, end: None };
    follow(question, Arc::clone(running.generations()), Shutdown::new())
}

/// The positions until the stream ends, and the reason of its end.
async fn until_the_end(mut answers: Answers<v1::FollowCrasResponse>) -> (Vec<u64>, Option<QueryError>) {
    let mut positions = Vec::new();
    loop {
        match timeout(SOON, answers.recv()).await.unwrap() {
            Some(Ok(answer)) => positions.push(answer.position),
            Some(Err(error)) => return (positions, Some(error)),
            None => return (positions, None),
        }
    }
}

#[tokio::test]
async fn followers_learn_that_the_history_has_changed_and_watchers_get_the_new_figures() {
    let mut running = poisoned().await;
    rewrite_parked(&running.serving(), 3, &submitted(2, workshop(3)));
    let mut idle = following(&running, 0);
    let mut reported = Vec::new();
    while reported.last() != Some(&6) {
        reported.push(timeout(SOON, idle.recv()).await.unwrap().unwrap().unwrap().position);
    }
    assert_eq!(reported, [2, 4, 6]);
    let question = Watch { selection: Arc::default(), interval: Duration::from_millis(100) };
    let mut watched = watch(question, Arc::clone(running.generations()), Shutdown::new());
    let mut acts =
        async || timeout(SOON, watched.recv()).await.unwrap().unwrap().unwrap().statistics.unwrap().acts;
    assert_eq!(acts().await, 6);

    running.follow();
    assert_eq!(retried(&running, &[3]).await, (1, 0));
    // The number of parked events is as before, which must not hide the difference.
    running.append_garbage(7).await;
    Running::reached(&running.serving(), 7).await;
    assert!(matches!(until_the_end(idle).await.1, Some(QueryError::HistoryChanged)));
    assert_eq!(acts().await, 9);
}

#[tokio::test]
async fn followers_learn_of_a_rollback_to_a_generation_with_other_parked_events() {
    let running = poisoned().await;
    let ended = running.rebuilt(0, false).await;
    rewrite_parked(&running.serving(), 3, &submitted(2, workshop(3)));
    assert_eq!(retried(&running, &[3]).await, (1, 0));
    let mut answers = following(&running, 6);
    assert_eq!(timeout(SOON, answers.recv()).await.unwrap().unwrap().unwrap().position, 6);
    running.promote(&ended.generation).await.unwrap();
    assert!(matches!(until_the_end(answers).await.1, Some(QueryError::HistoryChanged)));
}

#[tokio::test]
async fn followers_continue_in_another_generation_with_the_same_history() {
    let mut running = poisoned().await;
    let mut answers = following(&running, 6);
    assert_eq!(timeout(SOON, answers.recv()).await.unwrap().unwrap().unwrap().position, 6);
    assert!(running.rebuilt(0, true).await.promoted);
    running.follow();
    running.append(&[submitted(4, cra())]).await;
    let next = timeout(SOON, answers.recv()).await.unwrap().unwrap().unwrap();
    assert_eq!(next.position, 7);
}

#[tokio::test]
async fn only_one_replay_runs_at_a_time() {
    let running = Running::of(&[submitted(1, cra()), submitted(2, cra())]).await;
    running.hold_at(1);
    let first = running.rebuild(0, false).await.unwrap();
    let other = running.other_at(1).await;
    let busy = (Code::FailedPrecondition, "REPLAY_AT_WORK".to_owned());
    assert_eq!(reported(&running.rebuild(0, false).await.err().unwrap()), busy);
    let verify = running.operations.verify(Request::new(v1::VerifyRequest {})).await;
    assert_eq!(reported(&verify.err().unwrap()), busy);
    assert_eq!(reported(&running.promote(other.name()).await.unwrap_err()), busy);
    running.release();
    last(first).await.unwrap();
    // A caller that has read the last answer may start the next one at once.
    assert_eq!(running.verified().await.same, Some(true));
    assert_eq!(running.rebuilt(0, false).await.position, 2);
}

#[tokio::test]
async fn an_end_past_the_head_and_an_end_with_a_promotion_are_refused_with_their_field() {
    let running = Running::of(&[submitted(1, cra())]).await;
    let past = running.rebuild(2, false).await.err().unwrap();
    assert_eq!(reported(&past), (Code::OutOfRange, "PAST_THE_HEAD".to_owned()));
    assert_eq!(fact_of(&past, "field").as_deref(), Some("until_position"));
    assert_eq!(fact_of(&past, "head").as_deref(), Some("1"));
    let both = running.rebuild(1, true).await.err().unwrap();
    assert_eq!(both.code(), Code::InvalidArgument);
    assert_eq!(violations_of(&both)[0].field, "promote");
    assert_eq!(violations_of(&both)[0].reason, "ONE_OF_TWO");
    assert_eq!(running.generations().all().len(), 1, "nothing was begun");
    assert!(running.replayer().try_begin().is_some());
}

#[tokio::test]
async fn an_unknown_generation_is_not_found_and_promoting_the_serving_one_changes_nothing() {
    let running = Running::of(&[submitted(1, cra())]).await;
    for name in ["", "20010101T000000Z", "../../log"] {
        let refused = running.promote(name).await.unwrap_err();
        assert_eq!(reported(&refused), (Code::NotFound, "GENERATION_NOT_FOUND".to_owned()));
    }
    let serving = running.serving().name().to_owned();
    assert_eq!(running.promote(&serving).await.unwrap(), "");
    assert_eq!(running.serving().name(), serving);
}

#[tokio::test]
async fn the_status_lists_every_generation_and_marks_the_serving_one() {
    let running = Running::of(&[submitted(1, cra()), submitted(2, cra())]).await;
    let made = running.rebuilt(1, false).await.generation;
    let status = running.status().await;
    let of = |generation: &v1::Generation| (generation.name.clone(), generation.position, generation.serving);
    let reported: Vec<_> = status.generations.iter().map(of).collect();
    assert_eq!(reported, [(status.generation.clone(), 2, true), (made, 1, false)]);
    assert!(status.generations.iter().all(|it| it.bytes_on_disk > 0 && it.created_at.is_some()));
}

#[tokio::test]
async fn a_shutdown_ends_a_replay_with_the_reason() {
    let running = Running::of(&[submitted(1, cra()), submitted(2, cra())]).await;
    running.hold_at(1);
    let replay = running.rebuild(0, false).await.unwrap();
    running.other_at(1).await;
    running.operations.shutdown.begin();
    let ended = last(replay).await.unwrap_err();
    assert_eq!(reported(&ended), (Code::Unavailable, "STOPPING".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_during_a_retry_breaks_nothing() {
    let mut running = poisoned().await;
    for n in 150..200 {
        running.append_garbage(n).await;
    }
    running.follow();
    let serving = running.serving();
    let appending = running.appending((10..=140).map(|n| submitted(n, cra())).collect());
    for round in (0_u64..).take_while(|_| !appending.is_finished()) {
        let request = v1::RetryParkedEventsRequest::default();
        let retry = running.operations.retry_parked_events(Request::new(request));
        let _ = timeout(Duration::from_micros(200 + round * 137 % 1_500), retry).await;
    }
    appending.await.unwrap();
    Running::reached(&serving, running.head().await.0).await;
    assert_eq!(running.serving().name(), serving.name(), "nothing had to be computed anew");
    assert_eq!(running.status().await.parked_events, 4 + 50);
    assert_eq!(running.verified().await.same, Some(true));
}

#[tokio::test]
async fn an_act_that_no_version_knows_is_refused_before_it_is_audited_as_another() {
    let running = Running::of(&[submitted(1, cra())]).await;
    let status = |act| running.operations.get_status(Request::new(v1::GetStatusRequest { act }));
    let answer = status(v1::LogAct::Seal.into()).await.unwrap().into_inner();
    assert_eq!(answer.caller, None, "no identity is configured");
    let refused = status(99).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(violations_of(&refused)[0].field, "act");
}
