//! Sends corrections and withdrawals: one by one to the service, several at a time, each CRA's in their order, reported in
//! the file's order. The service is asked again while it is away; the same change sent again is recorded once.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::time::Duration;

use cra_contracts::v1;
use cra_domain::event::life::Life;
use cra_runtime::rejection;
use futures::StreamExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status};

use super::{Change, Content, Kind, is_recorded};
use crate::client::{ClientError, Connection, within_deadline};
use crate::output::notice;
use crate::render;
use crate::submission::retry_budget::with_retry;
use crate::submission::stream::StreamError;
use crate::submission::{Item, Outcome, Reported, Tally};

/// Changes under way.
const IN_FLIGHT: usize = 32;
/// CRAs whose last change is remembered before those that are done are forgotten.
const REMEMBERED: usize = 4 * IN_FLIGHT;

/// What the service says to a call: an answer, or a refusal that asking again would not change.
pub(crate) type Answer<T> = Result<Result<T, Box<Status>>, ClientError>;

/// Sends changes over one connection.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) connection: Connection,
    /// How long to wait for a service that is away.
    pub(crate) retry_for: Duration,
}

impl Sender {
    /// The life of a CRA, from the log itself.
    pub(crate) async fn life(&self, cra_id: &str) -> Answer<Life> {
        let request = v1::GetCraHistoryRequest { cra_id: cra_id.to_owned() };
        let ask =
            async || self.connection.ingestion().get_cra_history(within_deadline(request.clone())).await;
        let answer = self.with_retry(ask).await?;
        Ok(answer.map(|answer| Life::new(answer.events)))
    }

    pub(crate) async fn correct(&self, request: v1::CorrectCraRequest) -> Answer<v1::Receipt> {
        let ask = async || self.connection.ingestion().correct_cra(within_deadline(request.clone())).await;
        let answer = self.with_retry(ask).await?;
        Ok(answer.map(|answer| answer.receipt.unwrap_or_default()))
    }

    pub(crate) async fn withdraw(&self, request: v1::WithdrawCraRequest) -> Answer<v1::Receipt> {
        let ask = async || self.connection.ingestion().withdraw_cra(within_deadline(request.clone())).await;
        let answer = self.with_retry(ask).await?;
        Ok(answer.map(|answer| answer.receipt.unwrap_or_default()))
    }

    async fn with_retry<T>(&self, mut ask: impl AsyncFnMut() -> Result<Response<T>, Status>) -> Answer<T> {
        let seconds = self.retry_for.as_secs();
        let asked = async || match ask().await {
            Ok(answer) => Ok(Ok(answer.into_inner())),
            Err(status) if may_pass(&status) => Err(self.connection.failure(status)),
            Err(status) => Ok(Err(Box::new(status))),
        };
        with_retry(self.retry_for, asked, |failure| notice(&render::import::unavailable(failure, seconds)))
            .await
    }

