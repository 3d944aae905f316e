//! Exported files: taken from the stream, and opened by readers that know nothing of this project.

use std::path::{Path, PathBuf};
use std::process::Command;

use cra_contracts::v1 as pb;
use pb::export_response::Part;
use serde_json::Value;
use tonic::Status;

use super::Statistics;

/// A whole file.
pub(crate) struct Exported {
    pub(crate) header: pb::ExportHeader,
    pub(crate) bytes: Vec<u8>,
}

/// Asks for a file and takes all of it.
pub(crate) async fn exported(
    statistics: &mut Statistics,
    request: pb::ExportRequest,
) -> Result<Exported, Status> {
    let mut parts = statistics.export(request).await?.into_inner();
    let Some(Part::Header(header)) = parts.message().await?.and_then(|answer| answer.part) else {
        panic!("the header comes first");
    };
    let mut bytes = Vec::new();
    while let Some(answer) = parts.message().await? {
        match answer.part {
            Some(Part::Chunk(chunk)) => bytes.extend_from_slice(&chunk),
            other => panic!("after the header come chunks: {other:?}"),
        }
    }
    Ok(Exported { header, bytes })
}

/// A file as an independent reader finds it: see `tests/readers/read_export.py`.
pub(crate) fn read_export(name: &str, bytes: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readers =
        std::env::var_os("CRA_TEST_READERS").map_or_else(|| root.join("target/tools/readers"), PathBuf::from);
    assert!(readers.is_dir(), "no {}: run `tests/run`, which installs the readers", readers.display());
    let output = Command::new("python3")
        .arg(root.join("tests/readers/read_export.py"))
        .arg(&file)
        .env("PYTHONPATH", readers)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
