//! `cra submit`: sends the CRAs of a file over one stream, tells each refusal as it comes, then the summary.
//!
//! Exit code 0 when every item is in the log (or valid), 1 when some were refused, 2 when the stream broke.

use std::io::{self, Write as _};

use anyhow::Context as _;
use cra_contracts::v1;
use tokio::sync::mpsc;

use super::{Outcome, progress};
use crate::args::{EndpointArgs, SubmitArgs};
use crate::client::{Connection, Service};
use crate::output::Output;
use crate::render;
use crate::submission::file::{self, Items};
use crate::submission::rpc::{Mode, Submit};
use crate::submission::stream::{self, News, Retries};
use crate::submission::{self, Item, Tally, content};

pub(crate) async fn run(
    args: SubmitArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let opened = file::open(&args.file)?;
    let length = opened.length();
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let Items { items, ended } = file::items(opened, content::submission, 0);

    let mode = if args.validate_only { Mode::ValidateOnly } else { Mode::Record };
    let mut tally = Tally::default();
    let streamed = send(&connection, mode, items, &mut tally, length, args.json, output).await;
    let summary = render::submission::summary(&tally, mode, output.look());
    if args.json {
        let _ = io::stderr().write_all(summary.as_bytes());
    } else {
        output.write(&summary)?;
    }
    streamed?;
    if let Ok(read) = ended.await {
        read.with_context(|| format!("{} could not be read to its end", args.file.display()))?;
    }
    Ok(if tally.all_received() { Outcome::Done } else { Outcome::SomeRefused })
}

async fn send(
    connection: &Connection,
    mode: Mode,
    items: mpsc::Receiver<Item<v1::SubmitCraRequest>>,
    tally: &mut Tally,
    length: Option<u64>,
    as_json: bool,
    output: &mut Output,
) -> Result<(), stream::StreamError> {
    let bar = progress::bar(length);
    let look = output.look();
    let streamed = stream::send(connection, &Submit { mode }, items, Retries::Never, tally, |news, tally| {
        let News::Told(told) = news else { return Ok(()) };
        progress::advance(&bar, told.bytes_read, tally);
        let text = if as_json {
            format!("{}\n", render::submission::json(told, mode))
        } else if matches!(told.outcome, submission::Outcome::Received { .. }) {
            return Ok(());
        } else {
            render::submission::refused(told, look)
        };
        bar.suspend(|| output.write(&text))
    })
    .await;
    bar.finish_and_clear();
    streamed
}
