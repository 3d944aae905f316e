//! A replay gives read models equal to the serving ones, without disturbing queries.

use std::sync::Arc;
use std::time::Duration;

use cra_contracts::v1;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;
use crate::fixtures::{
    Running, SOON, corrected, cra, eventually, last, statistics_of, submitted, withdrawn, workshop, write,
};
use crate::store::Description;

/// Submissions, corrections and a withdrawal: seven events.
fn history() -> Vec<v1::CraEvent> {
    vec![
        submitted(1, workshop(5)),
        submitted(2, cra()),
        corrected(1, 2, workshop(7)),
        submitted(3, workshop(9)),
        withdrawn(2, 2),
        submitted(4, cra()),
        corrected(3, 2, cra()),
    ]
}

/// A number of corrections of one CRA, from a revision on.
fn corrections(n: u8, first: u64, number: u64) -> Vec<v1::CraEvent> {
    (first..first + number).map(|revision| corrected(n, revision, workshop(2))).collect()
}

/// The positions that readers see, whichever generation serves, in order.
fn watched(running: &Running) -> (watch::Sender<bool>, tokio::task::JoinHandle<Vec<u64>>) {
    let (end, ended) = watch::channel(false);
    let generations = Arc::clone(running.generations());
    let watching = tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut serving = generations.watch();
        while !*ended.borrow() {
            let mut applied = serving.borrow_and_update().watch();
            seen.push(applied.borrow_and_update().as_ref().map_or(0, |checkpoint| checkpoint.position.0));
            tokio::select! {
                _ = applied.changed() => {}
                _ = serving.changed() => {}
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
        }
        seen
    });
    (end, watching)
}

#[tokio::test]
async fn a_replay_gives_equal_read_models_while_the_serving_ones_answer_and_follow() {
    let mut running = Running::of(&history()).await;
    let serving = running.serving();
    running.follow();
    running.hold_at(3);
    let replay = running.rebuild(0, false).await.unwrap();
    let other = running.other_at(3).await;
    running.append(&[submitted(5, workshop(4))]).await;
    Running::reached(&serving, 8).await;
    assert_eq!(statistics_of(&serving, 8).await.cras, 4, "answered and followed during the replay");
    assert_eq!(other.position(), Position(3));

    running.release();
    let ended = last(replay).await.unwrap();
    assert_eq!(ended.generation, other.name());
    assert!(!ended.promoted && ended.position >= 7 && ended.remaining_seconds == 0, "{ended:?}");
    assert_eq!(running.serving().name(), serving.name());
    for position in 0..=7 {
        assert_eq!(statistics_of(&other, position).await, statistics_of(&serving, position).await);
    }
    assert_eq!(crate::verify::differences(&serving, &other).unwrap(), Vec::<String>::new());
    let checked = running.verified().await;
    assert_eq!((checked.same, checked.position, checked.log_position), (Some(true), 8, 8));
    assert_eq!(running.passing(), Vec::<String>::new(), "a check leaves nothing behind");
}

#[tokio::test]
async fn a_replay_ends_at_the_requested_position() {
    let running = Running::of(&history()).await;
    let ended = running.rebuilt(4, false).await;
    assert_eq!((ended.position, ended.log_position), (4, 7));
    let other = running.generations().other(&ended.generation).unwrap();
    assert_eq!(statistics_of(&other, 4).await, statistics_of(&running.serving(), 4).await);
    assert_eq!(other.position(), Position(4));
}

