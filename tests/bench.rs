//! `cra-bench all`, small: every scenario runs on real processes, answers are checked, every row is reported in each
//! form, and no process or file remains. Measures nothing itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ended, Kind, run_to_end, run_to_end_within};

/// Time limit of a run, for a small machine that also runs other tests.
const WAIT: Duration = Duration::from_mins(3);

/// The log's server, found as other tests find it.
fn nats_server() -> String {
    std::env::var("CRA_NATS_SERVER").unwrap_or_else(|_| {
        format!("{}/../target/tools/nats-server/bin/nats-server", env!("CARGO_MANIFEST_DIR"))
    })
}

/// Packages that `tests/run` installs: `DuckDB` among the readers, gRPC with the example client.
fn packages() -> String {
    let installed = |name, default: &str| {
        std::env::var(name)
            .unwrap_or_else(|_| format!("{}/../target/tools{default}", env!("CARGO_MANIFEST_DIR")))
    };
    let (readers, clients) = (installed("CRA_TEST_READERS", "/readers"), installed("CRA_TEST_CLIENTS", ""));
    format!("{readers}:{clients}/python-client/packages")
}

/// Rows that a report must contain.
const ROWS: [(&str, &str); 22] = [
    ("ingest", "SubmitCras, 8 streams"),
    ("ingest", "SubmitCra, 64 callers"),
    ("ingest", "SubmitCra, a lone caller"),
    ("visible", "from a submission to statistics that hold it, 500/s"),
    (
        "visible",
        "from a submission to statistics that hold it, 500/s, while other work keeps every core busy",
    ),
    ("replay", "a projection that starts without read models, process included"),
    ("replay", "a replay while read models serve"),
    ("replay", "read models on disk"),
    ("replay", "a start with read models, until it serves"),
    ("replay", "resident memory of the projection after the replay"),
    ("log", "resident memory of the log's server after a fill and a replay"),
    ("log", "resident memory of the log's server after a restart"),
    ("log", "memory of the log's server after a restart, subjects end with 36 characters, as the log's are"),
    (
        "log",
        "memory of the log's server after a restart, subjects end with 22 characters, the same id in base 64",
    ),
    ("query", "the country, any period"),
    ("query", "an advisor, any period"),
    ("query", "any selection, country-wide"),
    ("query", "36 months, any selection, country-wide"),
    ("query", "breakdown by department, any selection"),
    ("query", "themes by ages, any selection, country-wide"),
    ("load", "the country, any period, while replaying and ingesting"),
    ("growth", "an event at the largest size by one at a tenth"),
];

