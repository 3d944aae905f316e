//! The command line `cra` as a process against the pair: it shows what the services answer, and its exit code gives the
//! outcome.

use serde_json::Value;

use crate::harness::{Pair, new_id, submission, submitted, workshop};

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_cra_is_counted_in_its_month_and_shown_by_its_id() {
    let pair = Pair::start().await;
    let id = new_id();
    let receipt = submitted(&mut pair.ingestion().await, submission(&id, workshop(7))).await.unwrap();
    let position = receipt.position.to_string();

    let quarter = ["--from", "2024-01-01", "--to", "2024-03-31", "--min-position", &position];
    let series = pair.cra(&[&["series", "--by", "mois", "--json"], &quarter[..]].concat()).succeeded().json();
    let acts: Vec<_> =
        series["points"].as_array().unwrap().iter().map(|p| &p["statistics"]["acts"]).collect();
    assert_eq!(acts, [&Value::Null, &Value::Null, &Value::from("7")]);
    pair.cra(&[&["series"], &quarter[..]].concat()).shows("mars 2024");

    let shown = pair.cra(&["show", &id, "--json"]).succeeded().json();
    assert_eq!(shown["record"]["cra"]["participants"], 7);
    pair.cra(&["show", &id]).shows("Courriels");
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
        let ended = pair.cra(arguments).exited(2);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{arguments:?}");
    }
}
