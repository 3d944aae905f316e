//! A connection that reaches its maximum age: grpcio and grpc-js call over it continuously and lose no call, grpc-js with
//! compressed requests.

use std::path::PathBuf;

use serde_json::Value;

use super::{Client, in_repository};
use crate::harness::{Ended, Pair, figure};

#[tokio::test(flavor = "multi_thread")]
async fn grpcio_loses_no_call_over_several_ages_of_its_connection_and_streams_end_with_a_reason() {
    loses_no_call(Client::Python, &[in_repository("tests/readers/keep_calling.py")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_js_with_compressed_requests_loses_no_call_over_several_ages_either() {
    let script = in_repository("tests/readers/keep_calling.mjs");
    loses_no_call(Client::TypeScript, &[script, Client::TypeScript.installed()]).await;
}

async fn loses_no_call(client: Client, script: &[PathBuf]) {
    let settings = [
        ("SERVER__MAX_CONNECTION_AGE_S", "2"),
        ("SERVER__MAX_CONNECTION_AGE_GRACE_S", "4"),
        ("SERVER__REQUEST_TIMEOUT_MS", "4000"),
        ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0"),
    ];
    let pair = Pair::start_with(&settings).await;
    let (address, script) = (pair.ingestion.address().to_string(), script.to_vec());
    let called = tokio::task::spawn_blocking(move || {
        let mut command = client.interpreter();
        command.args(script).args([address.as_str(), "15"]);
        Ended::of(&mut command)
    });
    let report = called.await.unwrap().succeeded().json();
    assert_eq!(report["failed"], Value::Array(Vec::new()), "{report}");
    assert!(report["calls"].as_u64().unwrap() > 10, "{report}");
    let streams = report["streams"].as_array().unwrap();
    assert!(streams.len() >= 2, "{report}");
    for ended in streams {
        assert_eq!(ended["code"], "RESOURCE_EXHAUSTED", "{ended}");
        assert_eq!(ended["reason"], "STREAM_LIFETIME", "{ended}");
        assert!(ended["retryMs"].is_number(), "{ended}");
    }
    let closed = figure(&pair.ingestion, r#"cra_connections_closed_total{cause="age"}"#).await;
    assert!(closed >= 2, "{closed} connections reached their age");
}
