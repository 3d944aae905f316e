//! Sets the gRPC health status: SERVING once the read models have caught up, `NOT_SERVING` while they are rebuilt, have
//! failed or have stalled. A lag does not matter once they have caught up, because every answer names its position.

use std::sync::Arc;
use std::time::Duration;

use cra_eventlog::{Position, Read};
use cra_runtime::health::{Health, Readiness};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::batches::{LogContinuity, log_continuity};
use crate::follow;
use crate::generations::{Generation, Generations};
use crate::store::Checkpoint;

/// Pause before the head of the log is requested again.
pub(crate) const HEAD_RETRY: Duration = Duration::from_secs(1);

/// Runs until it is dropped. `stillness` is whether the read models have stalled.
pub(crate) async fn report(
    log: Arc<dyn Read>,
    generations: Arc<Generations>,
    health: Health,
    mut stalled_for: watch::Receiver<bool>,
) {
    let mut serving = generations.watch();
    loop {
        let generation = serving.borrow_and_update().clone();
        tokio::select! {
            caught_up = caught_up(&*log, &generations, &generation) => if !caught_up {
                sleep(HEAD_RETRY).await;
                continue;
            },
            // Another generation, perhaps of another log.
            _ = serving.changed() => continue,
        }
        tokio::select! {
            replaced = serving.changed() => if replaced.is_err() {
                return;
            },
            _ = follow::failed(&generation) => {}
            () = while_it_serves(&health, &mut stalled_for) => return,
        }
        // A promoted generation has reached the previous one's position; one that starts over has not.
        let is_behind = serving.borrow().position() < generation.position();
        if is_behind || generation.check().is_err() {
            tracing::warn!("not serving until the read models have caught up again");
            health.set_all(Readiness::NotServing).await;
        }
    }
}

/// Updates health while the generation has caught up, for stalls; ends when the channel is closed.
async fn while_it_serves(health: &Health, stalled_for: &mut watch::Receiver<bool>) {
    loop {
        if stalled_for.wait_for(|is_still| !is_still).await.is_err() {
            return;
        }
        health.set_all(Readiness::Serving).await;
        if stalled_for.wait_for(|is_still| *is_still).await.is_err() {
            return;
        }
        tracing::error!("not serving: events wait in the log, and the read models make no progress");
        health.set_all(Readiness::NotServing).await;
    }
}

/// Waits until a generation has reached the current head of the log, or the position of a pause; `false` if it never
/// will, or if that is unknown.
async fn caught_up(log: &dyn Read, generations: &Generations, generation: &Arc<Generation>) -> bool {
    let Ok(head) = log.head().await else {
        return false;
    };
    let mut applied = generation.watch();
    let reached = |applied: &Option<Checkpoint>| {
        applied.as_ref().map_or(Position::START, |a| a.position) >= head.position
    };
    let mut paused = generations.paused();
    // Even an empty one must have been compared with the log.
    let rests = async {
        let _ = paused.wait_for(Option::is_some).await;
        let _ = generation.watch().wait_for(Option::is_some).await;
    };
    let is_known = tokio::select! {
        reached = applied.wait_for(reached) => reached.is_ok(),
        () = rests => true,
    };
    if !is_known {
        return false;
    }
    // So that the first query does not wait for it.
    let asked = Arc::clone(generation);
    let is_loaded = tokio::task::spawn_blocking(move || asked.load()).await;
    if !matches!(is_loaded, Ok(Ok(()))) {
        return false;
    }
    // Queries need not wait for sums; a failure to build them is found by the next query or event.
    let asked = Arc::clone(generation);
    drop(tokio::task::spawn_blocking(move || asked.warm_up()));
    // It may be past the head of this log because it was built from another one.
    let follows = matches!(log_continuity(log, generation).await, Ok(LogContinuity::Same))
        && generation.check().is_ok();
    if follows {
        tracing::info!(
            position = generation.position().0,
            head = head.position.0,
            "the read models have caught up"
        );
    }
    follows
}

#[cfg(test)]
mod tests {
    use tonic::server::NamedService as _;
    use tonic_health::ServingStatus;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health as _;

    use super::*;
    use crate::StatisticsServer;
    use crate::fixtures::{Running, SOON, cra, submitted};
    use crate::follow::Follower;
    use crate::progress::Progress;

    const PATIENCE: Duration = Duration::from_millis(200);

    async fn status(health: &Health) -> ServingStatus {
        let request = HealthCheckRequest { service: String::new() };
        let answer = health.service().check(tonic::Request::new(request)).await.unwrap();
        if answer.into_inner().status == ServingStatus::Serving as i32 {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        }
    }

    async fn becomes(health: &Health, expected: ServingStatus) {
        let turning = async {
            while status(health).await != expected {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, turning).await.unwrap_or_else(|_| panic!("never {expected:?}"));
    }

    #[tokio::test]
    async fn stalled_read_models_do_not_serve_until_they_make_progress() {
        let running = Running::of(&[submitted(1, cra())]).await;
        let replayer = running.replayer().clone();
        let health = Health::of([StatisticsServer::NAME]).await;
        let progress = Arc::new(Progress::default());
        let (log, generations) = (replayer.log.clone(), replayer.generations.clone());
        let follower =
            Follower { log: log.clone(), generations: generations.clone(), clock: replayer.clock.clone() };
        let shutdown = running.operations.shutdown.clone();
        let reporting = report(log.clone(), generations.clone(), health.clone(), progress.stalled_for());
        let looking = progress.clone().look(log, generations, replayer.clock.clone(), PATIENCE);
        let tasks =
            [tokio::spawn(reporting), tokio::spawn(looking), tokio::spawn(follower.run(shutdown.clone()))];
        becomes(&health, ServingStatus::Serving).await;

        running.hold_at(1);
        running.append(&[submitted(2, cra()), submitted(3, cra())]).await;
        becomes(&health, ServingStatus::NotServing).await;
        assert_eq!(progress.head(), Position(3));

        // One of two: it lags, but makes progress.
        running.hold_at(2);
        becomes(&health, ServingStatus::Serving).await;
        running.release();
        Running::reached(&running.serving(), 3).await;
        becomes(&health, ServingStatus::Serving).await;
        shutdown.begin();
        for task in tasks {
            task.abort();
        }
    }
}
