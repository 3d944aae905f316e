//! The drills of the operators' guide, run as written, on one machine; the figures are compared at the end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use cra_eventlog::testing::program;
use tempfile::TempDir;

use crate::harness::deployed::{free_ports, repository};
use crate::harness::{Ended, Kind, Pair, cra_of, new_id, statistics_at, submission, submit_stream};

/// The first block of commands after a heading.
fn commands(guide: &str, heading: &str) -> String {
    let below = guide.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let block = below.split_once("\n```sh\n").unwrap().1;
    block.split_once("\n```\n").unwrap().0.to_owned()
}

/// Runs commands in a folder, with `cra` on the path; returns their output.
fn run(commands: &str, folder: &Path, settings: &[(&str, String)]) -> String {
    let cra = Kind::CommandLine.command();
    let programs = Path::new(cra.get_program()).parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", commands]).current_dir(folder).stdin(Stdio::null());
    shell.env("PATH", path).envs(settings.iter().map(|(name, value)| (*name, value)));
    Ended::of(&mut shell).succeeded().stdout
}

/// A log with 60 CRAs, served.
async fn served() -> Pair {
    let pair = Pair::start().await;
    let requests: Vec<_> = (0..60).map(|number| submission(&new_id(), cra_of(number))).collect();
    let receipts = submit_stream(&mut pair.ingestion().await, tokio_stream::iter(requests)).await;
    assert_eq!(receipts.len(), 60);
    statistics_at(&mut pair.statistics().await, 60).await;
    pair
}

/// Runs a drill of the guide next to a pair; returns the folder that it leaves.
async fn drilled(
    pair: &Pair,
    heading: &'static str,
    ends_with: &str,
    settings: &[(&'static str, String)],
) -> TempDir {
    let guide = fs::read_to_string(repository().join("deploy/OPERATIONS.md")).unwrap();
    let work = tempfile::tempdir().unwrap();
    let served = [("LOG", pair.nats.url()), ("PROJECTION", format!("http://{}", pair.projection.address()))];
    let settings = [&served[..], settings].concat();
    let output = tokio::task::spawn_blocking({
        let work = work.path().to_owned();
        move || run(&commands(&guide, heading), &work, &settings)
    });
    let output = output.await.unwrap();
    assert!(output.ends_with(ends_with), "{output}");
    work
}

fn has_figures(work: &TempDir, of: &str) {
    for content in ["statistics", "themes", "cras"] {
        let file = fs::read_to_string(work.path().join(format!("drill/{content}.{of}.csv"))).unwrap();
        assert!(file.lines().count() > 10, "{content}: {file}");
    }
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_restore_drill_of_the_guide_ends_with_equal_figures() {
    let (pair, [ingestion, projection]) = (served().await, free_ports());
    let settings = [("INGESTION_2", local(ingestion)), ("PROJECTION_2", local(projection))];
    let end = "position 60: the figures of the restored log are equal\n";
    has_figures(&drilled(&pair, "Restore drill", end, &settings).await, "restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mirror_drill_of_the_guide_ends_with_equal_figures() {
    let (pair, [source, mirror, leaf, projection]) = (served().await, free_ports());
    let settings = [
        ("SOURCE", local(source)),
        ("MIRROR", local(mirror)),
        ("LEAF", local(leaf)),
        ("PROJECTION_2", local(projection)),
        ("NATS_SERVER", program().display().to_string()),
    ];
    let end = "position 60: the figures of the mirror are equal\n";
    has_figures(&drilled(&pair, "Mirror drill", end, &settings).await, "mirrored");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forgetting_drill_of_the_guide_ends_with_equal_figures() {
    let (pair, [ingestion, projection]) = (served().await, free_ports());
    let settings = [
        ("RULES", repository().join("deploy/config/retention.toml").display().to_string()),
        ("INGESTION_2", local(ingestion)),
        ("PROJECTION_2", local(projection)),
    ];
    let end = "the figures after forgetting are equal\n";
    let work = drilled(&pair, "Forgetting drill", end, &settings).await;
    let figures = fs::read_to_string(work.path().join("forget/after.csv")).unwrap();
    assert!(figures.lines().count() > 10, "{figures}");
    assert!(!work.path().join("forget/before/log").exists());
}
