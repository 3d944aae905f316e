//! The documents match the repository: every file and folder that they name exists, every link leads to an existing
//! file and heading, every test and command is listed, and the first documents stay short.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::files_below;

/// Folders with documents in Markdown, relative to the root of the repository.
const FOLDERS: [&str; 7] = ["", "deploy", "proto", "services", "services/decisions", "services/cli", "tests"];
/// A name with one of these endings is a file of the repository.
const OWN_ENDINGS: [&str; 3] = [".rs", ".md", ".proto"];
/// Endings of files that documented commands generate.
const GENERATED: [&str; 1] = [".cdx.json"];
/// Maximum number of lines of some documents.
const LENGTHS: [(&str, usize); 2] = [("README.md", 150), ("services/ARCHITECTURE.md", 200)];
/// Modules of the tests without tests of guarantees.
const HELPERS: [&str; 2] = ["harness", "naive"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn ends_in(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found == extension)
}

/// A Markdown file, and the folder that its links are relative to.
struct Document {
    name: String,
    folder: &'static str,
    text: String,
}

fn documents() -> Vec<Document> {
    let mut documents = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            if ends_in(&file, "md") {
                let name = if folder.is_empty() { file } else { format!("{folder}/{file}") };
                documents.push(Document { text: read(&name), name, folder });
            }
        }
    }
    assert!(documents.len() > 40, "the documents are elsewhere");
    documents
}

/// The lines outside of code blocks, and those in diagrams.
fn prose_and_diagrams(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut prose, mut diagrams) = (Vec::new(), Vec::new());
    let mut block: Option<&str> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language),
            (Some(_), Some(_)) => block = None,
            (None, None) => prose.push(line),
            (None, Some("mermaid")) => diagrams.push(line),
            (None, Some(_)) => {}
        }
    }
    (prose, diagrams)
}

/// The texts between single backticks.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The targets of links.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The fragment of a link to a heading.
fn anchor(heading: &str) -> String {
    let letters = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    letters.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn has_heading(text: &str, anchor_text: &str) -> bool {
    let (prose, _) = prose_and_diagrams(text);
    let headings = prose.into_iter().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).any(|found| found == anchor_text)
}

/// Every file in the folders of sources, relative to the root of the repository.
fn sources() -> BTreeSet<String> {
    let (top, folders) = (root(), ["services", "proto", "tests", "deploy"]);
    let files = folders.into_iter().flat_map(|folder| files_below(&top.join(folder)));
    files.map(|path| path.strip_prefix(&top).unwrap().to_string_lossy().into_owned()).collect()
}

/// Whether a path exists, relative to the document, the root or the services.
fn is_there(path: &str, folder: &str) -> bool {
    [folder, "", "services"].iter().any(|base| root().join(base).join(path).exists())
}

/// Whether a quoted text is a path of the repository.
fn is_a_path(text: &str, folder: &str) -> bool {
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let is_generated = GENERATED.iter().any(|ending| text.ends_with(ending));
    if text.is_empty() || !text.chars().all(of_a_path) || text.starts_with('/') || is_generated {
        return false;
    }
    let is_own = OWN_ENDINGS.iter().any(|ending| text.len() > ending.len() && text.ends_with(ending));
    let first = text.split('/').next().unwrap_or_default();
    is_own || (text.contains('/') && !["", ".", "..", "target"].contains(&first) && is_there(first, folder))
}

#[test]
fn every_file_that_a_document_names_exists() {
    let sources = sources();
    let ends_a_source = |name: &str| {
        let below = format!("/{name}");
        sources.iter().any(|source| source.ends_with(&below))
    };
    let (mut missing, mut named) = (Vec::new(), 0);
    for document in documents() {
        let (prose, diagrams) = prose_and_diagrams(&document.text);
        for text in prose.into_iter().flat_map(quoted) {
            if !is_a_path(text, document.folder) {
                continue;
            }
            named += 1;
            // A bare name is any file of that name, such as "its service's `access.rs`".
            let found = is_there(text, document.folder) || (!text.contains('/') && ends_a_source(text));
            if !found {
                missing.push(format!("{}: {text}", document.name));
            }
        }
        let words = diagrams.into_iter().flat_map(|line| line.split([' ', ',', ':']));
        for word in words.filter(|word| ends_in(word, "rs")) {
            named += 1;
            if !ends_a_source(word) {
                missing.push(format!("{}: {word}", document.name));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(named > 200, "the documents name {named} files");
}

#[test]
fn every_link_of_a_document_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for document in documents() {
        let (prose, _) = prose_and_diagrams(&document.text);
        for link in prose.into_iter().flat_map(links).filter(|link| !link.contains("://")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = root().join(document.folder).join(path);
            let leads = if path.is_empty() {
                has_heading(&document.text, heading)
            } else if heading.is_empty() {
                target.exists()
            } else {
                fs::read_to_string(&target).is_ok_and(|text| has_heading(&text, heading))
            };
            if !leads {
                broken.push(format!("{}: {link}", document.name));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_guarantee_names_its_test_and_every_test_is_named() {
    let text = read("tests/README.md");
    let (mut named, mut missing) = (BTreeSet::new(), Vec::new());
    let of_guarantees = text.split("\n## How").next().unwrap();
    let rows = of_guarantees.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| test |"));
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert!(quoted(tests).count() > 0, "without a test: {row}");
        for test in quoted(tests) {
            let file = root().join("tests").join(test);
            let member = test.strip_prefix("cra-").map(|name| root().join("services").join(name));
            let is_there = file.with_extension("rs").exists()
                || file.is_dir()
                || member.is_some_and(|member| member.join("Cargo.toml").exists());
            if !is_there {
                missing.push(test);
            }
            named.insert(test);
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:?}");
    let main = read("tests/main.rs");
    let modules = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let left_out: Vec<_> =
        modules.filter(|module| !named.contains(module) && !HELPERS.contains(module)).collect();
    assert!(left_out.is_empty(), "tests/README.md does not list {left_out:?}");
}

#[test]
fn every_command_is_in_the_table_of_commands() {
    let source = read("services/cli/src/args/mod.rs");
    let variants = source.split("pub(crate) enum Command {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = variants.lines().filter_map(|line| Some(line.trim().split_once('(')?.0.to_lowercase()));
    let names: Vec<_> = names.filter(|name| name.chars().all(|c| c.is_ascii_alphabetic())).collect();
    assert!(names.iter().any(|name| name == "standalone"), "{names:?}");
    let table = read("services/cli/README.md");
    let missing: Vec<_> = names.iter().filter(|name| !table.contains(&format!("`cra {name}"))).collect();
    assert!(missing.is_empty(), "services/cli/README.md does not list {missing:?}");
}

#[test]
fn every_decision_has_its_three_parts_and_is_listed() {
    let list = read("services/decisions/README.md");
    let mut files: Vec<_> = fs::read_dir(root().join("services/decisions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "README.md")
        .collect();
    files.sort_unstable();
    for (number, file) in (1..).zip(&files) {
        assert!(file.starts_with(&format!("{number:03}-")), "{file} is number {number}");
        assert!(list.contains(&format!("({file})")), "{file} is not in the list");
        let text = read(format!("services/decisions/{file}"));
        for heading in ["\n## Context\n", "\n## Decision\n", "\n## Consequences\n"] {
            assert!(text.contains(heading), "{file} without {}", heading.trim());
        }
    }
}

#[test]
fn the_first_documents_stay_short() {
    for (name, limit) in LENGTHS {
        let lines = read(name).lines().count();
        assert!(lines <= limit, "{name} has {lines} lines, more than {limit}");
    }
}
