//! Workbooks can be printed: A4 landscape, a page per sheet of a report, charts over free cells and within the page,
//! repeated headings and filters in long tables.

use std::process::Command;

use cra_contracts::v1 as pb;
use serde_json::{Value, json};

use super::{read, request_of};
use crate::harness::{Pair, Statistics, at_least, exported, record, workshop};

/// A log of two years of CRAs, with themes, ages and organisations of every length.
async fn log(pair: &Pair) -> u64 {
    let mut ingestion = pair.ingestion().await;
    let mut last = 0;
    for month in 0..24 {
        let date = format!("{}-{:02}-15", 2023 + month / 12, month % 12 + 1);
        let name =
            format!("Association intercommunale des habitants du quartier numéro {month}, antenne nord");
        let redirections = vec![pb::Redirection {
            organisation: Some(pb::redirection::Organisation::Other(name)),
            people: 1,
        }];
        let cra = pb::Cra {
            date,
            themes: vec![month % 3 + 1, 9 + month % 3],
            follow_up: Some(pb::FollowUp { redirections, ..pb::FollowUp::default() }),
            ..workshop(2 + u32::try_from(month).unwrap())
        };
        last = record(&mut ingestion, cra).await.position;
    }
    last
}

fn sheets(workbook: &Value) -> &[Value] {
    workbook["sheets"].as_array().unwrap()
}

async fn workbook(statistics: &mut Statistics, last: u64, request: pb::ExportRequest) -> (Vec<u8>, Value) {
    let request = pb::ExportRequest {
        selection: Some(pb::Selection {
            from: "2023-01-01".into(),
            to: "2024-12-31".into(),
            department_codes: vec!["75".into()],
            ..pb::Selection::default()
        }),
        consistency: at_least(last),
        format: pb::ExportFormat::Xlsx.into(),
        ..request
    };
    let file = exported(statistics, request).await.unwrap();
    let workbook = read(&file);
    (file.bytes, workbook)
}

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// Rules for every sheet of every workbook.
fn check_page(sheet: &Value) {
    let (name, page) = (&sheet["name"], &sheet["page"]);
    assert_eq!((&page["landscape"], &page["a4"]), (&json!(true), &json!(true)), "{name}");
    assert_eq!(page["fits"][0], 1, "{name} is as wide as the page");
    let (header, footer) = (page["header"].as_str().unwrap(), page["footer"].as_str().unwrap());
    assert!(header.contains("du 1er janvier 2023 au 31 décembre 2024"), "{name}: {header}");
    assert!(footer.contains("Page &P / &N") || footer.contains("Page &[Page]"), "{name}: {footer}");
    assert!(
        footer.contains("Arrêté à la position ") && footer.contains("heure de Paris"),
        "{name}: {footer}"
    );
    let last_column = page["last_column"].as_u64().unwrap();
    assert!(last_column >= 1 && page["last_row"].as_u64().unwrap() >= 1, "{name} has a print area");
    check_charts(sheet);
}

/// Charts are within the page, cover no cell with content, and do not overlap.
fn check_charts(sheet: &Value) {
    let (name, page) = (&sheet["name"], &sheet["page"]);
    let anchors: Vec<Vec<u64>> = page["anchors"].as_array().unwrap().iter().map(numbers).collect();
    for (index, anchor) in anchors.iter().enumerate() {
        let [left, top, right, bottom] = anchor[..] else { panic!("{anchor:?}") };
        assert!(
            right <= page["last_column"].as_u64().unwrap() && bottom <= page["last_row"].as_u64().unwrap(),
            "{name}: the chart at {anchor:?} is within the print area of {page}"
        );
        for (row, cells) in (1..).zip(sheet["rows"].as_array().unwrap()) {
            for (column, cell) in (1..).zip(cells.as_array().unwrap()) {
                let is_under = (left..=right).contains(&column) && (top..=bottom).contains(&row);
                assert!(!is_under || cell.is_null(), "{name}: {cell} lies under the chart at {anchor:?}");
            }
        }
        for other in &anchors[index + 1..] {
            // The end cell of one chart may be the start cell of another.
            let apart = other[0] >= right || other[2] <= left || other[1] >= bottom || other[3] <= top;
            assert!(apart, "{name}: {anchor:?} and {other:?} overlap");
        }
    }
}

/// Number of small-font characters in the width of ten normal ones.
const SMALL_OF_TEN: u32 = 13;

