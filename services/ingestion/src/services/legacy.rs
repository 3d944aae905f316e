//! One document of an older form: its id, form and content are checked together, decided, and recorded unchanged.
//!
//! The upcaster only checks that the document is readable and reports repairs; its result is not stored.

use std::sync::{Arc, OnceLock};

use cra_contracts::v1::{self, import_legacy_cras_response};
use cra_domain::cra::{Cra, DocumentFault, Violation};
use cra_domain::event::Forgotten;
use cra_domain::event::record::Header;
use cra_domain::legacy::{self, Declared};
use futures::future::{Either, ready};

use super::author::Author;
use crate::append::{CommandExecutor, Expect};
use crate::decisions::import::{self, Document, Refusal};
use crate::decisions::{Decision, History};
use crate::refused::{Refused, truncated};

/// Maximum size of a document, in bytes; those of the older system have a few kilobytes.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of notes in one answer.
const NOTES_MAX: usize = 100;

/// Answer to an import.
#[derive(Debug)]
pub(super) struct Imported {
    receipt: v1::Receipt,
    notes: Vec<String>,
}

impl Imported {
    pub(super) fn receipt(&self) -> &v1::Receipt {
        &self.receipt
    }
}

/// Records a document. Starts at once; `permit` is held until the append has ended.
///
/// A document that may not be recorded is refused, unless an earlier version of this service recorded it: if that is
/// possible, the CRA's events are read first.
pub(super) fn import<P: Send + 'static>(
    executor: &CommandExecutor,
    author: Author,
    request: v1::ImportLegacyCrasRequest,
    permit: P,
) -> impl Future<Output = Result<Imported, Refused>> + Send + use<P> {
    let checked = check(&request).and_then(|it| author.may_record(&it.cra).map(|()| it));
    let Checked { form_version, content, refused, mut notes, .. } = match checked {
        Ok(checked) => checked,
        Err(refused) => return Either::Left(ready(Err(refused))),
    };
    let origin = author.origin();
    let v1::ImportLegacyCrasRequest { legacy_id, document, .. } = request;
    let cra_id = legacy::cra_id(&legacy_id);
    let expect = if refused.is_none() { Expect::New } else { Expect::Existing };
    let document = Document { legacy_id, form_version, bytes: document, content };
    let without = Arc::new(OnceLock::new());
    let noted = Arc::clone(&without);
    let decide = move |history: &History, header: &Header| match &refused {
        Some(refused) => match import::recorded_before(history, &document.content) {
            Some(receipt) => Decision::AlreadyRecorded(receipt),
            None => Decision::Refuse(refused.clone()),
        },
        None => match import::decide(history, &document, header).map_refusal(|refusal| match refusal {
            Refusal::OtherDocument(other) => author.taken_with(cra_id, history, other),
            Refusal::OtherContent => author.taken(cra_id, history),
        }) {
            Decision::Append(event) => match author.may_follow(cra_id, history) {
                Ok(()) => {
                    if let Some(note) = left_out(&event) {
                        noted.get_or_init(|| note);
                    }
                    Decision::Append(event)
                }
                Err(refused) => Decision::Refuse(refused),
            },
            decided => decided,
        },
    };
    let recording = executor.record(cra_id, expect, origin, permit, decide);
    Either::Right(async move {
        let receipt = recording.await?;
        notes.extend(without.get().cloned());
        Ok(Imported { receipt, notes })
    })
}

/// What a document is recorded without, because it was forgotten of an earlier version.
fn left_out(event: &v1::CraEvent) -> Option<String> {
    let forgotten = Forgotten::from_message(event.forgotten.as_ref()).ok()?;
    let codes: Vec<_> = forgotten.iter().map(|(kind, _)| kind.code()).collect();
    (!codes.is_empty())
        .then(|| format!("recorded without what was forgotten of an earlier version: {}", codes.join(", ")))
}

