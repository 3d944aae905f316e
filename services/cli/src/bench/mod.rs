//! `cra bench`: how fast the pair is, against what the same machine can do at best, measured in the same run.
//!
//! The way of the data: `generator` makes it, `bed` runs a nats-server and the services and fills the log, `scenarios`
//! measure, `limits` tell what bounds the figures, `report` shows them. `recount` judges answers before they are timed.
//! The services are the real ones, in processes of their own, reached over gRPC only.

mod bed;
mod generator;
mod latency;
mod limits;
mod recount;
mod report;
mod scenarios;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use cra_runtime::shutdown::Shutdown;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use self::bed::Bed;
use self::generator::Generator;
use self::report::{Machine, Report, Row};
use self::scenarios::{query, replay};
use crate::args::{BenchCommand, MeasureArgs};
use crate::commands::Outcome;
use crate::output::{Output, tell};

pub(crate) use self::bed::Kind as Service;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Ingest,
    Replay,
    Query,
    Growth,
    All,
}

/// Measures, and tells what came out.
pub(crate) async fn run(command: BenchCommand, output: &mut Output) -> anyhow::Result<Outcome> {
    let (scope, args) = match command {
        BenchCommand::Ingest(args) => (Scope::Ingest, args),
        BenchCommand::Replay(args) => (Scope::Replay, args),
        BenchCommand::Query(args) => (Scope::Query, args),
        BenchCommand::Growth(args) => (Scope::Growth, args),
        BenchCommand::All(args) => (Scope::All, args),
        BenchCommand::Serve { service } => {
            bed::serve(service).await?;
            return Ok(Outcome::Done);
        }
    };
    let interrupted = Shutdown::on_signal().context("signals cannot be caught")?;
    let report = tokio::select! {
        report = measure(scope, &args) => report?,
        // Dropped here: servers, services and their folder.
        () = interrupted.begun() => return Ok(Outcome::Cancelled),
    };
    output.write(&report.table(output.look().columns))?;
    if let Some(file) = &args.json {
        write(file, &serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(file) = &args.markdown {
        write(file, &report.markdown())?;
    }
    Ok(Outcome::Done)
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

async fn measure(scope: Scope, args: &MeasureArgs) -> anyhow::Result<Report> {
    let begun = Instant::now();
    let began = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let bed = Bed::prepare(args.nats_server.clone(), args.keep.clone())?;
    let (seed, cras) = (args.seed, args.cras);
    let generator = tokio::task::spawn_blocking(move || Arc::new(Generator::new(seed, cras))).await?;
    let measurement = Measurement { bed, generator, bar: bar() };
    let mut rows = Vec::new();
    if matches!(scope, Scope::Replay | Scope::Query | Scope::Growth | Scope::All) {
        rows.extend(measurement.of_a_filled_log(scope).await?);
    }
    measurement.bar.finish_and_clear();
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        began,
        machine: Machine::of_process(),
        seed,
        cras,
        seconds: begun.elapsed().as_secs_f64(),
        rows,
    })
}

/// One run.
struct Measurement {
    bed: Bed,
    generator: Arc<Generator>,
    bar: ProgressBar,
}

impl Measurement {
    /// Says what is going on: beside the bar, or as a line where there is no terminal.
    fn tell(&self, what: &str) {
        if self.bar.is_hidden() {
            tell(what);
        } else {
            self.bar.set_message(what.to_owned());
        }
    }

    async fn of_a_filled_log(&self, scope: Scope) -> anyhow::Result<Vec<Row>> {
        self.tell("filling the log");
        let log = self.bed.filled_log("log", &self.generator, &self.bar).await?;
        let replayed = replay::replay(&log, |what| self.tell(what)).await?;
        let connection = replayed.projection.connect().await?;
        let mut rows = Vec::new();
        if matches!(scope, Scope::Replay | Scope::All) {
            rows.extend(replayed.rows);
        }
        if matches!(scope, Scope::Query | Scope::All) {
            let generator = Arc::clone(&self.generator);
            self.tell("making the data again to recount answers");
            let in_force = tokio::task::spawn_blocking(move || recount::rows_in_force(&generator)).await?;
            let mut statistics = connection.statistics();
            let queried =
                query::query(&mut statistics, &in_force, self.generator.seed(), |what| self.tell(what))
                    .await?;
            rows.extend(queried.rows);
            rows.extend(replay::memory("after the questions", &replayed.projection));
        }
        if matches!(scope, Scope::Replay | Scope::All) {
            self.tell("replaying the log beside the read models that serve");
            rows.push(replay::rebuild(&connection, log.manifest.events).await?);
        }
        replayed.projection.stop().await?;
        Ok(rows)
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/dim} {msg} {elapsed:.dim}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
