//! `cra log destroy`: deletes a log that another one replaces, with its backups, after verifying both once more.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cra_backup as backup;
use cra_contracts::v1::LogAct;
use cra_eventlog::Read;
use cra_eventlog::nats::NatsLog;
use cra_forgetting::{self as forgetting, Act, Certificate, GrantedBy, SelectionsCompared};
use cra_private::AtomicFile;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::forget::{Course, WORK};
use super::log_folder::open;
use super::operator::Operator;
use super::pair::{LOG, READ_MODELS};
use super::{CommandResult, Outcome};
use crate::args::{DestroyArgs, EndpointArgs, Place};
use crate::output::Output;
use crate::render::text::printable;

/// File of the record, in the folder of the certificate.
const RECORD: &str = "destruction.json";
/// The old log once it was verified for the last time: no log any more.
const DESTROYED: &str = "log.destroyed";

/// Verifies both logs once more and deletes the old one.
pub(super) async fn destroy(
    args: DestroyArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> CommandResult {
    anyhow::ensure!(
        args.log.name() == OsStr::new(&args.confirm),
        "--confirm {:?} is not the name of the log to destroy: expected its stream, or the last part of its folder",
        args.confirm
    );
    let text = fs::read(&args.certificate).with_context(|| args.certificate.display().to_string())?;
    let certificate = Certificate::parse(&text)
        .map_err(|error| anyhow::anyhow!("{} is no certificate: {error}", args.certificate.display()))?;
    // Of the work folder, and of the one that a copy between folders has unless another is named.
    for dir in [args.certificate.with_file_name(""), args.certificate.with_file_name(WORK)] {
        anyhow::ensure!(
            !forgetting::has_names(&dir),
            "{} holds the names of the copy still, which lead from aliases back: run the command that wrote the certificate \
             again, which deletes them",
            dir.display()
        );
    }
    let record = Record { file: args.certificate.with_file_name(RECORD), certificate: &certificate };
    match (&args.log, &args.copy) {
        (Place::Folder(data), Place::Folder(copy)) => {
            destroy_folder(data, copy, &record, &args.backups).await?;
        }
        (Place::Folder(_), _) | (_, Place::Folder(_)) => {
            anyhow::bail!(
                "--log and --copy are of two kinds: expected two folders, or two streams of one NATS"
            )
        }
        _ => destroy_stream(&args, &record, endpoints).await?,
    }
    let (position, log) = (certificate.from.position.0, &certificate.from.log.0);
    let json = || json!({ "outcome": "destroyed", "log": log, "position": position });
    let line = |_| format!("destroyed  {}, position {position}\n", printable(log));
    output.either(args.json, json, line)?;
    Ok(Outcome::Done)
}

/// A stream goes once the projection serves the new log. Nothing comes between the last question and the end.
async fn destroy_stream(
    args: &DestroyArgs,
    record: &Record<'_>,
    endpoints: &EndpointArgs,
) -> anyhow::Result<()> {
    let (log, copy) = (args.server.settings(&args.log)?, args.server.settings(&args.copy)?);
    let log = NatsLog::connect_to_copy(log.unwrap_or_default()).await?;
    let copy = NatsLog::connect_to_copy(copy.unwrap_or_default()).await?;
    let operator = Operator::of(&log, endpoints, None).await?;
    let (new, end) = (copy.identity(), record.certificate.from.position);
    operator.may_destroy(LogAct::Unspecified, &new, end).await?;
    anyhow::ensure!(log.is_sealed().await?, "the stream is not sealed: run `cra log forget --finish` first");
    let backups = Backups::of_predecessors(&args.backups, &copy).await?;
    let selections = verified(&log, &copy, record.certificate).await?;
    let act = operator.may_destroy(LogAct::Destroy, &new, end).await?;
    record.verified(&act, &selections, &backups)?;
    backups.delete()?;
    log.destroy().await?;
    record.done()
}

/// Says who destroyed the log, in a file that outlives it: written before the deletion, completed after it.
struct Record<'a> {
    file: PathBuf,
    certificate: &'a Certificate,
}

impl Record<'_> {
    fn verified(&self, act: &Act, selections: &SelectionsCompared, backups: &Backups) -> anyhow::Result<()> {
        let Certificate { from, to, .. } = self.certificate;
        let backups: Vec<_> = backups.0.iter().map(|dir| dir.display().to_string()).collect();
        let record = json!({
            "log": from, "replaced_by": to, "verified_at": Timestamp::now().to_string(), "act": act,
            "selections": selections, "backups": backups,
        });
        self.write(&record)
    }

    fn done(&self) -> anyhow::Result<()> {
        let text = fs::read(&self.file).with_context(|| self.file.display().to_string())?;
        let mut record: Value =
            serde_json::from_slice(&text).with_context(|| self.file.display().to_string())?;
        record["destroyed_at"] = Timestamp::now().to_string().into();
        self.write(&record)
    }

    fn write(&self, record: &Value) -> anyhow::Result<()> {
        let text = format!("{record:#}\n");
        AtomicFile::replace(&self.file, text.as_bytes()).with_context(|| self.file.display().to_string())
    }
}

/// Backups that hold what a log was made to forget.
struct Backups(Vec<PathBuf>);

impl Backups {
    /// The backups in these folders; an error if one is of a log that `copy` did not replace in order to forget.
    async fn of_predecessors(dirs: &[PathBuf], copy: &dyn Read) -> anyhow::Result<Self> {
        let predecessors = copy.head().await?.predecessors;
        let mut backups = Vec::new();
        for dir in dirs.iter().filter(|dir| dir.exists()) {
            let log = backup::manifest(dir)?.log;
            anyhow::ensure!(
                cra_eventlog::forgotten_since(&predecessors, &log).is_some(),
                "{} is a backup of the log {}, which the new log did not replace: nothing was deleted",
                dir.display(),
                log.0
            );
            backups.push(dir.clone());
        }
        Ok(Self(backups))
    }

    fn delete(&self) -> anyhow::Result<()> {
        Ok(self.0.iter().try_for_each(|dir| backup::delete(dir))?)
    }
}

async fn destroy_folder(
    data: &Path,
    copy: &Path,
    record: &Record<'_>,
    backups: &[PathBuf],
) -> anyhow::Result<()> {
    let destroyed = data.join(DESTROYED);
    let copy = open(copy).await?;
    let backups = Backups::of_predecessors(backups, &copy).await?;
    if !destroyed.is_dir() {
        let log = open(data).await?;
        let selections = verified(&log, &copy, record.certificate).await?;
        let act = Act::without_token(GrantedBy::Folder, Timestamp::now());
        record.verified(&act, &selections, &backups)?;
        log.close().await;
        drop(log);
        fs::rename(data.join(LOG), &destroyed).with_context(|| destroyed.display().to_string())?;
    }
    // From here on it is no log any more: interrupted, the command continues when it is run again.
    backups.delete()?;
    for gone in [&data.join(READ_MODELS), &destroyed] {
        match fs::remove_dir_all(gone) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| gone.display().to_string());
            }
            _ => {}
        }
    }
    record.done()
}

async fn verified(
    log: &dyn Read,
    copy: &dyn Read,
    certificate: &Certificate,
) -> anyhow::Result<SelectionsCompared> {
    let mut course = Course::begin();
    let selections = forgetting::verify(log, copy, certificate, |done| course.advance(done)).await?;
    course.bar.finish_and_clear();
    Ok(selections)
}
