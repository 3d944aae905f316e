//! `cra log forget`: from one folder to another, or from one stream of a NATS to another.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use cra_contracts::v1::LogAct;
use cra_eventlog::Read as _;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_forgetting::{self as forgetting, Act, Certificate, Copying, Done, GrantedBy, Order, Rules, Stage};
use cra_private::{AtomicFile, Existing, LockedDir, make_dir};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::json;

use super::operator::{Operator, WithoutProjection};
use super::pair::PUBLICATION_SECRET;
use super::{CommandResult, Outcome, log_folder, progress};
use crate::args::{EndpointArgs, ForgetArgs, Place};
use crate::output::Output;
use crate::render;

/// File of the certificate, in the work folder or in the new one.
const CERTIFICATE: &str = "certificate.json";
/// Folder of the names below the new folder, unless another one is given.
pub(super) const WORK: &str = "forgetting";
const WORK_LOCK: &str = "forget.lock";
/// Largest file of rules that is read.
const RULES_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Named as not reached by every certificate.
const NEVER_REACHED: [&str; 4] = [
    "backups of the old log, and of the log before it",
    "files exported earlier",
    "copies kept by those who followed the changes",
    "the audit, whose period is set elsewhere",
];

/// Copies a log without what is to be forgotten.
pub(super) async fn forget(args: ForgetArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let rules = rules(&args.rules)?;
    anyhow::ensure!(args.from != args.to, "--from and --to name one log: expected two");
    match (&args.from, &args.to) {
        (Place::Folder(from), Place::Folder(to)) => {
            let log = log_folder::open(from).await?;
            make_dir(to).with_context(|| to.display().to_string())?;
            keep_secret(from, to)?;
            let work = Work::open(args.work.as_deref().unwrap_or(&to.join(WORK)))?;
            let new = log_folder::open_with(to, EmbeddedLog::open_to_restore).await?;
            let mut course = Course::begin();
            let act = Act::without_token(GrantedBy::Folder, Timestamp::now());
            let order = work.order(&rules, &args, act.clone());
            let copying = Copying::begin(&log, &new, order, |done| course.advance(done)).await?;
            let certificate = copying.finish(act, |done| course.advance(done)).await?;
            finished(&certificate, work, args.work.as_deref().unwrap_or(to), &course, args.json, output)
        }
        (Place::Folder(_), _) | (_, Place::Folder(_)) => {
            anyhow::bail!(
                "--from and --to are of two kinds: expected two folders, or two streams of one NATS"
            )
        }
        (from, to) => {
            let (from, to) = (args.server.settings(from)?, args.server.settings(to)?);
            let settings = (from.unwrap_or_default(), to.unwrap_or_default());
            Box::pin(on_nats(settings, &rules, &args, endpoints, output)).await
        }
    }
}

/// From one stream to another of a NATS. The right is verified before anything is written, and again before the seal.
async fn on_nats(
    (from, to): (NatsSettings, NatsSettings),
    rules: &Rules,
    args: &ForgetArgs,
    endpoints: &EndpointArgs,
    output: &mut Output,
) -> CommandResult {
    let dir =
        args.work.as_deref().context("--work is missing: expected a folder for the names of the copy")?;
    let log = NatsLog::connect_to_copy(from).await?;
    let reason = args.without_projection.as_deref();
    let config = args.server.config.as_deref();
    let without = reason.map(|reason| WithoutProjection { reason, config });
    let operator = Operator::of(&log, endpoints, without).await?;
    // After an earlier run the services may be on the new log.
    let successor = log.successor().await?;
    let logs: Vec<_> = [log.identity()].into_iter().chain(successor).collect();
    let act = operator.may(LogAct::Copy, &logs).await?;
    let work = Work::open(dir)?;
    let new = NatsLog::connect_to_restore(to, &forgetting::origin(&log).await?).await?;
    let mut course = Course::begin();
    let order = work.order(rules, args, act);
    let mut copying = Copying::begin(&log, &new, order, |done| course.advance(done)).await?;
    let position = copying.copy(|done| course.advance(done)).await?;
    if !args.finish {
        course.bar.finish_and_clear();
        return copied(position.0, args.json, output);
    }
    // Before the seal, which is final; then what was recorded during the verification.
    copying.verify(|done| course.advance(done)).await?;
    copying.copy(|done| course.advance(done)).await?;
    copying.verify(|done| course.advance(done)).await?;
    let act = operator.may(LogAct::Seal, &logs).await?;
    log.seal(&new.identity()).await?;
    let certificate = copying.finish(act, |done| course.advance(done)).await?;
    finished(&certificate, work, dir, &course, args.json, output)
}

