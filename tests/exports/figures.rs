//! The figures: each cell equals `GetStatistics` and `GetTimeSeries` of the same snapshot.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use cra_exports::{About, BreakdownLine, BreakdownWorkbook, Content, Csv, breakdown_columns};
use serde_json::{Value, json};

use super::{as_of, column, read, request_of};
use crate::harness::{Exported, Pair, exported, read_export, record, workshop};

/// A log of three months with a gap, queried as of the position before its last event.
struct Log {
    pair: Pair,
    selection: pb::Selection,
    consistency: pb::Consistency,
    position: u64,
}

async fn log() -> Log {
    let pair = Pair::start().await;
    let mut ingestion = pair.ingestion().await;
    let redirected = |name: &str| pb::FollowUp {
        individual: 1,
        workshop: 1,
        redirections: vec![pb::Redirection {
            organisation: Some(pb::redirection::Organisation::Other(name.into())),
            people: 2,
        }],
    };
    record(&mut ingestion, pb::Cra { date: "2024-01-15".into(), ..workshop(7) }).await;
    record(&mut ingestion, pb::Cra { returning_participants: 3, ..workshop(11) }).await;
    let hostile = redirected("=1+1");
    let shown = record(&mut ingestion, pb::Cra { follow_up: Some(hostile), ..workshop(5) }).await;
    let last = record(&mut ingestion, workshop(99)).await;
    let selection = pb::Selection {
        from: "2024-01-10".into(),
        to: "2024-03-31".into(),
        themes: vec![pb::Theme::Email.into()],
        ..pb::Selection::default()
    };
    Log { pair, selection, consistency: as_of(shown.position, last.position), position: shown.position }
}

impl Log {
    async fn statistics(&self) -> pb::Statistics {
        let request = pb::GetStatisticsRequest {
            selection: Some(self.selection.clone()),
            consistency: Some(self.consistency.clone()),
        };
        let answer = self.pair.statistics().await.get_statistics(request).await.unwrap().into_inner();
        assert_eq!(answer.snapshot.unwrap().position, self.position);
        answer.statistics.unwrap()
    }

    async fn months(&self) -> Vec<pb::TimePoint> {
        let request = pb::GetTimeSeriesRequest {
            selection: Some(self.selection.clone()),
            granularity: pb::Granularity::Month.into(),
            consistency: Some(self.consistency.clone()),
        };
        self.pair.statistics().await.get_time_series(request).await.unwrap().into_inner().points
    }

    async fn export(&self, format: pb::ExportFormat) -> Exported {
        let request = pb::ExportRequest {
            selection: Some(self.selection.clone()),
            consistency: Some(self.consistency.clone()),
            ..request_of(pb::ExportContent::Statistics, format)
        };
        exported(&mut self.pair.statistics().await, request).await.unwrap()
    }
}

