//! One submission: its id and its form checked together, decided, recorded. The same way for a single call and for
//! an item of a stream.

use cra_contracts::v1::{self, submit_cras_response};
use cra_domain::cra::{Id, Submission, check_cra_id};
use cra_domain::event::record::Header;
use futures::future::{Either, ready};
use uuid::Uuid;

use super::author::Author;
use crate::append::{Known, Next, Recorder};
use crate::decisions::History;
use crate::decisions::submit::{self, Outcome};
use crate::refused::Refused;

/// Records a submission, or only checks it. Begins at once; `place` is held until the append has ended.
///
/// One that breaks rules is refused, unless it was recorded before them: its CRA's events are read first, where there may
/// be one of this caller's.
pub(super) fn submit<P: Send + 'static>(
    recorder: &Recorder,
    author: Author,
    request: &v1::SubmitCraRequest,
    place: P,
) -> impl Future<Output = Result<v1::Receipt, Refused>> + Send + use<P> {
    let (cra_id, submission) = match check(request, &author, recorder.now()) {
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
    let known = if submission.is_ok() { Known::IsNew } else { Known::HasEvents };
    let decide = move |history: &History, header: &Header| match &submission {
        Ok(submission) => match submit::decide(history, &form, submission, header) {
            Outcome::Record(event) => Next::Append(event),
            Outcome::AlreadyRecorded(receipt) => Next::Answer(receipt),
            Outcome::OtherContent => Next::Refuse(author.taken(cra_id, history)),
        },
        Err(refused) => match history.receipt_of_content(&form, header.recorded_at) {
            Some(receipt) => Next::Answer(receipt),
            None => Next::Refuse(refused.clone()),
        },
    };
    Either::Right(recorder.record(cra_id, known, origin, place, decide))
}

/// The id of a CRA that a refused submission may have been recorded under: what every recorded content has is there, and
/// the caller may record it.
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

/// A complete form, of an advisor that its author may record for.
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

/// What a valid submission would get: its defaults, and nothing that only a recorded one has.
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
