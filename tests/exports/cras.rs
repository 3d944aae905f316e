//! Single CRAs: each cell of each format equals the API's records, which equal what was submitted.

use crate::harness::{
    Exported, Pair, Statistics, at_least, correction, exported, imported, record, workshop,
};
use std::collections::{BTreeMap, BTreeSet};

use cra_contracts::json;
use cra_contracts::v1 as pb;
use cra_domain::territory;
use cra_domain::vocabulary::{Activity, Channel, DurationBand, SubTheme, Theme, Word};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{read, request_of};

/// Texts that a spreadsheet would evaluate or misread.
const HOSTILE: [&str; 5] =
    ["=HYPERLINK(\"http://a.b\";\"x\")", "+2+5*(1)", "\"quoted;semicolon\"", "-1+1", "@SUM(A1:A9)"];
const HOSTILE_ORGANISATION: &str = "=cmd|' /C calc'!A0";

/// Expected content of a cell.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Nothing,
    Text(String),
    Number(u64),
    Day(String),
    Moment(Timestamp),
}

fn text(text: &str) -> Expected {
    if text.is_empty() { Expected::Nothing } else { Expected::Text(text.to_owned()) }
}

/// To the nearest microsecond.
fn moment(message: Option<(i64, i32)>) -> Expected {
    message.map_or(Expected::Nothing, |(seconds, nanos)| {
        let microseconds = seconds * 1_000_000 + i64::from((nanos + 500) / 1_000);
        Expected::Moment(Timestamp::from_microsecond(microseconds).unwrap())
    })
}

fn words<W: Word>(numbers: &[i32]) -> [Expected; 2] {
    let terms: Vec<_> = numbers.iter().map(|n| W::from_number(*n).unwrap().term()).collect();
    let names: Vec<_> = terms.iter().map(|term| term.name).collect();
    let labels: Vec<_> = terms.iter().map(|term| term.label).collect();
    [text(&names.join(" | ")), text(&labels.join(" | "))]
}

/// The expected row of a record, by column.
fn expected(record: &pb::CraRecord) -> BTreeMap<&'static str, Expected> {
    let cra = record.cra.as_ref().unwrap();
    let place = cra.place.as_ref().unwrap();
    let (ages, statuses) = (cra.ages.unwrap_or_default(), cra.statuses.unwrap_or_default());
    let follow_up = cra.follow_up.clone().unwrap_or_default();
    let duration = cra.duration.unwrap_or_default();
    let participants = cra.participants.unwrap();
    let communes = territory::communes();
    let commune = communes.get(communes.resolve(&place.commune_code).unwrap());
    let epci = commune.epci().map(|code| communes.epci(code).unwrap());
    let [channel_code, channel] = words::<Channel>(&[place.channel]);
    let [activity_code, activity] = words::<Activity>(&[cra.activity]);
    let [themes_codes, themes] = words::<Theme>(&cra.themes);
    let [sub_themes_codes, sub_themes] = words::<SubTheme>(&cra.sub_themes);
    let bands: Vec<i32> = [duration.band].into_iter().filter(|band| *band != 0).collect();
    let [band_code, band] = words::<DurationBand>(&bands);
    let redirections: Vec<String> = follow_up.redirections.iter().map(redirection).collect();
    let number = |n: u32| Expected::Number(n.into());
    let mut cells = BTreeMap::from([
        ("cra_id", text(&record.cra_id)),
        ("date", Expected::Day(cra.date.clone())),
        ("conseiller_id", text(&cra.advisor_id)),
        ("structure_id", text(&cra.structure_id)),
        ("canal_code", channel_code),
        ("canal", channel),
        ("lieu_id", text(&place.venue_id)),
        ("commune_code", text(&place.commune_code)),
        ("commune_actuelle_code", text(commune.code())),
        ("commune_actuelle", text(commune.name())),
        ("code_postal", text(&place.postal_code)),
        ("departement_code", text(commune.department())),
        ("departement", text(communes.department(commune.department()).unwrap().name())),
        ("region_code", text(commune.region())),
        ("region", text(communes.region(commune.region()).unwrap().name())),
        ("epci_code", text(epci.map_or("", |epci| epci.code()))),
        ("epci", text(epci.map_or("", |epci| epci.name()))),
        ("activite_code", activity_code),
        ("activite", activity),
        ("participants", number(participants)),
        ("participants_recurrents", number(cra.returning_participants)),
        ("age_moins12ans", number(ages.under_12)),
        ("age_de12a18ans", number(ages.from_12_to_18)),
        ("age_de18a35ans", number(ages.from_18_to_35)),
        ("age_de35a60ans", number(ages.from_35_to_60)),
        ("age_plus60ans", number(ages.over_60)),
        ("age_non_renseigne", number(participants - people_of_ages(&ages))),
        ("statut_etudiant", number(statuses.student)),
        ("statut_sans_emploi", number(statuses.unemployed)),
        ("statut_en_emploi", number(statuses.employed)),
        ("statut_retraite", number(statuses.retired)),
        ("statut_heterogene", number(statuses.unspecified_or_mixed)),
        ("statut_non_renseigne", number(participants - people_of_statuses(&statuses))),
        ("themes_codes", themes_codes),
        ("themes", themes),
        ("sous_themes_codes", sub_themes_codes),
        ("sous_themes", sub_themes),
        ("annotation", text(&cra.annotation)),
        ("duree_code", band_code),
        ("duree", band),
        ("duree_minutes", duration.minutes.map_or(Expected::Nothing, number)),
        ("suite_individuel", number(follow_up.individual)),
        ("suite_atelier", number(follow_up.workshop)),
        ("suite_redirection", number(follow_up.redirections.iter().map(|r| r.people).sum())),
        ("redirections", text(&redirections.join(" | "))),
    ]);
    cells.extend(life(record));
    cells
}

