//! `StatisticsService.Export`: the header, then the file in chunks. A stream that ends early ends with a status: a
//! stream without one sent the complete file.

use std::num::NonZeroU64;
use std::path::Path;

use cra_contracts::v1;
use cra_contracts::v1::export_response::Part;
use cra_runtime::audit::Trail;
use cra_runtime::in_flight::Permit;
use cra_runtime::rejection::{Rejection, Retry, Row};
use futures::stream::{self, StreamExt as _};
use tonic::codegen::BoxStream;
use tonic::{Code, Response, Status};

use crate::queries::{self, Export, ExportSpec, Snapshot};

/// The answers of an export.
pub(super) type Chunks = BoxStream<v1::ExportResponse>;

/// Limits of a file.
pub(super) struct Limits {
    /// Maximum size; a larger file is aborted with a status.
    pub(super) bytes_max: NonZeroU64,
    /// Released when the file is written.
    pub(super) permit: Permit,
}

/// Starts an export, or returns the faults of the request. Long workbooks are buffered in an unnamed file in `folder`;
/// the audit record gets the number of rows.
pub(super) async fn answer(
    wanted: ExportSpec,
    snapshot: Snapshot,
    folder: &Path,
    limits: Limits,
    trail: Trail,
) -> Result<Response<Chunks>, Status> {
    let Limits { bytes_max, permit } = limits;
    let export = queries::export(wanted, snapshot, folder.to_owned(), permit).await?;
    let header = v1::ExportHeader {
        file_name: export.file_name().to_owned(),
        media_type: export.media_type().to_owned(),
        snapshot: Some(export.snapshot().clone()),
    };
    let file = File { export, bytes_max, bytes: 0, trail };
    let chunks = stream::unfold(Some(file), next_chunk);
    let header = stream::once(async { Ok(part(Part::Header(header))) });
    Ok(Response::new(header.chain(chunks).boxed()))
}

/// A file being sent, and the number of bytes sent.
struct File {
    export: Export,
    bytes_max: NonZeroU64,
    bytes: u64,
    trail: Trail,
}

impl Drop for File {
    fn drop(&mut self) {
        self.trail.add_rows(self.export.rows());
    }
}

async fn next_chunk(file: Option<File>) -> Option<(Result<v1::ExportResponse, Status>, Option<File>)> {
    let mut file = file?;
    match file.export.next_chunk().await {
        Ok(Some(chunk)) => {
            file.bytes += chunk.len() as u64;
            if file.bytes > file.bytes_max.get() {
                return Some((Err(too_large(file.bytes_max)), None));
            }
            Some((Ok(part(Part::Chunk(chunk))), Some(file)))
        }
        Ok(None) => None,
        Err(error) => Some((Err(error.into()), None)),
    }
}

const EXPORT_TOO_LARGE: Row =
    Row { code: Code::ResourceExhausted, reason: "EXPORT_TOO_LARGE", retry: Retry::Never };

fn too_large(bytes_max: NonZeroU64) -> Status {
    let message =
        format!("the file exceeds {bytes_max} bytes; request fewer days, or one territory at a time");
    Rejection::new(EXPORT_TOO_LARGE, message).with("bytes_max", bytes_max.to_string()).into()
}

fn part(part: Part) -> v1::ExportResponse {
    v1::ExportResponse { part: Some(part) }
}