#[tokio::test]
async fn a_replay_pauses_as_long_as_it_works_while_queries_arrive() {
    let running = Running::of(&history()).await;
    let replayer = running.replayer();
    // From here on, time passes only in pauses.
    tokio::time::pause();
    let worked = Duration::from_millis(40);
    let rested = async || {
        let begun = Instant::now();
        replayer.yield_to_queries(worked).await;
        begun.elapsed()
    };
    assert_eq!(rested().await, Duration::ZERO, "no query arrives");
    let question = replayer.questions.try_acquire_unshared().unwrap();
    assert!(rested().await >= worked);
    drop(question);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_that_readers_see_never_goes_back_while_generations_change() {
    let mut running = Running::of(&history()).await;
    running.follow();
    let (end, watching) = watched(&running);
    let appending = running.appending(corrections(3, 3, 400));
    let mut changes = 0;
    while !appending.is_finished() || changes < 4 {
        if changes % 3 == 0 {
            assert!(running.rebuilt(0, true).await.promoted);
        } else {
            let way_back = running.generations().all().last().unwrap().name().to_owned();
            let former = running.promote(&way_back).await.unwrap();
            assert_ne!(former, way_back);
            assert_eq!(running.serving().name(), way_back);
        }
        changes += 1;
    }
    appending.await.unwrap();
    Running::reached(&running.serving(), 407).await;
    end.send_replace(true);
    let seen = watching.await.unwrap();
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(*seen.last().unwrap() <= 407);
    assert_eq!(running.verified().await.same, Some(true));
    assert!(running.generations().all().len() <= 3, "the oldest ones went");
}

#[tokio::test]
async fn a_replay_whose_caller_leaves_is_removed() {
    let running = Running::of(&history()).await;
    let before = running.on_disk();
    running.hold_at(3);
    let replay = running.rebuild(0, true).await.unwrap();
    drop(running.other_at(3).await);
    assert!(running.on_disk().contains(&"filling".to_owned()));
    drop(replay);
    eventually("nothing is left", || (running.on_disk() == before).then_some(())).await;
    assert_eq!(running.generations().all().len(), 1);
    running.release();
    drop(running.replay_permit().await);
    assert!(running.rebuilt(0, true).await.promoted, "and another one can begin");
}

#[tokio::test]
async fn a_promotion_whose_caller_leaves_is_complete_or_not_made() {
    let running = Running::of(&history()).await;
    for pause_us in (0..20_000).step_by(500) {
        let before = running.serving();
        let replay = running.rebuild(0, true).await.unwrap();
        tokio::time::sleep(Duration::from_micros(pause_us)).await;
        drop(replay);
        let permit = running.replay_permit().await;
        let serving = running.serving();
        assert!(running.on_disk().contains(&serving.name().to_owned()), "its files are there");
        assert_eq!(serving.position(), Position(7));
        assert!(running.generations().all().iter().filter(|it| it.name() == serving.name()).count() == 1);
        drop((permit, before));
    }
    let running = running.restarted().await;
    assert_eq!(running.serving().position(), Position(7));
    assert_eq!(running.quarantined(), Vec::<String>::new());
}

#[tokio::test]
async fn a_generation_that_has_started_to_serve_is_not_removed() {
    let running = Running::of(&history()).await;
    let promoted = running.rebuilt(0, true).await.generation;
    running.replayer().discard(running.serving()).await;
    let running = running.restarted().await;
    assert_eq!((running.serving().name(), running.serving().position()), (&*promoted, Position(7)));
}

#[tokio::test]
async fn a_scratch_generation_left_at_the_end_of_the_process_is_removed_at_the_next_start() {
    let running = Running::of(&history()).await;
    let before = running.on_disk();
    let filled = running.replayer().start_scratch().await.unwrap();
    assert_eq!(running.passing(), [filled.name()]);
    assert_eq!(running.on_disk(), before, "it is not among those that can serve");
    // Leaked, as by a killed process.
    std::mem::forget(filled);
    let running = running.restarted().await;
    assert_eq!(running.passing(), Vec::<String>::new());
    assert_eq!(running.generations().all().len(), 1);
}

#[tokio::test]
async fn a_replay_interrupted_by_the_end_of_the_process_is_resumed() {
    let running = Running::of(&history()).await;
    running.hold_at(3);
    let _replay = running.rebuild(0, false).await.unwrap();
    let name = running.other_at(3).await.name().to_owned();

    let running = running.restarted().await;
    assert_eq!(running.generations().other(&name).unwrap().position(), Position(3), "kept as it was");
    running.hold_at(5);
    let replay = running.rebuild(0, false).await.unwrap();
    let other = running.other_at(5).await;
    assert_eq!(other.name(), name);
    running.release();
    assert_eq!(last(replay).await.unwrap().generation, name);
    assert_eq!(crate::verify::differences(&running.serving(), &other).unwrap(), Vec::<String>::new());
    assert!(!running.on_disk().contains(&"filling".to_owned()));
}

#[tokio::test]
async fn a_replay_to_an_earlier_position_than_the_unfinished_one_starts_again() {
    let running = Running::of(&history()).await;
    running.hold_at(5);
    let _replay = running.rebuild(0, false).await.unwrap();
    running.other_at(5).await;

    let running = running.restarted().await;
    let ended = running.rebuilt(2, false).await;
    assert_eq!(ended.position, 2);
    assert_eq!(running.generations().other(&ended.generation).unwrap().position(), Position(2));
    assert_eq!(running.generations().all().len(), 2, "the abandoned generation is removed");
}

#[tokio::test]
async fn generations_above_the_limit_are_removed_oldest_first() {
    let running = Running::of(&history()).await;
    let serving = running.serving().name().to_owned();
    let mut made = Vec::new();
    for until in 1..=4 {
        made.push(running.rebuilt(until, false).await.generation);
    }
    let kept = |running: &Running| -> Vec<_> {
        running.generations().all().iter().map(|it| it.name().to_owned()).collect()
    };
    let expected = [&serving, &made[2], &made[3]].map(String::clone);
    assert_eq!(kept(&running), expected);
    let folders = expected.into_iter().chain(["serving".to_owned()]).collect::<Vec<_>>();
    eventually("their files went", || (running.on_disk() == folders).then_some(())).await;
}

/// Gives the serving generation other definitions, as found by the next start.
async fn restarted_with(running: Running, definitions: String) -> Running {
    let generation = running.serving();
    let description = Description { definitions, ..generation.description().clone() };
    write(&generation, |batch| batch.put_description(&description).unwrap());
    generation.flush().unwrap();
    drop(generation);
    running.restarted().await
}

#[tokio::test]
async fn read_models_with_other_definitions_serve_until_they_are_rebuilt() {
    let running = Running::of(&history()).await;
    let (form, _) =
        cra_analytics::definitions().rsplit_once('.').map(|(form, v)| (form.to_owned(), v.len())).unwrap();
    let older = running.serving().name().to_owned();
    let running = restarted_with(running, format!("{form}.0")).await;
    assert_eq!(running.serving().name(), older, "it serves");
    assert_eq!(statistics_of(&running.serving(), 7).await.cras, 3);

    running.hold_at(3);
    let shutdown = Shutdown::new();
    let computing = tokio::spawn(running.replayer().clone().rebuild_if_outdated(shutdown.clone()));
    let new = running.other_at(3).await;
    assert_eq!(running.serving().name(), older, "until the new ones are there");
    running.release();
    timeout(SOON, computing).await.unwrap().unwrap();
    assert_eq!(running.serving().name(), new.name());
    assert_eq!(new.description().definitions, cra_analytics::definitions());
    assert_eq!(new.position(), Position(7));
    // A database that is still open here could not be opened again.
    drop(new);
    assert_eq!(running.restarted().await.serving().description().definitions, cra_analytics::definitions());
}

#[tokio::test]
async fn other_definitions_are_replaced_even_if_another_replay_runs_first() {
    let running = Running::of(&history()).await;
    let form = cra_analytics::definitions().rsplit_once('.').unwrap().0.to_owned();
    let running = restarted_with(running, format!("{form}.0")).await;
    let permit = running.replay_permit().await;
    let computing = tokio::spawn(running.replayer().clone().rebuild_if_outdated(Shutdown::new()));
    tokio::task::yield_now().await;
    drop(permit);
    timeout(SOON, computing).await.unwrap().unwrap();
    assert_eq!(running.serving().description().definitions, cra_analytics::definitions());
}

#[tokio::test]
async fn read_models_of_another_form_are_quarantined_and_computed_again() {
    let running = Running::of(&history()).await;
    let former = running.serving().name().to_owned();
    let before = statistics_of(&running.serving(), 7).await;
    let mut running = restarted_with(running, "0-0000000000000000.1".to_owned()).await;
    assert_eq!(running.quarantined(), [former]);
    assert_eq!(running.serving().description().definitions, cra_analytics::definitions());
    assert_eq!(running.serving().position(), Position::START);
    running.follow();
    Running::reached(&running.serving(), 7).await;
    assert_eq!(statistics_of(&running.serving(), 7).await, before);
}

#[test]
fn the_remaining_time_is_computed_from_the_average_speed() {
    let progress = |position, events_per_second| {
        Progress { position: Position(position), end: Position(100), events_per_second }.remaining_seconds()
    };
    assert_eq!(progress(50, 10), 5);
    assert_eq!(progress(99, 10), 1, "rounded up: not over yet");
    assert_eq!(progress(100, 10), 0);
    assert_eq!(progress(0, 0), 0, "not known yet");
    assert_eq!(per_second(10, Duration::from_millis(500)), 20);
    assert_eq!(per_second(10, Duration::ZERO), 10_000);
}