/// What became of a CRA.
fn life(record: &pb::CraRecord) -> [(&'static str, Expected); 6] {
    [
        ("enregistre_le", moment(record.recorded_at.map(|at| (at.seconds, at.nanos)))),
        ("corrige_le", moment(record.corrected_at.map(|at| (at.seconds, at.nanos)))),
        ("revision", Expected::Number(record.revision)),
        ("version_formulaire", Expected::Number(record.legacy_form_version.into())),
        ("oublie", Expected::Nothing),
        ("oublie_le", Expected::Nothing),
    ]
}

fn people_of_ages(ages: &pb::AgeCounts) -> u32 {
    ages.under_12 + ages.from_12_to_18 + ages.from_18_to_35 + ages.from_35_to_60 + ages.over_60
}

fn people_of_statuses(statuses: &pb::StatusCounts) -> u32 {
    let known = statuses.student + statuses.unemployed + statuses.employed + statuses.retired;
    known + statuses.unspecified_or_mixed
}

fn redirection(redirection: &pb::Redirection) -> String {
    use pb::redirection::Organisation;
    let name = match redirection.organisation.as_ref().unwrap() {
        Organisation::Known(number) => {
            assert_eq!(*number, i32::from(pb::Organisation::FranceServices));
            "France Services"
        }
        Organisation::Other(name) => name,
    };
    format!("{name}: {}", redirection.people)
}

fn place(channel: pb::Channel, commune: &str, postal_code: &str) -> pb::Place {
    let (commune_code, postal_code) = (commune.to_owned(), postal_code.to_owned());
    pb::Place { channel: channel.into(), commune_code, postal_code, venue_id: String::new() }
}

fn alone(cra: pb::Cra) -> pb::Cra {
    pb::Cra {
        participants: Some(1),
        ages: Some(pb::AgeCounts { over_60: 1, ..pb::AgeCounts::default() }),
        statuses: Some(pb::StatusCounts { retired: 1, ..pb::StatusCounts::default() }),
        ..cra
    }
}

/// CRAs that together use every value of the form, not in the order of their days.
fn submissions() -> Vec<pb::Cra> {
    let full = pb::Cra {
        place: Some(pb::Place { venue_id: "lieu-1".into(), ..place(pb::Channel::Venue, "35238", "35000") }),
        returning_participants: 2,
        ages: Some(pb::AgeCounts {
            under_12: 1,
            from_12_to_18: 2,
            from_18_to_35: 3,
            from_35_to_60: 4,
            over_60: 5,
        }),
        statuses: Some(pb::StatusCounts {
            student: 5,
            unemployed: 4,
            employed: 3,
            retired: 2,
            unspecified_or_mixed: 1,
        }),
        themes: vec![pb::Theme::Equipment.into(), pb::Theme::SmallBusiness.into(), pb::Theme::Health.into()],
        sub_themes: vec![pb::SubTheme::EquipmentTablet.into(), pb::SubTheme::HealthEspaceSante.into()],
        annotation: HOSTILE[0].into(),
        follow_up: Some(pb::FollowUp {
            individual: 1,
            workshop: 2,
            redirections: vec![
                pb::Redirection {
                    organisation: Some(pb::redirection::Organisation::Other(HOSTILE_ORGANISATION.into())),
                    people: 3,
                },
                pb::Redirection {
                    organisation: Some(pb::redirection::Organisation::Known(
                        pb::Organisation::FranceServices.into(),
                    )),
                    people: 4,
                },
            ],
        }),
        ..workshop(15)
    };
    let former_commune = alone(pb::Cra {
        date: "2024-02-29".into(),
        place: Some(place(pb::Channel::Remote, "01340", "01300")),
        activity: pb::Activity::Individual.into(),
        annotation: HOSTILE[1].into(),
        duration: Some(pb::Duration { band: pb::DurationBand::UpTo30Minutes.into(), minutes: None }),
        ..workshop(2)
    });
    let overseas = alone(pb::Cra {
        date: "2023-12-31".into(),
        place: Some(place(pb::Channel::Home, "97411", "97417")),
        activity: pb::Activity::OneOff.into(),
        annotation: HOSTILE[2].into(),
        duration: Some(pb::Duration { band: pb::DurationBand::OneHourOrMore.into(), minutes: None }),
        ..workshop(2)
    });
    let without_epci = pb::Cra {
        place: Some(place(pb::Channel::OtherPlace, "98735", "98714")),
        annotation: HOSTILE[3].into(),
        ..workshop(2)
    };
    let plain = pb::Cra { annotation: HOSTILE[4].into(), ..workshop(9) };
    vec![full, former_commune, overseas, without_epci, plain, workshop(4)]
}

async fn record_of(statistics: &mut Statistics, cra_id: &str, min_position: u64) -> pb::CraRecord {
    let request = pb::GetCraRequest { cra_id: cra_id.to_owned(), consistency: at_least(min_position) };
    statistics.get_cra(request).await.unwrap().into_inner().record.unwrap()
}

/// A log with all cases, and its records in the order of files: by day, then by position.
async fn recorded(pair: &Pair) -> (Vec<pb::CraRecord>, u64) {
    let mut ingestion = pair.ingestion().await;
    let mut receipts = Vec::new();
    let submissions = submissions();
    for cra in &submissions {
        receipts.push(record(&mut ingestion, cra.clone()).await);
    }
    receipts.extend(imported(&mut ingestion, vec![super::of_an_older_form()]).await);
    let last = &receipts[5];
    let corrected = pb::Cra { returning_participants: 1, ..workshop(6) };
    let correction = correction(&last.cra_id, last.revision, corrected.clone());
    receipts[5] = ingestion.correct_cra(correction).await.unwrap().into_inner().receipt.unwrap();
    let head = receipts.iter().map(|receipt| receipt.position).max().unwrap();

    let mut statistics = pair.statistics().await;
    let mut records = Vec::new();
    for (index, receipt) in receipts.iter().enumerate() {
        let record = record_of(&mut statistics, &receipt.cra_id, head).await;
        // The API returns what was submitted.
        let sent = if index == 5 { Some(&corrected) } else { submissions.get(index) };
        if let Some(sent) = sent {
            let content = record.cra.as_ref().unwrap();
            assert_eq!(
                (&content.annotation, &content.follow_up, content.ages),
                (&sent.annotation, &sent.follow_up, sent.ages)
            );
        }
        records.push((record.cra.as_ref().unwrap().date.clone(), receipt.position, record));
    }
    records.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    (records.into_iter().map(|(_, _, record)| record).collect(), head)
}

async fn files(pair: &Pair, min_position: u64) -> BTreeMap<&'static str, Exported> {
    let mut statistics = pair.statistics().await;
    let mut files = BTreeMap::new();
    for (name, format) in [
        ("csv", pb::ExportFormat::Csv),
        ("xlsx", pb::ExportFormat::Xlsx),
        ("ndjson", pb::ExportFormat::Ndjson),
        ("parquet", pb::ExportFormat::Parquet),
    ] {
        let consistency = at_least(min_position);
        let request = pb::ExportRequest { consistency, ..request_of(pb::ExportContent::Cras, format) };
        files.insert(name, exported(&mut statistics, request).await.unwrap());
    }
    files
}

