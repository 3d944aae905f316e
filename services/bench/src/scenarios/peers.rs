//! The product and other engines on its own Parquet file: the same questions in turn, answers compared before any time is
//! shown, and the same files. `peers.py` asks all of them, the product over gRPC.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum as _;
use cra_client::Clients;
use cra_contracts::FILE_DESCRIPTOR_SET;
use cra_contracts::v1::{self, ExportFormat};
use cra_domain::territory;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::exports::{self, Exported};
use super::questions::{Kind, Question, Questions};
use crate::args::Peer;
use crate::latency::Latencies;
use crate::report::{Measured, Row, Scenario, Target};
use crate::rows::CraRow;

const SCRIPTS: [(&str, &str); 4] = [
    ("peers.py", include_str!("../../peers/peers.py")),
    ("engines.py", include_str!("../../peers/engines.py")),
    ("product.py", include_str!("../../peers/product.py")),
    ("questions.py", include_str!("../../peers/questions.py")),
];
/// Where `services/bench/peers/install` makes it, below the folder of the project.
const INSTALLED: &str = "target/tools/peers/bin/python";
/// What is asked.
const KINDS: [Kind; 5] = [Kind::Anything, Kind::Departments, Kind::Months, Kind::CrossTable, Kind::Country];
/// More than are asked in time.
const QUESTIONS: usize = 2_000;
/// How the product is named among the times.
const PRODUCT: &str = "the product";
const PARIS: &str = "Europe/Paris";

/// What to compare with, and by which Python.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    engines: Vec<Peer>,
    python: PathBuf,
}

/// What the script is to do.
#[derive(Serialize)]
struct Order<'a> {
    address: &'a str,
    descriptors: &'static str,
    parquet: &'a Path,
    peers: Vec<String>,
    /// Of each kind of question, for all engines together.
    seconds: u64,
    /// Time zones of departments, without those of Paris.
    zones: BTreeMap<&'a str, &'a str>,
    kinds: Vec<Asked>,
    copies: BTreeMap<&'static str, CopyOrder>,
}

#[derive(Serialize)]
struct Asked {
    name: &'static str,
    method: &'static str,
    /// Encoded requests in base 64.
    requests: Vec<String>,
}

/// A file that `DuckDB` is to write.
#[derive(Serialize)]
struct CopyOrder {
    options: &'static str,
    from: String,
    to: String,
    rows: u64,
}

/// What the script found.
#[derive(Deserialize)]
struct Found {
    versions: BTreeMap<String, String>,
    /// Nanoseconds by kind of question and engine.
    times: BTreeMap<String, BTreeMap<String, Vec<u64>>>,
    /// Seconds by the name of the file.
    copies: BTreeMap<String, f64>,
    duckdb: String,
}

impl Peers {
    /// Some engines, and the Python that was named or else the one that is installed.
    pub(crate) fn new(engines: Vec<Peer>, python: Option<PathBuf>) -> anyhow::Result<Self> {
        let here = std::env::current_dir()?;
        let installed = || here.ancestors().map(|folder| folder.join(INSTALLED)).find(|file| file.is_file());
        let python = python.or_else(installed).context(
            "no Python with the packages of the peers: run services/bench/peers/install, or name one with --python or \
             CRA_BENCH_PYTHON",
        )?;
        // The script runs in another folder. Not resolved: a virtual environment is found by the link to its program.
        let is_name = python.components().count() == 1;
        let python = if is_name { python } else { std::path::absolute(python)? };
        Ok(Self { engines, python })
    }

    /// Exports the CRAs of a projection and compares: files first, then questions about `rows`.
    pub(crate) async fn compare(
        &self,
        (clients, address): (&Clients, &str),
        (rows, seed): (&[CraRow], u64),
        dir: &Path,
        seconds: u64,
        show: impl Fn(&str),
    ) -> anyhow::Result<Vec<Row>> {
        let dir = &dir.join("peers");
        std::fs::create_dir_all(dir)?;
        let statistics = &mut clients.statistics();
        let part = exports::part_of(rows.len() as u64);
        show("writing CRAs as CSV and as a workbook");
        let csv = exports::export(statistics, &part, ExportFormat::Csv, dir).await?;
        let xlsx = exports::export(statistics, &part, ExportFormat::Xlsx, dir).await?;
        let workbook = exports::workbook(&xlsx, &csv).await?;
        show("writing CRAs as Parquet");
        let parquet =
            exports::export(statistics, &v1::Selection::default(), ExportFormat::Parquet, dir).await?;
        show("asking the product and its peers in turn");
        let order = Order {
            address: address.trim_start_matches("http://"),
            descriptors: "contract.binpb",
            parquet: &parquet.file,
            peers: self
                .engines
                .iter()
                .filter_map(|engine| Some(engine.to_possible_value()?.get_name().to_owned()))
                .collect(),
            seconds: seconds * (1 + self.engines.len() as u64) * 2,
            zones: zones(),
            kinds: KINDS.map(|kind| asked(kind, rows, seed)).into(),
            copies: [&parquet, &csv].map(|exported| (exported.name(), copy(exported))).into(),
        };
        let found = self.run(&order, dir).await?;
        let mut report = Vec::new();
        for exported in [&parquet, &csv] {
            let taken = found.copies.get(exported.name()).context("a file was not copied")?;
            let compared = format!("DuckDB {}: COPY from its table on disk", found.duckdb);
            report.push(exported.row(&compared, Duration::from_secs_f64(*taken)));
        }
        report.push(workbook);
        report.extend(Self::rows(&found)?);
        Ok(report)
    }

