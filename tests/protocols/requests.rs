//! Python's `requests` calls both services without generated code.

use serde_json::json;

use crate::harness::{Standalone, readers};

#[tokio::test(flavor = "multi_thread")]
async fn requests_submits_counts_fetches_files_and_reads_refusals() {
    let services = Standalone::start().await;
    let addresses =
        [services.ingestion, services.projection].map(|address| format!("http://{address}").into());
    let found = readers::run("call_by_requests.py", &addresses);
    let expected = json!({
        "cras": "1",
        "by_get": true,
        "again": [304, 0],
        "refused": [400, "invalid_argument", ["CRA_ID_INVALID"]],
        "file": [200, "gzip", "section;code"],
        "problem": [400, "application/problem+json", "PARAMETER_UNKNOWN"],
    });
    assert_eq!(found, expected);
}
