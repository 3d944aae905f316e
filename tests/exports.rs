//! Exported files, opened by independent readers, equal the API cell by cell; invalid combinations are refused with the
//! field.

mod breakdowns;
mod cras;
mod figures;
mod long_tables;
mod names;
mod order;
mod printing;
mod series;

use cra_contracts::v1 as pb;
use cra_domain::event::timestamp_message;
use cra_runtime::rejection::violations_of;
use jiff::Timestamp;
use serde_json::Value;
use tonic::Code;

use crate::harness::{Exported, Pair, correction, exported, read_export, record, withdrawal, workshop};

fn request_of(content: pb::ExportContent, format: pb::ExportFormat) -> pb::ExportRequest {
    pb::ExportRequest { content: content.into(), format: format.into(), ..pb::ExportRequest::default() }
}

fn as_of(position: u64, last: u64) -> pb::Consistency {
    pb::Consistency { min_position: last, as_of_position: position, ..pb::Consistency::default() }
}

/// A document of an older form, as an import sends it.
fn of_an_older_form() -> pb::ImportLegacyCrasRequest {
    let document = include_bytes!("../services/domain/src/legacy/golden/v1-individual.json");
    pb::ImportLegacyCrasRequest {
        item: 1,
        legacy_id: "60a3c1f2e4b0a1b2c3d4e5f6".into(),
        form_version: 1,
        document: document.to_vec().into(),
    }
}

fn read(file: &Exported) -> Value {
    read_export(&file.header.file_name, &file.bytes)
}

