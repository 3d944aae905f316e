//! `cra log`: backs up the event log, restores and verifies a backup. The only commands that open the log directly: it
//! must be possible to move a log while no service runs.

use std::path::Path;
use std::time::Instant;

use cra_backup::{self as backup, Manifest, Progress};
use cra_domain::event::Event;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::nats::{self, Activated, MirrorState, NatsLog};
use cra_eventlog::{LogEntry, Origin, Read, Restore};
use indicatif::ProgressBar;
use serde_json::json;

use super::{CommandResult, Outcome, destroy, forget, log_folder, progress};
use crate::args::{EndpointArgs, LogActivateArgs, LogArgs, LogCommand, LogMirrorArgs};
use crate::output::{Output, notice};
use crate::render;
use crate::render::log::Done;
use crate::render::text::printable;

/// Maximum number of unreadable events shown individually; a foreign log would flood the terminal.
const MISFITS_SHOWN_MAX: u64 = 20;

pub(crate) async fn run(command: LogCommand, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    match command {
        LogCommand::Create(args) => {
            let head = open(&args.log, Missing::Create).await?.head().await?;
            let (identity, position) = (&head.identity.0, head.position.0);
            let json = || json!({ "log": identity, "position": position });
            let line = |_| format!("the log is there  {}, position {position}\n", printable(identity));
            output.either(args.json, json, line)?;
            Ok(Outcome::Done)
        }
        LogCommand::Export(args) => {
            let log = open(&args.log, Missing::Refuse).await?;
            let mut course = Course::begin();
            let manifest = backup::export(&*log, &args.dir, |progress| course.advance(progress)).await?;
            show("backed up", &course, &manifest, args.json, output)
        }
        LogCommand::Import(args) => {
            // The manifest is read first: without a backup no log is created or closed.
            let log = open_to_restore(&args.log, &backup::manifest(&args.dir)?.origin()).await?;
            let mut course = Course::begin();
            let manifest = backup::import(&*log, &args.dir, |progress| course.advance(progress)).await?;
            show("restored", &course, &manifest, args.json, output)
        }
        LogCommand::Verify(args) => verify(&args.dir, args.json, output).await,
        LogCommand::Mirror(args) => mirror(&args, output).await,
        LogCommand::Activate(args) => activate(&args, output).await,
        LogCommand::Forget(args) => Box::pin(forget::forget(args, endpoints, output)).await,
        LogCommand::Destroy(args) => Box::pin(destroy::destroy(args, endpoints, output)).await,
    }
}

async fn mirror(args: &LogMirrorArgs, output: &mut Output) -> CommandResult {
    let settings = args.log.settings()?;
    let stream = args.source_stream.as_ref().unwrap_or(&settings.stream);
    let MirrorState { source, position, lag } =
        nats::mirror(&settings, args.source_domain.as_deref(), stream).await?;
    let source = source.map_or_else(|| "a log that it does not name".to_owned(), |log| printable(&log.0));
    let json = || json!({ "source": source, "position": position.0, "lag": lag });
    let line = |_| format!("the mirror is there  of {source}, position {}, {lag} behind\n", position.0);
    output.either(args.json, json, line)?;
    Ok(Outcome::Done)
}

async fn activate(args: &LogActivateArgs, output: &mut Output) -> CommandResult {
    let Activated { log, position, source } =
        nats::activate(&args.log.settings()?, args.without_source).await?;
    let predecessor = source.map(|log| printable(&log.0));
    let json = || json!({ "log": log.0, "position": position.0, "predecessor": predecessor });
    let source = predecessor.as_deref().unwrap_or("a log that the mirror does not name");
    let line = |_| {
        format!("the mirror is the log  {}, position {}, after {source}\n", printable(&log.0), position.0)
    };
    output.either(args.json, json, line)?;
    Ok(Outcome::Done)
}

async fn verify(dir: &Path, json: bool, output: &mut Output) -> CommandResult {
    let mut course = Course::begin();
    let (mut misfits, bar) = (0, course.bar.clone());
    let read = |entry: &LogEntry| {
        let Some(misfit) = misfit(entry) else { return };
        misfits += 1;
        if misfits <= MISFITS_SHOWN_MAX {
            bar.suspend(|| notice(&render::log::misfit(entry.position.0, &misfit)));
        }
    };
    let manifest = backup::verify(dir, read, |progress| course.advance(progress)).await?;
    course.misfits = Some(misfits);
    show("checked", &course, &manifest, json, output)
}

/// Why the services could not read an event, if so.
fn misfit(entry: &LogEntry) -> Option<String> {
    let Some(stream) = entry.stream else {
        return Some("its subject names no CRA".to_owned());
    };
    let event = match Event::decode(&entry.payload) {
        Ok(event) => event,
        Err(error) => return Some(error.to_string()),
    };
    if event.cra_id != stream.0 {
        return Some(format!("it is about the CRA {}, its subject names {stream}", event.cra_id));
    }
    match entry.event_id {
        Some(event_id) if event_id != event.event_id => {
            Some(format!("its id is {}, the log has {event_id}", event.event_id))
        }
        _ => None,
    }
}

/// Whether a missing log may be created.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Create,
    Refuse,
}

async fn open(args: &LogArgs, missing: Missing) -> anyhow::Result<Box<dyn Read>> {
    let Some(data) = &args.data else {
        let mut settings = args.on_nats.settings()?;
        settings.create_stream |= missing == Missing::Create;
        return Ok(Box::new(NatsLog::connect(settings).await?));
    };
    Ok(Box::new(match missing {
        Missing::Create => log_folder::open_with(data, EmbeddedLog::open).await?,
        Missing::Refuse => log_folder::open(data).await?,
    }))
}

async fn open_to_restore(args: &LogArgs, origin: &Origin) -> anyhow::Result<Box<dyn Restore>> {
    let Some(data) = &args.data else {
        return Ok(Box::new(NatsLog::connect_to_restore(args.on_nats.settings()?, origin).await?));
    };
    Ok(Box::new(log_folder::open_with(data, EmbeddedLog::open_to_restore).await?))
}

/// Progress and speed of the work.
struct Course {
    bar: ProgressBar,
    began: Instant,
    progress: Progress,
    /// Number of unreadable events, if they were checked.
    misfits: Option<u64>,
}

impl Course {
    fn begin() -> Self {
        let bar = progress::bar(Some(0));
        Self { bar, began: Instant::now(), progress: Progress::default(), misfits: None }
    }

    fn advance(&mut self, progress: Progress) {
        self.progress = progress;
        let per_second = self.per_second();
        progress::advance_events(&self.bar, progress.position.0, progress.end.0, per_second);
    }

    fn per_second(&self) -> u64 {
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        self.progress.events().saturating_mul(1_000) / elapsed_ms
    }
}

fn show(verb: &str, course: &Course, manifest: &Manifest, json: bool, output: &mut Output) -> CommandResult {
    course.bar.finish_and_clear();
    let (events, skipped) = (course.progress.events(), course.progress.skipped);
    let done = Done { verb, events, skipped, per_second: course.per_second(), misfits: course.misfits };
    let page = |style| render::log::page(&done, manifest, style);
    output.either(json, || render::log::json(&done, manifest), page)?;
    Ok(if course.misfits.unwrap_or(0) > 0 { Outcome::SomeRefused } else { Outcome::Done })
}
