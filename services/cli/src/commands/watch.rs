//! `cra watch`: the statistics of a selection, live. On a terminal the page is redrawn in place; otherwise each change
//! is a line. Exits with code 0 on Ctrl-C and SIGTERM.

use cra_contracts::{json, v1};
use cra_runtime::shutdown::Shutdown;
use tonic::{Status, Streaming};

use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, WatchArgs};
use crate::client::{Connection, Service};
use crate::output::{Output, notice, redrawn};
use crate::render::watch::{self, Progress};
use crate::subscription::{Subscription, run_with_reconnect};

pub(crate) async fn run(args: WatchArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let shutdown = Shutdown::on_signal()?;
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let mut watcher = Watcher::new(&args, output);
    tokio::select! {
        ended = run_with_reconnect(&connection, &mut watcher) => ended?,
        () = shutdown.requested() => {}
    }
    Ok(Outcome::Done)
}

struct Watcher<'a> {
    request: v1::WatchStatisticsRequest,
    selection: v1::Selection,
    json: bool,
    output: &'a mut Output,
    first: Option<v1::Statistics>,
    last: Option<v1::WatchStatisticsResponse>,
    /// Number of lines of the page on the screen.
    drawn: usize,
    /// Number of lines written without a terminal.
    lines: usize,
}

impl<'a> Watcher<'a> {
    fn new(args: &WatchArgs, output: &'a mut Output) -> Self {
        let selection = args.selection.to_message();
        let request = v1::WatchStatisticsRequest {
            selection: Some(selection.clone()),
            min_interval_ms: args.interval_ms,
        };
        Self { request, selection, json: args.json, output, first: None, last: None, drawn: 0, lines: 0 }
    }

    fn show(&mut self, lost: bool) -> std::io::Result<()> {
        let Some(now) = &self.last else {
            return Ok(());
        };
        if self.json {
            return self.output.json(&json::to_value(now));
        }
        let none = v1::Statistics::default();
        let progress = Progress { first: self.first.as_ref().unwrap_or(&none), now };
        let Some((style, rows)) = self.output.screen() else {
            let style = self.output.style();
            let head = if self.lines == 0 { watch::head(&self.selection, style) } else { String::new() };
            self.lines += 1;
            return self.output.line(&(head + &watch::line(progress, style)));
        };
        // One line remains for the cursor.
        let page = watch::page(&self.selection, progress, lost, rows.saturating_sub(1), style);
        let again = redrawn(&page, self.drawn);
        self.drawn = page.lines().count();
        self.output.write(&again)
    }
}

impl Subscription for Watcher<'_> {
    type Message = v1::WatchStatisticsResponse;

    async fn open(&mut self, connection: &Connection) -> Result<Streaming<Self::Message>, Status> {
        Ok(connection.statistics().watch_statistics(self.request.clone()).await?.into_inner())
    }

    fn take(&mut self, message: Self::Message) -> anyhow::Result<()> {
        let statistics = message.statistics.clone().unwrap_or_default();
        // After a reconnection the service first repeats the known figures.
        let is_change = self.last.as_ref().is_none_or(|last| last.statistics != message.statistics);
        self.first.get_or_insert(statistics);
        self.last = Some(message);
        if is_change || self.drawn > 0 {
            self.show(false)?;
        }
        Ok(())
    }

    fn ends_with_the_stream(&self) -> bool {
        false
    }

    fn disconnected(&mut self, problem: &str) -> anyhow::Result<()> {
        if self.drawn > 0 {
            self.show(true)?;
        } else {
            notice(&format!("{problem}\nretrying"));
        }
        Ok(())
    }

    fn reconnected(&mut self) {
        if self.drawn == 0 {
            notice("connected again");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fake::{Fake, Written, endpoints};
    use super::*;
    use crate::args::{Arguments, Command};
    use clap::Parser as _;

    fn args(flags: &[&str]) -> WatchArgs {
        match Arguments::parse_from(["cra", "watch"].iter().chain(flags)).command {
            Command::Watch(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    async fn watched(flags: &[&str], fake: Fake, lines: usize) -> (Vec<String>, Arc<Fake>) {
        let fake = Arc::new(fake);
        let url = endpoints(&fake).await.projection_url;
        let connection = Connection::open(Service::Projection, &url).await.unwrap();
        let written = Written::default();
        let mut output = written.output();
        let args = args(flags);
        let mut watcher = Watcher::new(&args, &mut output);
        tokio::select! {
            ended = run_with_reconnect(&connection, &mut watcher) => panic!("{ended:?}"),
            () = written.lines_reach(lines) => {}
        }
        (written.text().lines().map(str::to_owned).collect(), fake)
    }

    #[tokio::test]
    async fn each_change_is_a_line_and_a_restart_of_the_service_adds_none() {
        // Each connection breaks after its answers; the first answer of the next one repeats the figures.
        let fake = Fake { watched: vec![vec![1, 2], vec![2, 3], vec![3, 5]], ..Fake::default() };
        let (lines, fake) = watched(&["--theme", "email"], fake, 3 + 4).await;
        assert_eq!(lines[..3], ["Comptes-rendus d'activité toutes les dates", "Thématique : Courriels", ""]);
        let reported: Vec<_> = lines[3..].iter().map(|line| line.split("  ").nth(1).unwrap()).collect();
        assert_eq!(reported, ["1 CRA (+0)", "2 CRA (+1)", "3 CRA (+2)", "5 CRA (+4)"]);
        assert_eq!(fake.watches.lock().unwrap()[0].selection.as_ref().unwrap().themes, [3]);
    }

    #[tokio::test]
    async fn programs_get_one_object_per_change() {
        let fake = Fake { watched: vec![vec![1], vec![1, 4]], ..Fake::default() };
        let (lines, fake) = watched(&["--json", "--interval-ms", "250"], fake, 2).await;
        let cras = |line: &String| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["statistics"]["cras"].as_str().unwrap().to_owned()
        };
        assert_eq!(lines.iter().map(cras).collect::<Vec<_>>(), ["1", "4"]);
        assert_eq!(fake.watches.lock().unwrap()[0].min_interval_ms, 250);
    }
}
