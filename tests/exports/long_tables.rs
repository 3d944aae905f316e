//! Long tables, for pivot tables: grouped by value, they give the lines of the statistics, in every format.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use cra_domain::spelling;
use serde_json::Value;

use super::{read, request_of};
use crate::harness::{Pair, at_least, exported, imported, record, workshop};

/// A line of the statistics by its name, and its count.
type Lines = BTreeMap<String, u64>;

async fn log(pair: &Pair) -> u64 {
    let mut ingestion = pair.ingestion().await;
    let to = |organisation, people| pb::Redirection { organisation: Some(organisation), people };
    let known = |organisation: pb::Organisation| pb::redirection::Organisation::Known(organisation.into());
    let other = |name: &str| pb::redirection::Organisation::Other(name.to_owned());
    let redirected = |redirections| Some(pb::FollowUp { redirections, ..pb::FollowUp::default() });
    let of_all_ages = pb::Cra {
        ages: Some(pb::AgeCounts { under_12: 1, from_12_to_18: 2, over_60: 6, ..pb::AgeCounts::default() }),
        statuses: Some(pb::StatusCounts { student: 3, retired: 6, ..pb::StatusCounts::default() }),
        themes: vec![pb::Theme::Equipment.into(), pb::Theme::Health.into()],
        sub_themes: vec![pb::SubTheme::EquipmentTablet.into(), pb::SubTheme::EquipmentPhone.into()],
        follow_up: redirected(vec![to(known(pb::Organisation::Caf), 2), to(other("Maison des aînés"), 1)]),
        ..workshop(9)
    };
    record(&mut ingestion, of_all_ages).await;
    let spelt_otherwise =
        redirected(vec![to(other("=MAISON DES AINES"), 1), to(other("maison des aines"), 3)]);
    record(&mut ingestion, pb::Cra { follow_up: spelt_otherwise, ..workshop(5) }).await;
    imported(&mut ingestion, vec![super::of_an_older_form()]).await[0].position
}

/// Free names by their spelling-insensitive key, which their rows share.
fn lines(counts: &[pb::Count]) -> Lines {
    let is_word = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let code = |name: &str| if is_word(name) { name.to_owned() } else { spelling::key(name) };
    counts.iter().filter(|line| line.count > 0).map(|line| (code(&line.name), line.count)).collect()
}

/// The rows of a table as maps from column names to plain texts.
fn table(file: &Value, format: pb::ExportFormat) -> Vec<BTreeMap<String, String>> {
    let plain = |cell: &Value| match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(cell) => cell.values().next().map_or_else(String::new, |value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        other => other.to_string(),
    };
    let rows = match format {
        pb::ExportFormat::Xlsx => &file["sheets"][0]["rows"],
        _ => &file["rows"],
    };
    let rows: Vec<Vec<String>> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(plain).collect())
        .collect();
    let (names, rows) = match format {
        pb::ExportFormat::Parquet => {
            let columns = file["columns"].as_array().unwrap();
            (columns.iter().map(|column| column["name"].as_str().unwrap().to_owned()).collect(), &rows[..])
        }
        _ => (rows[0].clone(), &rows[1..]),
    };
    rows.iter().map(|row| names.iter().cloned().zip(row.iter().cloned()).collect()).collect()
}

/// The count of each value: people, or a CRA each.
fn grouped(rows: &[BTreeMap<String, String>], code: &str) -> Lines {
    let mut lines = Lines::new();
    for row in rows {
        let counted = row.get("personnes").map_or(1, |people| people.parse().unwrap());
        *lines.entry(row[code].trim_start_matches('\'').to_owned()).or_default() += counted;
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_table_grouped_by_its_value_gives_the_lines_of_the_statistics() {
    use pb::ExportContent::{CraAges, CraOrganisations, CraStatuses, CraThemes};
    let pair = Pair::start().await;
    let last = log(&pair).await;
    let consistency = at_least(last);
    let mut statistics = pair.statistics().await;
    let request = pb::GetStatisticsRequest { selection: None, consistency: consistency.clone() };
    let s = statistics.get_statistics(request).await.unwrap().into_inner().statistics.unwrap();
    for (content, code, expected, name) in [
        (CraThemes, "theme_code", lines(&s.themes), "thematique"),
        (CraAges, "age_code", lines(&s.ages), "tranche-d-age"),
        (CraStatuses, "statut_code", lines(&s.statuses), "statut"),
        (CraOrganisations, "organisme_code", lines(&s.redirections), "organisme"),
    ] {
        assert!(!expected.is_empty());
        let mut tables = Vec::new();
        for format in [pb::ExportFormat::Csv, pb::ExportFormat::Xlsx, pb::ExportFormat::Parquet] {
            let request =
                pb::ExportRequest { consistency: consistency.clone(), ..request_of(content, format) };
            let file = exported(&mut statistics, request).await.unwrap();
            let begin = format!("cra-comptes-rendus-par-{name}_toutes-dates_position-{last}.");
            assert!(file.header.file_name.starts_with(&begin), "{}", file.header.file_name);
            let read = read(&file);
            assert!(!read.to_string().contains("\"formula\""), "nothing runs");
            let rows = table(&read, format);
            assert_eq!(grouped(&rows, code), expected, "{content:?} {format:?}");
            tables.push(rows);
        }
        for row in tables.iter().flatten() {
            for repeated in
                ["cra_id", "date", "conseiller_id", "departement", "activite", "participants", "duree_code"]
            {
                let is_there = row.get(repeated).is_some_and(|text| !text.is_empty());
                assert!(is_there || repeated == "duree_code", "{content:?}: {repeated} in {row:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_theme_comes_with_its_own_sub_themes() {
    let pair = Pair::start().await;
    let min_position = log(&pair).await;
    let request = pb::ExportRequest {
        consistency: at_least(min_position),
        ..request_of(pb::ExportContent::CraThemes, pb::ExportFormat::Csv)
    };
    let file = exported(&mut pair.statistics().await, request).await.unwrap();
    let rows = table(&read(&file), pb::ExportFormat::Csv);
    let of = |theme: &str| {
        let row = rows.iter().find(|row| row["theme_code"] == theme).unwrap();
        (row["theme"].clone(), row["sous_themes"].clone())
    };
    assert_eq!(of("THEME_EQUIPMENT"), ("Prendre en main du matériel".into(), "Tablette | Téléphone".into()));
    assert_eq!(of("THEME_HEALTH"), ("Santé".into(), String::new()));
}
