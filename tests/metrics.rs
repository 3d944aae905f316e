//! The metrics match what happened, are documented, and are those that dashboard and alerts use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cra_contracts::v1 as pb;

use crate::harness::{
    Authority, Pair, Service, eventually, new_id, probed, readers, statistics_at, submission, workshop,
};

const EACH_ON_A_PORT_OF_ITS_OWN: [(&str, &str); 1] = [("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")];

/// The body of `GET /metrics`.
pub(crate) async fn scraped(service: &Service) -> String {
    let (status, text) = probed(service, "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK", "{text}");
    text
}

/// The value of a series, named as in the text format.
pub(crate) fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Each metric with its kind.
fn exposed(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// The series of a metric of a kind.
fn series(name: &str, kind: &str) -> Vec<String> {
    match kind {
        "histogram" => ["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")).to_vec(),
        _ => vec![name.to_owned()],
    }
}

/// The words of a text with the prefix of our metrics.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("cra_") || word.starts_with("process_")).map(str::to_owned).collect()
}

/// Causes everything that is measured, and returns the metrics of both services.
async fn used(pair: &Pair) -> (String, String) {
    let mut ingestion = pair.ingestion().await;
    let request = submission(&new_id(), workshop(7));
    let receipt = ingestion.submit_cra(request.clone()).await.unwrap().into_inner().receipt.unwrap();
    ingestion.submit_cra(request).await.unwrap();
    ingestion.submit_cra(submission(&new_id(), pb::Cra::default())).await.unwrap_err();
    let mut statistics = pair.statistics().await;
    statistics_at(&mut statistics, receipt.position).await;
    let follow = pb::FollowCrasRequest { stop_at_head: true, ..pb::FollowCrasRequest::default() };
    let mut followed = statistics.follow_cras(follow).await.unwrap().into_inner();
    while followed.message().await.unwrap().is_some() {}
    let projection = eventually("the projection has read the head of the log", async || {
        let text = scraped(&pair.projection).await;
        let ended = r#"cra_rpc_streams_total{code="OK",rpc="StatisticsService/FollowCras"}"#;
        match (value(&text, "cra_log_position"), value(&text, ended)) {
            (Some(1.0), Some(1.0)) => Ok(text),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    (scraped(&pair.ingestion).await, projection)
}

#[tokio::test]
async fn the_metrics_match_what_happened() {
    let pair = Pair::start_with(&EACH_ON_A_PORT_OF_ITS_OWN).await;
    let (ingestion, projection) = used(&pair).await;
    for (series, expected) in [
        (r#"cra_ingestion_accepted_total{kind="submit",outcome="recorded"}"#, 1.0),
        (r#"cra_ingestion_accepted_total{kind="submit",outcome="repeated"}"#, 1.0),
        (r#"cra_ingestion_refused_total{kind="submit",reason="INVALID_REQUEST"}"#, 1.0),
        (r#"cra_log_append_seconds_count{outcome="stored"}"#, 1.0),
        (r#"cra_log_append_seconds_count{outcome="conflict"}"#, 1.0),
        (r#"cra_rpc_seconds_count{code="OK",rpc="IngestionService/SubmitCra"}"#, 2.0),
        (r#"cra_rpc_seconds_count{code="INVALID_ARGUMENT",rpc="IngestionService/SubmitCra"}"#, 1.0),
        (r#"cra_rpc_in_flight{rpc="IngestionService/SubmitCra"}"#, 0.0),
        (r#"cra_serving{service="cra.v1.IngestionService"}"#, 1.0),
        ("cra_log_up", 1.0),
    ] {
        assert_eq!(value(&ingestion, series), Some(expected), "{series} in\n{ingestion}");
    }
    for (series, expected) in [
        ("cra_projection_applied_position", 1.0),
        ("cra_projection_lag_events", 0.0),
        ("cra_projection_lag_seconds", 0.0),
        ("cra_projection_parked_events", 0.0),
        (r#"cra_rpc_seconds_count{code="OK",rpc="StatisticsService/GetStatistics"}"#, 1.0),
        (r#"cra_in_flight_limit{what="queries"}"#, 256.0),
        ("cra_log_up", 1.0),
    ] {
        assert_eq!(value(&projection, series), Some(expected), "{series} in\n{projection}");
    }
}

#[tokio::test]
async fn dashboard_and_alerts_use_exposed_metrics_and_all_metrics_are_documented() {
    // Without a file of certificates there is nothing that ends.
    let dir = tempfile::tempdir().unwrap();
    let authority = dir.path().join("ca.pem");
    std::fs::write(&authority, Authority::new().pem()).unwrap();
    let trusted = [("LOG__CA_FILE", authority.to_str().unwrap())];
    let pair = Pair::start_with(&[&EACH_ON_A_PORT_OF_ITS_OWN[..], &trusted].concat()).await;
    let (ingestion, projection) = used(&pair).await;
    let mut exposed_ones = exposed(&ingestion);
    exposed_ones.append(&mut exposed(&projection));
    let all: BTreeSet<String> = exposed_ones.iter().flat_map(|(name, kind)| series(name, kind)).collect();

    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let files = [deploy.join("prometheus/alerts.yml"), deploy.join("grafana/cra.json")];
    let queries = readers::run("read_queries.py", &files);
    for (file, queries) in queries.as_object().unwrap() {
        for query in queries.as_array().unwrap() {
            let unknown: Vec<_> = named(query.as_str().unwrap()).difference(&all).cloned().collect();
            assert_eq!(unknown, [""; 0], "in {query} of {file}");
        }
    }

    let operations = std::fs::read_to_string(deploy.join("OPERATIONS.md")).unwrap();
    let documented: BTreeMap<String, String> = operations
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let kind = rest.split([';', ' ']).next()?;
            let is_a_metric = name.starts_with("cra_") || name.starts_with("process_");
            is_a_metric.then(|| (name.to_owned(), kind.to_owned()))
        })
        .collect();
    assert_eq!(documented, exposed_ones, "the table of OPERATIONS.md, and what the services expose");

    let alerts = std::fs::read_to_string(&files[0]).unwrap();
    let alerts: BTreeSet<_> =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let rows = operations.lines().filter(|line| line.starts_with("| `Cra"));
    let answers: BTreeSet<_> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split(',').map(|name| name.trim().trim_matches('`')))
        .collect();
    assert_eq!(alerts, answers, "alerts, and what to do for each");
}

#[tokio::test]
async fn without_an_address_there_are_no_metrics_and_an_address_in_use_is_refused() {
    let pair = Pair::start().await;
    assert!(!pair.ingestion.output().contains("metrics_address"));
    let address = pair.ingestion.address().to_string();
    let dir = tempfile::tempdir().unwrap();
    let settings = [("CRA_TELEMETRY__METRICS_LISTEN", address.as_str()), ("CRA_LISTEN", "127.0.0.1:0")];
    let url = pair.nats.url();
    let settings: Vec<_> = settings.into_iter().chain([("CRA_LOG__URL", url.as_str())]).collect();
    crate::harness::run_to_end(crate::harness::Kind::Ingestion, dir.path(), &[], &settings)
        .failed()
        .reports("--metrics-listen");
}

#[test]
fn a_name_in_a_query_is_found_with_its_suffix() {
    let query = r#"rate(cra_rpc_seconds_bucket{rpc="x"}[5m]) / cra_log_up"#;
    assert_eq!(named(query), ["cra_log_up", "cra_rpc_seconds_bucket"].map(str::to_owned).into());
}
