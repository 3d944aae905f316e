//! The snapshot that a requirement on the position gives.

use super::*;
use crate::fixtures::{ReadModels, at, cra, entry, recorded_at, submitted};
use cra_domain::event::timestamp_message;

const NOW: &str = "2024-03-06T00:00:00Z";

fn asked(change: impl FnOnce(&mut v1::Consistency)) -> v1::Consistency {
    let mut message = v1::Consistency::default();
    change(&mut message);
    message
}

fn as_of_time(instant: &str) -> v1::Consistency {
    asked(|message| message.as_of_time = Some(timestamp_message(at(instant))))
}

fn parse(message: &v1::Consistency) -> Result<Consistency, QueryError> {
    Ok(Consistency::parse(Some(message), at(NOW))?)
}

/// The snapshot, without waiting.
async fn snapshot(models: &ReadModels, message: &v1::Consistency) -> Result<Snapshot, QueryError> {
    parse(message)?.snapshot(&models.generations, Instant::now()).await
}

#[track_caller]
fn refused(message: &v1::Consistency, field: &str, reason: &str) {
    let Err(QueryError::Invalid(violations)) = parse(message) else { panic!("understood: {message:?}") };
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.fault.reason())).collect();
    assert_eq!(found, [(field, reason)]);
}

/// Five events, two with the same time, one recorded late.
fn models() -> ReadModels {
    let times = [
        "2024-03-05T10:00:00Z",
        "2024-03-05T11:00:00Z",
        "2024-03-05T11:00:00Z",
        "2024-03-05T10:30:00Z",
        "2024-03-05T12:00:00Z",
    ];
    let events: Vec<_> = (1..).zip(times).map(|(n, time)| recorded_at(submitted(n, cra()), time)).collect();
    ReadModels::of(&events)
}

#[tokio::test]
async fn without_a_requirement_the_snapshot_is_current() {
    let models = models();
    for consistency in
        [Consistency::parse(None, at(NOW)).unwrap(), parse(&v1::Consistency::default()).unwrap()]
    {
        let snapshot = consistency.snapshot(&models.generations, Instant::now()).await.unwrap();
        assert_eq!(snapshot.position, Position(5));
        assert_eq!(snapshot.recorded_at, Some(nanoseconds(at("2024-03-05T12:00:00Z"))));
        let message = snapshot.to_message();
        assert_eq!((message.position, &*message.generation), (5, models.serving().name()));
    }
    let empty = snapshot(&ReadModels::new(), &v1::Consistency::default()).await.unwrap();
    assert_eq!((empty.position, empty.recorded_at), (Position::START, None));
}

#[tokio::test]
async fn a_position_up_to_the_head_is_used_as_it_is() {
    let models = models();
    for position in 1..=5 {
        let snapshot = snapshot(&models, &asked(|message| message.as_of_position = position)).await.unwrap();
        assert_eq!(snapshot.position, Position(position));
        assert!(snapshot.recorded_at.is_some());
    }
    let past = snapshot(&models, &asked(|message| message.as_of_position = 6)).await;
    assert!(matches!(past, Err(QueryError::PastTheHead { field: "consistency.as_of_position", head: 5 })));
}

#[tokio::test]
async fn a_time_is_the_last_position_recorded_by_then() {
    let models = models();
    let cases = [
        ("1969-12-31T23:59:59Z", 0),
        ("2024-03-05T09:59:59.999999999Z", 0),
        ("2024-03-05T10:00:00Z", 1),
        ("2024-03-05T10:45:00Z", 1),
        ("2024-03-05T10:59:59.999999999Z", 1),
        // Equal times go together, including an earlier-recorded event that follows them.
        ("2024-03-05T11:00:00Z", 4),
        ("2024-03-05T11:59:59Z", 4),
        ("2024-03-05T12:00:00Z", 5),
        (NOW, 5),
    ];
    for (time, position) in cases {
        let snapshot = snapshot(&models, &as_of_time(time)).await.unwrap();
        assert_eq!(snapshot.position, Position(position), "{time}");
        assert!(snapshot.recorded_at.is_none_or(|recorded_at| recorded_at <= nanoseconds(at(time))));
    }
    let empty = snapshot(&ReadModels::new(), &as_of_time(NOW)).await.unwrap();
    assert_eq!(empty.position, Position::START);
}

#[test]
fn invalid_requirements_are_refused_with_their_path() {
    refused(&as_of_time("2024-03-06T00:00:00.000000001Z"), "consistency.as_of_time", "TIME_IN_FUTURE");
    for (seconds, nanos) in [(0, -1_000_000_000), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
        let mut no_time = as_of_time(NOW);
        let time = no_time.as_of_time.as_mut().unwrap();
        (time.seconds, time.nanos) = (seconds, nanos);
        refused(&no_time, "consistency.as_of_time", "DATE_INVALID");
    }
    let both = v1::Consistency { as_of_position: 1, ..as_of_time(NOW) };
    refused(&both, "consistency.as_of_time", "ONE_OF_TWO");
}

#[tokio::test]
async fn a_reached_position_is_not_waited_for() {
    let consistency = asked(|message| (message.min_position, message.as_of_position) = (5, 2));
    assert_eq!(snapshot(&models(), &consistency).await.unwrap().position, Position(2));
}

#[tokio::test]
async fn the_wait_for_a_position_ends_at_the_deadline() {
    let models = models();
    let begun = Instant::now();
    let consistency = parse(&asked(|message| message.min_position = 6)).unwrap();
    let waited = consistency.snapshot(&models.generations, begun + Duration::from_millis(50)).await;
    assert!(matches!(waited, Err(QueryError::NotYet { wanted: 6, applied: 5 })));
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_position_is_waited_for() {
    let models = models();
    let consistency = parse(&asked(|message| message.min_position = 6)).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    let generation = models.serving();
    let coming = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(30));
        generation.apply(&[entry(6, &submitted(6, cra()))], at(NOW)).unwrap();
    });
    let snapshot = consistency.snapshot(&models.generations, until).await.unwrap();
    coming.await.unwrap();
    assert_eq!(snapshot.position, Position(6));
}

#[tokio::test]
async fn a_position_is_waited_for_in_a_promoted_generation() {
    let models = models();
    let consistency = parse(&asked(|message| message.min_position = 1)).unwrap();
    let log = models.serving().description().log.clone();
    models.generations.start_over("the test wants it", &log, at(NOW)).unwrap();
    let early = consistency.snapshot(&models.generations, Instant::now()).await;
    assert!(matches!(early, Err(QueryError::NotYet { wanted: 1, applied: 0 })));
    models.serving().apply(&[entry(1, &submitted(1, cra()))], at(NOW)).unwrap();
    let snapshot = consistency.snapshot(&models.generations, Instant::now()).await.unwrap();
    assert_eq!(snapshot.generation.name(), models.serving().name());
}

#[test]
fn a_wait_ends_before_the_callers_deadline_and_is_bounded() {
    let now = Instant::now();
    let wait = |caller| wait_until(now, caller) - now;
    assert_eq!(wait(Some(Duration::from_secs(1))), Duration::from_millis(900));
    assert_eq!(wait(Some(Duration::from_mins(1))), Duration::from_secs(10));
    assert_eq!(wait(None), Duration::from_secs(10));
}
