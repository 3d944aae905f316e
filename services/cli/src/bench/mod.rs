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
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cra_runtime::shutdown::Shutdown;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use self::bed::Bed;
use self::generator::Generator;
use self::report::{Machine, Measured, Report, Row, Scenario, Target};
use self::scenarios::growth::{self, Point};
use self::scenarios::questions::Kind;
use self::scenarios::replay::{self, Replayed};
use self::scenarios::submissions::Submissions;
use self::scenarios::{ingest, load, query, sizing, visible};
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
    Load,
    Growth,
    Sizing,
    All,
}

/// Measures, and tells what came out.
pub(crate) async fn run(command: BenchCommand, output: &mut Output) -> anyhow::Result<Outcome> {
    let (scope, args) = match command {
        BenchCommand::Ingest(args) => (Scope::Ingest, args),
        BenchCommand::Replay(args) => (Scope::Replay, args),
        BenchCommand::Query(args) => (Scope::Query, args),
        BenchCommand::Load(args) => (Scope::Load, args),
        BenchCommand::Growth(args) => (Scope::Growth, args),
        BenchCommand::Sizing(args) => (Scope::Sizing, args),
        BenchCommand::All(args) => (Scope::All, args),
        BenchCommand::Serve { service } => {
            bed::serve(service).await?;
            return Ok(Outcome::Done);
        }
    };
    let interrupted = Shutdown::on_signal().context("signals cannot be caught")?;
    // On a thread of the runtime, where answers come in: passing them on to the thread that started it would be measured.
    let mut measuring = tokio::spawn(measure(scope, args.clone()));
    let report = tokio::select! {
        report = &mut measuring => report??,
        () = interrupted.begun() => {
            // Which ends servers and services, and removes their folder.
            measuring.abort();
            let _ = measuring.await;
            return Ok(Outcome::Cancelled);
        }
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

async fn measure(scope: Scope, args: MeasureArgs) -> anyhow::Result<Report> {
    let start = Instant::now();
    let began = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let bed = Bed::prepare(args.nats_server.clone(), args.keep.clone())?;
    let measurement = Measurement { bed, scope, seed: args.seed, seconds: args.seconds, bar: bar() };
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
    bed: Bed,
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
    /// Says what is going on: beside the bar, or as a line where there is no terminal.
    fn tell(&self, what: &str) {
        if self.bar.is_hidden() {
            tell(what);
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
        let mut points = Vec::new();
        if matches!(self.scope, Scope::Growth | Scope::All) {
            for part in [100, 10] {
                let smaller = self.generator(cras / part).await?;
                points.push(self.of_one_log(&smaller, &growth::KINDS, false).await?.point);
            }
        }
        let kinds: &[Kind] = match self.scope {
            Scope::Ingest | Scope::Sizing | Scope::Replay => &[],
            Scope::Growth => &growth::KINDS,
            Scope::Load => &load::KINDS,
            Scope::Query | Scope::All => &Kind::ALL,
        };
        let with_load = matches!(self.scope, Scope::Load | Scope::All);
        let measured = self.of_one_log(&generator, kinds, with_load).await?;
        points.push(measured.point);
        rows.extend(match self.scope {
            Scope::Ingest | Scope::Sizing => Vec::new(),
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

    /// Recording, on a log of its own.
    async fn ingest(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        let (server, dir) = self.bed.empty_log("ingest").await?;
        let mut submissions = Submissions::after(generator);
        let ingestion = bed::Service::start(bed::Kind::Ingestion, &server.url(), &dir).await?;
        let told = |what: &str| self.tell(what);
        let mut rows = ingest::ingest(server.url(), &ingestion, &mut submissions, self.seconds, told).await?;
        let projection = bed::Service::start(bed::Kind::Projection, &server.url(), &dir).await?;
        self.tell("submitting at a steady rate, and asking for each");
        let seconds = (2 * self.seconds).max(1);
        rows.push(visible::visible(&ingestion, &projection, &mut submissions, seconds).await?);
        projection.stop().await?;
        ingestion.stop().await?;
        Ok(rows)
    }

    /// What the processes take, on a log of its own.
    async fn sizing(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<Row>> {
        let (server, dir) = self.bed.empty_log("sizing").await?;
        let mut submissions = Submissions::after(generator);
        let told = |what: &str| self.tell(what);
        sizing::sizing(server, &dir, &mut submissions, generator.cras(), told).await
    }

    /// Everything that needs a filled log: its replay, questions of these kinds, and on demand questions under load.
    async fn of_one_log(
        &self,
        generator: &Arc<Generator>,
        kinds: &[Kind],
        with_load: bool,
    ) -> anyhow::Result<OfOneLog> {
        let (cras, told) = (generator.cras(), |what: &str| self.tell(what));
        self.tell(&format!("filling a log with {cras} CRAs"));
        let log = self.bed.filled_log(&format!("log-{cras}"), generator, &self.bar).await?;
        let events = log.manifest.events;
        let Replayed { projection, drained, rows: mut replay } = replay::replay(&log, told).await?;
        let connection = projection.connect().await?;

        let within = Duration::from_secs(self.seconds);
        let in_force = if kinds.is_empty() { Vec::new() } else { self.in_force(generator).await? };
        let asked = (in_force.as_slice(), self.seed);
        let queried = query::query(&mut connection.statistics(), asked, kinds, within, told).await?;
        replay.extend(replay::memory("after the questions", &projection));

        self.tell("replaying the log beside the read models that serve");
        let replayed = replay::rebuild(&connection, events).await?;
        let rate = Measured::rate(events, "events", replayed);
        let beside = Row::new(Scenario::Replay, "a replay beside read models that serve", rate);
        replay.push(beside.limited(replay::DRAINED, drained).aiming(Target::RatioAtLeast(0.7)));

        let mut load = Vec::new();
        if with_load {
            self.tell("asking while the log is replayed and CRAs come in");
            let ingestion = bed::Service::start(bed::Kind::Ingestion, &log.server.url(), &log.dir).await?;
            let mut submissions = Submissions::after(generator);
            load =
                load::load(&ingestion, &connection, &mut submissions, asked, &queried.times, within).await?;
            ingestion.stop().await?;
        }
        projection.stop().await?;
        let point = Point { cras, events, replayed, times: queried.times };
        Ok(OfOneLog { replay, query: queried.rows, load, point })
    }

    /// The data once more, as rows to recount.
    async fn in_force(&self, generator: &Arc<Generator>) -> anyhow::Result<Vec<recount::Row>> {
        self.tell("making the data again to recount answers");
        let generator = Arc::clone(generator);
        Ok(tokio::task::spawn_blocking(move || recount::rows_in_force(&generator)).await?)
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/dim} {msg} {elapsed:.dim}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
