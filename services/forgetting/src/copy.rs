//! Copies a log without what is to be forgotten: surveys the old log, writes the new one at the same positions, and
//! verifies it. A copy that was killed resumes at the end of the new log.

use std::path::Path;

use cra_backup::{BackupError, batch_length, next_entry, restore};
use cra_eventlog::{
    Forgetting, Head, LogEntry, LogIdentity, Origin, Position, RESTORE_EVENTS_MAX, Read, Restore,
    RestoreError,
};
use cra_private::LockedDir;
use jiff::Timestamp;

use crate::act::Act;
use crate::certificate::{Certificate, Compared, Digest, Kept, LogDigest};
use crate::compare::{Comparison, Mismatch};
use crate::figures::SelectionsCompared;
use crate::names::{Names, NamesError};
use crate::plan::{Plan, Survey, document_of};
use crate::random::NoRandomness;
use crate::rewrite::{Rewriter, UnknownFields};
use crate::rules::Rules;

/// Number of random selections whose statistics are compared over the whole logs.
const SELECTIONS: u32 = 256;
/// The same for the events copied after the first comparison.
const SELECTIONS_OF_REST: u32 = 32;

/// Stage of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Surveying the old log: reading what the rules cover.
    Survey,
    /// Writing the new log.
    Copy,
    /// Comparing both logs.
    Verification,
}

/// Progress of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The stage.
    pub stage: Stage,
    /// Position of the last processed event.
    pub position: Position,
    /// Position of the last event to process.
    pub end: Position,
}

/// Order to make a log forget.
pub struct Order<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// Work folder with the names while the copy is in progress; one per copy.
    pub work: &'a LockedDir,
    /// Copies outside of the log, as the operator describes them.
    pub not_reached: Vec<String>,
    /// Who starts the copy.
    pub act: Act,
    /// The current time.
    pub now: fn() -> Timestamp,
}

/// Why the new log was not finished. The new log stays closed to everything else; the old one is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// A log could not be read or written.
    #[error(transparent)]
    Log(#[from] BackupError),
    /// A log could not be closed, opened or sealed.
    #[error("{0}; on NATS this needs the rights of the log's operator")]
    Restore(#[from] RestoreError),
    /// The names cannot be used.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// The system returned no random seed for the selections.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// An event cannot be rewritten.
    #[error(transparent)]
    UnknownFields(#[from] UnknownFields),
    /// The new log differs from the old one in more than what is to be forgotten.
    #[error(
        "{0}: the new log is not used; begin again with an empty target, and report this fault of the program"
    )]
    Mismatch(#[from] Mismatch),
    /// The new log is out of space.
    #[error(
        "the certificate has {0} bytes, expected at most {max}: name less with --not-reached",
        max = Forgetting::CERTIFICATE_BYTES_MAX
    )]
    CertificateTooLarge(usize),
    /// The new log was written by another copy than the certified one.
    #[error(
        "the new log does not name this certificate: expected the certificate that `cra log forget` wrote with it, unchanged"
    )]
    OtherCertificate,
    /// The new log is the start of a copy with other names.
    #[error(
        "the new log holds events, and the names of their copy are not in the work folder: name the work folder of that copy, \
         or begin again with an empty target"
    )]
    NamesMissing,
    /// The new log is longer than the old one.
    #[error(
        "the new log ends at {new}, the old one at {old}: expected an empty log, or the beginning of this copy"
    )]
    GoesOn {
        /// Last position of the new log.
        new: Position,
        /// Last position of the old log.
        old: Position,
    },
}

impl From<cra_eventlog::ReadError> for ForgetError {
    fn from(error: cra_eventlog::ReadError) -> Self {
        Self::Log(error.into())
    }
}

/// A copy in progress: `to` becomes `from` without what is to be forgotten.
pub struct Copying<'a> {
    from: &'a dyn Read,
    to: &'a dyn Restore,
    order: Order<'a>,
    plan: Plan,
    names: Names,
    /// Comparison of both logs from the first event.
    comparison: Comparison,
    /// Position up to which both logs were compared.
    verified: Position,
    selections: Vec<SelectionsCompared>,
}

impl<'a> Copying<'a> {
    /// Surveys the old log up to its current end, or up to its end when the copy was first started. In later events,
    /// only the names and accounts that the survey found are replaced.
    pub async fn begin(
        from: &'a dyn Read,
        to: &'a dyn Restore,
        order: Order<'a>,
        mut report: impl FnMut(Done) + Send,
    ) -> Result<Self, ForgetError> {
        let head = from.head().await?;
        let rules = order.rules.digest();
        let stored = Names::stored(order.work, &head.identity, &rules)?;
        let end = stored.as_ref().map_or(head.position, |names| names.surveyed);
        let plan = survey(from, order.rules, end, &mut report).await?;
        let names = if let Some(names) = stored {
            names
        } else {
            if is_started(&to.head().await?, &head) {
                return Err(ForgetError::NamesMissing);
            }
            let began = ((order.now)(), order.act.clone());
            let names = Names::draw(head.identity, end, rules, &plan, began)?;
            names.save(order.work)?;
            names
        };
        let (comparison, verified) = (Comparison::default(), Position::START);
        Ok(Self { from, to, order, plan, names, comparison, verified, selections: Vec::new() })
    }

