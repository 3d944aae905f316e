//! Both services serve the description of the contract. It is valid, and clients that public generators make from it
//! work: in Python (openapi-python-client) and TypeScript (openapi-typescript, openapi-fetch).

mod examples;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cra_contracts::OPENAPI;
use cra_runtime::identity::access::{Method, Needs, Shape};
use serde_json::Value;

use crate::harness::{Ended, Http, Standalone, curl};

fn described() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// A folder that `tests/run` installs.
fn installed(folder: &str) -> PathBuf {
    let tools =
        std::env::var_os("CRA_TEST_CLIENTS").map_or_else(|| in_repository("target/tools"), PathBuf::from);
    let installed = tools.join(folder);
    assert!(installed.is_dir(), "no {}: run `tests/run`, which makes it", installed.display());
    installed
}

/// Runs a command to its end, and returns its output.
fn output(command: &mut Command) -> String {
    Ended::of(command).succeeded().stdout
}

#[test]
fn every_unary_method_and_no_stream_is_described_with_the_scopes_of_its_table() {
    let described = described();
    let paths = described["paths"].as_object().unwrap();
    let methods = cra_ingestion::METHODS.iter().chain(cra_projection::METHODS);
    let unary: Vec<&Method> = methods.filter(|method| method.shape == Shape::Single).collect();
    let found: BTreeSet<&str> =
        paths.keys().map(String::as_str).filter(|path| path.starts_with("/cra.v1.")).collect();
    assert_eq!(found, unary.iter().map(|method| method.path).collect());
    for method in unary {
        let operation = &paths[method.path]["post"];
        let scopes: Vec<&str> = operation["security"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["bearer"][0].as_str().unwrap())
            .collect();
        let expected: Vec<&str> = match method.needs {
            Needs::Nothing => Vec::new(),
            Needs::AnyOf(scopes) => scopes.iter().map(|scope| scope.name()).collect(),
        };
        assert_eq!(scopes, expected, "{}", method.path);
        assert!(
            operation["requestBody"]["content"]["application/json"]["examples"].is_object(),
            "{}",
            method.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_serve_the_kept_description_and_not_again_to_those_who_have_it() {
    let standalone = Standalone::start().await;
    for service in [standalone.ingestion, standalone.projection] {
        for http in Http::BOTH {
            let whole = curl(http, service, "/openapi.json", &[]);
            assert_eq!((whole.exit, whole.status), (0, 200));
            assert_eq!(whole.header("content-type"), "application/json");
            assert!(whole.body == OPENAPI.as_bytes());
            let zipped = curl(http, service, "/openapi.json", &["--compressed"]);
            assert_eq!(zipped.header("content-encoding"), "gzip");
            assert!(zipped.body == OPENAPI.as_bytes());
            let known = format!("If-None-Match: {}", zipped.header("etag"));
            let unchanged = curl(http, service, "/openapi.json", &["-H", &known]);
            assert_eq!((unchanged.exit, unchanged.status, unchanged.body.len()), (0, 304, 0));
            let head = curl(http, service, "/openapi.json", &["--head"]);
            assert_eq!((head.exit, head.status), (0, 200));
            let refused = curl(http, service, "/openapi.json", &["--request", "POST"]);
            assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
        }
    }
}

#[test]
fn a_public_linter_finds_nothing_to_say() {
    let written = output(
        Command::new("node")
            .arg(installed("openapi").join("node_modules/@redocly/cli/bin/cli.js"))
            .args(["lint", "--format", "json", "--max-problems", "100"])
            .arg(in_repository("proto/openapi.json"))
            .env("REDOCLY_TELEMETRY", "off")
            .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
            .current_dir(installed("openapi")),
    );
    let found: Value = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(found["totals"]["errors"], 0, "{written}");
    assert_eq!(found["totals"]["warnings"], 0, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_a_public_generator_made_in_typescript_works() {
    let standalone = Standalone::start().await;
    // Type-checked and compiled by `tests/run`.
    let written = output(
        Command::new("node")
            .arg(installed("openapi").join("dist/client.js"))
            .arg(format!("http://{}", standalone.ingestion))
            .arg(format!("http://{}", standalone.projection)),
    );
    let found: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(found["cras"], "1", "{found}");
    assert_eq!(found["refused"], "invalid_argument", "{found}");
    assert_eq!(found["csvBeginsWith"], "section;code", "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_a_public_generator_made_in_python_works() {
    let standalone = Standalone::start().await;
    let packages = installed("openapi-client");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yml");
    // Without formatting, which is for people.
    std::fs::write(&config, "post_hooks: []\n").unwrap();
    output(
        Command::new("python3")
            .args(["-m", "openapi_python_client", "generate", "--meta", "none", "--path"])
            .arg(in_repository("proto/openapi.json"))
            .arg("--output-path")
            .arg(folder.path().join("cra_api"))
            .arg("--config")
            .arg(&config)
            .env("PYTHONPATH", &packages),
    );
    let written = output(
        Command::new("python3")
            .arg(in_repository("tests/openapi/client.py"))
            .arg(format!("http://{}", standalone.ingestion))
            .arg(format!("http://{}", standalone.projection))
            .env("PYTHONPATH", format!("{}:{}", folder.path().display(), packages.display()))
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    );
    let found: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(found["cras"], "1", "{found}");
    assert_eq!(found["refused"], "invalid_argument", "{found}");
    assert_eq!(found["csv_begins_with"], "section;code", "{found}");
}
