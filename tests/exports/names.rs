//! Every file describes its content: two selections have two names, and each file names its selection in words and
//! codes.

use std::collections::HashSet;

use cra_contracts::{json, v1 as pb};
use serde_json::Value;

use super::{read, request_of};
use crate::harness::{Exported, Pair, at_least, exported, submitted};

const TWO_DEPARTMENTS: &str = include_str!("../reality/two-departments.ndjson");
/// Official codes and names.
const DEPARTMENTS: [(&str, &str); 2] = [("01", "Ain"), ("2A", "Corse-du-Sud")];

/// A log with one CRA in the first department and two in the second, and its last position.
async fn log() -> (Pair, u64) {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let mut last = 0;
    for line in TWO_DEPARTMENTS.lines() {
        let request: pb::SubmitCraRequest = json::parse(line).unwrap();
        last = submitted(&mut ingestion, request).await.unwrap().position;
    }
    (pair, last)
}

fn of_department(request: pb::ExportRequest, code: &str, last: u64) -> pb::ExportRequest {
    pb::ExportRequest {
        selection: Some(pb::Selection {
            department_codes: vec![code.to_owned()],
            ..request.selection.unwrap_or_default()
        }),
        consistency: at_least(last),
        ..request
    }
}

/// All texts of a file, including its metadata.
fn words(file: &Exported) -> String {
    read(file).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_departments_have_two_files_and_each_says_its_department() {
    use pb::ExportContent::{Breakdown, CraThemes, Cras, Series, Statistics};
    use pb::ExportFormat::{Csv, Ndjson, Parquet, Xlsx};
    let (pair, last) = log().await;
    let mut statistics = pair.statistics().await;
    let mut names = HashSet::new();
    let asks = [
        request_of(Statistics, Csv),
        request_of(Statistics, Xlsx),
        pb::ExportRequest { dimension: pb::Dimension::Month.into(), ..request_of(Breakdown, Csv) },
        pb::ExportRequest { dimension: pb::Dimension::Month.into(), ..request_of(Breakdown, Xlsx) },
        pb::ExportRequest {
            granularity: pb::Granularity::Week.into(),
            selection: Some(pb::Selection {
                from: "2026-10-01".into(),
                to: "2026-10-31".into(),
                ..pb::Selection::default()
            }),
            ..request_of(Series, Xlsx)
        },
        request_of(Cras, Csv),
        request_of(Cras, Xlsx),
        request_of(Cras, Ndjson),
        request_of(Cras, Parquet),
        request_of(CraThemes, Parquet),
    ];
    for (request, (code, name)) in asks.iter().flat_map(|ask| DEPARTMENTS.map(|of| (ask, of))) {
        let of = of_department(request.clone(), code, last);
        let file = exported(&mut statistics, of.clone()).await.unwrap();
        let file_name = &file.header.file_name;
        assert!(file_name.contains(&format!("_departement-{code}_position-")), "{file_name}");
        assert!(names.insert(file_name.clone()), "{file_name} twice");
        // NDJSON and the CSV of CRAs have only their file name.
        if matches!(request.format(), Xlsx | Parquet) || request.content() == Statistics {
            let words = words(&file);
            assert!(words.contains(name) && words.contains(code), "{file_name}: {name} in {words}");
            assert!(words.contains(&last.to_string()), "{file_name}");
        }
        let again = exported(&mut statistics, of).await.unwrap();
        assert!(again.bytes == file.bytes, "{file_name}: the same query gives the same file");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_is_the_same_file_whatever_the_order_of_its_values() {
    let (pair, last) = log().await;
    let mut statistics = pair.statistics().await;
    let mut of = async |codes: [&str; 3]| {
        let request = pb::ExportRequest {
            selection: Some(pb::Selection {
                department_codes: codes.map(str::to_owned).to_vec(),
                ..pb::Selection::default()
            }),
            consistency: at_least(last),
            ..request_of(pb::ExportContent::Statistics, pb::ExportFormat::Csv)
        };
        exported(&mut statistics, request).await.unwrap()
    };
    let (one, other) = (of(["01", "2A", "01"]).await, of(["2A", "01", "2A"]).await);
    assert_eq!(one.header.file_name, other.header.file_name);
    assert!(one.bytes == other.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_file_says_in_its_metadata_what_it_is_of() {
    let (pair, last) = log().await;
    let request = of_department(request_of(pb::ExportContent::Cras, pb::ExportFormat::Parquet), "2A", last);
    let file = exported(&mut pair.statistics().await, request).await.unwrap();
    let metadata = read(&file)["metadata"].clone();
    let of = |key: &str| metadata[key].as_str().unwrap_or_else(|| panic!("{key} in {metadata}")).to_owned();
    assert_eq!(of("cra.selection"), "Période : toutes les dates ; Département : Corse-du-Sud (2A)");
    let selection: Value = serde_json::from_str(&of("cra.selection.json")).unwrap();
    assert_eq!(selection["departmentCodes"], serde_json::json!(["2A"]));
    assert_eq!(of("cra.position"), last.to_string());
    assert!(of("cra.enregistre_le").ends_with('Z'), "its time zone is given");
    assert_eq!(of("cra.definitions"), file.header.snapshot.unwrap().definitions);
}
