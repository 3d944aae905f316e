//! One submission: its id and form are checked together, decided, recorded. Used for single calls and for items of a
//! stream.

use cra_contracts::v1::{self, submit_cras_response};
use cra_domain::cra::{Id, Submission, check_cra_id};
use cra_domain::event::record::Header;
use futures::future::{Either, ready};
use uuid::Uuid;

use super::author::Author;
use crate::append::{CommandExecutor, Expect};
use crate::decisions::submit::{self, OtherContent};
use crate::decisions::{Decision, History};
use crate::refused::Refused;

/// Records a submission, or only validates it. Starts at once; `permit` is held until the append has ended.
///
/// A submission that breaks rules is refused, unless it was recorded before they applied: if this caller may have
/// recorded it, the CRA's events are read first.
pub(super) fn submit<P: Send + 'static>(
    executor: &CommandExecutor,
    author: Author,
    request: &v1::SubmitCraRequest,
    permit: P,
) -> impl Future<Output = Result<v1::Receipt, Refused>> + Send + use<P> {
    let (cra_id, submission) = match check(request, &author, executor.now()) {
        Ok((cra_id, submission)) if request.validate_only => {
            return Either::Left(ready(Ok(unrecorded(cra_id, &submission))));
        }
        Ok((cra_id, submission)) => (cra_id, Ok(submission)),
        Err(refused) => match recordable(request, &author) {
            Some(cra_id) => (cra_id, Err(refused)),
            None => return Either::Left(ready(Err(refused))),
        },
    };
    let origin = author.origin();
    let form = Box::new(request.cra.clone().unwrap_or_default());
    let expect = if submission.is_ok() { Expect::New } else { Expect::Existing };
    let decide = move |history: &History, header: &Header| match &submission {
        Ok(submission) => submit::decide(history, &form, submission, header)
            .map_refusal(|OtherContent| author.taken(cra_id, history)),
        Err(refused) => match history.receipt_of_content(&form, header.recorded_at) {
            Some(receipt) => Decision::AlreadyRecorded(receipt),
            None => Decision::Refuse(refused.clone()),
        },
    };
    Either::Right(executor.record(cra_id, expect, origin, permit, decide))
}

/// The id of a CRA under which a refused submission may have been recorded: it has everything that recorded content
/// has, and the caller may record it.
fn recordable(request: &v1::SubmitCraRequest, author: &Author) -> Option<Uuid> {
    let cra_id = check_cra_id(&request.cra_id).ok()?;
    let form = request.cra.as_ref().filter(|_| !request.validate_only)?;
    let is_whole = Id::parse(&form.advisor_id).is_some()
        && Id::parse(&form.structure_id).is_some()
        && form.place.is_some()
        && form.activity != 0;
    (is_whole && author.may_record_form(form).is_ok()).then_some(cra_id)
}

/// The answer to an item of a stream.
pub(super) fn answer(item: u64, outcome: Result<v1::Receipt, Refused>) -> v1::SubmitCrasResponse {
    use submit_cras_response::Outcome as Message;
    let outcome = match outcome {
        Ok(receipt) => Message::Receipt(receipt),
        Err(refused) => Message::Refusal(refused.into_message()),
    };
    v1::SubmitCrasResponse { item, outcome: Some(outcome) }
}

/// A complete form of an advisor that its author may record for.
fn check(
    request: &v1::SubmitCraRequest,
    author: &Author,
    now: jiff::Timestamp,
) -> Result<(Uuid, Box<Submission>), Refused> {
    let cra_id = check_cra_id(&request.cra_id);
    let submission = Submission::parse(request.cra.as_ref(), now);
    match (cra_id, submission) {
        (Ok(cra_id), Ok(submission)) => {
            author.may_record(submission.cra())?;
            Ok((cra_id, Box::new(submission)))
        }
        (cra_id, submission) => {
            let faults: Vec<_> =
                cra_id.err().into_iter().chain(submission.err().into_iter().flatten()).collect();
            Err(Refused::invalid(&faults))
        }
    }
}

/// The receipt of a valid submission that is not recorded: its defaults, without position and time.
fn unrecorded(cra_id: Uuid, submission: &Submission) -> v1::Receipt {
    let defaulted_fields = submission
        .defaulted()
        .iter()
        .map(|default| v1::DefaultedField { field: default.field.to_owned(), value: default.value.clone() });
    v1::Receipt {
        cra_id: cra_id.to_string(),
        defaulted_fields: defaulted_fields.collect(),
        ..v1::Receipt::default()
    }
}