    async fn run(&self, order: &Order<'_>, dir: &Path) -> anyhow::Result<Found> {
        for (name, content) in SCRIPTS {
            std::fs::write(dir.join(name), content)?;
        }
        std::fs::write(dir.join(order.descriptors), FILE_DESCRIPTOR_SET)?;
        std::fs::write(dir.join("order.json"), serde_json::to_vec(order)?)?;
        let ended = Command::new(&self.python)
            .args(["-B", "peers.py", "order.json"])
            .current_dir(dir)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("{} cannot be started", self.python.display()))?;
        if !ended.status.success() {
            bail!("the comparison failed: {}", String::from_utf8_lossy(&ended.stderr).trim());
        }
        serde_json::from_slice(&ended.stdout)
            .context("the comparison reported something else than its figures")
    }

    /// A row per question and engine: its times, by those of the product.
    fn rows(found: &Found) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for kind in KINDS {
            let times = found.times.get(kind.name()).context("a kind of question was not asked")?;
            let of = |engine: &str| {
                let times = times.get(engine).with_context(|| format!("{engine} was not asked"))?;
                ensure!(!times.is_empty(), "{engine} was not asked");
                let mut latencies = Latencies::new();
                for nanoseconds in times {
                    latencies.add(Duration::from_nanos(*nanoseconds));
                }
                anyhow::Ok(Measured::latency(&latencies))
            };
            let product = of(PRODUCT)?;
            for (engine, version) in &found.versions {
                let row = Row::new(Scenario::Peers, format!("{}: {version}", kind.name()), of(engine)?)
                    .limited("the product, at a Python client", product);
                rows.push(match times_faster(kind) {
                    Some(times) if engine == "chdb" => row.aiming(Target::RatioAtLeast(times)),
                    _ => row,
                });
            }
        }
        Ok(rows)
    }
}

/// How much faster than `ClickHouse` the product should be.
fn times_faster(kind: Kind) -> Option<f64> {
    match kind {
        Kind::Anything => Some(30.0),
        Kind::Departments | Kind::Months | Kind::CrossTable => Some(15.0),
        _ => None,
    }
}

fn asked(kind: Kind, rows: &[CraRow], seed: u64) -> Asked {
    let mut questions = Questions::about(rows, seed);
    let encoded = (0..QUESTIONS).map(|_| match questions.draw(kind) {
        Question::Statistics(selection) => {
            ("GetStatistics", Question::statistics(&selection).encode_to_vec())
        }
        Question::Months(selection) => ("GetTimeSeries", Question::months(&selection).encode_to_vec()),
        Question::Departments(selection) => {
            ("ListBreakdown", Question::departments(&selection).encode_to_vec())
        }
        Question::CrossTable(selection) => {
            ("GetCrossTable", Question::cross_table(&selection).encode_to_vec())
        }
    });
    let mut asked = Asked { name: kind.name(), method: "", requests: Vec::with_capacity(QUESTIONS) };
    for (method, request) in encoded {
        asked.method = method;
        asked.requests.push(STANDARD.encode(request));
    }
    asked
}

fn copy(exported: &Exported) -> CopyOrder {
    let options = match exported.format {
        ExportFormat::Parquet => "FORMAT parquet, COMPRESSION zstd",
        _ => "FORMAT csv, HEADER, DELIMITER ';'",
    };
    let v1::Selection { from, to, .. } = exported.selection.clone();
    CopyOrder { options, from, to, rows: exported.rows }
}

fn zones() -> BTreeMap<&'static str, &'static str> {
    let departments = territory::communes().departments().iter();
    let zones = departments.filter_map(|it| Some((it.code(), territory::time_zone(it.code()).iana_name()?)));
    zones.filter(|(_, name)| *name != PARIS).collect()
}
