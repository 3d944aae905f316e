//! A file of many CRAs has each once, by day of activity, then by position, whatever the order in which they were recorded: now,
//! and as of a past position, without those that were corrected or withdrawn.

use std::collections::HashMap;

use cra_contracts::v1 as pb;
use serde_json::Value;

use super::{as_of, column, read, request_of};
use crate::harness::{Exported, Pair, Statistics, exported, new_id, submission, submit_stream, workshop};

/// More CRAs than one part of any format contains.
const CRAS: usize = 5_000;
/// Days of activity, independent of the order of the log.
const DAYS: usize = 28;
const CORRECTED_EVERY: usize = 50;
const WITHDRAWN_EVERY: usize = 70;

/// The CRAs in force by their ids: day, position, participants.
type InForce = HashMap<String, (String, u64, u32)>;

fn day(number: usize) -> String {
    format!("2024-02-{:02}", 1 + number * 17 % DAYS)
}

fn cra(number: usize, participants: u32) -> pb::Cra {
    pb::Cra { date: day(number), annotation: format!("séance {number}"), ..workshop(participants) }
}

/// Records many CRAs, then corrects and withdraws some. Returns the CRAs in force after the submissions and at the end,
/// each with its position.
async fn recorded(pair: &Pair) -> [(InForce, u64); 2] {
    let mut ingestion = pair.ingestion().await;
    let ids: Vec<String> = (0..CRAS).map(|_| new_id()).collect();
    let submissions: Vec<_> =
        ids.iter().enumerate().map(|(number, id)| submission(id, cra(number, 3))).collect();
    let receipts = submit_stream(&mut ingestion, tokio_stream::iter(submissions)).await;
    let positions: HashMap<&str, &pb::Receipt> =
        receipts.iter().map(|receipt| (receipt.cra_id.as_str(), receipt)).collect();
    let first: InForce = ids
        .iter()
        .enumerate()
        .map(|(number, id)| (id.clone(), (day(number), positions[id.as_str()].position, 3)))
        .collect();
    let submitted = receipts.iter().map(|receipt| receipt.position).max().unwrap();

    let (mut second, mut head) = (first.clone(), submitted);
    for (number, id) in ids.iter().enumerate() {
        let expected_revision = positions[id.as_str()].revision;
        let (cra_id, reason) = (id.clone(), "erreur de saisie".to_owned());
        if number % CORRECTED_EVERY == 0 {
            let cra = Some(cra(number + 1, 4));
            let request = pb::CorrectCraRequest { cra_id, expected_revision, cra, reason };
            let receipt = ingestion.correct_cra(request).await.unwrap().into_inner().receipt.unwrap();
            second.insert(id.clone(), (day(number + 1), receipt.position, 4));
            head = receipt.position;
        } else if number % WITHDRAWN_EVERY == 0 {
            let request = pb::WithdrawCraRequest { cra_id, expected_revision, reason };
            head = ingestion.withdraw_cra(request).await.unwrap().into_inner().receipt.unwrap().position;
            second.remove(id);
        }
    }
    [(first, submitted), (second, head)]
}

/// What a file shows of each CRA: id, day, participants.
fn in_order(in_force: &InForce) -> Vec<[String; 3]> {
    let mut cras: Vec<_> = in_force.iter().collect();
    cras.sort_by_key(|(_, (day, position, _))| (day.clone(), *position));
    let shown = |(id, (day, _, people)): (&String, &(String, u64, u32))| {
        [id.clone(), day.clone(), people.to_string()]
    };
    cras.into_iter().map(shown).collect()
}

async fn file(
    statistics: &mut Statistics,
    selection: &pb::Selection,
    state: &pb::Consistency,
    format: pb::ExportFormat,
) -> Exported {
    let request = pb::ExportRequest {
        selection: Some(selection.clone()),
        consistency: Some(state.clone()),
        ..request_of(pb::ExportContent::Cras, format)
    };
    exported(statistics, request).await.unwrap()
}

fn of_csv(file: &Exported) -> Vec<[String; 3]> {
    let csv = read(file);
    let [ids, days, people] = ["cra_id", "date", "participants"].map(|name| column(&csv, name));
    ids.into_iter().zip(days).zip(people).map(|((id, day), people)| [id, day, people]).collect()
}

fn of_parquet(file: &Exported) -> Vec<[String; 3]> {
    let table = read(file);
    let names: Vec<&Value> =
        table["columns"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    let columns = ["cra_id", "date", "participants"]
        .map(|name| names.iter().position(|column| *column == name).unwrap());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    table["rows"].as_array().unwrap().iter().map(|row| columns.map(|column| text(&row[column]))).collect()
}

fn of_ndjson(file: &Exported) -> Vec<[String; 3]> {
    let lines = std::str::from_utf8(&file.bytes).unwrap().lines();
    let cra = |line| {
        let record: Value = serde_json::from_str(line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        [text(&record["craId"]), text(&record["cra"]["date"]), record["cra"]["participants"].to_string()]
    };
    lines.map(cra).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_file_has_every_cra_once_by_day_then_by_position_at_any_position() {
    let pair = Pair::start().await;
    let states = recorded(&pair).await;
    let head = states[1].1;
    let mut statistics = pair.statistics().await;
    let one_day = pb::Selection { from: day(0), to: day(0), ..pb::Selection::default() };
    for (in_force, position) in &states {
        let expected = in_order(in_force);
        let state = as_of(*position, head);
        let everything = pb::Selection::default();
        let csv = file(&mut statistics, &everything, &state, pb::ExportFormat::Csv).await;
        assert!(of_csv(&csv) == expected, "CSV as of {position}");
        let ndjson = file(&mut statistics, &everything, &state, pb::ExportFormat::Ndjson).await;
        assert!(of_ndjson(&ndjson) == expected, "NDJSON as of {position}");
        let parquet = file(&mut statistics, &everything, &state, pb::ExportFormat::Parquet).await;
        assert!(of_parquet(&parquet) == expected, "Parquet as of {position}");

        let expected: Vec<_> = expected.into_iter().filter(|[_, of, _]| *of == day(0)).collect();
        assert!(!expected.is_empty());
        let csv = file(&mut statistics, &one_day, &state, pb::ExportFormat::Csv).await;
        assert!(of_csv(&csv) == expected, "one day as of {position}");
    }
}
