//! `StatisticsService.Export`: the header, then the file in chunks. Whatever ends it early ends the stream with a
//! status: a stream that ends without one gave the whole file.

use std::path::Path;

use cra_contracts::v1;
use cra_contracts::v1::export_response::Part;
use cra_runtime::in_flight::Permit;
use futures::stream::{self, StreamExt as _};
use tonic::codegen::BoxStream;
use tonic::{Response, Status};

use crate::queries::{self, Export, Snapshot, Wanted};

/// The answer of an export.
pub(super) type Chunks = BoxStream<v1::ExportResponse>;

/// Begins an export, or says what is wrong with the request. Long workbooks pass through a nameless file in `folder`;
/// the permit is given back when the file is written.
pub(super) async fn answer(
    wanted: Wanted,
    snapshot: Snapshot,
    folder: &Path,
    permit: Permit,
) -> Result<Response<Chunks>, Status> {
    let export = queries::export(wanted, snapshot, folder.to_owned(), permit).await?;
    let header = v1::ExportHeader {
        file_name: export.file_name().to_owned(),
        media_type: export.media_type().to_owned(),
        snapshot: Some(export.snapshot().clone()),
    };
    let chunks = stream::unfold(Some(export), next_chunk);
    let header = stream::once(async { Ok(part(Part::Header(header))) });
    Ok(Response::new(header.chain(chunks).boxed()))
}

async fn next_chunk(export: Option<Export>) -> Option<(Result<v1::ExportResponse, Status>, Option<Export>)> {
    let mut export = export?;
    match export.next_chunk().await {
        Ok(Some(chunk)) => Some((Ok(part(Part::Chunk(chunk))), Some(export))),
        Ok(None) => None,
        Err(error) => Some((Err(error.into()), None)),
    }
}

fn part(part: Part) -> v1::ExportResponse {
    v1::ExportResponse { part: Some(part) }
}
