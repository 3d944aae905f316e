//! `cra status`: the projection's position in the log; with `--watch` repeatedly, until Ctrl-C.

use std::time::Duration;

use anyhow::Context as _;
use cra_contracts::{json, v1};

use cra_runtime::shutdown::Shutdown;
use tokio::time::sleep;

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, StatusArgs};
use crate::client::{ClientError, Connection, Service, within_deadline};
use crate::output::{Output, notice, redrawn};
use crate::render;

/// Interval between two requests.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: StatusArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let connection = Connection::to(Service::Projection, endpoints).await?;
    if args.watch {
        let shutdown = Shutdown::on_signal().context("signals cannot be caught")?;
        tokio::select! {
            failed = watch(&connection, args.json, output) => failed?,
            () = shutdown.requested() => {}
        }
        return Ok(Outcome::Done);
    }
    let answer = fetch(&connection).await?;
    output.answer(args.json, &answer, |style| render::status::page(&answer, style))?;
    Ok(Outcome::Done)
}

/// Shows every change; ends only if writing fails. An unavailable service is asked again.
async fn watch(connection: &Connection, as_json: bool, output: &mut Output) -> anyhow::Result<()> {
    let (mut shown, mut drawn, mut is_away) = (String::new(), 0, false);
    loop {
        match fetch(connection).await {
            Ok(answer) => {
                is_away = false;
                let screen = output.screen().filter(|_| !as_json);
                let line = render::status::line(&answer);
                if let Some((style, _)) = screen {
                    let page = render::status::page(&answer, style);
                    output.write(&redrawn(&page, drawn))?;
                    drawn = page.lines().count();
                } else if line != shown {
                    if as_json {
                        output.json(&json::to_value(&answer))?;
                    } else {
                        output.line(&line)?;
                    }
                    shown = line;
                }
            }
            Err(error) if !is_away => {
                is_away = true;
                drawn = 0;
                notice(&format!("{error}\nretrying"));
            }
            Err(_) => {}
        }
        sleep(WATCH_INTERVAL).await;
    }
}

/// Requests the status.
pub(crate) async fn fetch(connection: &Connection) -> Result<v1::GetStatusResponse, ClientError> {
    let request = within_deadline(v1::GetStatusRequest::default());
    connection.answer(connection.operations().get_status(request).await)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::fake_operations::{Fake, Written};
    use super::*;

    #[tokio::test]
    async fn without_a_terminal_each_change_is_one_line() {
        let is_replaying = Arc::new(AtomicBool::new(false));
        let fake = Fake { is_replaying: Arc::clone(&is_replaying), ..Fake::default() };
        let url = fake.serve().await.projection_url;
        let connection = Connection::open(Service::Projection, &url).await.unwrap();
        for as_json in [false, true] {
            is_replaying.store(false, Ordering::SeqCst);
            let written = Written::default();
            let mut output = written.output();
            let changes = async {
                written.lines_reach(1).await;
                sleep(3 * WATCH_INTERVAL).await;
                assert_eq!(written.text().lines().count(), 1, "nothing changed");
                is_replaying.store(true, Ordering::SeqCst);
                written.lines_reach(2).await;
            };
            tokio::select! {
                ended = watch(&connection, as_json, &mut output) => panic!("{ended:?}"),
                () = changes => {}
            }
        }
    }
}
