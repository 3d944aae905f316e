//! `cra export`: a file produced by the service and received in chunks.
//!
//! It appears under its name once it is complete; an interrupted export leaves no file. Standard output receives the
//! chunks as they arrive.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cra_contracts::v1::export_response::Part;
use cra_contracts::v1::{self, Dimension, ExportContent, Granularity};
use cra_runtime::shutdown::Shutdown;
use serde_json::json;
use tonic::Streaming;

use super::target::Target;
use super::{CommandResult, Outcome, progress};
use crate::args::{EndpointArgs, ExportArgs, Exported};
use crate::choice::{Choice, choice};
use crate::client::{Connection, Service};
use crate::output::{Output, notice};
use crate::render::text::printable;

pub(crate) async fn run(args: ExportArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let content = match args.content {
        Exported::Person => return super::person::run(args, endpoints, output).await,
        Exported::Content(content) => content,
    };
    let request = request(&args, content)?;
    let target = Target::of(&args, output.is_terminal())?;
    let shutdown = Shutdown::on_signal()?;
    let connection = Connection::to(Service::Projection, endpoints).await?;
    let received = tokio::select! {
        received = receive(&connection, request, &target, output) => received?,
        () = shutdown.requested() => anyhow::bail!("interrupted: no file was written"),
    };
    match (&received.path, args.json) {
        (Some(path), true) => output.json(&received.json(Some(path)))?,
        (Some(path), false) => output.line(&received.reported(path))?,
        (None, true) => notice(&cra_contracts::json::line(&received.json(None))),
        (None, false) => {}
    }
    Ok(Outcome::Done)
}

fn request(args: &ExportArgs, content: ExportContent) -> anyhow::Result<v1::ExportRequest> {
    let selection = args.selection.to_message();
    let (dimension, granularity) = match (content, args.by.as_deref()) {
        (ExportContent::Breakdown, None) => {
            anyhow::bail!("a breakdown needs its rows: --by department, --by advisor, …")
        }
        (ExportContent::Breakdown, Some(by)) => (one::<Dimension>(by)?, Granularity::Unspecified),
        (ExportContent::Series, by) => {
            super::series::check_days(&selection)?;
            (Dimension::Unspecified, by.map_or(Ok(Granularity::Month), one)?)
        }
        (_, None) => (Dimension::Unspecified, Granularity::Unspecified),
        (_, Some(_)) => anyhow::bail!(
            "--by is for a breakdown or a series: cra export breakdown --by …, cra export series --by …"
        ),
    };
    Ok(v1::ExportRequest {
        selection: Some(selection),
        content: content.into(),
        format: args.format.into(),
        dimension: dimension.into(),
        consistency: Some(args.consistency.to_message()),
        granularity: granularity.into(),
    })
}

/// Parses the value of `--by`.
fn one<C: Choice>(text: &str) -> anyhow::Result<C> {
    choice(text).map_err(|fault| anyhow::anyhow!("invalid value '{}' for '--by': {fault}", printable(text)))
}

/// Summary of a received export.
#[derive(Debug)]
struct Received {
    path: Option<PathBuf>,
    bytes: u64,
    header: v1::ExportHeader,
}

impl Received {
    fn position(&self) -> u64 {
        self.header.snapshot.as_ref().map_or(0, |snapshot| snapshot.position)
    }

    fn reported(&self, path: &Path) -> String {
        format!("{}  {} bytes, position {}", path.display(), self.bytes, self.position())
    }

    fn json(&self, path: Option<&Path>) -> serde_json::Value {
        json!({
            "file": path.map(|path| path.display().to_string()),
            "bytes": self.bytes,
            "header": cra_contracts::json::to_value(&self.header),
        })
    }
}

async fn receive(
    connection: &Connection,
    request: v1::ExportRequest,
    target: &Target,
    output: &mut Output,
) -> anyhow::Result<Received> {
    let mut parts = connection.answer(connection.statistics().export(request).await)?;
    let Some(Part::Header(header)) = next(connection, &mut parts).await? else {
        anyhow::bail!("the service did not start with a header; is it of the same version?");
    };
    let mut file = target.begin(&header.file_name)?;
    let bar = progress::bar(None);
    let mut bytes = 0;
    while let Some(part) = next(connection, &mut parts).await? {
        let Part::Chunk(chunk) = part else {
            anyhow::bail!("the service sent a second header; is it of the same version?");
        };
        match &mut file {
            Some((file, path, _)) => {
                file.write_all(&chunk).with_context(|| format!("{} cannot be written", path.display()))?;
            }
            None => output.stream(&chunk)?,
        }
        bytes += chunk.len() as u64;
        progress::advance_bytes(&bar, bytes);
    }
    bar.finish_and_clear();
    let path = match file {
        None => None,
        Some((file, path, existing)) => {
            let published = file.publish(existing);
            published.with_context(|| format!("{} cannot be written", path.display()))?;
            Some(path)
        }
    };
    Ok(Received { path, bytes, header })
}

/// The next part; `None` at the end, which only a complete stream has.
async fn next(
    connection: &Connection,
    parts: &mut Streaming<v1::ExportResponse>,
) -> anyhow::Result<Option<Part>> {
    loop {
        match parts.message().await {
            Ok(Some(v1::ExportResponse { part: Some(part) })) => return Ok(Some(part)),
            // A kind of part that this version does not know.
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(status) => {
                let failure = connection.failure(status);
                return Err(
                    anyhow::Error::from(failure).context("the export was interrupted; no file was written")
                );
            }
        }
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
