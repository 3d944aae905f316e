//! Programs of `tests/readers`: they read this project's output with independent libraries.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Ended;

/// The result of a reader; a file that it cannot read fails the test, with the reader's reason.
pub(crate) fn run(reader: &str, files: &[PathBuf]) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Ended::of(python().arg(root.join("tests/readers").join(reader)).args(files)).succeeded().json()
}

/// Python with the libraries of the readers.
pub(crate) fn python() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readers =
        std::env::var_os("CRA_TEST_READERS").map_or_else(|| root.join("target/tools/readers"), PathBuf::from);
    assert!(readers.is_dir(), "no {}: run `tests/run`, which installs the readers", readers.display());
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", readers).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}
