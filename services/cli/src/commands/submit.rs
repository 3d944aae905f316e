//! `cra submit`: sends the CRAs of a file over one stream, reports each refusal as it arrives, then a summary.
//!
//! Exit code 0 if every item is in the log (or valid), 1 if some were refused, 2 if the file contains no CRAs or the
//! stream broke.

use std::time::Duration;

use anyhow::Context as _;
use cra_contracts::v1;
use futures::StreamExt as _;
use futures::future::{FusedFuture as _, FutureExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{CommandResult, Outcome, progress};
use crate::args::{EndpointArgs, SubmitArgs};
use crate::client::{ClientError, Connection, Service};
use crate::output::{Output, notice};
use crate::render;
use crate::render::submission::Work;
use crate::submission::changes::send::{Sender, refusal};
use crate::submission::content::{self, Recordable};
use crate::submission::file::{self, Content, Items, Opened};
use crate::submission::rpc::{Mode, Submit};
use crate::submission::stream::{self, Retries, SendEvent};
use crate::submission::table::Headings;
use crate::submission::table::row::RowIds;
use crate::submission::{self, Item, Tally, Unsent};

/// Concurrent lookups of CRAs of older forms.
const LOOKUPS_IN_FLIGHT: usize = 16;
/// Reason for refusing a CRA of an older form that is not in the log.
const MOVE_THE_LOG: &str = "it was written with an older form, and its document is not in this file: move it with \
                            `cra log export` and `cra log import`, or record the document with `cra import`";

pub(crate) async fn run(args: SubmitArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let opened = file::open_any(&args.file)?;
    check(&opened, &args)?;
    let (length, encoding) = (opened.length(), opened.encoding());
    let connection = Connection::to(Service::Ingestion, endpoints).await?;
    let mut ids = RowIds::default();
    let of_row = move |row| Ok(ids.recordable(row));
    let (Items { items, ended }, headings) = file::items_of_any(opened, content::recordable, of_row);
    let lookup = Sender { connection: connection.clone(), retry_for: Duration::ZERO };
    let (sender, settled) = mpsc::channel(LOOKUPS_IN_FLIGHT);

    let mode = if args.validate_only { Mode::ValidateOnly } else { Mode::Record };
    let mut tally = Tally::default();
    let sending = Sending { connection: &connection, mode, headings, as_json: args.json };
    let streamed = {
        let sent = sending.send(settled, &mut tally, length, output);
        let mut settling = std::pin::pin!(settle(items, sender, &lookup).fuse());
        let mut sent = std::pin::pin!(sent);
        loop {
            tokio::select! {
                streamed = &mut sent => break streamed,
                // Items settled last are still sent.
                () = &mut settling, if !settling.is_terminated() => {}
            }
        }
    };
    if let Some(encoding) = encoding.other_than_utf8() {
        notice(&format!("{} is in {encoding}, and was read as such", file::name_of(&args.file)));
    }
    let summary = render::submission::summary(&tally, Work::Submit(mode), output.style());
    output.aside(args.json, &summary)?;
    streamed?;
    if let Ok(read) = ended.await {
        read.with_context(|| format!("{} could not be read to its end", args.file.display()))?;
    }
    anyhow::ensure!(tally.reported() > 0, "{} holds no CRA", file::name_of(&args.file));
    Ok(if tally.all_received() { Outcome::Done } else { Outcome::SomeRefused })
}

/// Refuses a file that cannot contain new CRAs, before anything is sent, and reports the columns that are ignored.
fn check(opened: &Opened<Content>, args: &SubmitArgs) -> anyhow::Result<()> {
    let file = file::name_of(&args.file);
    let Content::Table(table) = opened.content() else {
        anyhow::ensure!(
            !opened.holds_older_documents(),
            "{file} holds documents of the older system: record them with `cra import`"
        );
        return Ok(());
    };
    for columns in table.columns() {
        let missing = columns.missing();
        anyhow::ensure!(
            missing.is_empty(),
            "{file} is a table without the columns {}; `cra template FILE.csv` writes one with all of them",
            missing.join(", ")
        );
        if let Some(slip) = columns.slip() {
            anyhow::bail!("{file}: no column is « {} »; did you mean « {} »?", slip.found, slip.suggested);
        }
        let unread = columns.unread();
        if !unread.is_empty() {
            notice(&format!(
                "{file}: these columns are not part of a CRA and are ignored: {}",
                unread.join(", ")
            ));
        }
    }
    Ok(())
}

/// Passes the items on. CRAs of older forms are settled here: one that is in the log is already recorded, any other
/// cannot be recorded from its export.
async fn settle(
    items: mpsc::Receiver<Item<Recordable>>,
    settled: mpsc::Sender<Item<v1::SubmitCraRequest>>,
    lookup: &Sender,
) {
    let one = |item: Item<Recordable>| async move {
        let Item { location, bytes_read, content } = item;
        let content = match content {
            Ok(Recordable::Submission(submission)) => Ok(*submission),
            Ok(Recordable::OlderForm { cra_id, .. }) => {
                let outcome = look_up(lookup, &cra_id).await;
                Err(Unsent::Settled { id: cra_id, outcome })
            }
            Err(unsent) => Err(unsent),
        };
        Item { location, bytes_read, content }
    };
    let mut all = std::pin::pin!(ReceiverStream::new(items).map(one).buffered(LOOKUPS_IN_FLIGHT));
    while let Some(item) = all.next().await {
        if settled.send(item).await.is_err() {
            return;
        }
    }
}

async fn look_up(lookup: &Sender, cra_id: &str) -> submission::Outcome {
    let refused = match lookup.life(cra_id).await {
        Ok(Ok(life)) => {
            let receipt = life.last_receipt(cra_id);
            return submission::Outcome::Received { receipt, notes: Vec::new() };
        }
        Ok(Err(status)) if status.code() != tonic::Code::NotFound => refusal(&status),
        Ok(Err(_)) => v1::Refusal {
            code: "FAILED_PRECONDITION".to_owned(),
            message: MOVE_THE_LOG.to_owned(),
            ..v1::Refusal::default()
        },
        Err(ClientError::Answered { status, .. }) => refusal(&status),
        Err(failure) => v1::Refusal {
            code: "UNAVAILABLE".to_owned(),
            message: failure.to_string(),
            ..v1::Refusal::default()
        },
    };
    submission::Outcome::Refused(refused)
}

struct Sending<'a> {
    connection: &'a Connection,
    mode: Mode,
    headings: Headings,
    as_json: bool,
}

impl Sending<'_> {
    async fn send(
        &self,
        items: mpsc::Receiver<Item<v1::SubmitCraRequest>>,
        tally: &mut Tally,
        length: Option<u64>,
        output: &mut Output,
    ) -> Result<(), stream::StreamError> {
        let bar = progress::bar(length);
        let (style, mode) = (output.style(), self.mode);
        let submit = Submit { mode };
        let streamed = stream::send(self.connection, &submit, items, Retries::Never, tally, |news, tally| {
            let SendEvent::Reported(reported) = news else { return Ok(()) };
            progress::advance(&bar, reported.bytes_read, tally);
            let text = if self.as_json {
                cra_contracts::json::line(&render::submission::json(reported, Work::Submit(mode))) + "\n"
            } else {
                render::submission::refused_under(&self.headings, reported, style)
            };
            bar.suspend(|| output.write(&text))
        })
        .await;
        bar.finish_and_clear();
        streamed
    }
}
