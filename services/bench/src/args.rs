//! Arguments of `cra-bench`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::testbed;

/// Measures the two services against limits of the same machine
#[derive(Debug, Parser)]
#[command(name = "cra-bench", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Recording: streams of submissions, many callers, one, and the time until a CRA counts
    Ingest(MeasureArgs),
    /// Replaying the log into empty read models; their memory and disk, and how soon they serve again
    Replay(MeasureArgs),
    /// Questions of every kind, one caller at a time
    Query(MeasureArgs),
    /// Small and large questions while the log is replayed and CRAs come in, against their quiet times
    Load(MeasureArgs),
    /// What an event and a question cost with a hundredth, a tenth and all of the CRAs
    Growth(MeasureArgs),
    /// Memory, disk and processor time of each process for the CRAs, which are submitted; the log's server included
    Sizing(MeasureArgs),
    /// Copying the log without what is to be forgotten, against an import of the same log
    Forget(MeasureArgs),
    /// Memory of the log's server per event, by the length of the subjects
    Subjects(MeasureArgs),
    /// Other engines on the product's own Parquet file: the same questions in turn, answers compared; and files of CRAs
    Peers(PeerArgs),
    /// Everything but `sizing`, `forget` and, without --peers, `peers`
    All(AllArgs),
    /// Run one service for a measurement
    #[command(hide = true)]
    Serve {
        #[arg(value_enum)]
        service: testbed::Kind,
    },
    /// Keep every core busy until standard input ends
    #[command(hide = true)]
    Busy,
}

/// What the product is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// Its table in memory
    Duckdb,
    /// Its table on disk, ordered by day
    Chdb,
}

/// The peers of a comparison.
#[derive(Clone, Debug, Args)]
pub(crate) struct PeerArgs {
    #[command(flatten)]
    pub(crate) measure: MeasureArgs,
    /// What to compare with, separated by commas [default of `peers`, and of the option without a value: both]
    #[arg(
        long,
        value_name = "ENGINE",
        value_enum,
        value_delimiter = ',',
        num_args = 0..=2,
        default_missing_value = "duckdb,chdb"
    )]
    pub(crate) peers: Vec<Peer>,
    /// Python with the packages of services/bench/peers/requirements.txt [default: the one that
    /// services/bench/peers/install makes]
    #[arg(long, value_name = "FILE", env = "CRA_BENCH_PYTHON")]
    pub(crate) python: Option<PathBuf>,
}

/// Everything, within some minutes.
#[derive(Clone, Debug, Args)]
pub(crate) struct AllArgs {
    #[command(flatten)]
    pub(crate) peers: PeerArgs,
    /// What would not end within so many minutes is left out, and named in the report; 0 for as little as will do
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=600))]
    pub(crate) minutes: u64,
}

/// What is measured, and where the report goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct MeasureArgs {
    /// CRAs of the log that is replayed and asked about
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200_000,
        value_parser = clap::value_parser!(u64).range(1_000..=50_000_000)
    )]
    pub(crate) cras: u64,
    /// The same seed and number give the same data
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seconds that each kind of measurement takes, roughly; 0 for as few samples as will do
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(..=60))]
    pub(crate) seconds: u64,
    /// Program of the log's server [default: the one on the PATH, or the one that the tests installed]
    #[arg(long, value_name = "FILE", env = "CRA_NATS_SERVER")]
    pub(crate) nats_server: Option<PathBuf>,
    /// Folder that retains filled logs for the next measurement
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    /// Write the report as JSON too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the report as a Markdown page too, such as deploy/PERFORMANCE.md
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}
