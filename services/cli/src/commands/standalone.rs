//! `cra standalone`: both services and the web pages in one process, and optionally a fictitious month of data.
//!
//! The sample is submitted over the same stream as any CRA, and its statistics come from the projection. Serves until
//! Ctrl-C or SIGTERM, then drains both services.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use cra_contracts::v1;
use cra_runtime::reload;
use cra_runtime::shutdown::Shutdown;
use cra_runtime::telemetry::{self, TelemetrySettings};
use etcetera::{AppStrategy as _, AppStrategyArgs};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::pair::{self, Pair};
use super::{CommandResult, Outcome, figures, progress, status};
use crate::args::{DEFAULT_PROJECTION_URL, EndpointArgs, StandaloneArgs};
use crate::client::{Connection, Service};
use crate::output::{Output, notice};
use crate::render;
use crate::selection::SelectionArgs;
use crate::submission::rpc::{Mode, Submit};
use crate::submission::stream::{self, Retries, SendEvent};
use crate::submission::{self, Item, Location, Tally};
use cra_sample::Month;

/// Number of items prepared ahead of the stream.
const READ_AHEAD: usize = 64;

pub(crate) async fn run(args: StandaloneArgs, output: &mut Output) -> CommandResult {
    let data = args.data.map_or_else(default_data, Ok)?;
    // Less verbose than in production, because the figures use the same terminal. The warning about loopback addresses
    // is off: this command serves on loopback by design.
    let quiet = TelemetrySettings {
        log_filter: "warn,cra_runtime::listen=error".to_owned(),
        ..TelemetrySettings::default()
    };
    // Tracing is off, so there is nothing to flush.
    let _telemetry = telemetry::init(&quiet)?;
    reload::keep_running_at_hangup();
    let shutdown = Shutdown::on_signal().context("signals cannot be caught")?;
    let web = (!args.no_web).then_some(args.web);
    let Pair { endpoints, pages, mut served } =
        pair::start_pair(&data, args.ingestion, args.projection, web, shutdown.clone()).await?;

    let greeting = greet(&endpoints, pages, args.sample, output);
    let greeted = tokio::select! {
        greeted = greeting => greeted,
        () = shutdown.requested() => Ok(()),
        ended = &mut served => {
            ended.context("a service panicked")??;
            if shutdown.is_requested() {
                return Ok(Outcome::Done);
            }
            anyhow::bail!("the services ended unexpectedly");
        }
    };
    if greeted.is_ok() && !shutdown.is_requested() {
        notice(&format!("data in {}; Ctrl-C stops", data.display()));
    } else {
        shutdown.begin();
    }
    served.await.context("a service panicked")??;
    greeted?;
    Ok(Outcome::Done)
}

fn default_data() -> anyhow::Result<PathBuf> {
    let name = AppStrategyArgs {
        top_level_domain: String::new(),
        author: String::new(),
        app_name: "cra".to_owned(),
    };
    let strategy = etcetera::app_strategy::choose_native_strategy(name)
        .context("the platform's data directory is unknown; use --data DIR")?;
    Ok(strategy.data_dir())
}

/// Loads the sample if requested, then prints the addresses and commands to try.
async fn greet(
    endpoints: &EndpointArgs,
    pages: Option<SocketAddr>,
    with_sample: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    let month = Month::last_complete(TimeZone::UTC.to_datetime(Timestamp::now()).date());
    let mut example = "cra stats".to_owned();
    if with_sample {
        load_sample(endpoints, month, output).await?;
        example = format!("cra stats --month {month} --theme email --age over-60");
    }
    let EndpointArgs { ingestion_url, projection_url, .. } = endpoints;
    if let Some(address) = pages {
        let of_month = if with_sample { month.query() } else { String::new() };
        output.line(&format!("pages       http://{address}/{of_month}"))?;
    }
    if projection_url != DEFAULT_PROJECTION_URL {
        example += &format!(" --projection-url {projection_url}");
    }
    output.line(&format!("ingestion   {ingestion_url}"))?;
    output.line(&format!("projection  {projection_url}"))?;
    output.line(&format!("try         {example}"))?;
    output.line(&format!("or          {}", by_curl(projection_url, month)))?;
    Ok(())
}

/// The month's statistics, as `curl` asks for them.
fn by_curl(projection_url: &str, month: Month) -> String {
    let first = month.first_day();
    let question = format!(r#"{{"selection":{{"from":"{first}","to":"{}"}}}}"#, first.last_of_month());
    let header = "Content-Type: application/json";
    format!("curl -H '{header}' -d '{question}' {projection_url}/cra.v1.StatisticsService/GetStatistics")
}

async fn load_sample(endpoints: &EndpointArgs, month: Month, output: &mut Output) -> anyhow::Result<()> {
    let projection = Connection::open(Service::Projection, &endpoints.projection_url).await?;
    let head = status::fetch(&projection).await?.log_position;
    if head > 0 {
        notice(&format!("the log is not empty (position {head}): the sample is not loaded"));
        return Ok(());
    }
    let ingestion = Connection::open(Service::Ingestion, &endpoints.ingestion_url).await?;
    let last_position = submit_sample(&ingestion, month).await?;

    let selection = SelectionArgs::of_month(month.first_day()).to_message();
    let consistency = v1::Consistency { min_position: last_position, ..v1::Consistency::default() };
    let answer = figures::statistics(&projection, selection.clone(), consistency).await?;
    output.write(&render::statistics::page(&selection, &answer, output.style()))?;
    output.line("")?;
    Ok(())
}

/// Submits the sample; returns the position of its last CRA.
async fn submit_sample(ingestion: &Connection, month: Month) -> anyhow::Result<u64> {
    let submissions = cra_sample::submissions(month);
    let bar = progress::bar(Some(submissions.len() as u64));
    let (sender, items) = mpsc::channel(READ_AHEAD);
    tokio::spawn(async move {
        for (number, submission) in (1..).zip(submissions) {
            let item =
                Item { location: Location::Element(number), bytes_read: number, content: Ok(submission) };
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let mut tally = Tally::default();
    let mut first_refusal = None;
    let submit = Submit { mode: Mode::Record };
    let streamed = stream::send(ingestion, &submit, items, Retries::Never, &mut tally, |news, tally| {
        let SendEvent::Reported(reported) = news else { return Ok(()) };
        progress::advance(&bar, reported.bytes_read, tally);
        if let submission::Outcome::Refused(refusal) = &reported.outcome {
            first_refusal.get_or_insert_with(|| refusal.message.clone());
        }
        Ok(())
    })
    .await;
    bar.finish_and_clear();
    streamed?;
    if let Some(refusal) = first_refusal {
        anyhow::bail!("{} CRAs of the sample were refused; the first: {refusal}", tally.refused);
    }
    Ok(tally.last_position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_data_directory_is_named_after_the_command() {
        assert!(default_data().unwrap().ends_with("cra"));
    }
}
