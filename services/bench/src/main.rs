//! `cra-bench`: how fast the two services are, against what the same machine can do at best, measured in the same run.
//!
//! `generator` makes the data, `testbed` runs a nats-server and the services and fills the log, `scenarios` measure,
//! `limits` measure what bounds the figures, `report` prints them. The services are the real ones, in processes of their
//! own, reached over gRPC only. Whether their answers are right is not asked here: the tests recompute them.

// Pages are short and made once: `write!` into a `String` would only add a result to ignore.
#![allow(clippy::format_push_string)]

mod args;
mod budget;
mod generator;
mod latency;
mod limits;
mod measurement;
mod report;
mod rows;
mod scenarios;
mod testbed;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser as _, ValueEnum as _};
use cra_runtime::process::error_chain;
use cra_runtime::shutdown::Shutdown;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use self::args::{Arguments, Command, MeasureArgs, Peer, PeerArgs};
use self::budget::Budget;
use self::measurement::{Measurement, Scope};
use self::report::{Machine, Report};
use self::scenarios::peers::Peers;
use self::testbed::Testbed;

/// Columns of the table on standard output.
const COLUMNS: usize = 120;
/// The measurement failed.
const FAILED: u8 = 2;
/// A signal ended the measurement.
const CANCELLED: u8 = 130;

/// What to measure.
struct Plan {
    scope: Scope,
    args: MeasureArgs,
    peers: Option<Peers>,
    budget: Budget,
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

impl Plan {
    fn of(scope: Scope, args: MeasureArgs) -> Self {
        Self { scope, args, peers: None, budget: Budget::new(None) }
    }

    fn with_peers(scope: Scope, args: PeerArgs) -> anyhow::Result<Self> {
        let PeerArgs { measure, peers, python } = args;
        let peers = (!peers.is_empty()).then(|| Peers::new(peers, python)).transpose()?;
        Ok(Self { peers, ..Self::of(scope, measure) })
    }
}

/// Measures, and reports the figures.
async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let plan = match command {
        Command::Ingest(args) => Plan::of(Scope::Ingest, args),
        Command::Replay(args) => Plan::of(Scope::Replay, args),
        Command::Query(args) => Plan::of(Scope::Query, args),
        Command::Load(args) => Plan::of(Scope::Load, args),
        Command::Growth(args) => Plan::of(Scope::Growth, args),
        Command::Sizing(args) => Plan::of(Scope::Sizing, args),
        Command::Forget(args) => Plan::of(Scope::Forget, args),
        Command::Subjects(args) => Plan::of(Scope::Subjects, args),
        Command::Peers(mut args) => {
            if args.peers.is_empty() {
                args.peers = Peer::value_variants().to_vec();
            }
            Plan::with_peers(Scope::Peers, args)?
        }
        Command::All(args) => {
            let budget = Budget::new(Some(Duration::from_mins(args.minutes)));
            Plan { budget, ..Plan::with_peers(Scope::All, args.peers)? }
        }
        Command::Serve { service } => {
            testbed::serve(service).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Busy => {
            testbed::keep_busy();
            return Ok(ExitCode::SUCCESS);
        }
    };
    let args = plan.args.clone();
    let interrupted = Shutdown::on_signal().context("signals cannot be caught")?;
    // On a thread of the runtime, where answers come in: handing them to the main thread would be measured too.
    let mut measuring = tokio::spawn(measure(plan));
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

async fn measure(plan: Plan) -> anyhow::Result<Report> {
    let Plan { scope, args, peers, budget } = plan;
    let start = Instant::now();
    let began = Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string();
    let testbed = Testbed::prepare(args.nats_server.clone(), args.keep.clone())?;
    let measurement =
        Measurement { testbed, scope, seed: args.seed, seconds: args.seconds, peers, budget, bar: bar() };
    let rows = measurement.rows(args.cras).await?;
    measurement.bar.finish_and_clear();
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        began,
        machine: Machine::of_process(),
        seed: args.seed,
        cras: args.cras,
        seconds: start.elapsed().as_secs_f64(),
        left_out: measurement.budget.left_out(),
        rows,
    })
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30.cyan/dim} {msg} {elapsed:.dim}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar
}
