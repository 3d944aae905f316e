//! The integration guide covers every reason that a service can return.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::files_below;

const GUIDE: &str = "deploy/INTEGRATION.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources of a folder, without tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| {
        let names = path.strip_prefix(folder).unwrap().iter();
        let mut names = names.map(|name| name.to_str().unwrap().trim_end_matches(".rs"));
        path.extension().is_some_and(|extension| extension == "rs")
            && !names.any(|name| name == "tests" || name.ends_with("_tests"))
    });
    files
}

/// The name after one of these openings, in a line of a table.
fn name_after<'a>(line: &'a str, openings: &[&str]) -> Option<&'a str> {
    let opened = openings.iter().find_map(|opening| line.split_once(opening))?.1;
    // `row(Code::NotFound, "CRA_NOT_FOUND", …)`: the name may follow the code.
    let name = opened.trim_start_matches(|c: char| c != '"').trim_start_matches('"');
    let name = name.split('"').next()?;
    let is_a_name = name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    is_a_name.then_some(name)
}

/// Every reason in the sources of the services.
pub(crate) fn reasons() -> BTreeSet<String> {
    let folders = ["runtime/src", "ingestion/src", "projection/src", "domain/src/cra/fault"];
    let mut files: Vec<_> =
        folders.iter().flat_map(|folder| sources(&root().join("services").join(folder))).collect();
    files.push(root().join("services/domain/src/cra/fault.rs"));
    let mut reasons = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let openings: &[&str] = if file.to_string_lossy().contains("fault") {
            &["=> "]
        } else {
            &["reason: ", "row(", "row(Code::"]
        };
        reasons.extend(code.lines().filter_map(|line| name_after(line, openings)).map(str::to_owned));
    }
    reasons
}

#[test]
fn the_guide_covers_every_reason_that_a_service_can_return() {
    let guide = fs::read_to_string(root().join(GUIDE)).unwrap();
    let covered: BTreeSet<&str> =
        guide.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|word| word.len() > 3).collect();
    let reasons = reasons();
    for known in ["CRA_REVISION_CHANGED", "BUSY", "NOT_YET_APPLIED", "AGES_SUM_MISMATCH", "TOO_MANY_CELLS"] {
        assert!(reasons.contains(known), "{known} is not found in the sources any more: {reasons:?}");
    }
    let missing: Vec<_> = reasons.iter().filter(|reason| !covered.contains(reason.as_str())).collect();
    assert!(missing.is_empty(), "{GUIDE} does not cover {missing:?}");
}
