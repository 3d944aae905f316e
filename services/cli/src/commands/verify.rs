//! `cra verify`: compares the serving read models with a replay of the log. Exit code 0 if they are equal, 1 if they
//! differ.

use anyhow::Context as _;
use cra_contracts::{json, v1};

use super::progress::Replaying;
use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, VerifyArgs};
use crate::client::{Connection, Service};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: VerifyArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    // No deadline: the duration depends on the log.
    let mut answers = connection.answer(connection.operations().verify(v1::VerifyRequest {}).await)?;
    let mut progress = Replaying::new();
    let mut last: Option<v1::VerifyResponse> = None;
    while let Some(answer) = answers.message().await.map_err(|status| connection.failure(status))? {
        if args.json {
            output.json(&json::to_value(&answer))?;
        } else {
            progress.show((&answer).into());
        }
        last = Some(answer);
    }
    drop(progress);
    let found = last.filter(|last| last.same.is_some());
    let found = found.context("the projection service ended the check without a verdict")?;
    if !args.json {
        output.write(&render::replay::verdict(&found, output.style()))?;
    }
    Ok(if found.same() { Outcome::Done } else { Outcome::Differs })
}

#[cfg(test)]
mod tests {
    use super::super::fake_operations::{Fake, Written};
    use super::*;

    async fn verified(same: Option<bool>) -> (CommandResult, String) {
        let endpoints = Fake { answers: 2, same, ..Fake::default() }.serve().await;
        let written = Written::default();
        let outcome = run(VerifyArgs { json: false }, &endpoints, &mut written.output()).await;
        (outcome, written.text())
    }

    #[tokio::test]
    async fn the_verdict_is_shown_and_is_the_exit_code() {
        let (outcome, text) = verified(Some(true)).await;
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert!(text.starts_with("same: "), "{text}");
        let (outcome, text) = verified(Some(false)).await;
        assert_eq!(outcome.unwrap(), Outcome::Differs);
        assert!(text.contains("a difference"), "{text}");
    }

    #[tokio::test]
    async fn a_check_without_a_verdict_is_a_failure() {
        let (outcome, text) = verified(None).await;
        assert!(outcome.unwrap_err().to_string().contains("without a verdict"));
        assert_eq!(text, "");
    }
}
