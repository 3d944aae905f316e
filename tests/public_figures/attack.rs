//! The attack: all answers, in several publications, before and after events, and a solver.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::json;

use super::cells::{Cells, Counts, base_cells, counts, nonzero, selection, sum};
use super::publishing::{DEPARTMENTS, Publishing, ask, drawn, publicly, published, record};
use crate::harness::{at_least, chance, correction, either, new_id, readers, submission, submitted};

/// Departments of the regions of the tests.
const REGIONS: [(&str, &[&str]); 2] = [("11", &["75", "78", "92"]), ("84", &["69", "01"])];
const MONTHS: [&str; 2] = ["2026-01", "2026-02"];

/// The counts of some cells, added up.
fn sum_of(cells: &Cells, departments: &[&str], months: &[&str]) -> Counts {
    let selected = cells.iter().filter(|((department, month), _)| {
        departments.contains(&department.as_str()) && months.contains(&month.as_str())
    });
    nonzero(sum(selected.map(|(_, counts)| counts)))
}

/// Queries unions of cells in every possible way; each answer must be the sum of the cells.
async fn assert_sums(publishing: &mut Publishing, cells: &Cells, months: &[&str], chance: &mut StdRng) {
    let token = publishing.token();
    for _ in 0..either(20, 200) {
        let chosen: Vec<&str> = DEPARTMENTS.into_iter().filter(|_| chance.random()).collect();
        let (one, other) = (chance.random_range(0..months.len()), chance.random_range(0..months.len()));
        let selected = &months[one.min(other)..=one.max(other)];
        let departments = if chosen.is_empty() { DEPARTMENTS.to_vec() } else { chosen };
        let union = selection(&departments, selected[0], selected[selected.len() - 1]);
        let (shown, _) = ask(&mut publishing.statistics, &token, union).await.unwrap();
        assert_eq!(
            nonzero(counts(&shown)),
            sum_of(cells, &departments, selected),
            "{departments:?} {selected:?}"
        );
    }
    let all = selection(&[], months[0], months[months.len() - 1]);
    let (country, _) = ask(&mut publishing.statistics, &token, pb::Selection::default()).await.unwrap();
    assert_eq!(nonzero(counts(&country)), sum_of(cells, &DEPARTMENTS, months), "nothing is anywhere else");
    for (region, departments) in REGIONS {
        let region = pb::Selection { region_codes: vec![region.to_owned()], ..all.clone() };
        let (shown, _) = ask(&mut publishing.statistics, &token, region).await.unwrap();
        assert_eq!(nonzero(counts(&shown)), sum_of(cells, departments, months));
    }
    for granularity in [pb::Granularity::Month, pb::Granularity::Quarter, pb::Granularity::Year] {
        let request = pb::GetTimeSeriesRequest {
            selection: Some(all.clone()),
            granularity: granularity.into(),
            consistency: None,
        };
        let request = publicly(publishing, request);
        let points = publishing.statistics.get_time_series(request).await.unwrap().into_inner().points;
        for point in &points {
            let selected: Vec<&str> = months
                .iter()
                .copied()
                .filter(|month| (&point.from[..7]..=&point.to[..7]).contains(month))
                .collect();
            let shown = counts(point.statistics.as_ref().unwrap());
            assert_eq!(nonzero(shown), sum_of(cells, &DEPARTMENTS, &selected), "{granularity:?}");
        }
    }
    assert_rows(publishing, cells, months, &all).await;
}

async fn assert_rows(publishing: &mut Publishing, cells: &Cells, months: &[&str], all: &pb::Selection) {
    let by_department: BTreeMap<&str, Vec<&str>> = DEPARTMENTS.iter().map(|it| (*it, vec![*it])).collect();
    let by_region: BTreeMap<&str, Vec<&str>> =
        REGIONS.iter().map(|(code, departments)| (*code, departments.to_vec())).collect();
    for (dimension, expected) in
        [(pb::Dimension::Department, by_department), (pb::Dimension::Region, by_region)]
    {
        for order_by in ["", "code", "-name", "-acts", "follow_up"] {
            let request = pb::ListBreakdownRequest {
                selection: Some(all.clone()),
                dimension: dimension.into(),
                order_by: order_by.to_owned(),
                ..pb::ListBreakdownRequest::default()
            };
            let request = publicly(publishing, request);
            let answer = publishing.statistics.list_breakdown(request).await.unwrap().into_inner();
            assert_eq!((answer.total_rows, answer.next_page_token.as_str()), (answer.rows.len() as u64, ""));
            for row in &answer.rows {
                assert_eq!((row.last_date.as_str(), row.last_recorded_at), ("", None));
                let shown = nonzero(counts(row.statistics.as_ref().unwrap()));
                assert!(!shown.is_empty(), "{} shows nothing, but is listed", row.code);
                if let Some(departments) = expected.get(row.code.as_str()) {
                    assert_eq!(shown, sum_of(cells, departments, months), "{}", row.code);
                }
            }
        }
    }
}

