//! `cra import`: records the documents of a file over one stream after another, reports refusals, writes the report
//! file, stores its progress, and ends with a summary.
//!
//! Exit code 0 if every document is in the log, 1 if some were refused or unreadable, 2 if the import could not finish.
//! The summary and the exit code include what an earlier, interrupted run reported.

mod report;

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use cra_contracts::v1;
use cra_runtime::shutdown::Shutdown;
use indicatif::ProgressBar;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep;

use self::report::Report;
use super::{CommandResult, Outcome, progress};
use crate::args::{EndpointArgs, ImportArgs};
use crate::client::{ClientError, Connection, Service, within_deadline};
use crate::output::{Output, notice};
use crate::render;
use crate::submission::checkpoint::{Checkpoint, Found, Reached, Subject};
use crate::submission::file::{self, Items, Opened};
use crate::submission::retry_budget::with_retry;
use crate::submission::rpc::Import;
use crate::submission::stream::{self, Retries, SendEvent};
use crate::submission::{self, Reported, content};

/// Interval of the checkpoints: the stored one is at most a second old.
const KEEP_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of refusals shown individually; a file of another format would flood the terminal.
const REFUSALS_SHOWN_MAX: u64 = 20;

pub(crate) async fn run(args: ImportArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let opened = file::open(&args.file)?;
    check_report(&args)?;
    let kept = StoredProgress::of(&args, &opened, &endpoints.ingestion_url)?;
    let shutdown = Shutdown::on_signal().context("signals cannot be caught")?;
    let (connection, reached) = tokio::select! {
        started = start(&args, endpoints, kept.as_ref()) => started?,
        () = shutdown.requested() => anyhow::bail!("interrupted; nothing was sent"),
    };
    let report = open_report(&args, &reached)?;

    let mut run = Run { args: &args, kept, reached, output };
    let imported = run.import(&connection, opened, report, &shutdown).await;
    run.finish(imported)
}

/// The progress file of this import, and what identifies the import.
struct StoredProgress {
    checkpoint: Checkpoint,
    subject: Subject,
}

impl StoredProgress {
    /// `None` for input that cannot be read a second time.
    fn of(args: &ImportArgs, opened: &Opened, url: &str) -> anyhow::Result<Option<Self>> {
        let Some(metadata) = &opened.metadata else {
            anyhow::ensure!(
                args.progress.is_none(),
                "--progress needs a regular file; {} cannot be read a second time",
                args.file.display()
            );
            return Ok(None);
        };
        let subject = Subject::of(&args.file, metadata, args.declared_form(), url)
            .with_context(|| format!("cannot read {}", args.file.display()))?;
        let next_to_it = || Checkpoint::next_to(&args.file);
        let checkpoint = args.progress.clone().map_or_else(next_to_it, Checkpoint::at);
        Ok(Some(Self { checkpoint, subject }))
    }

    /// The progress of an earlier run; the beginning if there is none to resume.
    fn find(&self, restart: bool) -> anyhow::Result<Reached> {
        let path = self.checkpoint.path();
        let found = self.checkpoint.find(&self.subject).with_context(|| {
            format!(
                "{} exists and is not the progress of an import; name another file with --progress",
                path.display()
            )
        })?;
        match found {
            Found::Reached(reached) if !restart => return Ok(reached),
            Found::Unfit(why) if !restart => notice(&render::import::restarted(why, path)),
            Found::Reached(_) | Found::Unfit(_) | Found::Nothing => {}
        }
        Ok(Reached::default())
    }
}