    /// Copies the events that the new log lacks, up to the current end of the old log.
    pub async fn copy(&self, mut report: impl FnMut(Done) + Send) -> Result<Position, ForgetError> {
        let origin = origin(self.from).await?;
        let head = self.to.head().await?;
        let (reached, end) = (head.position, origin.last_position);
        let is_open = cra_eventlog::common_position(&head.predecessors, &origin.log) == Some(end);
        if reached > end && is_open {
            // An earlier run opened the new log, and services append to it.
            return Ok(end);
        }
        if reached > end {
            return Err(ForgetError::GoesOn { new: reached, old: end });
        }
        self.to.begin(&origin).await?;
        copy(self.from, self.to, self.rewriter(), end, &mut report).await?;
        Ok(end)
    }

    /// Compares the events of both logs that were copied since the last comparison.
    pub async fn verify(&mut self, mut report: impl FnMut(Done) + Send) -> Result<(), ForgetError> {
        let end = self.to.head().await?.position.min(self.from.head().await?.position);
        self.verify_to(end, &mut report).await
    }

    async fn verify_to(
        &mut self,
        end: Position,
        report: &mut (impl FnMut(Done) + Send),
    ) -> Result<(), ForgetError> {
        let rewriter = Rewriter { plan: &self.plan, names: &self.names };
        let range = Range { after: self.verified, end };
        compare(self.from, self.to, range, &mut self.comparison, Some(rewriter), report).await?;
        if self.verified < end {
            let is_whole = self.verified == Position::START;
            let selections = if is_whole { SELECTIONS } else { SELECTIONS_OF_REST };
            self.selections.push(self.comparison.selections(self.verified, selections).await??);
        }
        self.verified = end;
        Ok(())
    }

    /// Copies and verifies the rest, opens the new log and certifies it. The old log must accept no more events. If an
    /// earlier run opened the new log, returns the certificate of that run.
    pub async fn finish(
        mut self,
        act: Act,
        mut report: impl FnMut(Done) + Send,
    ) -> Result<Certificate, ForgetError> {
        let end = self.copy(&mut report).await?;
        let origin = Origin { last_position: end, ..origin(self.from).await? };
        self.verify_to(end, &mut report).await?;
        self.comparison.finish(end)?;
        let Self { to, order, plan, names, comparison, selections, .. } = self;
        let Comparison { from: old, to: new, rewritten, .. } = comparison;
        let log = origin.log.clone();
        let digest = |log, digest: Digest| LogDigest { log, position: end, sha256: digest.finish() };
        let compared = Compared {
            from: digest(log, old),
            to: digest(to.identity(), new),
            surveyed: names.surveyed,
            began: names.began,
            finished: Some(act),
            selections,
            forgotten: rewritten,
            kept: Kept {
                organisation_names_used_elsewhere: plan.names_kept,
                unreadable_events: plan.unreadable.count,
                unreadable_positions: plan.unreadable.positions,
            },
            not_reached: order.not_reached,
        };
        if let Some(named) = certificate_of(&to.head().await?, &origin.log)
            && (&named.from, &named.to) == (&compared.from, &compared.to)
        {
            return Ok(named);
        }
        let certificate = Certificate::new(order.rules, names.at, (order.now)(), compared);
        let forgetting = certificate.to_forgetting();
        if forgetting.certificate.len() > Forgetting::CERTIFICATE_BYTES_MAX {
            return Err(ForgetError::CertificateTooLarge(forgetting.certificate.len()));
        }
        to.finish(&Origin { forgetting: Some(forgetting), ..origin }).await?;
        Ok(certificate)
    }

    fn rewriter(&self) -> Rewriter<'_> {
        Rewriter { plan: &self.plan, names: &self.names }
    }
}

/// Whether the new log contains a part of a copy of the old one, and is still closed.
fn is_started(new: &Head, old: &Head) -> bool {
    let has_part = new.position > Position::START && new.position <= old.position;
    has_part && certificate_of(new, &old.identity).is_none()
}

/// The certificate that the new log records for the old one.
fn certificate_of(new: &Head, old: &LogIdentity) -> Option<Certificate> {
    let named = new.predecessors.iter().find(|it| it.log == *old)?.forgetting.as_ref()?;
    Certificate::parse(named.certificate.as_bytes()).ok()
}

/// The old log as the origin of the new one.
pub async fn origin(from: &dyn Read) -> Result<Origin, ForgetError> {
    let head = from.head().await?;
    Ok(Origin {
        log: head.identity,
        last_position: head.position,
        predecessors: head.predecessors,
        forgetting: None,
    })
}

