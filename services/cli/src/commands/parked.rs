//! `cra parked`: lists the events that could not be applied, or retries them. Exit code 1 if some are still parked
//! after a retry.

use cra_contracts::{json, v1};

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, ParkedArgs};
use crate::client::{Connection, Service, within_deadline};
use crate::output::Output;
use crate::render;

pub(crate) async fn run(args: ParkedArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    match args.retry {
        Some(positions) => retry(&connection, positions, args.json, output).await,
        None => list(&connection, args.json, output).await,
    }
}

async fn list(connection: &Connection, as_json: bool, output: &mut Output) -> CommandResult {
    let mut page_token = String::new();
    let mut is_first = true;
    loop {
        let request = within_deadline(v1::ListParkedEventsRequest { page_size: 0, page_token });
        let page = connection.answer(connection.operations().list_parked_events(request).await)?;
        if is_first && !as_json {
            let header = render::parked::header(output.style());
            output.write(if page.events.is_empty() { "no event is parked\n" } else { &header })?;
        }
        for event in &page.events {
            if as_json {
                output.json(&json::to_value(event))?;
            } else {
                output.write(&render::parked::line(event))?;
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(Outcome::Done);
        }
        page_token = page.next_page_token;
        is_first = false;
    }
}

async fn retry(
    connection: &Connection,
    positions: Vec<u64>,
    as_json: bool,
    output: &mut Output,
) -> CommandResult {
    let request = within_deadline(v1::RetryParkedEventsRequest { positions });
    let answer = connection.answer(connection.operations().retry_parked_events(request).await)?;
    output.answer(as_json, &answer, |style| render::parked::retried(answer, style))?;
    Ok(if answer.still_parked == 0 { Outcome::Done } else { Outcome::SomeRefused })
}

#[cfg(test)]
mod tests {
    use super::super::fake_operations::{Fake, Written};
    use super::*;

    async fn reported(parked: u64, retry: Option<Vec<u64>>, json: bool) -> (Outcome, String) {
        let endpoints = Fake { parked, ..Fake::default() }.serve().await;
        let written = Written::default();
        let outcome = run(ParkedArgs { retry, json }, &endpoints, &mut written.output()).await.unwrap();
        (outcome, written.text())
    }

    #[tokio::test]
    async fn all_pages_are_shown_under_one_header() {
        let (outcome, text) = reported(5, None, false).await;
        assert_eq!((outcome, text.lines().count()), (Outcome::Done, 6));
        let (_, text) = reported(5, None, true).await;
        assert_eq!(text.lines().count(), 5);
        assert_eq!(reported(0, None, false).await.1, "no event is parked\n");
        assert_eq!(reported(0, None, true).await.1, "");
    }

    #[tokio::test]
    async fn events_still_parked_after_a_retry_give_exit_code_1() {
        assert_eq!(reported(5, Some(vec![1, 2]), false).await.0, Outcome::Done);
        let (outcome, text) = reported(5, Some(vec![]), false).await;
        assert_eq!(outcome, Outcome::SomeRefused);
        assert!(text.starts_with("0 applied, 5 still parked"), "{text}");
    }
}