/// Asserts that a solver finds at least five possible values for every count of some cells.
fn assert_nothing_is_pinned(cells: &Cells, chance: &mut StdRng) {
    let mut sampled: Vec<&Counts> =
        cells.values().filter(|counts| counts.values().any(|it| *it > 0)).collect();
    while sampled.len() > either(1, 40) {
        sampled.swap_remove(chance.random_range(0..sampled.len()));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cells.json");
    let written: Vec<_> = sampled.iter().map(|counts| json!({ "base": 5, "counts": counts })).collect();
    std::fs::write(&file, json!(written).to_string()).unwrap();
    let answers = readers::run("possible_counts.py", &[file]);
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), sampled.len());
    for (answer, shown) in answers.iter().zip(sampled) {
        assert!(answer["any"].is_object(), "no cell shows {shown:?}");
        for forms in ["any", "today"] {
            let Some(possible) = answer[forms].as_object() else { continue };
            for (name, values) in possible {
                assert!(values.as_u64().unwrap() >= 5, "{name} has {values} possible values in {shown:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_in_whatever_publication_is_a_sum_of_base_cells_that_pin_no_count() {
    let mut chance = chance();
    let mut publishing = Publishing::start("2026-02-27T12:00:00Z").await;
    let mut cras = record(&mut publishing.ingestion, &mut chance, "2026-01", either(40, 150)).await;
    cras.extend(record(&mut publishing.ingestion, &mut chance, "2026-02", either(15, 60)).await);
    let of_february = publishing.publish("2026-03-16T01:00:00Z", "2026-03-16T00:00:00Z").await;
    assert_eq!((of_february.from.as_str(), of_february.to.as_str()), ("2020-01-01", "2026-02-28"));
    let token = publishing.token();
    let first = base_cells(&mut publishing.statistics, &token, &DEPARTMENTS, &MONTHS).await;
    assert_sums(&mut publishing, &first, &MONTHS, &mut chance).await;
    assert_nothing_is_pinned(&first, &mut chance);

    // Events do not change a publication.
    publishing.record_at("2026-03-16T00:30:00Z");
    let late = record(&mut publishing.ingestion, &mut chance, "2026-02", 5).await;
    let moved: Vec<_> = cras.iter().take(3).cloned().collect();
    for (id, cra) in moved {
        let corrected = pb::Cra { place: drawn(&mut chance, "2026-01").place, ..cra };
        let _ = publishing.ingestion.correct_cra(correction(&id, 1, corrected)).await;
    }
    let position = submitted(&mut publishing.ingestion, submission(&new_id(), late[0].1.clone()))
        .await
        .unwrap()
        .position;
    let exact = pb::GetStatisticsRequest { consistency: at_least(position), ..Default::default() };
    let exact = crate::harness::carrying(&publishing.exact_token(), exact);
    assert!(
        publishing.statistics.get_statistics(exact).await.unwrap().into_inner().statistics.unwrap().cras > 0
    );
    let again = base_cells(&mut publishing.statistics, &token, &DEPARTMENTS, &MONTHS).await;
    assert_eq!(again, first);

    // The next publication: cells with changed CRAs are rounded anew, unchanged cells show the same.
    let of_march = publishing.publish("2026-04-17T00:00:00Z", "2026-04-16T00:00:00Z").await;
    assert_ne!(of_march.name, of_february.name);
    let months = ["2026-01", "2026-02", "2026-03"];
    let second = base_cells(&mut publishing.statistics, &token, &DEPARTMENTS, &months).await;
    assert_sums(&mut publishing, &second, &months, &mut chance).await;
    assert_nothing_is_pinned(&second, &mut chance);
    for department in ["35", "2A"] {
        assert!(second[&(department.to_owned(), "2026-01".to_owned())].values().all(|count| *count == 0));
    }
    publishing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_one_secret_publish_the_same_and_a_set_of_cras_shows_the_same_numbers_for_ever() {
    let mut chance = chance();
    let mut publishing = Publishing::start("2026-02-27T12:00:00Z").await;
    record(&mut publishing.ingestion, &mut chance, "2026-01", 25).await;
    let of_february = publishing.publish("2026-03-20T00:00:00Z", "2026-03-16T00:00:00Z").await;
    let token = publishing.token();
    let first = base_cells(&mut publishing.statistics, &token, &DEPARTMENTS, &MONTHS).await;
    let mut replica = publishing.replica().await;
    let of_replica = published(&mut replica, &token, "2026-03-16T00:00:00Z").await;
    assert_eq!(of_replica, of_february);
    assert_eq!(base_cells(&mut replica, &token, &DEPARTMENTS, &MONTHS).await, first);

    publishing.publish("2026-04-20T00:00:00Z", "2026-04-16T00:00:00Z").await;
    assert_eq!(base_cells(&mut publishing.statistics, &token, &DEPARTMENTS, &MONTHS).await, first);
    publishing.stop().await;
}
