//! Corrections and withdrawals: decided with the CRA's whole history, then recorded. The CRA must be inside the
//! author's perimeter before and after.
//!
//! The rules depend on the history, so a faulty request costs a read. A CRA that the author cannot see is answered as
//! one that does not exist: with the faults that the request has as a new CRA, or else as not found.

use cra_contracts::v1;
use cra_domain::cra::{Submission, Violation, check_cra_id, check_reason};
use cra_runtime::off_workers::{is_large, off_workers};
use uuid::Uuid;

use super::author::Author;
use crate::append::{CommandExecutor, Expect};
use crate::decisions::{ChangeRefusal, Decision, History, correct, withdraw};
use crate::refused::Refused;

/// Replaces the content of a CRA. `permit` is held until the append has ended.
pub(super) async fn correct<P: Send + 'static>(
    executor: &CommandExecutor,
    author: Author,
    request: v1::CorrectCraRequest,
    permit: P,
) -> Result<v1::Receipt, Refused> {
    let (now, is_large) = (executor.now(), is_large(&request));
    let reading = off_workers(is_large, move || {
        let as_new = Submission::parse(request.cra.as_ref(), now);
        let reason_fault = check_reason(&request.reason).err();
        (request, as_new, reason_fault)
    });
    let (request, as_new, reason_fault) = reading.await.map_err(|_| Refused::Fault)?;
    let v1::CorrectCraRequest { cra_id, expected_revision, cra, reason } = request;
    if let Ok(submission) = &as_new {
        // Before anything is read: the answer depends only on the request.
        author.may_record(submission.cra())?;
    }
    let faults = as_new.err().into_iter().flatten().chain(reason_fault);
    let faults: Vec<Violation> = faults.collect();
    let (cra_id, form) = known(&cra_id, cra, &faults)?;
    let origin = author.origin();
    let decide = move |history: &History, header: &_| {
        if let Err(refused) = author.may_see(cra_id, history) {
            return Decision::Refuse(unseen(refused, &faults));
        }
        let decided = correct::decide(history, expected_revision, &form, &reason, header);
        match decided.map_refusal(|refusal| refused(cra_id, refusal, &faults)) {
            Decision::Append(event) => match author.may_record_event(&event) {
                Ok(()) => Decision::Append(event),
                Err(refused) => Decision::Refuse(refused),
            },
            decided => decided,
        }
    };
    executor.record(cra_id, Expect::Existing, origin, permit, decide).await
}

/// Withdraws a CRA from the statistics. `permit` is held until the append has ended.
pub(super) async fn withdraw<P: Send + 'static>(
    executor: &CommandExecutor,
    author: Author,
    request: v1::WithdrawCraRequest,
    permit: P,
) -> Result<v1::Receipt, Refused> {
    let v1::WithdrawCraRequest { cra_id, expected_revision, reason } = request;
    let faults: Vec<Violation> = check_reason(&reason).err().into_iter().collect();
    let (cra_id, ()) = known(&cra_id, Some(()), &faults)?;
    let origin = author.origin();
    let decide = move |history: &History, header: &_| match author.may_see(cra_id, history) {
        Ok(()) => withdraw::decide(history, expected_revision, &reason, header)
            .map_refusal(|refusal| refused(cra_id, refusal, &faults)),
        Err(refused) => Decision::Refuse(unseen(refused, &faults)),
    };
    executor.record(cra_id, Expect::Existing, origin, permit, decide).await
}

/// What is needed to read and compare the history; otherwise every fault of the request itself.
fn known<F>(cra_id: &str, form: Option<F>, faults: &[Violation]) -> Result<(Uuid, F), Refused> {
    match (check_cra_id(cra_id), form) {
        (Ok(cra_id), Some(form)) => Ok((cra_id, form)),
        (cra_id, _) => {
            let faults: Vec<Violation> = cra_id.err().into_iter().chain(faults.iter().cloned()).collect();
            Err(Refused::invalid(&faults))
        }
    }
}

/// The answer if there is no visible CRA.
fn unseen(not_found: Refused, faults: &[Violation]) -> Refused {
    if faults.is_empty() { not_found } else { Refused::invalid(faults) }
}

fn refused(cra_id: Uuid, refusal: ChangeRefusal, faults: &[Violation]) -> Refused {
    match refusal {
        ChangeRefusal::Invalid(faults) => Refused::invalid(&faults),
        ChangeRefusal::NoSuchCra => unseen(Refused::NotFound { cra_id }, faults),
        ChangeRefusal::Withdrawn => Refused::Withdrawn { cra_id },
        ChangeRefusal::Revision { current } => Refused::RevisionChanged { cra_id, current },
    }
}
