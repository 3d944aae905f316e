//! Corrections and withdrawals: what is said is checked, decided on the CRA's whole history, recorded. The CRA must lie
//! within the author's perimeter before and after.

use cra_contracts::v1;
use cra_domain::cra::{Submission, Violation, check_cra_id, check_reason};
use uuid::Uuid;

use super::author::Author;
use crate::append::{Known, Next, Recorder};
use crate::decisions::{Change, Misplaced, correct, withdraw};
use crate::refused::Refused;

/// Replaces the content of a CRA. `place` is held until the append has ended.
pub(super) async fn correct<P: Send + 'static>(
    recorder: &Recorder,
    author: Author,
    request: v1::CorrectCraRequest,
    place: P,
) -> Result<v1::Receipt, Refused> {
    let cra_id = check_cra_id(&request.cra_id);
    let submission = Submission::parse(request.cra.as_ref(), recorder.now());
    let reason = check_reason(&request.reason);
    let (cra_id, submission, reason) = match (cra_id, submission, reason) {
        (Ok(cra_id), Ok(submission), Ok(reason)) => (cra_id, submission, reason),
        (cra_id, submission, reason) => {
            let mut faults: Vec<Violation> = cra_id.err().into_iter().collect();
            faults.extend(submission.err().into_iter().flatten());
            faults.extend(reason.err());
            return Err(Refused::invalid(&faults));
        }
    };
    author.may_record(submission.cra())?;
    let origin = author.origin();
    let decide = move |history: &_, header: &_| match author.may_see(cra_id, history) {
        Ok(()) => {
            next(cra_id, correct::decide(history, request.expected_revision, &submission, &reason, header))
        }
        Err(refused) => Next::Refuse(refused),
    };
    recorder.record(cra_id, Known::HasEvents, origin, place, decide).await
}

/// Takes a CRA out of the statistics. `place` is held until the append has ended.
pub(super) async fn withdraw<P: Send + 'static>(
    recorder: &Recorder,
    author: Author,
    request: v1::WithdrawCraRequest,
    place: P,
) -> Result<v1::Receipt, Refused> {
    let (cra_id, reason) = match (check_cra_id(&request.cra_id), check_reason(&request.reason)) {
        (Ok(cra_id), Ok(reason)) => (cra_id, reason),
        (cra_id, reason) => {
            let faults: Vec<Violation> = cra_id.err().into_iter().chain(reason.err()).collect();
            return Err(Refused::invalid(&faults));
        }
    };
    let origin = author.origin();
    let decide = move |history: &_, header: &_| match author.may_see(cra_id, history) {
        Ok(()) => next(cra_id, withdraw::decide(history, request.expected_revision, &reason, header)),
        Err(refused) => Next::Refuse(refused),
    };
    recorder.record(cra_id, Known::HasEvents, origin, place, decide).await
}

fn next(cra_id: Uuid, change: Change) -> Next {
    match change {
        Change::Record(event) => Next::Append(event),
        Change::AlreadyRecorded(receipt) => Next::Answer(receipt),
        Change::Misplaced(Misplaced::NoSuchCra) => Next::Refuse(Refused::NotFound { cra_id }),
        Change::Misplaced(Misplaced::Withdrawn) => Next::Refuse(Refused::Withdrawn { cra_id }),
        Change::Misplaced(Misplaced::Revision { current }) => {
            Next::Refuse(Refused::RevisionChanged { cra_id, current })
        }
    }
}
