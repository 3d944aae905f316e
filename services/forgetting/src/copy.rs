//! The copy of a log without what is to be forgotten: surveyed, written at the same positions, verified. Killed at any
//! time and run again, it continues where the new log ends.

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

/// Random selections whose statistics are compared over the whole logs.
const SELECTIONS: u32 = 256;
/// The same, at positions of the rest that was copied after the whole was compared.
const SELECTIONS_OF_REST: u32 = 32;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The old log is read for what the rules mean in it.
    Survey,
    /// The new log is written.
    Copy,
    /// Both logs are compared.
    Verification,
}

/// How far a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The stage.
    pub stage: Stage,
    /// The last event done.
    pub position: Position,
    /// The last event there is to do.
    pub end: Position,
}

/// What to forget, and how.
pub struct Order<'a> {
    /// What is to be forgotten.
    pub rules: &'a Rules,
    /// Folder of the names while the copy lasts; one per copy.
    pub work: &'a LockedDir,
    /// What lies outside of the log, as the operator names it.
    pub not_reached: Vec<String>,
    /// Who begins the copy.
    pub act: Act,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// Why the new log was not finished. It stays closed to everything else, and the old one as it was.
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
    /// No selections can be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// An event cannot be rewritten.
    #[error(transparent)]
    UnknownFields(#[from] UnknownFields),
    /// The new log is not the old one without what was to be forgotten.
    #[error(
        "{0}: the new log is not used; begin again with an empty target, and report this fault of the program"
    )]
    Mismatch(#[from] Mismatch),
    /// The new log has no room for it.
    #[error(
        "the certificate has {0} bytes, expected at most {max}: name less with --not-reached",
        max = Forgetting::CERTIFICATE_BYTES_MAX
    )]
    CertificateTooLarge(usize),
    /// The new log was not written by the copy that is certified.
    #[error(
        "the new log does not name this certificate: expected the certificate that `cra log forget` wrote with it, unchanged"
    )]
    OtherCertificate,
    /// The new log is the beginning of a copy with other names.
    #[error(
        "the new log holds events, and the names of their copy are not in the work folder: name the work folder of that copy, \
         or begin again with an empty target"
    )]
    NamesMissing,
    /// The new log reaches further than the old one.
    #[error(
        "the new log ends at {new}, the old one at {old}: expected an empty log, or the beginning of this copy"
    )]
    GoesOn {
        /// Where the new log ends.
        new: Position,
        /// Where the old log ends.
        old: Position,
    },
}

impl From<cra_eventlog::ReadError> for ForgetError {
    fn from(error: cra_eventlog::ReadError) -> Self {
        Self::Log(error.into())
    }
}

/// A copy under way: `to` becomes `from` without what is to be forgotten.
pub struct Copying<'a> {
    from: &'a dyn Read,
    to: &'a dyn Restore,
    order: Order<'a>,
    plan: Plan,
    names: Names,
    /// Of both logs, from the first event.
    comparison: Comparison,
    /// Position up to which they are compared.
    verified: Position,
    selections: Vec<SelectionsCompared>,
}

impl<'a> Copying<'a> {
    /// Reads the old log for what the rules mean in it, up to its end now, or to where it ended when the copy was first
    /// begun. Of events that follow, only names and accounts that are forgotten by then are replaced.
    pub async fn begin(
        from: &'a dyn Read,
        to: &'a dyn Restore,
        order: Order<'a>,
        mut report: impl FnMut(Done) + Send,
    ) -> Result<Self, ForgetError> {
        let head = from.head().await?;
        let rules = order.rules.digest();
        let kept = Names::kept(order.work, &head.identity, &rules)?;
        let end = kept.as_ref().map_or(head.position, |names| names.surveyed);
        let plan = survey(from, order.rules, end, &mut report).await?;
        let names = if let Some(names) = kept {
            names
        } else {
            if is_begun(&to.head().await?, &head) {
                return Err(ForgetError::NamesMissing);
            }
            let began = ((order.now)(), order.act.clone());
            let names = Names::draw(head.identity, end, rules, &plan, began)?;
            names.keep(order.work)?;
            names
        };
        let (comparison, verified) = (Comparison::default(), Position::START);
        Ok(Self { from, to, order, plan, names, comparison, verified, selections: Vec::new() })
    }

    /// Copies what the new log does not hold yet, up to where the old one ends now.
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

    /// Compares what was copied since the last comparison, in both logs.
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

    /// Copies and verifies the rest, opens the new log and certifies it. The old log must take no more events.
    /// If an earlier run opened it, the certificate is that of that run.
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

/// Whether the new log holds a part of a copy of the old one, and was not opened yet.
fn is_begun(new: &Head, old: &Head) -> bool {
    let has_part = new.position > Position::START && new.position <= old.position;
    has_part && certificate_of(new, &old.identity).is_none()
}

/// The certificate that the new log names for the old one.
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

/// Deletes the names of a finished copy, once its certificate is stored: nothing leads back from an alias.
pub fn forget_names(work: &LockedDir) -> Result<(), ForgetError> {
    Ok(Names::delete(work)?)
}

/// Whether a folder holds the names of a copy that was not finished, which lead from aliases back.
#[must_use]
pub fn names_are_left(dir: &Path) -> bool {
    Names::are_in(dir)
}

/// Compares both logs once more, up to where the certificate says, and with its digests.
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
        Err(differs("or the old one is another than the certificate says: their digests differ"))
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
                    // A document is what is left of it: one that would be read otherwise is not written.
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

/// Compares a range of the logs, and, where the rules are known, checks that nothing is left that they name.
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
            let what = "holds something that the rules name";
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