/// Connects to the service, and finds where to start.
async fn start(
    args: &ImportArgs,
    endpoints: &EndpointArgs,
    kept: Option<&StoredProgress>,
) -> anyhow::Result<(Connection, Reached)> {
    let mut reached = match kept {
        Some(kept) => kept.find(args.restart)?,
        None => Reached::default(),
    };
    let retry_for = Duration::from_secs(args.retry_for);
    let away = |failure: &ClientError| notice(&render::import::unavailable(failure, args.retry_for));
    let open = async || Connection::to(Service::Ingestion, endpoints).await;
    let connection = with_retry(retry_for, open, away).await?;
    let Some(kept) = kept.filter(|_| reached.tally.reported() > 0) else {
        return Ok((connection, reached));
    };
    let path = kept.checkpoint.path();
    if with_retry(retry_for, async || holds(&connection, &reached.last_cra_id).await, away).await? {
        notice(&render::import::resumed(reached.tally.reported(), path));
    } else {
        reached = Reached::default();
        notice(&render::import::restarted("the log does not contain its last CRA", path));
    }
    Ok((connection, reached))
}

/// Whether the log is the one that an earlier run wrote to; a new log does not contain its last CRA.
async fn holds(connection: &Connection, cra_id: &str) -> Result<bool, ClientError> {
    if cra_id.is_empty() {
        return Ok(true);
    }
    let request = within_deadline(v1::GetCraHistoryRequest { cra_id: cra_id.to_owned() });
    match connection.answer(connection.ingestion().get_cra_history(request).await) {
        Err(failure) if failure.is_not_found() => Ok(false),
        Err(failure) if failure.may_pass() => Err(failure),
        // A caller that may import but not read cannot check; the progress is trusted.
        Ok(_) | Err(_) => Ok(true),
    }
}

/// The report overwrites an existing file, which must not be the documents themselves.
fn check_report(args: &ImportArgs) -> anyhow::Result<()> {
    let Some(report) = args.report.as_deref().and_then(|report| fs::canonicalize(report).ok()) else {
        return Ok(());
    };
    let is_file = fs::canonicalize(&args.file).is_ok_and(|file| file == report);
    anyhow::ensure!(!is_file, "{} is the file to import: name another for the report", args.file.display());
    Ok(())
}

fn open_report(args: &ImportArgs, reached: &Reached) -> anyhow::Result<Option<Report>> {
    let Some(path) = &args.report else { return Ok(None) };
    let report = Report::open(path, reached.report.as_ref());
    Ok(Some(report.with_context(|| format!("cannot write {}", path.display()))?))
}

/// How the sending ended.
#[must_use]
enum Ended {
    /// Every readable item has an outcome.
    Reported,
    Interrupted,
}

struct Run<'a> {
    args: &'a ImportArgs,
    kept: Option<StoredProgress>,
    /// Progress at the start, then the current progress.
    reached: Reached,
    output: &'a mut Output,
}