    /// The receipt of an equal correction that was recorded before, where the CRA says already what it asks for.
    pub(crate) async fn recorded_before(
        &self,
        cra_id: &str,
        life: &Life,
        content: &Content,
        reason: &str,
    ) -> Result<Option<v1::Receipt>, ClientError> {
        for revision in life.corrected_for(reason) {
            let applied = life.content_at(revision).map(|base| content.applied_to(&base));
            let Some(Ok(cra)) = applied else { continue };
            // A correction of a revision that was corrected is answered or refused, never recorded.
            if let Ok(receipt) = self.correct(correction(cra_id, revision, cra, reason)).await? {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    /// Carries a change out on what the CRA says now, unless it names the revision it is made for.
    async fn carry_out(&self, change: &Change) -> Result<Outcome, ClientError> {
        let Change { cra_id, reason, .. } = change;
        if let (Kind::Withdraw, Some(expected_revision)) = (&change.kind, change.expected_revision) {
            return Ok(outcome(self.withdraw(withdrawal(cra_id, expected_revision, reason)).await?));
        }
        let life = match self.life(cra_id).await? {
            Ok(life) => life,
            Err(status) => return Ok(outcome(Err(status))),
        };
        let revision = change.expected_revision.unwrap_or_else(|| life.revision());
        let Kind::Correct(content) = &change.kind else {
            let revision = if life.is_withdrawn() { revision.saturating_sub(1) } else { revision };
            return Ok(outcome(self.withdraw(withdrawal(cra_id, revision, reason)).await?));
        };
        let applied = life.content_at(revision).ok_or_else(|| "its content cannot be read".to_owned());
        let (base, cra) = match applied.and_then(|base| Ok((base.clone(), content.applied_to(&base)?))) {
            Ok(applied) => applied,
            Err(problem) => return Ok(Outcome::Unreadable(format!("{cra_id}: {problem}"))),
        };
        if !life.is_withdrawn() && is_recorded(&cra, &base) {
            let before = match change.expected_revision {
                Some(_) => None,
                None => self.recorded_before(cra_id, &life, content, reason).await?,
            };
            let receipt = before.unwrap_or_else(|| life.last_receipt(cra_id));
            return Ok(Outcome::Received { receipt, notes: Vec::new() });
        }
        Ok(outcome(self.correct(correction(cra_id, revision, cra, reason)).await?))
    }
}

pub(crate) fn correction(
    cra_id: &str,
    expected_revision: u64,
    cra: v1::Cra,
    reason: &str,
) -> v1::CorrectCraRequest {
    let (cra_id, reason) = (cra_id.to_owned(), reason.to_owned());
    v1::CorrectCraRequest { cra_id, expected_revision, cra: Some(cra), reason }
}

pub(crate) fn withdrawal(cra_id: &str, expected_revision: u64, reason: &str) -> v1::WithdrawCraRequest {
    v1::WithdrawCraRequest { cra_id: cra_id.to_owned(), expected_revision, reason: reason.to_owned() }
}

/// Whether the same request may be answered otherwise later: the service is away or busy, or others changed the CRA at
/// each try. A revision that is no longer current stays so.
fn may_pass(status: &Status) -> bool {
    if rejection::reason_of(status).is_some_and(|reason| cra_client::is_permanent(&reason)) {
        return false;
    }
    match status.code() {
        Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled => true,
        Code::Aborted => rejection::retry_delay_of(status).is_some(),
        _ => std::error::Error::source(status).is_some(),
    }
}

/// Whether a refusal says that the CRA was changed since the revision that was expected.
pub(crate) fn is_overtaken(status: &Status) -> bool {
    status.code() == Code::Aborted
}

/// A status as the items of a stream are refused.
pub(crate) fn refusal(status: &Status) -> v1::Refusal {
    let violations = rejection::violations_of(status).into_iter().map(|violation| v1::Violation {
        field: violation.field,
        reason: violation.reason.into_owned(),
        description: violation.description,
        localized_message: violation.localized_message,
    });
    let message = match rejection::french_of(status) {
        Some(french) => format!("{} ({french})", status.message()),
        None => status.message().to_owned(),
    };
    let code = rejection::code_name(status.code()).to_owned();
    let reason = rejection::reason_of(status).unwrap_or_default();
    v1::Refusal { code, message, violations: violations.collect(), reason }
}

fn outcome(answer: Result<v1::Receipt, Box<Status>>) -> Outcome {
    match answer {
        Ok(receipt) => Outcome::Received { receipt, notes: Vec::new() },
        Err(status) => Outcome::Refused(refusal(&status)),
    }
}

/// Sends every change, and reports each outcome in the order of the items. Those without a reason have `reason`. `tally`
/// is right in any case.
pub(crate) async fn send_all(
    sender: &Sender,
    reason: &str,
    items: mpsc::Receiver<Item<Change>>,
    tally: &mut Tally,
    mut each: impl FnMut(&Reported, &Tally) -> io::Result<()>,
) -> Result<(), StreamError> {
    let read = Cell::new(0);
    let mut turns = Turns::default();
    let answers = ReceiverStream::new(items).map(|item| {
        read.set(read.get() + 1);
        let turn = item.content.as_ref().ok().map(|change| turns.take(&change.cra_id));
        one(sender, reason, item, turn)
    });
    let mut answers = std::pin::pin!(answers.buffered(IN_FLIGHT));
    let mut reported = 0;
    let sent = loop {
        match answers.next().await {
            None => break Ok(()),
            Some(Err(failure)) => break Err(failure.into()),
            Some(Ok(outcome)) => {
                reported += 1;
                tally.count(&outcome.outcome);
                if let Err(error) = each(&outcome, tally) {
                    break Err(error.into());
                }
            }
        }
    };
    tally.unanswered = read.get() - reported;
    sent
}

async fn one(
    sender: &Sender,
    reason: &str,
    item: Item<Change>,
    turn: Option<Turn>,
) -> Result<Reported, ClientError> {
    let Item { location, bytes_read, content } = item;
    let (id, outcome) = match content {
        Err(unsent) => unsent.into_outcome(),
        Ok(mut change) => {
            if change.reason.is_empty() {
                reason.clone_into(&mut change.reason);
            }
            let mut turn = turn;
            if let Some(before) = turn.as_mut().and_then(|turn| turn.before.take()) {
                // Done, or given up with everything else.
                let _ = before.await;
            }
            let outcome = sender.carry_out(&change).await?;
            drop(turn);
            (change.cra_id, outcome)
        }
    };
    Ok(Reported { location, id, bytes_read, outcome })
}

/// A change's turn among those of its CRA: after the one before it, before the one that waits for its end.
struct Turn {
    before: Option<oneshot::Receiver<()>>,
    _done: oneshot::Sender<()>,
}

/// The last turn of each CRA.
#[derive(Default)]
struct Turns(HashMap<String, oneshot::Receiver<()>>);

impl Turns {
    fn take(&mut self, cra_id: &str) -> Turn {
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, done| matches!(done.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        }
        let (sender, receiver) = oneshot::channel();
        Turn { before: self.0.insert(cra_id.to_ascii_lowercase(), receiver), _done: sender }
    }
}