/// The rows of a table as maps by column name.
fn named(columns: &[Value], rows: &[Value]) -> Vec<BTreeMap<String, Value>> {
    let names: Vec<_> = columns.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "no two columns have one name");
    let maps =
        rows.iter().map(|row| names.iter().cloned().zip(row.as_array().unwrap().iter().cloned()).collect());
    maps.collect()
}

/// Compares every cell with its expected content; columns must match exactly.
fn check(
    format: &str,
    rows: &[BTreeMap<String, Value>],
    records: &[pb::CraRecord],
    as_written: impl Fn(&Expected, &Value) -> bool,
) {
    assert_eq!(rows.len(), records.len(), "{format}");
    for (row, record) in rows.iter().zip(records) {
        let expected = expected(record);
        let columns: BTreeSet<&str> = row.keys().map(String::as_str).collect();
        assert_eq!(columns, expected.keys().copied().collect(), "{format}");
        for (name, cell) in &expected {
            assert!(as_written(cell, &row[*name]), "{format}, {name}: {cell:?}, found {}", row[*name]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_every_format_is_what_was_submitted() {
    let pair = Pair::start().await;
    let (records, head) = recorded(&pair).await;
    let files = files(&pair, head).await;
    for (name, file) in &files {
        assert_eq!(file.header.file_name, format!("cra-comptes-rendus_toutes-dates_position-{head}.{name}"));
        assert_eq!(file.header.snapshot.as_ref().unwrap().position, head);
    }

    let csv = read(&files["csv"]);
    assert_eq!((&csv["starts_with_mark"], &csv["ends_lines_with_crlf"]), (&json!(true), &json!(true)));
    let rows = csv["rows"].as_array().unwrap();
    check("csv", &named(rows[0].as_array().unwrap(), &rows[1..]), &records, |cell, found| {
        let found = found.as_str().unwrap();
        match cell {
            Expected::Nothing => found.is_empty(),
            Expected::Text(text) if text.starts_with(['=', '+', '-', '@']) => found == format!("'{text}"),
            Expected::Text(text) | Expected::Day(text) => found == text,
            Expected::Number(number) => found == number.to_string(),
            Expected::Moment(moment) => found.parse::<Timestamp>().is_ok_and(|found| found == *moment),
        }
    });

    let workbook = read(&files["xlsx"]);
    let sheet = &workbook["sheets"][0];
    assert_eq!((&sheet["name"], &sheet["frozen"]), (&json!("CRA"), &json!("A2")));
    let rows = sheet["rows"].as_array().unwrap();
    let names: Vec<Value> = rows[0].as_array().unwrap().iter().map(|cell| cell["text"].clone()).collect();
    check("xlsx", &named(&names, &rows[1..]), &records, |cell, found| match cell {
        Expected::Nothing => found.is_null(),
        Expected::Text(text) => *found == json!({"text": text}),
        Expected::Number(number) => *found == json!({"number": number}),
        Expected::Day(day) => *found == json!({"day": day}),
        Expected::Moment(moment) => {
            let found: Timestamp = format!("{}Z", found["moment"].as_str().unwrap()).parse().unwrap();
            (found.as_millisecond() - moment.as_millisecond()).abs() <= 1
        }
    });

    let parquet = read(&files["parquet"]);
    let columns = parquet["columns"].as_array().unwrap();
    let names: Vec<Value> = columns.iter().map(|column| column["name"].clone()).collect();
    check(
        "parquet",
        &named(&names, parquet["rows"].as_array().unwrap()),
        &records,
        |cell, found| match cell {
            Expected::Nothing => found.is_null(),
            Expected::Text(text) | Expected::Day(text) => *found == json!(text),
            Expected::Number(number) => *found == json!(number),
            Expected::Moment(moment) => {
                found.as_str().unwrap().parse::<Timestamp>().is_ok_and(|found| found == *moment)
            }
        },
    );
    check_types(columns);

    let lines = std::str::from_utf8(&files["ndjson"].bytes).unwrap();
    let read: Vec<pb::CraRecord> = lines.lines().map(|line| json::parse(line).unwrap()).collect();
    assert_eq!(read, records);
}

/// Columns have stable types and are optional only where values may be absent.
fn check_types(columns: &[Value]) {
    let typed: BTreeMap<&str, (&str, bool)> = columns
        .iter()
        .map(|column| {
            let optional = column["optional"].as_bool().unwrap();
            (column["name"].as_str().unwrap(), (column["type"].as_str().unwrap(), optional))
        })
        .collect();
    for (name, expected) in [
        ("cra_id", ("string", false)),
        ("date", ("date32[day]", false)),
        ("participants", ("int64", false)),
        ("duree_minutes", ("int64", true)),
        ("annotation", ("string", true)),
        ("enregistre_le", ("timestamp[us, tz=UTC]", false)),
        ("corrige_le", ("timestamp[us, tz=UTC]", true)),
    ] {
        assert_eq!(typed[name], expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_of_cras_says_its_selection_and_its_position() {
    let pair = Pair::start().await;
    let (_, head) = recorded(&pair).await;
    let request = pb::ExportRequest {
        selection: Some(pb::Selection {
            from: "2024-03-01".into(),
            department_codes: vec!["35".into()],
            ..pb::Selection::default()
        }),
        consistency: at_least(head),
        ..request_of(pb::ExportContent::Cras, pb::ExportFormat::Xlsx)
    };
    let file = exported(&mut pair.statistics().await, request).await.unwrap();
    let name = format!("cra-comptes-rendus_depuis-2024-03-01_departement-35_position-{head}.xlsx");
    assert_eq!(file.header.file_name, name);
    let workbook = read(&file);
    assert_eq!(workbook["sheets"][0]["rows"].as_array().unwrap().len(), 2, "one CRA of that department");
    let about = workbook["sheets"][1]["rows"].to_string();
    for cell in ["à partir du 1er mars 2024", "Ille-et-Vilaine (35)", &format!("\"{head}\"")] {
        assert!(about.contains(cell), "{cell} in {about}");
    }
}
