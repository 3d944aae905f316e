//! The drills of the operators' guide, run as written, on one machine; the figures are compared at the end.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::deployed::{free_ports, repository};
use crate::harness::{Kind, Pair, cra_of, new_id, statistics_at, submission, submit_stream};

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
    let output = shell.output().unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_restore_drill_of_the_guide_ends_with_equal_figures() {
    let pair = Pair::start().await;
    let requests: Vec<_> = (0..60).map(|number| submission(&new_id(), cra_of(number))).collect();
    let receipts = submit_stream(&mut pair.ingestion().await, tokio_stream::iter(requests)).await;
    assert_eq!(receipts.len(), 60);
    statistics_at(&mut pair.statistics().await, 60).await;

    let guide = fs::read_to_string(repository().join("deploy/OPERATIONS.md")).unwrap();
    let (work, [ingestion, projection]) = (tempfile::tempdir().unwrap(), free_ports());
    let settings = [
        ("LOG", pair.nats.url()),
        ("PROJECTION", format!("http://{}", pair.projection.address())),
        ("INGESTION_2", format!("127.0.0.1:{ingestion}")),
        ("PROJECTION_2", format!("127.0.0.1:{projection}")),
    ];
    let said = tokio::task::spawn_blocking({
        let work = work.path().to_owned();
        move || run(&commands(&guide, "Restore drill"), &work, &settings)
    });
    let said = said.await.unwrap();
    assert!(said.ends_with("position 60: the figures of the restored log are equal\n"), "{said}");
    for content in ["statistics", "themes", "cras"] {
        let file = fs::read_to_string(work.path().join(format!("drill/{content}.restored.csv"))).unwrap();
        assert!(file.lines().count() > 10, "{content}: {file}");
    }
}
