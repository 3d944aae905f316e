//! The formats of `mongoexport`, written by MongoDB's own library: documents recorded from one of them are already
//! recorded in every other.

use std::fs;

use super::shapes::{Shapes, says_the_same, twins};
use super::*;
use crate::harness::readers;

fn texts(written: &Value, format: &str) -> Vec<String> {
    let lines = written[format].as_array().unwrap();
    lines.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
}

fn pretty(text: &str) -> String {
    format!("{:#}\n", serde_json::from_str::<Value>(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_mongodbs_library_writes_is_recorded_once_whatever_the_format() {
    let twins = twins(150, Shapes::Canonical);
    let documents: Vec<_> = twins.iter().map(|twin| twin.document.clone()).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("documents");
    fs::write(&path, lines(&documents)).unwrap();
    let written = readers::run("write_extended_json.py", &[path]);
    let (canonical, relaxed, legacy) =
        (texts(&written, "canonical"), texts(&written, "relaxed"), texts(&written, "legacy"));
    assert!(canonical != relaxed && relaxed != legacy && legacy != canonical);

    let pair = Pair::start().await;
    let array = Import::to(&pair).with_file(format!("[{}]", canonical.join(",\n")));
    let first = array.run(&[]);
    assert_ended(&first, 0);
    assert!(first.stdout.starts_with("150 recorded\n"), "{}", first.stdout);
    let by_line = |texts: &[String]| texts.join("\n");
    let over_lines = |texts: &[String]| texts.iter().map(|text| pretty(text)).collect::<String>();
    for file in [
        by_line(&canonical),
        by_line(&relaxed),
        by_line(&legacy),
        over_lines(&canonical),
        over_lines(&relaxed),
        format!("[{}]", relaxed.join(",")),
    ] {
        let again = Import::to(&pair).with_file(file).run(&[]);
        assert_ended(&again, 0);
        assert!(again.stdout.starts_with("0 recorded\n150 already there\n"), "{}", again.stdout);
    }
    says_the_same(&pair, &twins).await;
    assert_head(&pair, 150).await;
}
