//! Files of the programs are private to their user, whatever the umask: read models, the embedded log, backups,
//! exports, checkpoints, reports, keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use cra_contracts::json;
use cra_eventlog::testing::NatsServer;

use crate::harness::{Ended, Kind, Standalone, eventually, new_id, submission, workshop};

/// All entries of a folder, recursively, that other users may read, write or enter.
fn open_to_others(folder: &Path, found: &mut Vec<String>, seen: &mut usize) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        *seen += 1;
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        if mode != expected {
            found.push(format!("{:o} {}", mode, entry.path().display()));
        }
        if metadata.is_dir() {
            open_to_others(&entry.path(), found, seen);
        }
    }
}

fn assert_private(folder: &Path, entries_min: usize) {
    let (mut found, mut seen) = (Vec::new(), 0);
    open_to_others(folder, &mut found, &mut seen);
    assert_eq!(found, [""; 0]);
    assert!(seen >= entries_min, "{seen} entries in {}", folder.display());
}

/// Runs `cra` in a folder with umask 0; it must succeed.
fn cra(folder: &Path, arguments: &[&str], environment: &[(&str, String)]) {
    let mut command = Kind::CommandLine.without_umask();
    command
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::null());
    Ended::of(&mut command).succeeded();
}

#[tokio::test]
async fn files_of_the_command_line_are_private_to_their_owner_whatever_the_umask() {
    let written = tempfile::tempdir().unwrap();
    let input = tempfile::tempdir().unwrap();
    let services = Standalone::start_as(Kind::CommandLine.without_umask()).await;
    let urls = [
        ("CRA_INGESTION_URL", format!("http://{}", services.ingestion)),
        ("CRA_PROJECTION_URL", format!("http://{}", services.projection)),
    ];
    let one = input.path().join("one.json");
    fs::write(&one, json::to_value(&submission(&new_id(), workshop(3))).to_string()).unwrap();
    let run = |arguments: &[&str]| cra(written.path(), arguments, &urls);
    run(&["submit", one.to_str().unwrap()]);
    for format in ["csv", "xlsx", "parquet", "ndjson"] {
        run(&["export", "cras", "--format", format]);
    }
    run(&["export", "statistics", "--format", "csv", "--output", "statistics.csv"]);
    run(&["follow", "--stop-at-head", "--checkpoint", "checkpoint.json"]);
    run(&["template", "template.csv"]);
    run(&["template", "template.xlsx"]);
    run(&["token", "keys", "keys/of/a/try"]);
    let data = services.dir().join("data");
    assert_private(&data, 6);
    services.kill();
    run(&["log", "export", "backup/of/today", "--data", data.to_str().unwrap()]);
    assert_private(written.path(), 16);
}

#[tokio::test]
async fn read_models_are_private_to_their_owner_even_those_of_an_earlier_version() {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let data = dir.path().join("read-models");
    // As left by a version that followed the umask.
    fs::create_dir_all(data.join("generations")).unwrap();
    fs::set_permissions(data.join("generations"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command: Command = Kind::Projection.without_umask();
    let mut projection = command
        .env("CRA_LISTEN", "127.0.0.1:0")
        .env("CRA_LOG__URL", nats.url())
        .env("CRA_DATA", &data)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("read models serve", async || {
        fs::metadata(data.join("generations/serving")).map(drop).map_err(|error| error.to_string())
    })
    .await;
    projection.kill().unwrap();
    projection.wait().unwrap();
    assert_private(&data, 4);
}
