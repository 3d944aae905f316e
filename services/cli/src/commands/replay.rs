//! `cra replay`: replays the log into new read models while the current ones serve. Progress is written to standard
//! error, the outcome to standard output. Ctrl-C cancels the replay and removes its read models.

use std::time::Duration;

use anyhow::Context as _;
use cra_contracts::{json, v1};
use cra_runtime::shutdown::Shutdown;
use tokio::time::sleep;

use super::progress::Replaying;
use super::{CommandResult, Outcome, status};
use crate::args::{EndpointArgs, ReplayArgs};
use crate::client::{Connection, Service};
use crate::output::{Output, notice};
use crate::render;

/// How often, and at what interval, the removal after a cancelled replay is checked.
const REMOVAL_TRIES: u32 = 50;
const REMOVAL_RETRY: Duration = Duration::from_millis(100);

pub(crate) async fn run(args: ReplayArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let shutdown = Shutdown::on_signal().context("signals cannot be caught")?;
    replay(args, endpoints, shutdown, output).await
}

async fn replay(
    args: ReplayArgs,
    endpoints: &EndpointArgs,
    shutdown: Shutdown,
    output: &mut Output,
) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let request = v1::RebuildRequest { until_position: args.until, promote: args.promote };
    // No deadline: the duration depends on the log.
    let mut answers = connection.answer(connection.operations().rebuild(request).await)?;
    let mut progress = Replaying::new();
    let mut last: Option<v1::RebuildResponse> = None;
    loop {
        let next = tokio::select! {
            next = answers.message() => next.map_err(|status| connection.failure(status))?,
            () = shutdown.requested() => {
                drop((progress, answers));
                notice(&cancelled(&connection, last.as_ref()).await);
                return Ok(Outcome::Cancelled);
            }
        };
        let Some(answer) = next else { break };
        if args.json {
            output.json(&json::to_value(&answer))?;
        } else {
            progress.show((&answer).into());
        }
        last = Some(answer);
    }
    drop(progress);
    let last = last.context("the projection service ended the replay without a result")?;
    if !args.json {
        output.write(&render::replay::summary(&last, output.style()))?;
    }
    Ok(Outcome::Done)
}

/// Waits until the service has removed the read models of the replay, or reports that they were complete and serve.
async fn cancelled(connection: &Connection, last: Option<&v1::RebuildResponse>) -> String {
    let Some(v1::RebuildResponse { generation, .. }) = last else {
        return "cancelled: the service is removing the replay's read models".to_owned();
    };
    for _ in 0..REMOVAL_TRIES {
        let Ok(status) = status::fetch(connection).await else { break };
        match status.generations.iter().find(|it| it.name == *generation) {
            None => return format!("cancelled: the replay's read models ({generation}) are removed"),
            Some(it) if it.serving => return format!("too late to cancel: {generation} serves"),
            Some(_) => sleep(REMOVAL_RETRY).await,
        }
    }
    format!("cancelled: the service has not removed {generation} yet; `cra status` shows when it has")
}

#[cfg(test)]
mod tests {
    use super::super::fake_operations::{Fake, Written};
    use super::*;

    const ARGS: ReplayArgs = ReplayArgs { until: 0, promote: false, json: false };

    #[tokio::test]
    async fn the_outcome_of_a_replay_is_written_to_standard_output() {
        let endpoints = Fake { answers: 3, ..Fake::default() }.serve().await;
        let written = Written::default();
        let outcome = replay(ARGS, &endpoints, Shutdown::new(), &mut written.output()).await.unwrap();
        assert_eq!(outcome, Outcome::Done);
        assert!(written.text().starts_with("g2 contains the log up to position 3\n"), "{}", written.text());
    }

    #[tokio::test]
    async fn programs_get_one_object_per_answer() {
        let endpoints = Fake { answers: 3, ..Fake::default() }.serve().await;
        let written = Written::default();
        let args = ReplayArgs { json: true, ..ARGS };
        replay(args, &endpoints, Shutdown::new(), &mut written.output()).await.unwrap();
        let positions: Vec<_> = written.json().iter().map(|it| it["position"].clone()).collect();
        assert_eq!(positions, ["1", "2", "3"]);
    }

    #[tokio::test]
    async fn a_cancelled_replay_is_removed_and_reported() {
        let endpoints = Fake { answers: 2, never_ends: true, ..Fake::default() }.serve().await;
        let shutdown = Shutdown::new();
        let written = Written::default();
        let mut output = written.output();
        let args = ReplayArgs { json: true, ..ARGS };
        let replaying = replay(args, &endpoints, shutdown.clone(), &mut output);
        let cancelling = async {
            written.lines_reach(2).await;
            shutdown.begin();
        };
        let (outcome, ()) = tokio::join!(replaying, cancelling);
        assert_eq!(outcome.unwrap(), Outcome::Cancelled);
        let connection = Connection::open(Service::Projection, &endpoints.projection_url).await.unwrap();
        let last = v1::RebuildResponse { generation: "g2".into(), ..Default::default() };
        let reported = cancelled(&connection, Some(&last)).await;
        assert!(reported.contains("are removed") && reported.contains("g2"), "{reported}");
    }
}