/// Whether the numbers and single words of a short table fit their columns; longer texts wrap at spaces.
fn check_widths(sheet: &Value) {
    let widths = sheet["page"]["widths"].as_array().unwrap();
    let rows = sheet["rows"].as_array().unwrap();
    for (column, width) in widths.iter().enumerate().take(rows[0].as_array().unwrap().len()) {
        let width = width.as_f64().unwrap();
        for row in rows {
            let longest = match &row[column] {
                Value::Null => 0,
                cell => match (cell["text"].as_str(), &cell["number"]) {
                    (Some(text), _) => {
                        text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0)
                    }
                    // A separator per three digits.
                    (None, number) => number.to_string().len() * 4 / 3,
                },
            };
            let is_code = rows[0][column] == json!({"text": "Code"});
            let longest = u32::try_from(longest).unwrap() * 10;
            let longest = if is_code { longest / SMALL_OF_TEN } else { longest / 10 };
            assert!(f64::from(longest) <= width, "{}: {} in {width} characters", sheet["name"], row[column]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statistics_are_a_report_of_a_page_per_sheet() {
    let pair = Pair::start().await;
    let last = log(&pair).await;
    let request = request_of(pb::ExportContent::Statistics, pb::ExportFormat::Xlsx);
    let (bytes, workbook) = workbook(&mut pair.statistics().await, last, request).await;
    let sheets = sheets(&workbook);
    assert_eq!(sheets[0]["name"], "Synthèse");
    let mut charts = 0;
    for sheet in sheets {
        check_page(sheet);
        if sheet["name"] != "Définitions" {
            assert_eq!(sheet["page"]["fits"], json!([1, 1]), "{}", sheet["name"]);
        }
        if sheet["name"] != "Synthèse" {
            check_widths(sheet);
            assert_eq!(sheet["frozen"], "A2", "{}", sheet["name"]);
            let head = sheet["rows"][0].as_array().unwrap();
            let is_french = |cell: &Value| cell["text"].as_str().is_none_or(|text| !text.contains('_'));
            assert!(head.iter().all(is_french), "{head:?}");
        }
        charts += sheet["charts"].as_array().unwrap().len();
    }
    assert!(charts >= 15, "{charts} charts");
    // One page each, and a few for the definitions.
    prints_on(&bytes, sheets.len() + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_tables_print_under_their_headings_and_are_filtered() {
    let pair = Pair::start().await;
    let last = log(&pair).await;
    let mut statistics = pair.statistics().await;
    let month = pb::Dimension::Month.into();
    for (request, repeats) in [
        (request_of(pb::ExportContent::Cras, pb::ExportFormat::Xlsx), true),
        (request_of(pb::ExportContent::CraThemes, pb::ExportFormat::Xlsx), true),
        (
            pb::ExportRequest {
                dimension: month,
                ..request_of(pb::ExportContent::Breakdown, pb::ExportFormat::Xlsx)
            },
            true,
        ),
        (
            pb::ExportRequest {
                granularity: pb::Granularity::Week.into(),
                ..request_of(pb::ExportContent::Series, pb::ExportFormat::Xlsx)
            },
            false,
        ),
    ] {
        let (_, workbook) = workbook(&mut statistics, last, request.clone()).await;
        let table = &sheets(&workbook)[0];
        for sheet in &sheets(&workbook)[1..] {
            check_page(sheet);
        }
        let rows = table["rows"].as_array().unwrap().len();
        assert_eq!(table["page"]["repeated"], "$1:$1", "{request:?}");
        assert_eq!((&table["page"]["fits"], &table["frozen"]), (&json!([1, 0]), &json!("A2")), "{request:?}");
        if repeats {
            let filter = table["filter"].as_str().unwrap_or_else(|| panic!("{request:?} has no filter"));
            assert!(filter.starts_with("A1:") && filter.ends_with(&rows.to_string()), "{filter}");
            assert_eq!(table["page"]["last_row"], rows);
        }
    }
}

/// Whether an office suite prints the workbook on at most that many pages. Only if one is installed: continuous
/// integration has none.
#[allow(clippy::print_stdout)] // what is not looked at is said
fn prints_on(workbook: &[u8], pages_max: usize) {
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("soffice") {
        println!("no soffice here: the printed pages are not checked");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, profile) = (folder.path().join("report.xlsx"), folder.path().join("profile"));
    std::fs::write(&file, workbook).unwrap();
    let converted = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", profile.display()))
        .args(["--headless", "--convert-to", "pdf", "--outdir"])
        .args([folder.path(), &file])
        .output()
        .unwrap();
    let pdf = std::fs::read(folder.path().join("report.pdf"));
    let pdf = pdf.unwrap_or_else(|error| panic!("{error}: {converted:?}"));
    // Each page is an object of that type; the page tree has another type.
    let text = String::from_utf8_lossy(&pdf);
    let pages = text.matches("/Type/Page").count() - text.matches("/Type/Pages").count();
    assert!((1..=pages_max).contains(&pages), "{pages} pages, at most {pages_max} expected");
}
