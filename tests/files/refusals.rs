//! An invalid address is refused with the parameter, what was found, what is expected, and the French message of the
//! call.

use cra_contracts::v1 as pb;
use cra_runtime::rejection::violations_of;
use serde_json::Value;

use super::{file, filled};
use crate::harness::{Http, at_least, curl};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_parameter_is_named_as_it_was_written() {
    let (pair, _) = filled(&[], 1).await;
    let cases = [
        (
            "statistics.csv?departement=35",
            "departement",
            "PARAMETER_UNKNOWN",
            "expected one of from, to, regionCodes",
        ),
        ("statistics.csv?content=cras", "content", "PARAMETER_UNKNOWN", "unknown parameter"),
        ("statistics.csv?format=csv", "format", "PARAMETER_UNKNOWN", "unknown parameter"),
        (
            "cras.csv?theme=courriel",
            "theme",
            "PARAMETER_INVALID",
            "found \"courriel\", expected one of THEME_EQUIPMENT",
        ),
        ("cras.csv?minPosition=x", "minPosition", "PARAMETER_INVALID", "expected a whole number"),
        ("cras.csv?from=2024-01-01&from=2024-01-02", "from", "PARAMETER_REPEATED", "a second time"),
        ("cras.csv?department=%zz", "department", "PARAMETER_MALFORMED", "percent-encoded"),
        ("cras.csv?selection.from=2024-13-01", "selection.from", "DATE_INVALID", "2024-13-01"),
        ("cras.csv?department=35&department=999", "department", "TERRITORY_UNKNOWN", "999"),
        ("breakdown.csv", "dimension", "REQUIRED", ""),
        ("statistics.csv?dimension=region", "dimension", "DIMENSION_NOT_ALLOWED", ""),
        ("statistics.parquet", "format", "FORMAT_NOT_OFFERED", "CSV, XLSX"),
        ("series.csv?granularity=month&to=2024-01-31", "from", "REQUIRED", ""),
    ];
    for (path, parameter, reason, description) in cases {
        for http in Http::BOTH {
            let refused = file(http, &pair, path);
            assert_eq!(refused.status, 400, "{path}");
            let problem = refused.problem();
            let violation = &problem["violations"][0];
            assert_eq!(violation["parameter"], parameter, "{path}: {problem}");
            assert_eq!(violation["reason"], reason, "{path}: {problem}");
            assert!(violation["description"].as_str().unwrap().contains(description), "{path}: {problem}");
            assert!(violation["localizedMessage"].as_str().unwrap().ends_with(['.', '?', '»']), "{problem}");
            assert_eq!(problem["code"], "INVALID_ARGUMENT");
            assert_eq!(problem["reason"], "INVALID_REQUEST");
        }
    }
    // Every fault at once.
    let problem = file(Http::Two, &pair, "cras.csv?a=1&b=2&theme=x&from=1&from=2").problem();
    assert_eq!(problem["violations"].as_array().unwrap().len(), 4, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_that_of_the_call_says() {
    let (pair, _) = filled(&[], 1).await;
    let request = pb::ExportRequest {
        content: pb::ExportContent::Statistics.into(),
        format: pb::ExportFormat::Ndjson.into(),
        selection: Some(pb::Selection {
            from: "2024-02-30".into(),
            region_codes: vec!["999".into()],
            ..pb::Selection::default()
        }),
        ..pb::ExportRequest::default()
    };
    let status = pair.statistics().await.export(request).await.unwrap_err();
    let problem = file(Http::One, &pair, "statistics.ndjson?from=2024-02-30&region=999").problem();
    let expected: Vec<_> = violations_of(&status)
        .into_iter()
        .map(|it| [it.field, it.reason.into_owned(), it.description, it.localized_message])
        .collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let names = ["field", "reason", "description", "localizedMessage"];
    let found: Vec<_> = problem["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|violation| names.map(|name| text(&violation[name])))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(problem["detail"], status.message());
    let past = file(Http::One, &pair, "cras.csv?minPosition=99999");
    assert_eq!((past.status, past.problem()["reason"].clone()), (400, "PAST_THE_HEAD".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_reached_says_when_to_come_back() {
    // More than is buffered ahead of a reader that takes nothing.
    let (pair, position) = filled(&[("LIMITS__EXPORTS_IN_FLIGHT", "1")], 3_000).await;
    let request = pb::ExportRequest {
        content: pb::ExportContent::Cras.into(),
        format: pb::ExportFormat::Ndjson.into(),
        consistency: at_least(position),
        ..pb::ExportRequest::default()
    };
    let export = pair.statistics().await.export(request).await.unwrap();
    for http in Http::BOTH {
        let busy = file(http, &pair, "statistics.csv");
        assert_eq!((busy.status, busy.header("retry-after")), (429, "5"), "{}", busy.text());
        assert_eq!(busy.problem()["reason"], "BUSY");
    }
    drop(export);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_404_and_another_method_405() {
    let (pair, _) = filled(&[], 1).await;
    let projection = pair.projection.address();
    for http in Http::BOTH {
        for path in [
            "/v1/export/",
            "/v1/export/cras",
            "/v1/export/x.csv",
            "/v1/export/../../../etc/passwd",
            "/v1/export/..%2f..%2fcras.csv",
        ] {
            let missing = curl(http, projection, path, &[]);
            assert_eq!(missing.status, 404, "{path}");
            assert!(missing.problem()["detail"].as_str().unwrap().contains("cras.parquet"), "{path}");
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let refused = curl(http, projection, "/v1/export/cras.csv", &["--request", method]);
            assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method}");
        }
        // Ingestion serves no files.
        assert_eq!(curl(http, pair.ingestion.address(), "/v1/export/cras.csv", &[]).status, 404);
    }
}