/// Deletes the names of a finished copy, once its certificate is stored: afterwards no alias can be resolved.
pub fn forget_names(work: &LockedDir) -> Result<(), ForgetError> {
    Ok(Names::delete(work)?)
}

/// Whether a folder contains the names of an unfinished copy, which resolve aliases.
#[must_use]
pub fn has_names(dir: &Path) -> bool {
    Names::exist_in(dir)
}

/// Compares both logs again up to the positions of the certificate, and checks its digests.
pub async fn verify(
    from: &dyn Read,
    to: &dyn Read,
    certificate: &Certificate,
    mut report: impl FnMut(Done) + Send,
) -> Result<SelectionsCompared, ForgetError> {
    let mut comparison = Comparison::default();
    let end = certificate.from.position;
    let differs = |what| ForgetError::Mismatch(Mismatch { position: end, what });
    if from.head().await?.position > end {
        return Err(differs("is behind: events were recorded in the old one after the certificate"));
    }
    let range = Range { after: Position::START, end };
    let named = to.head().await?.predecessors.into_iter().find(|it| it.log == certificate.from.log);
    if named.and_then(|it| it.forgetting) != Some(certificate.to_forgetting()) {
        return Err(ForgetError::OtherCertificate);
    }
    compare(from, to, range, &mut comparison, None, &mut report).await?;
    comparison.finish(end)?;
    let selections = comparison.selections(Position::START, SELECTIONS).await??;
    let found = (comparison.from.finish(), comparison.to.finish());
    if found == (certificate.from.sha256.clone(), certificate.to.sha256.clone()) {
        Ok(selections)
    } else {
        Err(differs("or the old one is not the log of the certificate: their digests differ"))
    }
}

async fn survey(
    from: &dyn Read,
    rules: &Rules,
    end: Position,
    report: &mut (impl FnMut(Done) + Send),
) -> Result<Plan, ForgetError> {
    let mut survey = Survey::new(rules.clone());
    let mut entries = from.read(Position::START);
    let mut position = Position::START;
    while position < end {
        let entry = next_entry(&mut entries, position.next()).await?;
        survey.observe(&entry);
        position = entry.position;
        advance(Stage::Survey, position, end, report);
    }
    Ok(survey.finish())
}

async fn copy(
    from: &dyn Read,
    to: &dyn Restore,
    rewriter: Rewriter<'_>,
    end: Position,
    report: &mut (impl FnMut(Done) + Send),
) -> Result<(), ForgetError> {
    let mut position = to.head().await?.position;
    let mut entries = from.read(position);
    let mut batch: Vec<LogEntry> = Vec::with_capacity(RESTORE_EVENTS_MAX);
    while position < end {
        let entry = next_entry(&mut entries, position.next()).await?;
        position = entry.position;
        let rewritten = rewriter.rewrite(&entry)?;
        batch.push(match rewritten {
            Some(payload) => {
                let new = LogEntry { payload, ..entry.clone() };
                if document_of(&entry.payload).is_some() {
                    // The reduced document must be read as before; otherwise it is not written.
                    Comparison::default().pair(&entry, &new)?;
                }
                new
            }
            None => entry,
        });
        if position == end || batch_length(&batch) < batch.len() || batch.len() == RESTORE_EVENTS_MAX {
            let mut rest = batch.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(batch_length(rest));
                restore(to, now).await?;
                rest = later;
            }
            batch.clear();
        }
        advance(Stage::Copy, position, end, report);
    }
    Ok(())
}

/// The events after one position, up to another.
#[derive(Clone, Copy)]
struct Range {
    after: Position,
    end: Position,
}

/// Compares a range of the logs. If the rules are known, also checks that the new log contains nothing that they cover.
async fn compare(
    from: &dyn Read,
    to: &dyn Read,
    Range { after, end }: Range,
    comparison: &mut Comparison,
    rules: Option<Rewriter<'_>>,
    report: &mut (impl FnMut(Done) + Send),
) -> Result<(), ForgetError> {
    let (mut old, mut new) = (from.read(after), to.read(after));
    let mut position = after;
    while position < end {
        let before = next_entry(&mut old, position.next()).await?;
        let after = next_entry(&mut new, position.next()).await?;
        comparison.pair(&before, &after)?;
        position = before.position;
        if let Some(rewriter) = rules
            && rewriter.rewrite(&after)?.is_some()
        {
            let what = "contains something that the rules cover";
            return Err(Mismatch { position, what }.into());
        }
        advance(Stage::Verification, position, end, report);
    }
    Ok(())
}

/// Reports every thousandth event, and the last one.
fn advance(stage: Stage, position: Position, end: Position, report: &mut impl FnMut(Done)) {
    if position == end || position.0.is_multiple_of(1_000) {
        report(Done { stage, position, end });
    }
}
