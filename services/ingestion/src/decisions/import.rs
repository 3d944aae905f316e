//! Decides an import of a document of an older form: new, imported before, a later version, or another document with
//! the same legacy id. Source: the table of older forms of the domain page.
//!
//! Documents are compared by content, never by bytes, layout or declared form. Whether a document may be recorded is
//! decided before, by the upcaster.

use bytes::Bytes;
use cra_contracts::v1::{self, cra_event::Fact};
use cra_domain::event::record::{self, Header};
use cra_domain::event::{Forgettable, Forgotten};
use cra_domain::legacy::{self, Version};
use jiff::Timestamp;

use super::{Decision, History, Recorded};

/// A readable document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its id in the older system.
    pub(crate) legacy_id: String,
    /// The form it was written with.
    pub(crate) form_version: u32,
    /// JSON, stored byte for byte.
    pub(crate) bytes: Bytes,
    /// Its content, for comparisons.
    pub(crate) content: legacy::Document,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The id belongs to another document, which this one does not follow.
    OtherDocument(OtherDocument),
    /// The id belongs to a CRA of today's form.
    OtherContent,
}

/// A document that differs from those recorded under its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherDocument {
    /// Why it is not recorded as the CRA's next revision.
    pub(crate) cause: Cause,
    /// Paths of the fields that differ from the last recorded version.
    pub(crate) differences: Vec<String>,
}

/// Why another document is not the CRA's next revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It was not written later than the recorded one.
    NotLater,
    /// The CRA was corrected or withdrawn here.
    ChangedHere,
}

/// Decides an import for the CRA with this `history`: a new CRA, or a later version of its document, is recorded.
pub(crate) fn decide(history: &History, document: &Document, header: &Header) -> Decision<Refusal> {
    let Document { legacy_id, form_version, bytes, content } = document;
    let record = |bytes| Box::new(record::imported(header, legacy_id, *form_version, bytes));
    if history.first().is_none() {
        return Decision::Append(record(bytes.clone()));
    }
    if let Some(receipt) = recorded_before(history, content) {
        return Decision::AlreadyRecorded(receipt);
    }
    let Some((recorded, last)) = documents(history).last() else {
        return Decision::Refuse(Refusal::OtherContent);
    };
    let (version, last_version) = (comparable(content, recorded, &last), last.version());
    let other = |cause| {
        let differences = last_version.differences(&version);
        Decision::Refuse(Refusal::OtherDocument(OtherDocument { cause, differences }))
    };
    if history.is_changed_here() {
        other(Cause::ChangedHere)
    } else if version.written_at() > last_version.written_at() {
        let forgotten = forgotten_of(history, header.recorded_at);
        if forgotten.is_empty() {
            return Decision::Append(record(bytes.clone()));
        }
        let left = content.without(&last, &forgotten);
        Decision::Append(Box::new(v1::CraEvent { forgotten: forgotten.to_message(), ..*record(left.into()) }))
    } else {
        other(Cause::NotLater)
    }
}

/// The receipt of the revision with the same document, if any.
pub(crate) fn recorded_before(history: &History, content: &legacy::Document) -> Option<v1::Receipt> {
    let is_the_same = |recorded: &Recorded, document: &legacy::Document| {
        comparable(content, recorded, document) == document.version()
    };
    let (recorded, _) = documents(history).find(|(recorded, document)| is_the_same(recorded, document))?;
    Some(history.receipt(recorded))
}

/// The recorded documents, oldest first.
fn documents(history: &History) -> impl Iterator<Item = (&Recorded, legacy::Document)> {
    history.events().iter().filter_map(|recorded| match &recorded.event.fact {
        Some(Fact::Imported(imported)) => Some((recorded, legacy::Document::parse(&imported.document).ok()?)),
        _ => None,
    })
}

/// A document as far as the recorded one can be compared with it: what was forgotten is not compared.
fn comparable(content: &legacy::Document, recorded: &Recorded, document: &legacy::Document) -> Version {
    match forgotten(&recorded.event) {
        forgotten if forgotten.is_empty() => content.version(),
        forgotten => content.as_reduced(document, &forgotten).version(),
    }
}

