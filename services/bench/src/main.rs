//! `cra-bench`: how fast the two services are, against what the same machine can do at best, measured in the same run.
//!
//! `generator` makes the data, `testbed` runs a nats-server and the services and fills the log, `scenarios` measure,
//! `limits` measure what bounds the figures, `report` prints them. The services are the real ones, in processes of their
//! own, reached over gRPC only. Whether their answers are right is not asked here: the tests recompute them.

// Pages are short and made once: `write!` into a `String` would only add a result to ignore.
#![allow(clippy::format_push_string)]

mod args;
mod generator;
mod latency;
mod limits;
mod report;
mod rows;
mod scenarios;
mod testbed;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser as _;
use cra_runtime::process::error_chain;
use cra_runtime::shutdown::Shutdown;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use self::args::{Arguments, Command, MeasureArgs};
use self::generator::Generator;
use self::report::{Machine, Measured, Report, Row, Scenario, Target};
use self::rows::CraRow;
use self::scenarios::growth::{self, Point};
use self::scenarios::questions::Kind;
use self::scenarios::replay::{self, Replayed};
use self::scenarios::submissions::Submissions;
use self::scenarios::{forget, ingest, load, query, sizing, visible};
use self::testbed::Testbed;

/// Columns of the table on standard output.
const COLUMNS: usize = 120;
/// The measurement failed.
const FAILED: u8 = 2;
/// A signal ended the measurement.
const CANCELLED: u8 = 130;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Ingest,
    Replay,
    Query,
    Load,
    Growth,
    Sizing,
    Forget,
    All,
}

#[tokio::main]
async fn main() -> ExitCode {
    cra_private::descriptors::raise();
    cra_private::restrict_new_files();
    match run(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            print(&format!("error: {}", error_chain(&error)));
            ExitCode::from(FAILED)
        }
    }
}

