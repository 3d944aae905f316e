//! Requests that are refused before they become a call are counted by cause. Those refused for lack of rights or by a
//! limit are audited.

use std::fs;

use serde_json::Value;

use super::curl::curl;
use crate::harness::{Pair, eventually, figure};

const JSON: &str = "content-type: application/json";

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_no_call_are_counted_by_cause_and_audited_without_their_address() {
    let folder = tempfile::tempdir().unwrap();
    let audit = folder.path().join("audit");
    let settings = [("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0"), ("AUDIT__TO", audit.to_str().unwrap())];
    let pair = Pair::start_apart(&[], &settings).await;
    let service = format!("http://{}", pair.projection.address());
    let statistics = format!("{service}/cra.v1.StatisticsService/GetStatistics");
    let (secret, file) = (format!("{service}/secret-of-the-caller"), format!("{service}/v1/export/cras.csv"));
    let long = format!("x-more: {}", "x".repeat(17_000));
    for (cause, status, arguments) in [
        ("host", 403, &["--header", JSON, "--header", "host: evil.example", &statistics][..]),
        ("origin", 403, &["--header", JSON, "--header", "origin: https://evil.example", &statistics]),
        ("origin", 403, &["--header", "origin: https://evil.example", &secret]),
        ("origin", 403, &["--header", "origin: https://evil.example", &file]),
        ("path", 404, &["--header", JSON, &secret]),
        ("method", 405, &["--request", "DELETE", &statistics]),
        ("method", 405, &["--request", "PUT", &file]),
        ("content_type", 415, &["--header", "content-type: text/plain", &statistics]),
        ("protocol", 505, &["--header", "content-type: application/grpc", &statistics]),
        ("headers", 429, &["--header", JSON, "--header", &long, &statistics]),
        ("malformed", 400, &["--header", JSON, "--header", "connect-timeout-ms: soon", &statistics]),
    ] {
        let series = format!("cra_requests_refused_total{{cause=\"{cause}\"}}");
        let before = figure(&pair.projection, &series).await;
        let answer = curl(&[&["--http1.1", "--data-binary", "{}"], arguments].concat(), &[]);
        assert_eq!(answer.status, status, "{arguments:?}: {answer:?}");
        assert_eq!(figure(&pair.projection, &series).await, before + 1, "{cause}: {arguments:?}");
    }
    // A message that is not JSON belongs to a call.
    let malformed = figure(&pair.projection, "cra_requests_refused_total{cause=\"malformed\"}").await;
    assert_eq!(curl(&["--header", JSON, &statistics], b"{").status, 400);
    assert_eq!(figure(&pair.projection, "cra_requests_refused_total{cause=\"malformed\"}").await, malformed);
    let calls = "cra_rpc_seconds_count{code=\"INVALID_ARGUMENT\",rpc=\"StatisticsService/GetStatistics\"}";
    assert_eq!(figure(&pair.projection, calls).await, 1);

    let expected = [
        "StatisticsService/GetStatistics PERMISSION_DENIED",
        "StatisticsService/GetStatistics PERMISSION_DENIED",
        "other PERMISSION_DENIED",
        "StatisticsService/Export PERMISSION_DENIED",
        "StatisticsService/GetStatistics RESOURCE_EXHAUSTED",
    ];
    let text = eventually("the refusals are written", async || {
        let text = fs::read_to_string(&audit).unwrap_or_default();
        if text.lines().count() >= expected.len() { Ok(text) } else { Err(text) }
    })
    .await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let calls: Vec<_> = lines
        .iter()
        .map(|line| format!("{} {}", line["call"].as_str().unwrap(), line["code"].as_str().unwrap()))
        .collect();
    assert_eq!(calls, expected);
    assert!(lines.iter().all(|line| line["audit"] == "refusal" && line["peer"] == "127.0.0.1"), "{text}");
    assert!(!text.contains("secret"), "the text of a caller: {text}");
}
