//! `buf curl` calls by each of its three protocols, with the schema from the files and by reflection.

use crate::harness::{Ended, Standalone, new_id, submission, workshop};
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message as _;
use serde_json::{Value, json};
use tonic_types::pb::BadRequest;

/// Path of the program, which `tests/run` installs.
pub(crate) fn program() -> PathBuf {
    let tools = std::env::var_os("CRA_TEST_CLIENTS").map_or_else(|| "../target/tools".into(), PathBuf::from);
    let program = tools.join("buf/bin/buf");
    assert!(program.is_file(), "no {}: run `tests/run`, which installs it", program.display());
    program
}

/// Calls a method; blocks.
fn called(arguments: &[&str], address: std::net::SocketAddr, method: &str, request: &Value) -> Ended {
    let mut command = Command::new(program());
    command
        .args(["curl", "--data", &request.to_string()])
        .args(arguments)
        .arg(format!("http://{address}/cra.v1.{method}"));
    Ended::of(&mut command)
}

/// The answers of a successful call.
#[track_caller]
fn answers(ended: Ended) -> Vec<Value> {
    let stdout = ended.succeeded().stdout;
    let values = serde_json::Deserializer::from_str(&stdout).into_iter();
    values.map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn buf_curl_submits_counts_follows_and_is_refused_by_each_of_its_protocols() {
    const HTTP_2: &str = "--http2-prior-knowledge";
    let services = Standalone::start().await;
    let schema = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../proto").display().to_string();
    for (count, arguments) in [
        &["--protocol", "grpc", HTTP_2, "--schema", &schema][..],
        &["--protocol", "grpcweb", "--schema", &schema],
        &["--protocol", "grpcweb", HTTP_2, "--schema", &schema],
        &["--protocol", "connect", "--schema", &schema],
        &["--protocol", "connect", HTTP_2, "--schema", &schema],
        // Reflection is a bidirectional stream.
        &["--protocol", "grpc", HTTP_2],
        &["--protocol", "connect", HTTP_2],
    ]
    .into_iter()
    .enumerate()
    {
        let request = cra_contracts::json::to_value(&submission(&new_id(), workshop(5)));
        let submitted = called(arguments, services.ingestion, "IngestionService/SubmitCra", &request);
        let position = answers(submitted)[0]["receipt"]["position"].clone();
        assert_eq!(position, (count + 1).to_string(), "{arguments:?}");
        let question = json!({"consistency": {"minPosition": position}});
        let counted = called(arguments, services.projection, "StatisticsService/GetStatistics", &question);
        assert_eq!(answers(counted)[0]["statistics"]["cras"], position, "{arguments:?}");
        let follow = json!({"stopAtHead": true});
        let followed = called(arguments, services.projection, "StatisticsService/FollowCras", &follow);
        let upserts = answers(followed).into_iter().filter(|answer| answer["upsert"].is_object()).count();
        assert_eq!(upserts, count + 1, "{arguments:?}");
        let wrong = json!({"selection": {"from": "hier"}});
        for method in ["StatisticsService/GetStatistics", "StatisticsService/FollowCras"] {
            let refused = called(arguments, services.projection, method, &wrong).failed();
            let error: Value = serde_json::from_str(&refused.stderr).unwrap();
            assert_eq!(error["code"], "invalid_argument", "{arguments:?}: {error}");
            let details = error["details"].as_array().unwrap();
            let of_request = details.iter().find(|detail| detail["type"] == "google.rpc.BadRequest").unwrap();
            let encoded = STANDARD_NO_PAD.decode(of_request["value"].as_str().unwrap()).unwrap();
            let faults = BadRequest::decode(&*encoded).unwrap();
            assert_eq!(faults.field_violations[0].field, "selection.from", "{arguments:?}: {error}");
        }
    }
}