/// Measures, and reports the figures.
async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let (scope, args) = match command {
        Command::Ingest(args) => (Scope::Ingest, args),
        Command::Replay(args) => (Scope::Replay, args),
        Command::Query(args) => (Scope::Query, args),
        Command::Load(args) => (Scope::Load, args),
        Command::Growth(args) => (Scope::Growth, args),
        Command::Sizing(args) => (Scope::Sizing, args),
        Command::Forget(args) => (Scope::Forget, args),
        Command::All(args) => (Scope::All, args),
        Command::Serve { service } => {
            testbed::serve(service).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let interrupted = Shutdown::on_signal().context("signals cannot be caught")?;
    // On a thread of the runtime, where answers come in: handing them to the main thread would be measured too.
    let mut measuring = tokio::spawn(measure(scope, args.clone()));
    let report = tokio::select! {
        report = &mut measuring => report??,
        () = interrupted.requested() => {
            // Ends servers and services, and removes their folder.
            measuring.abort();
            let _ = measuring.await;
            return Ok(ExitCode::from(CANCELLED));
        }
    };
    std::io::stdout().write_all(report.table(COLUMNS).as_bytes())?;
    if let Some(file) = &args.json {
        write(file, &serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(file) = &args.markdown {
        write(file, &report.markdown())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a line on standard error; a closed one is ignored.
fn print(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display()))
}

async fn measure(scope: Scope, args: MeasureArgs) -> anyhow::Result<Report> {
    let start = Instant::now();
    let began = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let testbed = Testbed::prepare(args.nats_server.clone(), args.keep.clone())?;
    let measurement = Measurement { testbed, scope, seed: args.seed, seconds: args.seconds, bar: bar() };
    let rows = measurement.rows(args.cras).await?;
    measurement.bar.finish_and_clear();
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        began,
        machine: Machine::of_process(),
        seed: args.seed,
        cras: args.cras,
        seconds: start.elapsed().as_secs_f64(),
        rows,
    })
}

/// One run.
struct Measurement {
    testbed: Testbed,
    scope: Scope,
    seed: u64,
    /// That each kind of measurement may take, roughly.
    seconds: u64,
    bar: ProgressBar,
}

/// What was measured of one filled log.
struct OfOneLog {
    replay: Vec<Row>,
    query: Vec<Row>,
    load: Vec<Row>,
    point: Point,
}

impl Measurement {
    /// Shows the current step at the bar, or as a line where there is no terminal.
    fn show(&self, what: &str) {
        if self.bar.is_hidden() {
            print(what);
        } else {
            self.bar.set_message(what.to_owned());
        }
    }

    async fn rows(&self, cras: u64) -> anyhow::Result<Vec<Row>> {
        let generator = self.generator(cras).await?;
        let mut rows = Vec::new();
        if matches!(self.scope, Scope::Ingest | Scope::All) {
            rows.extend(self.ingest(&generator).await?);
        }
        if self.scope == Scope::Ingest {
            return Ok(rows);
        }
        if self.scope == Scope::Sizing {
            return self.sizing(&generator).await;
        }
        if self.scope == Scope::Forget {
            let log = self.testbed.filled_log("forget", &generator, &self.bar).await?;
            return Box::pin(forget::forget(&log, |what: &str| self.show(what))).await;
        }
        let mut points = Vec::new();
        if matches!(self.scope, Scope::Growth | Scope::All) {
            for part in [100, 10] {
                let smaller = self.generator(cras / part).await?;
                points.push(self.of_one_log(&smaller, &growth::KINDS, false).await?.point);
            }
        }
        let kinds: &[Kind] = match self.scope {
            Scope::Ingest | Scope::Sizing | Scope::Forget | Scope::Replay => &[],
            Scope::Growth => &growth::KINDS,
            Scope::Load => &load::KINDS,
            Scope::Query | Scope::All => &Kind::ALL,
        };
        let with_load = matches!(self.scope, Scope::Load | Scope::All);
        let measured = self.of_one_log(&generator, kinds, with_load).await?;
        points.push(measured.point);
        rows.extend(match self.scope {
            Scope::Ingest | Scope::Sizing | Scope::Forget => Vec::new(),
            Scope::Replay => measured.replay,
            Scope::Query => measured.query,
            Scope::Load => [measured.query, measured.load].concat(),
            Scope::Growth => growth::growth(&points),
            Scope::All => [measured.replay, measured.query, measured.load, growth::growth(&points)].concat(),
        });
        Ok(rows)
    }

    async fn generator(&self, cras: u64) -> anyhow::Result<Arc<Generator>> {
        let seed = self.seed;
        Ok(tokio::task::spawn_blocking(move || Arc::new(Generator::new(seed, cras))).await?)
    }

    /// Recording, on a separate log.
    async fn ingest(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        let (server, dir) = self.testbed.empty_log("ingest").await?;
        let mut submissions = Submissions::after(generator);
        let ingestion = testbed::Service::start(testbed::Kind::Ingestion, &server.url(), &dir).await?;
        let show = |what: &str| self.show(what);
        let mut rows = ingest::ingest(server.url(), &ingestion, &mut submissions, self.seconds, show).await?;
        let projection = testbed::Service::start(testbed::Kind::Projection, &server.url(), &dir).await?;
        self.show("submitting at a steady rate, and asking for each");
        let seconds = (2 * self.seconds).max(1);
        rows.push(visible::visible(&ingestion, &projection, &mut submissions, seconds).await?);
        projection.stop().await?;
        ingestion.stop().await?;
        Ok(rows)
    }

    /// What the processes use, on a separate log.
    async fn sizing(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        let (server, dir) = self.testbed.empty_log("sizing").await?;
        let mut submissions = Submissions::after(generator);
        let show = |what: &str| self.show(what);
        sizing::sizing(server, &dir, &mut submissions, generator.cras(), show).await
    }

    /// Everything that needs a filled log: its replay, questions of these kinds, and on demand questions under load.
    async fn of_one_log(
        &self,
        generator: &Arc<Generator>,
        kinds: &[Kind],
        with_load: bool,
    ) -> anyhow::Result<OfOneLog> {
        let (cras, show) = (generator.cras(), |what: &str| self.show(what));
        self.show(&format!("filling a log with {cras} CRAs"));
        let log = self.testbed.filled_log(&format!("log-{cras}"), generator, &self.bar).await?;
        let events = log.manifest.events;
        let Replayed { projection, drained, rows: mut replay } = replay::replay(&log, show).await?;
        let connection = projection.connect().await?;

        let within = Duration::from_secs(self.seconds);
        let in_force = if kinds.is_empty() { Vec::new() } else { self.rows_in_force(generator).await? };
        let asked = (in_force.as_slice(), self.seed);
        let queried = query::query(&mut connection.statistics(), asked, kinds, within, show).await?;
        replay.extend(replay::memory("after the questions", &projection));

        self.show("replaying the log beside the read models that serve");
        let replayed = replay::rebuild(&connection, events).await?;
        let rate = Measured::rate(events, "events", replayed);
        let beside = Row::new(Scenario::Replay, "a replay beside read models that serve", rate);
        replay.push(beside.limited(replay::DRAINED, drained).aiming(Target::RatioAtLeast(0.7)));

        let mut load = Vec::new();
        if with_load {
            self.show("asking while the log is replayed and CRAs come in");
            let ingestion =
                testbed::Service::start(testbed::Kind::Ingestion, &log.server.url(), &log.dir).await?;
            let mut submissions = Submissions::after(generator);
            load =
                load::load(&ingestion, &connection, &mut submissions, asked, &queried.times, within).await?;
            ingestion.stop().await?;
        }
        projection.stop().await?;
        let point = Point { cras, events, replayed, times: queried.times };
        Ok(OfOneLog { replay, query: queried.rows, load, point })
    }

    /// The data in force, to draw questions about.
    async fn rows_in_force(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<CraRow>> {
        self.show("making the data again, to ask about it");
        let generator = Arc::clone(generator);
        Ok(tokio::task::spawn_blocking(move || rows::rows_in_force(&generator)).await?)
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/dim} {msg} {elapsed:.dim}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
