//! One submission: its id and its form checked together, decided, recorded. The same way for a single call and for
//! an item of a stream.

use cra_contracts::v1::{self, submit_cras_response};
use cra_domain::cra::{Submission, check_cra_id};
use futures::future::{Either, ready};
use uuid::Uuid;

use super::author::Author;
use crate::append::{Known, Next, Recorder};
use crate::decisions::submit::{self, Outcome};
use crate::refused::Refused;

/// Records a submission, or only checks it. Begins at once; `place` is held until the append has ended.
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
        Ok(checked) => checked,
        Err(refused) => return Either::Left(ready(Err(refused))),
    };
    let origin = author.origin();
    let decide = move |history: &_, header: &_| match submit::decide(history, &submission, header) {
        Outcome::Record(event) => Next::Append(event),
        Outcome::AlreadyRecorded(receipt) => Next::Answer(receipt),
        Outcome::OtherContent => Next::Refuse(author.taken(cra_id, history)),
    };
    Either::Right(recorder.record(cra_id, Known::IsNew, origin, place, decide))
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