/// What was forgotten of a recorded document.
fn forgotten(event: &v1::CraEvent) -> Forgotten {
    let forgotten = Forgotten::from_message(event.forgotten.as_ref()).unwrap_or_default();
    let is_of_document = |kind| !matches!(kind, Forgettable::Account | Forgettable::Reason);
    forgotten.iter().filter(|(kind, _)| is_of_document(*kind)).collect()
}

/// What was forgotten of any document of the CRA, as forgotten at this time of the next one.
fn forgotten_of(history: &History, at: Timestamp) -> Forgotten {
    let each = history.events().iter().map(|recorded| forgotten(&recorded.event));
    each.flat_map(|forgotten| forgotten.iter().map(|(kind, _)| (kind, at)).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{self, header, history};
    use super::*;

    const LATER: &str = "2024-06-01T10:00:00Z";
    const FIRST: &str = r#"{"createdAt": "2022-06-01T10:00:00Z", "cra": {"duree": 60}}"#;
    const SAME: &str = r#"{ "cra" : {"duree": "60"},
        "createdAt": {"$date": "2022-06-01T10:00:00.000Z"} }"#;
    const SECOND: &str =
        r#"{"createdAt": "2022-06-01T10:00:00Z", "updatedAt": "2022-06-02T10:00:00Z", "cra": {"duree": 90}}"#;
    const NOT_LATER: &str = r#"{"createdAt": "2022-06-01T10:00:00Z", "cra": {"duree": 75}}"#;

    fn document(text: &'static str) -> Document {
        let content = legacy::Document::parse(text.as_bytes()).unwrap();
        Document { legacy_id: "62a9".into(), form_version: 2, bytes: text.into(), content }
    }

    fn decided(history: &History, text: &'static str) -> Decision<Refusal> {
        let header = Header { revision: history.next_revision(), ..header(LATER) };
        decide(history, &document(text), &header)
    }

    fn event(history: &History, text: &'static str) -> v1::CraEvent {
        match decided(history, text) {
            Decision::Append(event) => *event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    fn imported() -> v1::CraEvent {
        event(&History::default(), FIRST)
    }

    fn updated() -> v1::CraEvent {
        event(&history([imported()]), SECOND)
    }

    #[track_caller]
    fn receipt(outcome: Decision<Refusal>) -> v1::Receipt {
        match outcome {
            Decision::AlreadyRecorded(receipt) => receipt,
            other => panic!("expected a receipt, got {other:?}"),
        }
    }

    #[test]
    fn given_no_event_when_imported_then_the_document_is_kept_byte_for_byte() {
        let event = imported();
        assert_eq!((event.cra_id, event.revision), (fixtures::CRA_ID.to_string(), 1));
        let Some(Fact::Imported(fact)) = event.fact else { panic!("no import") };
        assert_eq!((fact.legacy_id.as_str(), fact.form_version), ("62a9", 2));
        assert_eq!(&fact.document[..], FIRST.as_bytes());
    }

    #[test]
    fn given_the_same_document_in_another_layout_when_imported_again_then_the_first_receipt() {
        let events = history([imported()]);
        let found = receipt(decided(&events, SAME));
        assert_eq!((found.revision, found.position, found.duplicate), (1, 41, true));
        assert_eq!(found.defaulted_fields, []);
    }

    #[test]
    fn given_an_earlier_version_when_a_later_one_is_imported_then_it_is_the_next_revision() {
        let event = updated();
        assert_eq!(event.revision, 2);
        let Some(Fact::Imported(fact)) = event.fact else { panic!("no import") };
        assert_eq!(&fact.document[..], SECOND.as_bytes());
    }

    #[test]
    fn given_several_versions_when_one_is_imported_again_then_the_receipt_of_its_revision() {
        let events = history([imported(), updated()]);
        assert_eq!(receipt(decided(&events, FIRST)).revision, 1);
        assert_eq!(receipt(decided(&events, SAME)).revision, 1);
        assert_eq!(receipt(decided(&events, SECOND)).revision, 2);
    }

    #[test]
    fn given_a_version_when_another_that_is_not_later_is_imported_then_it_is_another_document() {
        let events = history([imported(), updated()]);
        let expected = OtherDocument {
            cause: Cause::NotLater,
            differences: vec!["cra.duree".to_owned(), "updatedAt".to_owned()],
        };
        assert_eq!(decided(&events, NOT_LATER), Decision::Refuse(Refusal::OtherDocument(expected)));
    }

    #[test]
    fn given_a_change_made_here_when_a_later_version_is_imported_then_it_is_another_document() {
        let corrected = Fact::Corrected(v1::CraCorrected::default());
        let withdrawn = Fact::Withdrawn(v1::CraWithdrawn::default());
        for fact in [corrected, withdrawn] {
            let change = v1::CraEvent { revision: 2, fact: Some(fact), ..v1::CraEvent::default() };
            let events = history([imported(), change]);
            let Decision::Refuse(Refusal::OtherDocument(other)) = decided(&events, SECOND) else {
                panic!("recorded")
            };
            assert_eq!(other.cause, Cause::ChangedHere);
            assert_eq!(receipt(decided(&events, SAME)).revision, 1);
        }
    }

    /// The first version, of which everything that can be forgotten is.
    fn reduced() -> v1::CraEvent {
        let mut event = imported();
        let Some(Fact::Imported(fact)) = &mut event.fact else { panic!("no import") };
        let content = legacy::Document::parse(&fact.document).unwrap();
        fact.document = content.reduced(false, None, |_| String::new()).into();
        let at = event.recorded_at;
        event.forgotten =
            Some(v1::Forgotten { document_at: at, annotation_at: at, ..v1::Forgotten::default() });
        event
    }

    #[test]
    fn given_a_forgotten_document_when_imported_again_then_the_receipt_of_its_revision() {
        let events = history([reduced()]);
        assert_eq!(receipt(decided(&events, FIRST)).revision, 1);
        assert_eq!(receipt(decided(&events, SAME)).revision, 1);
        let Decision::Refuse(Refusal::OtherDocument(other)) = decided(&events, NOT_LATER) else {
            panic!("recorded")
        };
        assert_eq!((other.cause, other.differences), (Cause::NotLater, vec!["cra.duree".to_owned()]));
    }

    #[test]
    fn given_a_forgotten_document_when_a_later_version_is_imported_then_it_is_recorded_without_it() {
        const LATER_WITH_TEXT: &str = r#"{"createdAt": "2022-06-01T10:00:00Z", "nom": "Mme Dupont",
            "updatedAt": "2022-06-02T10:00:00Z",
            "cra": {"duree": 90, "sousThemes": [{"annotation": "Mme Dupont"}]}}"#;
        let events = history([reduced()]);
        let recorded = event(&events, LATER_WITH_TEXT);
        let forgotten = recorded.forgotten.unwrap();
        assert!(forgotten.annotation_at.is_some() && forgotten.advisor_at.is_none());
        let Some(Fact::Imported(fact)) = &recorded.fact else { panic!("no import") };
        let text = std::str::from_utf8(&fact.document).unwrap();
        assert!(text.contains("90") && !text.contains("Dupont"), "{text}");
        let events = history([reduced(), recorded]);
        assert_eq!(receipt(decided(&events, LATER_WITH_TEXT)).revision, 2);
    }

    #[test]
    fn given_a_submission_under_the_id_when_imported_then_it_is_another_content() {
        let fact = Some(Fact::Submitted(v1::CraSubmitted::default()));
        let events = history([v1::CraEvent { revision: 1, fact, ..v1::CraEvent::default() }]);
        assert_eq!(decided(&events, FIRST), Decision::Refuse(Refusal::OtherContent));
    }
}
