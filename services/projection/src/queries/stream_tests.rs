//! Streams of followers and watchers: what they send, when, and how they end.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use cra_contracts::v1::follow_cras_response::Change;
use cra_domain::selection::Selection;
use cra_eventlog::{LogIdentity, Position};
use cra_runtime::shutdown::Shutdown;
use tokio::time::timeout;

use super::*;
use crate::fixtures::{self, ReadModels, at, corrected, cra, submitted, withdrawn};

const SOON: Duration = Duration::from_secs(30);

fn of_advisor(id: &str) -> Arc<Selection> {
    let message = v1::Selection { advisor_ids: vec![id.to_owned()], ..Default::default() };
    Arc::new(Selection::parse(&message).unwrap())
}

fn moved() -> v1::Cra {
    v1::Cra { advisor_id: "conseiller-2".into(), ..cra() }
}

fn follow_from(models: &ReadModels, after: u64, end: Option<u64>) -> Answers<v1::FollowCrasResponse> {
    let question = Follow {
        selection: of_advisor("conseiller-1"),
        after: Position(after),
        claim: None,
        end: end.map(Position),
    };
    follow(question, Arc::clone(&models.generations), Shutdown::new())
}

/// Position and change of the next answer: `+` a CRA's last byte, `-` its removal, `.` a checkpoint.
async fn next(answers: &mut Answers<v1::FollowCrasResponse>) -> Option<String> {
    let answer = timeout(SOON, answers.recv()).await.unwrap()?.unwrap();
    let number = |id: &str| id.chars().last().unwrap();
    let change = match answer.change.unwrap() {
        Change::Upsert(record) => format!("+{}", number(&record.cra_id)),
        Change::Removal(id) => format!("-{}", number(&id)),
        Change::Checkpoint(_) => ".".to_owned(),
    };
    Some(format!("{} {change}", answer.position))
}

async fn all(mut answers: Answers<v1::FollowCrasResponse>) -> Vec<String> {
    let mut reported = Vec::new();
    while let Some(answer) = next(&mut answers).await {
        reported.push(answer);
    }
    reported
}

fn history() -> ReadModels {
    ReadModels::of(&[
        submitted(1, cra()),
        submitted(2, moved()),
        corrected(1, 2, moved()),
        corrected(2, 2, cra()),
        withdrawn(2, 3),
        submitted(3, moved()),
    ])
}

#[tokio::test]
async fn a_follower_receives_what_enters_the_selection_and_what_leaves_it() {
    let models = history();
    assert_eq!(all(follow_from(&models, 0, Some(6))).await, ["1 +1", "3 -1", "4 +2", "5 -2", "6 ."]);
    assert_eq!(all(follow_from(&models, 3, Some(5))).await, ["4 +2", "5 -2"]);
    assert_eq!(all(follow_from(&models, 6, Some(6))).await, ["6 ."]);
}

#[tokio::test]
async fn a_follower_receives_later_changes_and_those_of_new_identifiers() {
    let mut models = ReadModels::of(&[submitted(2, moved())]);
    let mut answers = follow_from(&models, 0, None);
    assert_eq!(next(&mut answers).await.unwrap(), "1 .");
    models.apply(&[submitted(1, cra())]);
    assert_eq!(next(&mut answers).await.unwrap(), "2 +1");
    models.apply(&[withdrawn(1, 2)]);
    assert_eq!(next(&mut answers).await.unwrap(), "3 -1");
}

#[tokio::test]
async fn a_follower_continues_in_a_promoted_generation_and_ends_if_the_log_is_another() {
    let models = ReadModels::of(&[submitted(1, cra())]);
    let mut answers = follow_from(&models, 0, None);
    assert_eq!(next(&mut answers).await.unwrap(), "1 +1");
    let log = models.serving().description().log.clone();
    models.generations.start_over("the test wants it", &log, at(fixtures::RECORDED_AT)).unwrap();
    let again = [fixtures::entry(1, &submitted(1, cra())), fixtures::entry(2, &withdrawn(1, 2))];
    models.serving().apply(&again, at(fixtures::RECORDED_AT)).unwrap();
    assert_eq!(next(&mut answers).await.unwrap(), "2 -1", "nothing twice, nothing left out");
    let other = LogIdentity("another log".into());
    models.generations.start_over("the test wants it", &other, at(fixtures::RECORDED_AT)).unwrap();
    let ended = timeout(SOON, answers.recv()).await.unwrap().unwrap();
    assert!(matches!(ended, Err(QueryError::LogReplaced)));
}

