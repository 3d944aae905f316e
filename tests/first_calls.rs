//! The first examples of the documents work as written: their commands and their program are run literally, against
//! both services.

use std::path::Path;
use std::process::Command;

use crate::clients::Client;
use crate::harness::{
    Ended, Kind, Standalone, Statistics, connected, readers, record, statistics_at, workshop,
};

/// The first code block of a language after a heading of a document.
fn block<'a>(document: &'a str, heading: &str, language: &str) -> &'a str {
    let section = document.split(&format!("\n{heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
    let code = section.split(&format!("```{language}\n")).nth(1).unwrap_or_else(|| panic!("no {language}"));
    code.split("\n```").next().unwrap()
}

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

/// Runs the command to its end, and returns its output.
fn output(command: &mut Command) -> String {
    Ended::of(command).succeeded().stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_of_the_readme_records_a_cra_and_shows_its_history() {
    let standalone = Standalone::start().await;
    let readme = document("README.md");
    let first_call = block(&readme, "## First call", "sh");
    assert!(first_call.contains("cargo run --release -- submit one.json"), "{first_call}");
    // `cargo run --release --` is replaced by the command that the tests have built.
    let program = Kind::CommandLine.command().get_program().to_owned();
    let script = format!("set -eu\ncargo() {{ shift 3; \"$CRA\" \"$@\"; }}\n{first_call}");
    let written = output(
        Command::new("bash")
            .args(["-c", &script])
            .env("CRA", program)
            .env("CRA_INGESTION_URL", format!("http://{}", standalone.ingestion))
            .env("CRA_PROJECTION_URL", format!("http://{}", standalone.projection))
            .current_dir(standalone.dir()),
    );
    assert!(written.contains("5a1c7c0e-7d0f-4f5e-9d0a-2b8c1f6e4d11"), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_of_the_contract_s_page_reads_its_own_write() {
    let standalone = Standalone::start().await;
    let page = document("proto/README.md");
    let program = block(&page, "## First call from Python", "python")
        .replace("127.0.0.1:50051", &standalone.ingestion.to_string())
        .replace("127.0.0.1:50052", &standalone.projection.to_string());
    assert_eq!(output(Client::Python.interpreter().args(["-c", &program])), "1 CRA, 1 people\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_contract_s_page_are_fetched_and_read_as_it_shows() {
    let standalone = with_one_cra().await;
    let page = document("proto/README.md");
    let of_this_test = |code: &str| code.replace("127.0.0.1:50052", &standalone.projection.to_string());
    let fetch = of_this_test(block(&page, "## Files", "sh"));
    output(Command::new("bash").args(["-euc", &fetch]).current_dir(standalone.dir()));
    let fetched = std::fs::read_dir(standalone.dir()).unwrap().map(|entry| entry.unwrap().file_name());
    let is_named = |name: &std::ffi::OsString| {
        name.to_string_lossy().starts_with("cra-statistiques_depuis-2026-10-01_departement-35_position-")
    };
    assert!(fetched.into_iter().any(|name| is_named(&name)), "curl names the file as the service does");
    let program = of_this_test(block(&page, "## Files", "python"));
    assert_eq!(output(readers::python().args(["-c", &program])), "0 CRA, 1 departments\n");
}

#[test]
fn the_walk_through_the_code_prints_the_figures_of_the_cra_that_it_appends() {
    // `tests/run` builds the examples next to the programs.
    let programs = Path::new(Kind::CommandLine.command().get_program()).parent().unwrap().to_owned();
    let written = output(&mut Command::new(programs.join("examples/walk")));
    let (appended, statistics) = written.split_once('\n').unwrap();
    assert!(appended.ends_with("is at position 1"), "{appended}");
    let statistics: serde_json::Value = serde_json::from_str(statistics).unwrap();
    assert_eq!((&statistics["cras"], &statistics["workshopParticipants"]), (&"1".into(), &"5".into()));
}

/// A projection that has counted one CRA.
async fn with_one_cra() -> Standalone {
    let standalone = Standalone::start().await;
    let mut ingestion = standalone.ingestion().await;
    let recorded = record(&mut ingestion, workshop(5)).await;
    let mut statistics = Statistics::new(connected(standalone.projection).await.unwrap());
    assert_eq!(statistics_at(&mut statistics, recorded.position).await.cras, 1);
    standalone
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shortest_calls_of_the_contract_s_page_work_as_written_in_each_language() {
    let standalone = with_one_cra().await;
    let page = document("proto/README.md");
    let projection = standalone.projection.to_string();
    let shortest = |language: &str| {
        let code = block(&page, "## Shortest way", language).replace("127.0.0.1:50052", &projection);
        code.replace("https://cra.example.fr", &format!("http://{projection}"))
    };
    let by_curl = output(Command::new("bash").args(["-euc", &shortest("sh")]));
    assert!(by_curl.contains("\"statistics\""), "{by_curl}");
    let program = format!("const token = \"none\";\n{}\nconsole.log(typeof statistics);", shortest("js"));
    let by_fetch = output(Command::new("node").args(["--input-type=module", "--eval", &program]));
    assert_eq!(by_fetch, "object\n");
    let by_requests = output(readers::python().args(["-c", &shortest("python")]));
    assert!(by_requests.trim_end().parse::<u64>().is_ok(), "{by_requests}");
    let buf = format!("buf() {{ \"$BUF\" \"$@\"; }}\n{}", block(&page, "## First call with `buf`", "sh"));
    let by_buf = output(
        Command::new("bash")
            .args(["-euc", &buf.replace("127.0.0.1:50052", &projection)])
            .env("BUF", crate::protocols::buf::program()),
    );
    assert!(by_buf.contains("\"statistics\""), "{by_buf}");
}
