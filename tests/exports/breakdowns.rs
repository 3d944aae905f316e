//! Breakdowns as files: the rows of `ListBreakdown`, in its order, cell by cell.

use cra_contracts::v1 as pb;
use serde_json::json;

use super::{column, request_of};
use crate::harness::{Pair, at_least, cra_of, exported, read_export, record};

#[tokio::test(flavor = "multi_thread")]
async fn a_breakdown_on_file_is_the_breakdown_of_the_api_row_by_row() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let mut last = 0;
    for n in 0..12 {
        last = record(&mut ingestion, cra_of(n % 5)).await.position;
    }
    let consistency = at_least(last);
    let mut statistics = pair.statistics().await;
    for dimension in [pb::Dimension::Advisor, pb::Dimension::Theme, pb::Dimension::Month] {
        let request = pb::ListBreakdownRequest {
            dimension: dimension.into(),
            page_size: 1_000,
            consistency: consistency.clone(),
            ..pb::ListBreakdownRequest::default()
        };
        let rows = statistics.list_breakdown(request).await.unwrap().into_inner().rows;
        assert!(!rows.is_empty());
        let expected = |cell: fn(&pb::BreakdownRow) -> String| rows.iter().map(cell).collect::<Vec<_>>();
        let of = |format| pb::ExportRequest {
            dimension: dimension.into(),
            consistency: consistency.clone(),
            ..request_of(pb::ExportContent::Breakdown, format)
        };
        let csv = exported(&mut statistics, of(pb::ExportFormat::Csv)).await.unwrap();
        let csv = read_export("breakdown.csv", &csv.bytes);
        assert_eq!(column(&csv, "code"), expected(|row| row.code.clone()));
        assert_eq!(column(&csv, "libelle"), expected(|row| row.label.clone()));
        assert_eq!(column(&csv, "cras"), expected(|row| row.statistics.as_ref().unwrap().cras.to_string()));
        assert_eq!(column(&csv, "derniere_activite"), expected(|row| row.last_date.clone()));

        let xlsx = exported(&mut statistics, of(pb::ExportFormat::Xlsx)).await.unwrap();
        let workbook = read_export("breakdown.xlsx", &xlsx.bytes);
        let sheets = workbook["sheets"].as_array().unwrap();
        let table = sheets.iter().find(|sheet| sheet["name"] == "Répartition").unwrap();
        let written = &table["rows"].as_array().unwrap()[1..];
        assert_eq!(written.len(), rows.len());
        for (cells, row) in written.iter().zip(&rows) {
            assert_eq!(cells[0], json!({"text": row.code}));
            assert_eq!(cells[2], json!({"number": row.statistics.as_ref().unwrap().cras}));
        }
    }
}