/// One figure: section, code, label if the API gives one, value, share per mille.
type Figure = (&'static str, String, Option<String>, Option<u64>, Option<u32>);

/// Minutes of a line, and its share if it has one.
type Minutes = fn(&pb::TimeSpent) -> (u64, Option<u32>);

/// Every figure of the API, in the order of the file.
fn figures(s: &pb::Statistics) -> Vec<Figure> {
    let plain = |section, code: &str, value| (section, code.to_owned(), None, Some(value), None);
    let follow_up = s.follow_up.unwrap();
    let delay = s.entry_delay.unwrap();
    let mut figures = vec![
        plain("headline", "cras", s.cras),
        plain("headline", "acts", s.acts),
        plain("headline", "people", s.people),
        plain("headline", "returning_people", s.returning_people),
        plain("headline", "workshops", s.workshops),
        plain("headline", "workshop_participants", s.workshop_participants),
        plain("headline", "individual_supports", s.individual_supports),
        plain("headline", "one_off_requests", s.one_off_requests),
        plain("headline", "workshops_with_defaulted_participants", s.workshops_with_defaulted_participants),
        plain("follow_up", "individual", follow_up.individual),
        plain("follow_up", "workshop", follow_up.workshop),
        plain("follow_up", "redirected", follow_up.redirected),
        plain("follow_up", "total", follow_up.total),
        ("follow_up", "rate".to_owned(), None, None, Some(follow_up.rate_per_mille)),
    ];
    for (section, counts) in [
        ("channels", &s.channels),
        ("activities", &s.activities),
        ("themes", &s.themes),
        ("sub_themes", &s.sub_themes),
        ("durations", &s.durations),
        ("ages", &s.ages),
        ("statuses", &s.statuses),
        ("redirections", &s.redirections),
    ] {
        figures.extend(counts.iter().map(|count| {
            let (label, share) = (Some(count.label.clone()), Some(count.share_per_mille));
            (section, count.name.clone(), label, Some(count.count), share)
        }));
    }
    let times: [(_, Minutes); 3] = [
        ("time_spent", |time| (time.estimated_minutes, Some(time.share_per_mille))),
        ("time_spent_minimum", |time| (time.minimum_minutes, None)),
        ("time_spent_maximum", |time| (time.maximum_minutes, None)),
    ];
    for (section, of) in times {
        figures.extend(s.time_spent.iter().map(|time| {
            let (minutes, share) = of(time);
            (section, time.name.clone(), Some(time.label.clone()), Some(minutes), share)
        }));
    }
    figures.extend([
        plain("entry_delay", "median_days", delay.median_days.into()),
        plain("entry_delay", "p90_days", delay.p90_days.into()),
        plain("entry_delay", "same_day", delay.same_day),
    ]);
    figures
}

fn percent(per_mille: u32) -> String {
    format!("{},{}", per_mille / 10, per_mille % 10)
}

fn neutral(text: &str) -> String {
    if text.starts_with('=') { format!("'{text}") } else { text.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_the_statistics_is_the_figure_of_the_api() {
    let log = log().await;
    let file = log.export(pb::ExportFormat::Csv).await;
    let name =
        format!("cra-statistiques_2024-01-10-au-2024-03-31_theme-courriel_position-{}.csv", log.position);
    assert_eq!(
        (file.header.file_name.as_str(), file.header.media_type.as_str()),
        (name.as_str(), "text/csv; charset=utf-8")
    );
    let csv = read(&file);
    assert_eq!(csv["rows"][0], json!(["section", "code", "libelle", "valeur", "part"]));
    let statistics = log.statistics().await;
    assert_eq!((statistics.cras, statistics.acts), (3, 23), "the last event is not shown");
    let figures = figures(&statistics);
    let rows = csv["rows"].as_array().unwrap();
    let first = 1 + rows[1..].iter().take_while(|row| row[0] == "selection").count();
    check_selection(&rows[1..first], log.position);
    assert_eq!(rows.len() - first, figures.len());
    for (row, (section, code, label, value, share)) in rows[first..].iter().zip(&figures) {
        assert_eq!((&row[0], &row[1]), (&json!(section), &json!(neutral(code))));
        match label {
            Some(label) => assert_eq!(row[2], json!(neutral(label))),
            None => assert_ne!(row[2], json!("")),
        }
        assert_eq!(row[3], json!(value.map(|value| value.to_string()).unwrap_or_default()), "{code}");
        assert_eq!(row[4], json!(share.map(percent).unwrap_or_default()), "{code}");
    }
    assert!(column(&csv, "code").contains(&"'=1+1".to_owned()), "a hostile name is shown as text");
}

/// The first rows of the table describe the content, in words and codes.
fn check_selection(rows: &[Value], position: u64) {
    let has = |code: &str, label: &str, value: &str| {
        rows.iter().any(|row| row[1] == code && row[2] == label && row[3] == value)
    };
    let title = "Contenu : Statistiques des comptes-rendus d'activité";
    assert!(has("statistiques", title, ""), "{rows:?}");
    let period = "Période : du 10 janvier 2024 au 31 mars 2024";
    assert!(has("2024-01-10/2024-03-31", period, ""), "{rows:?}");
    assert!(has("THEME_EMAIL", "Thématique : Courriels", ""), "{rows:?}");
    assert!(has("position", "Position du journal", &position.to_string()), "{rows:?}");
    let recorded =
        rows.iter().find(|row| row[2].as_str().unwrap().starts_with("Dernier enregistrement compté : "));
    let recorded = recorded.unwrap_or_else(|| panic!("{rows:?}"));
    assert!(recorded[1].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{recorded}");
    assert!(recorded[2].as_str().unwrap().ends_with(" (heure de Paris)"), "{recorded}");
}

fn sheets(workbook: &Value) -> BTreeMap<&str, &Value> {
    let sheets = workbook["sheets"].as_array().unwrap();
    sheets.iter().map(|sheet| (sheet["name"].as_str().unwrap(), sheet)).collect()
}

/// The cells below the header.
fn cells(sheet: &Value) -> &[Value] {
    &sheet["rows"].as_array().unwrap()[1..]
}

const SHEETS: [(&str, &str, usize); 14] = [
    ("Chiffres clés", "headline", 0),
    ("Suites envisagées", "follow_up", 1),
    ("Canaux", "channels", 1),
    ("Activités", "activities", 1),
    ("Thématiques", "themes", 1),
    ("Sous-thématiques", "sub_themes", 1),
    ("Durées", "durations", 1),
    ("Âges", "ages", 1),
    ("Statuts", "statuses", 1),
    ("Redirections", "redirections", 1),
    ("Temps passé", "time_spent", 1),
    ("Temps minimum", "time_spent_minimum", 1),
    ("Temps maximum", "time_spent_maximum", 1),
    ("Délai de saisie", "entry_delay", 0),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_has_the_figures_of_the_api_as_numbers_with_charts_months_and_meanings() {
    let log = log().await;
    let file = log.export(pb::ExportFormat::Xlsx).await;
    let workbook = read(&file);
    assert!(!workbook.to_string().contains("\"formula\""), "nothing runs");
    let sheets = sheets(&workbook);
    let figures = figures(&log.statistics().await);
    for (name, section, charts) in SHEETS {
        let sheet = sheets[name];
        assert_eq!(sheet["charts"].as_array().unwrap().len(), charts, "{name}");
        let expected: Vec<_> = figures.iter().filter(|figure| figure.0 == section).collect();
        let cells = cells(sheet);
        assert_eq!(cells.len(), expected.len(), "{name}");
        let head = sheet["rows"][0].as_array().unwrap();
        let column_of = |name: &str| head.iter().position(|cell| *cell == json!({"text": name}));
        let codes = column_of("Code").unwrap();
        assert!(head[codes + 1..].iter().all(Value::is_null), "codes come last");
        for (row, (_, code, label, value, share)) in cells.iter().zip(expected) {
            assert_eq!(row[codes], json!({"text": code}));
            assert!(label.as_ref().is_none_or(|label| row[0] == json!({"text": label})), "{row}");
            assert_eq!(row[1], value.map_or(Value::Null, |value| json!({"number": value})), "{name} {code}");
            let part = column_of("Part").and_then(|part| row[part]["percent"].as_f64());
            let per_mille = part.map(|part| part * 1000.0);
            assert_eq!(per_mille.is_some(), share.is_some(), "{name} {code}");
            assert!(share.is_none_or(|share| (per_mille.unwrap() - f64::from(share)).abs() < 1e-6));
        }
    }
    check_months(sheets["Mois"], &log.months().await);
    let meanings = sheets["Définitions"]["rows"].to_string();
    for expected in [
        "Accompagnements moins personnes déjà accompagnées.",
        "du 10 janvier 2024 au 31 mars 2024",
        "Courriels",
        &format!("{{\"text\":\"{}\"}}", log.position),
        file.header.snapshot.as_ref().unwrap().definitions.as_str(),
    ] {
        assert!(meanings.contains(expected), "{expected}");
    }

    check_summary(&workbook["sheets"][0], &log);

    let again = log.export(pb::ExportFormat::Xlsx).await;
    assert!(again.bytes == file.bytes, "the same query gives the same file");
}

/// The first sheet describes the report, and has its key figures.
fn check_summary(sheet: &Value, log: &Log) {
    assert_eq!((&sheet["name"], sheet["charts"].as_array().unwrap().len()), (&json!("Synthèse"), 4));
    let text = sheet["rows"].to_string();
    for expected in [
        "Statistiques des comptes-rendus d'activité",
        "Période : du 10 janvier 2024 au 31 mars 2024",
        "Thématique : Courriels",
        &format!("Arrêté à la position {} du journal, enregistrée le ", log.position),
        "(heure de Paris)",
        "Personnes accompagnées",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    assert!(text.contains("{\"number\":3}") && text.contains("{\"number\":23}"), "CRAs and acts: {text}");
}

fn check_months(sheet: &Value, points: &[pb::TimePoint]) {
    assert_eq!(sheet["charts"], json!([2]), "one chart of two series");
    let head: Vec<_> =
        sheet["rows"][0].as_array().unwrap().iter().map(|cell| cell["text"].as_str().unwrap()).collect();
    let months = &cells(sheet)[..3];
    assert!(cells(sheet)[3..].iter().all(|row| row[0].is_null()), "three, the empty one included");
    assert_eq!(months[1][0], json!({"text": "février 2024"}));
    for (month, point) in months.iter().zip(points) {
        let cell = |name: &str| &month[head.iter().position(|column| *column == name).unwrap()];
        let s = point.statistics.as_ref().unwrap();
        assert_eq!((cell("Du"), cell("Au")), (&json!({"day": point.from}), &json!({"day": point.to})));
        let total = s.time_spent.iter().find(|time| time.name == "total").unwrap();
        for (name, value) in [
            ("CRA enregistrés", s.cras),
            ("Accompagnements", s.acts),
            ("Personnes accompagnées", s.people),
            ("Personnes déjà accompagnées", s.returning_people),
            ("Suites : total", s.follow_up.unwrap().total),
            ("Minutes estimées", total.estimated_minutes),
            ("Saisis le jour même", s.entry_delay.unwrap().same_day),
        ] {
            assert_eq!(*cell(name), json!({"number": value}), "{name}");
        }
    }
}

/// A breakdown's rows, some without CRAs.
async fn rows(log: &Log) -> Vec<pb::BreakdownRow> {
    let statistics = log.statistics().await;
    let row = |code: &str, label: &str, statistics| pb::BreakdownRow {
        code: code.into(),
        label: label.into(),
        statistics: Some(statistics),
        last_date: "2024-03-04".into(),
        last_recorded_at: None,
    };
    let empty = pb::Statistics { time_spent: statistics.time_spent.clone(), ..pb::Statistics::default() };
    let mut rows = vec![row("11", "Île-de-France", statistics)];
    rows.extend((0..30).map(|n| pb::BreakdownRow {
        last_date: String::new(),
        ..row(&format!("{n:02}"), "=vide", empty.clone())
    }));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breakdown_has_a_row_per_value_and_a_column_per_figure() {
    let log = log().await;
    let rows = rows(&log).await;
    let s = rows[0].statistics.clone().unwrap();
    let lines: Vec<BreakdownLine> = rows.into_iter().map(|row| row.try_into().unwrap()).collect();
    let about = About {
        content: Content::Breakdown(pb::Dimension::Region),
        selection: log.selection.clone(),
        snapshot: pb::Snapshot::default(),
    };
    let (mut csv, mut xlsx) = (Vec::new(), Vec::new());
    let mut table = Csv::begin(&mut csv, breakdown_columns()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut workbook = BreakdownWorkbook::begin(folder.path()).unwrap();
    for line in &lines {
        table.row(line).unwrap();
        workbook.row(line).unwrap();
    }
    table.finish().unwrap();
    workbook.finish(&about, &mut xlsx).unwrap();

    let csv = read_export("breakdown.csv", &csv);
    for (name, expected) in [
        ("code", "11".to_owned()),
        ("libelle", "Île-de-France".to_owned()),
        ("cras", s.cras.to_string()),
        ("accompagnements", s.acts.to_string()),
        ("canal_rattachement", s.cras.to_string()),
        ("canal_rattachement_part", "100,0".to_owned()),
        ("theme_courriel", s.cras.to_string()),
        ("theme_smartphone", "0".to_owned()),
        ("age_de18a35ans", s.acts.to_string()),
        ("statut_non_renseigne", "0".to_owned()),
        ("suite_taux", percent(s.follow_up.unwrap().rate_per_mille)),
        ("redirections_principales", "'=1+1: 2".to_owned()),
        ("derniere_activite", "2024-03-04".to_owned()),
        ("dernier_enregistrement", String::new()),
    ] {
        assert_eq!(column(&csv, name)[0], expected, "{name}");
    }
    assert_eq!(column(&csv, "libelle")[1], "'=vide");
    assert_eq!(column(&csv, "cras").len(), 31);

    let workbook = read_export("breakdown.xlsx", &xlsx);
    assert!(!workbook.to_string().contains("\"formula\""), "nothing runs");
    let sheets = sheets(&workbook);
    let (table, chart) = (sheets["Répartition"], sheets["Graphique"]);
    assert_eq!(cells(table).len(), 31);
    let head: Vec<_> = table["rows"][0].as_array().unwrap().iter().map(|cell| &cell["text"]).collect();
    assert_eq!(head, csv["rows"][0].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(table["rows"][1][2], json!({"number": s.cras}));
    assert_eq!((cells(chart).len(), &chart["charts"]), (20, &json!([1])), "the first rows");
    assert!(sheets["Définitions"]["rows"].to_string().contains("par région"));
}