#[tokio::test]
async fn a_returning_follower_continues_only_in_its_log_and_history() {
    let models = history();
    let mut answers = follow_from(&models, 0, Some(3));
    let mut last = None;
    while let Some(answer) = timeout(SOON, answers.recv()).await.unwrap() {
        last = Some(answer.unwrap());
    }
    let v1::FollowCrasResponse { position, log, .. } = last.unwrap();
    let from_there = |log: &str| {
        let question = Follow {
            selection: of_advisor("conseiller-1"),
            after: Position(position),
            claim: Some(Claim::parse(log).unwrap()),
            end: Some(Position(6)),
        };
        follow(question, Arc::clone(&models.generations), Shutdown::new())
    };
    assert_eq!(all(from_there(&log)).await, ["4 +2", "5 -2", "6 ."]);
    let (rest, _) = log.rsplit_once('#').unwrap();
    for past in [format!("{rest}#00ff00ff00ff00ff"), format!("{}#", rest.replace('#', "#older"))] {
        let mut answers = from_there(&past);
        let ended = timeout(SOON, answers.recv()).await.unwrap().unwrap();
        assert!(matches!(ended, Err(QueryError::HistoryChanged)), "{past}: {ended:?}");
    }
}

#[tokio::test]
async fn a_shutdown_ends_the_streams_with_the_reason() {
    let models = history();
    let shutdown = Shutdown::new();
    let question = Follow { selection: Arc::default(), after: Position(6), claim: None, end: None };
    let mut followed = follow(question, Arc::clone(&models.generations), shutdown.clone());
    let question = Watch { selection: Arc::default(), interval: Duration::from_millis(100) };
    let mut watched = watch(question, Arc::clone(&models.generations), shutdown.clone());
    assert!(watched.recv().await.unwrap().is_ok());
    shutdown.begin();
    loop {
        match timeout(SOON, followed.recv()).await.unwrap().unwrap() {
            Ok(_) => {}
            Err(error) => break assert!(matches!(error, QueryError::Stopping)),
        }
    }
    assert!(matches!(timeout(SOON, watched.recv()).await.unwrap(), Some(Err(QueryError::Stopping))));
    assert!(timeout(SOON, watched.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_watcher_receives_the_figures_at_once_and_then_only_changes() {
    let mut models = ReadModels::of(&[submitted(1, cra())]);
    let question = Watch { selection: of_advisor("conseiller-1"), interval: Duration::from_millis(100) };
    let mut answers = watch(question, Arc::clone(&models.generations), Shutdown::new());
    let mut reported = async || {
        let answer = timeout(SOON, answers.recv()).await.unwrap().unwrap().unwrap();
        (answer.snapshot.unwrap().position, answer.statistics.unwrap().cras)
    };
    assert_eq!(reported().await, (1, 1));
    models.apply(&[submitted(2, moved())]);
    // Another text, the same figures.
    models.apply(&[corrected(1, 2, v1::Cra { annotation: "au marché".into(), ..cra() })]);
    models.apply(&[submitted(3, cra())]);
    assert_eq!(reported().await, (4, 2));
    models.apply(&[withdrawn(3, 2)]);
    assert_eq!(reported().await, (5, 1));
}

#[test]
fn an_interval_is_at_least_a_tenth_of_a_second() {
    assert!(watch_interval(0).is_ok() && watch_interval(100).is_ok() && watch_interval(u32::MAX).is_ok());
    let refused = watch_interval(99).unwrap_err();
    assert_eq!((refused.field.as_str(), refused.fault.reason()), ("min_interval_ms", "INTERVAL_TOO_SHORT"));
}
