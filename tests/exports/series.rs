//! A series as a file: a row per period, including empty ones, with the figures of `GetTimeSeries`.

use cra_contracts::v1 as pb;
use serde_json::json;

use super::{column, request_of};
use crate::harness::{Pair, at_least, exported, read_export, record, workshop};

#[tokio::test(flavor = "multi_thread")]
async fn a_series_on_file_is_the_series_of_the_api_period_by_period() {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    record(&mut ingestion, pb::Cra { date: "2024-01-15".into(), ..workshop(7) }).await;
    let last = record(&mut ingestion, pb::Cra { returning_participants: 3, ..workshop(11) }).await.position;
    let selection =
        pb::Selection { from: "2024-01-10".into(), to: "2024-03-31".into(), ..pb::Selection::default() };
    let consistency = at_least(last);
    let mut statistics = pair.statistics().await;
    for (granularity, first, name) in [
        (pb::Granularity::Day, "10 janvier 2024", "cra-serie-par-jour"),
        (pb::Granularity::Week, "semaine 2 de 2024", "cra-serie-par-semaine"),
        (pb::Granularity::Month, "janvier 2024", "cra-serie-par-mois"),
        (pb::Granularity::Quarter, "T1 2024", "cra-serie-par-trimestre"),
        (pb::Granularity::Year, "2024", "cra-serie-par-annee"),
    ] {
        let request = pb::GetTimeSeriesRequest {
            selection: Some(selection.clone()),
            granularity: granularity.into(),
            consistency: consistency.clone(),
        };
        let points = statistics.get_time_series(request).await.unwrap().into_inner().points;
        let of = |format| pb::ExportRequest {
            selection: Some(selection.clone()),
            granularity: granularity.into(),
            consistency: consistency.clone(),
            ..request_of(pb::ExportContent::Series, format)
        };
        let file = exported(&mut statistics, of(pb::ExportFormat::Csv)).await.unwrap();
        let expected = format!("{name}_2024-01-10-au-2024-03-31_position-{last}.csv");
        assert_eq!(file.header.file_name, expected);
        let csv = read_export("series.csv", &file.bytes);
        let figure = |of: fn(&pb::Statistics) -> u64| -> Vec<String> {
            points.iter().map(|point| of(point.statistics.as_ref().unwrap()).to_string()).collect()
        };
        assert_eq!(column(&csv, "periode")[0], first);
        assert_eq!(column(&csv, "debut"), points.iter().map(|point| point.from.clone()).collect::<Vec<_>>());
        assert_eq!(column(&csv, "fin"), points.iter().map(|point| point.to.clone()).collect::<Vec<_>>());
        assert_eq!(column(&csv, "cras"), figure(|s| s.cras));
        assert_eq!(column(&csv, "accompagnements"), figure(|s| s.acts));
        assert_eq!(column(&csv, "personnes"), figure(|s| s.people));
        assert_eq!(column(&csv, "age_de18a35ans"), figure(|s| s.ages[2].count));

        let file = exported(&mut statistics, of(pb::ExportFormat::Xlsx)).await.unwrap();
        let workbook = read_export("series.xlsx", &file.bytes);
        let sheet = &workbook["sheets"][0];
        assert_eq!((&sheet["name"], &sheet["charts"]), (&json!("Série"), &json!([2])), "acts and people");
        for (row, point) in sheet["rows"].as_array().unwrap()[1..].iter().zip(&points) {
            let s = point.statistics.as_ref().unwrap();
            assert_eq!((&row[1], &row[2]), (&json!({"day": point.from}), &json!({"day": point.to})));
            assert_eq!((&row[3], &row[5]), (&json!({"number": s.cras}), &json!({"number": s.people})));
        }
        assert!(workbook["sheets"][1]["rows"].to_string().contains("du 10 janvier 2024 au 31 mars 2024"));
    }
}
