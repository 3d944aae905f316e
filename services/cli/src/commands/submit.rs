//! `cra submit`: sends the CRAs of a file over one stream, tells each refusal as it comes, then the summary.
//!
//! Exit code 0 when every item is in the log (or valid), 1 when some were refused, 2 when the stream broke.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Context as _;
use tokio::sync::mpsc;

use super::{Outcome, progress};
use crate::args::{EndpointArgs, SubmitArgs};
use crate::client::{Connection, Service};
use crate::output::Output;
use crate::render;
use crate::submission::stream::{self, Mode};
use crate::submission::{self, Item, Tally, source};

/// Items read ahead of the stream.
const READ_AHEAD: usize = 64;

pub(crate) async fn run(
    args: SubmitArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let (input, length) = open(&args.file)?;
    let connection = Connection::open(Service::Ingestion, &endpoints.ingestion_url).await?;
    let (sender, items) = mpsc::channel(READ_AHEAD);
    // A thread of its own, never waited for when the stream breaks: a terminal may keep it reading for ever.
    let (ended_sender, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let read = source::read(input, |item| match sender.blocking_send(item) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        let _ = ended_sender.send(read);
    });

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
    items: mpsc::Receiver<Item>,
    tally: &mut Tally,
    length: Option<u64>,
    as_json: bool,
    output: &mut Output,
) -> Result<(), stream::StreamError> {
    let bar = progress::bar(length);
    let look = output.look();
    let streamed = stream::submit(connection, mode, items, tally, |told, tally| {
        progress::advance(&bar, told.bytes_read, tally);
        let text = if as_json {
            format!("{}\n", render::submission::json(told, mode))
        } else if matches!(told.outcome, submission::Outcome::Received(_)) {
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

type Input = Box<dyn BufRead + Send>;

/// The text, and its length in bytes where it is known.
fn open(path: &Path) -> anyhow::Result<(Input, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(io::stdin())), None));
    }
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    anyhow::ensure!(!metadata.is_dir(), "{} is a directory; expected a file", path.display());
    Ok((Box::new(BufReader::new(file)), metadata.is_file().then_some(metadata.len())))
}
