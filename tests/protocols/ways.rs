//! The clients of connectrpc.com by each of their protocols, as programs that make calls and report them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cra_runtime::identity::access::Shape;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::contract;

/// A protocol, as `tests/readers/ask_by_connect.mjs` names it, and whether it carries a stream of requests.
pub(crate) const WAYS: [(&str, bool); 9] = [
    ("grpc", true),
    ("connect-json", true),
    ("connect-proto", true),
    ("connect-json-http-1", false),
    ("connect-proto-http-1", false),
    ("connect-get", false),
    ("connect-fetch", false),
    ("grpc-web", false),
    ("grpc-web-fetch", false),
];

/// A call of a method of the contract.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) address: String,
    /// Name of the method, such as `StatisticsService/GetStatistics`.
    pub(crate) method: String,
    /// Request in the contract's JSON.
    pub(crate) request: Value,
    pub(crate) token: Option<String>,
}

/// The end of a call: its code, its reason if any, and its answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) details: Vec<Value>,
    pub(crate) answers: Vec<Value>,
}

impl Ended {
    pub(crate) fn reason(&self) -> &str {
        let info = self.details.iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo");
        info.and_then(|info| info["value"]["reason"].as_str()).unwrap_or_default()
    }
}

/// The folder of the clients' packages.
fn packages() -> PathBuf {
    let tools = std::env::var_os("CRA_TEST_CLIENTS").map_or_else(|| "../target/tools".into(), PathBuf::from);
    let installed = tools.join("protocol-clients");
    assert!(installed.is_dir(), "no {}: run `tests/run`, which makes it", installed.display());
    installed.canonicalize().unwrap()
}

/// The program that makes calls by a protocol, and the files that it reads.
pub(crate) fn program(way: &str) -> (Command, TempDir) {
    let sets = tempfile::tempdir().unwrap();
    let mut command = Command::new("node");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("readers/ask_by_connect.mjs");
    command.arg(script).arg(packages()).arg(way);
    for (name, set) in [
        ("cra", cra_contracts::FILE_DESCRIPTOR_SET),
        ("health", tonic_health::pb::FILE_DESCRIPTOR_SET),
        ("rpc", tonic_types::pb::FILE_DESCRIPTOR_SET),
    ] {
        let file = sets.path().join(name);
        fs::write(&file, set).unwrap();
        command.arg(file);
    }
    (command, sets)
}

/// A request in the contract's JSON, on the wire.
fn encoded(method: &str, request: &Value) -> Vec<u8> {
    let pool = DescriptorPool::decode(cra_contracts::FILE_DESCRIPTOR_SET).unwrap();
    let (service, name) = method.split_once('/').unwrap();
    let service = pool.get_service_by_name(&format!("cra.v1.{service}")).unwrap();
    let method = service.methods().find(|method| method.name() == name).unwrap();
    DynamicMessage::deserialize(method.input(), request).unwrap().encode_to_vec()
}

/// Makes the calls one after the other; returns the end of each by its name. Blocks.
pub(crate) fn made(way: &str, calls: &[Call]) -> BTreeMap<String, Ended> {
    let shapes = contract();
    let cases = calls.iter().map(|call| {
        let path = format!("/cra.v1.{}", call.method);
        let shape = match shapes[&path] {
            Shape::Single => "single",
            Shape::Answers => "answers",
            Shape::Both => "both",
        };
        let metadata = call.token.as_ref().map(|token| json!({"authorization": format!("Bearer {token}")}));
        json!({
            "name": call.name, "address": call.address, "path": path, "shape": shape,
            "requests": [{"bytes": STANDARD.encode(encoded(&call.method, &call.request))}], "repeat": 1,
            "tries": 1, "metadata": metadata.unwrap_or_else(|| json!({})), "wants_answers": true,
        })
    });
    let batch = json!({"cases": cases.collect::<Vec<_>>(), "together": false});
    let (mut command, _sets) = program(way);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{batch}").unwrap();
    let mut ended = BTreeMap::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let Some(name) = line["ended"].as_str() else { continue };
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let list = |key: &str| line[key].as_array().cloned().unwrap_or_default();
        let of_call = Ended {
            code: text("code"),
            message: text("message"),
            details: list("details"),
            answers: list("in_json"),
        };
        ended.insert(name.to_owned(), of_call);
        if ended.len() == calls.len() {
            break;
        }
    }
    drop(stdin);
    let _ = child.wait();
    assert_eq!(ended.len(), calls.len(), "{way} has ended early");
    ended
}