/// Shows how far an unfinished copy is.
fn copied(position: u64, json: bool, output: &mut Output) -> CommandResult {
    let line = |_| {
        format!("copied up to position {position}; --finish seals the old stream and opens the new one\n")
    };
    output.either(json, || json!({ "outcome": "copied", "position": position }), line)?;
    Ok(Outcome::Done)
}

/// Stores the certificate, then deletes the names: nothing leads back from an alias.
fn finished(
    certificate: &Certificate,
    work: Work,
    dir: &Path,
    course: &Course,
    json: bool,
    output: &mut Output,
) -> CommandResult {
    course.bar.finish_and_clear();
    let file = dir.join(CERTIFICATE);
    AtomicFile::replace(&file, certificate.to_json().as_bytes())
        .with_context(|| file.display().to_string())?;
    work.end(dir)?;
    let value = serde_json::to_value(certificate)?;
    output.either(json, || value, |_| render::forget::page(certificate, &file))?;
    Ok(Outcome::Done)
}

fn rules(file: &Path) -> anyhow::Result<Rules> {
    let named = || file.display().to_string();
    let bytes = fs::metadata(file).with_context(named)?.len();
    anyhow::ensure!(bytes <= RULES_BYTES_MAX, "{} has more than {RULES_BYTES_MAX} bytes", named());
    Rules::parse(&fs::read_to_string(file).with_context(named)?).with_context(named)
}

/// Takes the secret of public figures along: another one shows other numbers.
fn keep_secret(from: &Path, to: &Path) -> anyhow::Result<()> {
    let (old, new) = (from.join(PUBLICATION_SECRET), to.join(PUBLICATION_SECRET));
    if !old.try_exists()? || new.try_exists()? {
        return Ok(());
    }
    let secret = fs::read(&old).with_context(|| old.display().to_string())?;
    AtomicFile::write_whole(&new, &secret, Existing::Keep).with_context(|| new.display().to_string())
}

/// The folder of the names while a copy lasts.
struct Work {
    dir: PathBuf,
    locked: LockedDir,
}

impl Work {
    fn open(dir: &Path) -> anyhow::Result<Self> {
        let locked = LockedDir::open(dir, WORK_LOCK).map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(Self { dir: dir.to_owned(), locked })
    }

    fn order<'a>(&'a self, rules: &'a Rules, args: &ForgetArgs, act: Act) -> Order<'a> {
        let never = NEVER_REACHED.map(str::to_owned).into_iter();
        let not_reached = never.chain(args.not_reached.iter().cloned()).collect();
        Order { rules, work: &self.locked, not_reached, act, now: Timestamp::now }
    }

    /// Deletes the names, and the folder unless the certificate is in it.
    fn end(self, certificate: &Path) -> anyhow::Result<()> {
        forgetting::forget_names(&self.locked)?;
        let Self { dir, locked } = self;
        drop(locked);
        if dir == certificate {
            return Ok(());
        }
        fs::remove_dir_all(&dir).with_context(|| dir.display().to_string())
    }
}

/// Progress and speed of the work.
pub(super) struct Course {
    pub(super) bar: ProgressBar,
    began: Instant,
    stage: Stage,
    /// Where this run began its stage.
    first: Option<u64>,
}

impl Course {
    pub(super) fn begin() -> Self {
        Self { bar: progress::bar(Some(0)), began: Instant::now(), stage: Stage::Survey, first: None }
    }

    pub(super) fn advance(&mut self, done: Done) {
        if self.stage != done.stage {
            (self.began, self.stage, self.first) = (Instant::now(), done.stage, None);
        }
        let first = *self.first.get_or_insert(done.position.0);
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let per_second = done.position.0.saturating_sub(first).saturating_mul(1_000) / elapsed_ms;
        progress::advance_events(&self.bar, done.position.0, done.end.0, per_second);
    }
}