/// Measures; what the program wrote, and its report.
fn measured(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (Ended, Value) {
    let server = nats_server();
    let arguments = [arguments, &["--json", "report.json"]].concat();
    let environment = [&[("CRA_NATS_SERVER", server.as_str())], environment].concat();
    let ended = run_to_end_within(WAIT, Kind::Bench, dir, &arguments, &environment).succeeded();
    (ended, serde_json::from_slice(&fs::read(dir.join("report.json")).unwrap()).unwrap())
}

#[test]
fn sizing_reports_what_each_process_takes() {
    let dir = TempDir::new().unwrap();
    let (_, report) =
        measured(dir.path(), &["sizing", "--cras", "2000", "--nats-server", &nats_server()], &[]);
    let rows: BTreeSet<_> =
        report["rows"].as_array().unwrap().iter().map(|row| row["what"].as_str().unwrap()).collect();
    for process in ["the log's server", "ingestion", "a projection"] {
        for what in [
            "memory of PROCESS while it grows",
            "memory of PROCESS after a restart",
            "processor time of PROCESS, per million CRAs",
        ] {
            assert!(
                rows.contains(what.replace("PROCESS", process).as_str()),
                "{what} of {process}: {rows:?}"
            );
        }
    }
    assert!(
        rows.contains("disk of one of the log's servers") && rows.contains("disk of a projection"),
        "{rows:?}"
    );
}

#[test]
fn forgetting_is_compared_with_an_import_of_the_same_log() {
    let dir = TempDir::new().unwrap();
    let (_, report) = measured(dir.path(), &["forget", "--cras", "2000"], &[]);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in rows {
        assert!(
            row["limit"]["what"] == "import of the same log" && row["ratio"].as_f64() > Some(0.0),
            "{row}"
        );
    }
}

#[test]
fn every_figure_is_measured_and_reported_in_every_form() {
    let (dir, temporary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let arguments =
        ["all", "--cras", "2000", "--seconds", "0", "--minutes", "600", "--markdown", "report.md"];
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let (ended, report) = measured(dir.path(), &arguments, &environment);
    let rows = report["rows"].as_array().unwrap();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let reported: BTreeSet<_> = rows.iter().map(|row| (text(row, "scenario"), text(row, "what"))).collect();
    assert_eq!(reported.len(), rows.len(), "no row twice");
    for (scenario, what) in ROWS {
        assert!(
            reported.contains(&(scenario.to_owned(), what.to_owned())),
            "no {scenario}: {what} in {reported:?}"
        );
    }
    let limited = rows.iter().filter(|row| !row["limit"].is_null());
    for row in limited {
        assert!(row["ratio"].as_f64().is_some_and(|ratio| ratio > 0.0), "{row}");
    }

    let page = fs::read_to_string(dir.path().join("report.md")).unwrap();
    assert_eq!(page.lines().filter(|line| line.starts_with("| ")).count(), rows.len() + 1, "{page}");
    assert!(ended.stdout.contains("targets met"), "{}", ended.stdout);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn figures_are_those_of_another_engine_on_the_exported_file_before_times_are_shown() {
    let (dir, temporary) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    // ClickHouse is not installed for tests: half a gigabyte.
    let arguments = ["peers", "--cras", "3000", "--seconds", "0", "--peers", "duckdb"];
    let environment = [
        ("CRA_BENCH_PYTHON", "python3"),
        ("PYTHONPATH", &packages()),
        ("TMPDIR", temporary.path().to_str().unwrap()),
    ];
    let (_, report) = measured(dir.path(), &arguments, &environment);
    let rows = report["rows"].as_array().unwrap();
    let of = |scenario: &str| rows.iter().filter(|row| row["scenario"] == scenario).count();
    assert_eq!((of("exports"), of("peers")), (3, 5), "{rows:?}");
    for row in rows {
        assert!(row["ratio"].as_f64() > Some(0.0), "{row}");
    }
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn what_would_not_end_in_time_is_left_out_and_named() {
    let dir = TempDir::new().unwrap();
    let arguments = ["all", "--cras", "1000", "--seconds", "0", "--minutes", "0"];
    let (ended, report) = measured(dir.path(), &arguments, &[]);
    let left_out: BTreeSet<_> =
        report["left_out"].as_array().unwrap().iter().map(|what| what.as_str().unwrap()).collect();
    let expected = [
        "a replay while read models serve",
        "growth",
        "ingest and visible",
        "load",
        "log: lengths of subjects",
    ];
    assert_eq!(left_out, BTreeSet::from(expected));
    let rows = report["rows"].as_array().unwrap();
    let scenarios: BTreeSet<_> = rows.iter().map(|row| row["scenario"].as_str().unwrap()).collect();
    assert_eq!(scenarios, BTreeSet::from(["replay", "log", "query"]));
    assert!(ended.stdout.contains("Left out"), "{}", ended.stdout);
}

#[test]
fn a_missing_python_is_reported_with_the_flag_that_names_it() {
    let dir = TempDir::new().unwrap();
    run_to_end(Kind::Bench, dir.path(), &["peers"], &[])
        .exited(2)
        .reports("services/bench/peers/install")
        .reports("--python");
}

#[test]
fn a_missing_server_is_reported_with_the_flag_that_names_it() {
    let dir = TempDir::new().unwrap();
    let arguments = ["replay", "--nats-server", "/no/such/nats-server"];
    run_to_end(Kind::Bench, dir.path(), &arguments, &[])
        .exited(2)
        .reports("/no/such/nats-server")
        .reports("--nats-server");
}