/// The answer to an item of a stream.
pub(super) fn answer(item: u64, outcome: Result<Imported, Refused>) -> v1::ImportLegacyCrasResponse {
    use import_legacy_cras_response::Outcome as Message;
    let (outcome, notes) = match outcome {
        Ok(Imported { receipt, notes }) => (Message::Receipt(receipt), notes),
        Err(refused) => (Message::Refusal(refused.into_message()), Vec::new()),
    };
    v1::ImportLegacyCrasResponse { item, outcome: Some(outcome), notes }
}

/// A readable document.
#[derive(Debug)]
struct Checked {
    /// In today's vocabulary.
    cra: Cra,
    /// The form's number: declared, or derived from the document's creation.
    form_version: u32,
    content: legacy::Document,
    /// Why it may not be recorded.
    refused: Option<Refused>,
    /// Repairs of the upcaster.
    notes: Vec<String>,
}

/// The document as the upcaster reads it, or all faults.
fn check(request: &v1::ImportLegacyCrasRequest) -> Result<Checked, Refused> {
    let mut faults: Vec<_> = legacy::check_legacy_id(&request.legacy_id).err().into_iter().collect();
    let declared = Declared::parse(request.form_version);
    let size_bytes = request.document.len();
    let parsed = if size_bytes > DOCUMENT_BYTES_MAX {
        let found = format!("{size_bytes} bytes, expected at most {DOCUMENT_BYTES_MAX}");
        Err(Violation::new("document", DocumentFault::Invalid(found)))
    } else {
        legacy::Document::parse(&request.document)
    };
    let (declared, document) = match (declared, parsed) {
        (Ok(declared), Ok(document)) if faults.is_empty() => (declared, document),
        (declared, parsed) => {
            faults.extend(declared.err());
            match parsed {
                Ok(document) => faults.extend(document.admit().err().into_iter().flatten()),
                Err(violation) => faults.push(violation),
            }
            return Err(Refused::invalid(&faults));
        }
    };
    let (upcast, refused) = match document.admit() {
        Ok(upcast) => (upcast, None),
        Err(violations) => {
            let refused = Refused::invalid(&violations);
            match document.read() {
                Ok(upcast) => (upcast, Some(refused)),
                Err(_) => return Err(refused),
            }
        }
    };
    Ok(Checked {
        form_version: declared.form(upcast.created_at).number(),
        content: document,
        refused,
        notes: bounded(&upcast.notes),
        cra: upcast.cra,
    })
}

/// Limits the notes: a document may need any number of repairs.
fn bounded(notes: &[String]) -> Vec<String> {
    let reported = notes.iter().take(NOTES_MAX).map(|note| truncated(note));
    let beyond = notes.len().saturating_sub(NOTES_MAX);
    reported.chain((beyond > 0).then(|| format!("and {beyond} more"))).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn faults(request: &v1::ImportLegacyCrasRequest) -> Vec<(String, String)> {
        match check(request) {
            Err(Refused::Invalid(violations)) => {
                violations.into_iter().map(|v| (v.field, v.reason.into_owned())).collect()
            }
            other => panic!("expected violations, got {other:?}"),
        }
    }

    #[test]
    fn faults_of_the_id_and_of_the_form_are_reported_together() {
        let request =
            v1::ImportLegacyCrasRequest { form_version: 4, ..v1::ImportLegacyCrasRequest::default() };
        let found = faults(&request);
        let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["legacy_id", "form_version", "document"]);
    }

    #[test]
    fn a_document_that_is_too_large_is_refused_unread() {
        let document = Bytes::from(vec![b'{'; DOCUMENT_BYTES_MAX + 1]);
        let request =
            v1::ImportLegacyCrasRequest { item: 1, legacy_id: "a".into(), form_version: 3, document };
        assert_eq!(faults(&request), [("document".to_owned(), "DOCUMENT_INVALID".to_owned())]);
    }

    #[test]
    fn the_number_of_notes_is_bounded() {
        let notes = vec!["n".repeat(10_000); 250];
        let reported = bounded(&notes);
        assert_eq!(reported.len(), 101);
        assert!(reported[0].chars().count() < 600);
        assert_eq!(reported[100], "and 150 more");
        assert_eq!(bounded(&notes[..2]).len(), 2);
    }
}
