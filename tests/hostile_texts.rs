//! Texts of older documents are stored unchanged, whatever they contain. No terminal, spreadsheet or line reader
//! interprets them.

use std::fs;

use cra_contracts::json::is_hidden;
use serde_json::Value;

use crate::harness::{Standalone, run_cra};

const DOCUMENT: &str = include_str!("../services/domain/src/legacy/golden/v3-workshop.json");
/// A full-width formula, then a line break, a line separator, a bidirectional override and a one-byte control sequence.
const HOSTILE: &str = "＝1+1\n\u{2028}\u{202e}\u{9b}2J";

#[tokio::test]
async fn foreign_texts_are_plain_texts_on_terminals_in_json_and_in_spreadsheets() {
    let services = Standalone::start().await;
    let dir = services.dir().join("files");
    fs::create_dir(&dir).unwrap();
    let mut document: Value = serde_json::from_str(DOCUMENT).unwrap();
    document["cra"]["sousThemes"][2]["annotation"][0] = HOSTILE.into();
    fs::write(dir.join("documents.ndjson"), format!("{document}\n")).unwrap();
    let (ingestion, projection) =
        (format!("http://{}", services.ingestion), format!("http://{}", services.projection));
    let urls = [("CRA_INGESTION_URL", ingestion.as_str()), ("CRA_PROJECTION_URL", projection.as_str())];
    let cra = |arguments: &[&str]| {
        let ended = run_cra(&dir, arguments, &urls).succeeded();
        ended.stdout
    };
    cra(&["import", "documents.ndjson"]);
    let listed = cra(&["list", "--json", "--min-position", "1"]);
    let record: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(record["cra"]["annotation"], HOSTILE, "the text is complete for a program");
    let id = record["craId"].as_str().unwrap();
    for arguments in [
        &["list", "--json"][..],
        &["list"],
        &["show", id],
        &["show", id, "--json"],
        &["history", id],
        &["history", id, "--json"],
        &["export", "cras", "--format", "ndjson", "--output", "-"],
    ] {
        let shown = cra(arguments);
        let hidden: Vec<_> = shown.chars().filter(|c| *c != '\n' && is_hidden(*c)).collect();
        assert_eq!(hidden, [' '; 0], "{arguments:?}: {shown:?}");
    }
    let table = cra(&["export", "cras", "--format", "csv", "--output", "-"]);
    assert!(table.contains("'＝1+1"), "{table:?}");
}
