//! Exported files: received from the stream, and opened by independent readers.

use cra_contracts::v1 as pb;
use pb::export_response::Part;
use serde_json::Value;
use tonic::{Request, Status};

use super::{Statistics, readers};

/// A complete file.
pub(crate) struct Exported {
    pub(crate) header: pb::ExportHeader,
    pub(crate) bytes: Vec<u8>,
}

/// Requests a file and receives all of it.
pub(crate) async fn exported(
    statistics: &mut Statistics,
    request: pb::ExportRequest,
) -> Result<Exported, Status> {
    exported_by(statistics, Request::new(request)).await
}

/// Like [`exported`], by a request that may carry a token.
pub(crate) async fn exported_by(
    statistics: &mut Statistics,
    request: Request<pb::ExportRequest>,
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
    readers::run("read_export.py", &[file])
}