impl Run<'_> {
    async fn import(
        &mut self,
        connection: &Connection,
        opened: Opened,
        report: Option<Report>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Ended> {
        let bar = progress::bar(opened.length());
        let Items { items, ended } = file::items(opened, content::document, self.reached.tally.reported());
        let (sender, receiver) = watch::channel(self.reached.clone());
        let mut teller = Reporter { args: self.args, bar: &bar, report, reported: 0, output: self.output };
        let import = Import { form_version: self.args.declared_form() };
        let retries = Retries::For(Duration::from_secs(self.args.retry_for));
        let mut tally = self.reached.tally;
        let sending = stream::send(connection, &import, items, retries, &mut tally, |news, tally| {
            let reported = match news {
                SendEvent::Reported(reported) => reported,
                SendEvent::Away(failure) => {
                    bar.suspend(|| notice(&render::import::unavailable(failure, self.args.retry_for)));
                    return Ok(());
                }
            };
            progress::advance(&bar, reported.bytes_read, tally);
            teller.notice(reported)?;
            sender.send_modify(|reached| {
                reached.tally = *tally;
                if let submission::Outcome::Received { receipt, .. } = &reported.outcome {
                    reached.last_cra_id.clone_from(&receipt.cra_id);
                }
                reached.report = teller.report.as_ref().map(|report| report.reached().clone());
            });
            Ok(())
        });
        let ended = tokio::select! {
            sent = sending => match sent {
                Ok(()) => whole(ended, &self.args.file).await.map(|()| Ended::Reported),
                Err(error) => Err(error.into()),
            },
            () = save_at_intervals(self.kept.as_ref(), receiver, &bar) => Ok(Ended::Interrupted),
            () = shutdown.requested() => Ok(Ended::Interrupted),
        };
        self.reached = sender.borrow().clone();
        self.reached.tally.unanswered = tally.unanswered;
        bar.finish_and_clear();
        ended
    }

    /// Updates or removes the progress file, and reports the summary.
    fn finish(self, ended: anyhow::Result<Ended>) -> CommandResult {
        let is_whole = matches!(ended, Ok(Ended::Reported));
        let mut checkpoint = None;
        let sent_some = self.reached.tally.reported() > 0;
        if let Some(StoredProgress { checkpoint: kept, subject }) =
            self.kept.as_ref().filter(|_| is_whole || sent_some)
        {
            let put = if is_whole { kept.remove() } else { kept.save(subject, &self.reached) };
            match put {
                Ok(()) => checkpoint = Some(kept.path()),
                Err(error) => notice(&render::import::checkpoint_not_saved(kept.path(), &error)),
            }
        }
        let tally = &self.reached.tally;
        let summary = render::import::summary(tally, self.output.style());
        self.output.aside(self.args.json, &summary)?;
        if !is_whole {
            notice(&render::import::unfinished(checkpoint));
        }
        match ended? {
            Ended::Reported if tally.all_received() => Ok(Outcome::Done),
            Ended::Reported => Ok(Outcome::SomeRefused),
            Ended::Interrupted => anyhow::bail!("interrupted"),
        }
    }
}

/// Whether the file was read to its end.
async fn whole(ended: oneshot::Receiver<io::Result<()>>, file: &Path) -> anyhow::Result<()> {
    let cannot = || format!("{} could not be read to its end", file.display());
    ended.await.with_context(cannot)?.with_context(cannot)
}

/// Stores the progress whenever it has changed, once per interval. Never ends.
async fn save_at_intervals(
    kept: Option<&StoredProgress>,
    mut reached: watch::Receiver<Reached>,
    bar: &ProgressBar,
) {
    if let Some(StoredProgress { checkpoint, subject }) = kept {
        while reached.changed().await.is_ok() {
            let now = reached.borrow_and_update().clone();
            if let Err(error) = checkpoint.save(subject, &now) {
                // A failure does not stop the import: without the file a later run only takes longer.
                bar.suspend(|| notice(&render::import::checkpoint_not_saved(checkpoint.path(), &error)));
                break;
            }
            sleep(KEEP_INTERVAL).await;
        }
    }
    std::future::pending::<()>().await;
}

/// Reports each outcome to the enabled outputs.
struct Reporter<'a> {
    args: &'a ImportArgs,
    bar: &'a ProgressBar,
    report: Option<Report>,
    /// Number of refusals shown individually.
    reported: u64,
    output: &'a mut Output,
}

impl Reporter<'_> {
    fn notice(&mut self, reported: &Reported) -> io::Result<()> {
        let report = self.report.as_mut().filter(|_| render::import::is_reported(reported));
        if let Some(report) = report {
            report.write(&render::import::json(reported))?;
        }
        if self.args.json {
            let line = cra_contracts::json::line(&render::import::json(reported)) + "\n";
            return self.bar.suspend(|| self.output.write(&line));
        }
        if matches!(reported.outcome, submission::Outcome::Received { .. })
            || self.reported > REFUSALS_SHOWN_MAX
        {
            return Ok(());
        }
        self.reported += 1;
        let text = if self.reported <= REFUSALS_SHOWN_MAX {
            render::submission::refused(reported, self.output.style())
        } else {
            render::import::refusals_truncated(self.report.as_ref().map(Report::path))
        };
        self.bar.suspend(|| self.output.write(&text))
    }
}
