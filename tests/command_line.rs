//! The command line `cra` as a process against the pair: it shows what the services answer, and its exit code gives the
//! outcome.

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ended, Kind, Pair, new_id, run_to_end, submission, submitted, workshop};

/// Runs `cra` against the pair, to its end.
fn cra(pair: &Pair, arguments: &[&str]) -> Ended {
    let dir = TempDir::new().unwrap();
    let ingestion_url = format!("http://{}", pair.ingestion.address());
    let projection_url = format!("http://{}", pair.projection.address());
    let environment = [("CRA_INGESTION_URL", &*ingestion_url), ("CRA_PROJECTION_URL", &*projection_url)];
    run_to_end(Kind::CommandLine, dir.path(), arguments, &environment)
}

fn json(ended: &Ended) -> Value {
    assert!(ended.status.success(), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_cra_is_counted_in_its_month_and_shown_by_its_id() {
    let pair = Pair::start().await;
    let id = new_id();
    let receipt = submitted(&mut pair.ingestion().await, submission(&id, workshop(7))).await.unwrap();
    let position = receipt.position.to_string();

    let quarter = ["--from", "2024-01-01", "--to", "2024-03-31", "--min-position", &position];
    let series = json(&cra(&pair, &[&["series", "--by", "mois", "--json"], &quarter[..]].concat()));
    let acts: Vec<_> =
        series["points"].as_array().unwrap().iter().map(|p| &p["statistics"]["acts"]).collect();
    assert_eq!(acts, [&Value::Null, &Value::Null, &Value::from("7")]);
    let page = cra(&pair, &[&["series"], &quarter[..]].concat());
    assert!(page.stdout.contains("mars 2024"), "{}", page.stdout);

    let shown = json(&cra(&pair, &["show", &id, "--json"]));
    assert_eq!(shown["record"]["cra"]["participants"], 7);
    let page = cra(&pair, &["show", &id]);
    assert!(page.stdout.contains("Courriels"), "{}", page.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_fails_is_reported_on_standard_error_with_exit_code_2() {
    let pair = Pair::start().await;
    for arguments in [
        &["show", "5a1c7c0e-7d0f-4f5e-9d0a-2b8c1f6e4d11"][..],
        &["series"],
        &["stats", "--department", "00"],
        &["stats", "--projection-url", "http://127.0.0.1:1"],
    ] {
        let ended = cra(&pair, arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{arguments:?}");
    }
}