/// A column of the CSV by its name, as texts.
fn column(csv: &Value, name: &str) -> Vec<String> {
    let rows = csv["rows"].as_array().unwrap();
    let index = rows[0].as_array().unwrap().iter().position(|column| column == name).unwrap();
    rows[1..].iter().map(|row| row[index].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_shows_the_state_asked_for_corrections_and_withdrawals_included() {
    let pair = Pair::start().await;
    let (mut ingestion, mut statistics) = (pair.ingestion().await, pair.statistics().await);
    let stays = record(&mut ingestion, workshop(3)).await;
    let recorded = record(&mut ingestion, workshop(5)).await;
    let other_day = pb::Cra { date: "2024-01-02".into(), ..workshop(8) };
    let correction = correction(&recorded.cra_id, recorded.revision, other_day);
    let corrected = ingestion.correct_cra(correction).await.unwrap().into_inner().receipt.unwrap();
    let withdrawal = withdrawal(&recorded.cra_id, corrected.revision);
    let withdrawn = ingestion.withdraw_cra(withdrawal).await.unwrap().into_inner().receipt.unwrap();

    // By day of activity, then by position.
    let states = [
        (0, vec![]),
        (stays.position, vec!["3"]),
        (recorded.position, vec!["3", "5"]),
        (corrected.position, vec!["8", "3"]),
        (withdrawn.position, vec!["3"]),
    ];
    for (position, participants) in states {
        let state = match position {
            0 => pb::Consistency {
                min_position: withdrawn.position,
                as_of_time: Some(timestamp_message(Timestamp::UNIX_EPOCH)),
                ..pb::Consistency::default()
            },
            position => as_of(position, withdrawn.position),
        };
        for content in [pb::ExportContent::Cras, pb::ExportContent::Statistics] {
            let request = pb::ExportRequest {
                consistency: Some(state.clone()),
                ..request_of(content, pb::ExportFormat::Csv)
            };
            let file = exported(&mut statistics, request).await.unwrap();
            assert_eq!(file.header.snapshot.as_ref().unwrap().position, position);
            let csv = read(&file);
            if content == pb::ExportContent::Cras {
                assert_eq!(column(&csv, "participants"), participants, "as of {position}");
            } else {
                let cras = column(&csv, "section").iter().position(|section| section == "headline").unwrap();
                assert_eq!(column(&csv, "valeur")[cras], participants.len().to_string(), "as of {position}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_nothing_is_a_valid_file() {
    let pair = Pair::start().await;
    let mut statistics = pair.statistics().await;
    for format in [pb::ExportFormat::Csv, pb::ExportFormat::Parquet] {
        let file = exported(&mut statistics, request_of(pb::ExportContent::Cras, format)).await.unwrap();
        assert_eq!(file.header.snapshot.as_ref().unwrap().position, 0);
        let rows = read(&file)["rows"].as_array().unwrap().len();
        assert_eq!(rows, usize::from(format == pb::ExportFormat::Csv), "only the names of the columns");
    }
    let lines =
        exported(&mut statistics, request_of(pb::ExportContent::Cras, pb::ExportFormat::Ndjson)).await;
    assert!(lines.unwrap().bytes.is_empty());
    let workbook =
        exported(&mut statistics, request_of(pb::ExportContent::Cras, pb::ExportFormat::Xlsx)).await;
    let workbook = read(&workbook.unwrap());
    assert_eq!(workbook["sheets"][0]["rows"].as_array().unwrap().len(), 1);
    let workbook =
        exported(&mut statistics, request_of(pb::ExportContent::Statistics, pb::ExportFormat::Xlsx)).await;
    assert!(read(&workbook.unwrap())["sheets"].as_array().unwrap().len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_together_is_refused_with_every_field_before_the_header() {
    use pb::ExportContent::{Breakdown, CraAges, CraThemes, Cras, Series, Statistics, Unspecified};
    use pb::ExportFormat::{Csv, Ndjson, Parquet, Xlsx};
    let pair = Pair::start().await;
    let mut statistics = pair.statistics().await;
    let by_region = |request| pb::ExportRequest { dimension: pb::Dimension::Region.into(), ..request };
    let by_month = |request| pb::ExportRequest { granularity: pb::Granularity::Month.into(), ..request };
    let cases: [(pb::ExportRequest, &[(&str, &str)]); 15] = [
        (
            request_of(Unspecified, pb::ExportFormat::Unspecified),
            &[("content", "REQUIRED"), ("format", "REQUIRED")],
        ),
        (
            pb::ExportRequest { content: 77, format: 78, ..pb::ExportRequest::default() },
            &[("content", "UNKNOWN_VALUE"), ("format", "UNKNOWN_VALUE")],
        ),
        (request_of(Statistics, Ndjson), &[("format", "FORMAT_NOT_OFFERED")]),
        (request_of(Statistics, Parquet), &[("format", "FORMAT_NOT_OFFERED")]),
        (by_region(request_of(Breakdown, Parquet)), &[("format", "FORMAT_NOT_OFFERED")]),
        (request_of(Breakdown, Csv), &[("dimension", "REQUIRED")]),
        (
            pb::ExportRequest { dimension: 99, ..request_of(Breakdown, Xlsx) },
            &[("dimension", "UNKNOWN_VALUE")],
        ),
        (by_region(request_of(Cras, Csv)), &[("dimension", "DIMENSION_NOT_ALLOWED")]),
        (by_region(request_of(CraAges, Csv)), &[("dimension", "DIMENSION_NOT_ALLOWED")]),
        (
            by_month(request_of(CraThemes, Ndjson)),
            &[("format", "FORMAT_NOT_OFFERED"), ("granularity", "GRANULARITY_NOT_ALLOWED")],
        ),
        (
            request_of(Series, Parquet),
            &[
                ("format", "FORMAT_NOT_OFFERED"),
                ("granularity", "REQUIRED"),
                ("selection.from", "REQUIRED"),
                ("selection.to", "REQUIRED"),
            ],
        ),
        (
            by_month(pb::ExportRequest {
                selection: Some(pb::Selection {
                    from: "2024-02-30".into(),
                    to: "2024-03-31".into(),
                    ..pb::Selection::default()
                }),
                ..request_of(Series, Csv)
            }),
            &[("selection.from", "DATE_INVALID")],
        ),
        (
            by_month(pb::ExportRequest {
                selection: Some(pb::Selection {
                    from: "2024-03-31".into(),
                    to: "2024-03-01".into(),
                    ..pb::Selection::default()
                }),
                ..request_of(Series, Xlsx)
            }),
            &[("selection.to", "PERIOD_INVERTED")],
        ),
        (
            by_region(request_of(Statistics, Parquet)),
            &[("dimension", "DIMENSION_NOT_ALLOWED"), ("format", "FORMAT_NOT_OFFERED")],
        ),
        (
            pb::ExportRequest {
                selection: Some(pb::Selection {
                    from: "2024-02-30".into(),
                    region_codes: vec!["999".into()],
                    ..pb::Selection::default()
                }),
                ..request_of(Statistics, Ndjson)
            },
            &[
                ("format", "FORMAT_NOT_OFFERED"),
                ("selection.from", "DATE_INVALID"),
                ("selection.region_codes[0]", "TERRITORY_UNKNOWN"),
            ],
        ),
    ];
    for (request, expected) in cases {
        let refused = statistics.export(request.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{request:?}");
        let violations = violations_of(&refused);
        let mut found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), &*v.reason)).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{request:?}");
        assert!(violations.iter().all(|v| !v.description.is_empty() && !v.localized_message.is_empty()));
    }

    let past = pb::ExportRequest { consistency: Some(as_of(5, 0)), ..request_of(Cras, Csv) };
    assert_eq!(statistics.export(past).await.unwrap_err().code(), Code::OutOfRange);
}
