//! A document of an older form: new, imported before, or another document under a taken legacy id.
//!
//! Same document means the same bytes read as the same form. Whether it can be read is not decided here; the
//! upcaster said so before.

use bytes::Bytes;
use cra_contracts::v1::{self, cra_event::Fact};
use cra_domain::event::record::{self, Header};

use super::History;

/// A document that the upcaster can read.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Its id in the system it comes from.
    pub(crate) legacy_id: String,
    /// The form it was written with.
    pub(crate) form_version: u32,
    /// JSON, kept byte for byte.
    pub(crate) bytes: Bytes,
}

/// What an import means.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// A CRA that was not imported yet: record this event.
    Record(Box<v1::CraEvent>),
    /// The same document was imported: its first receipt, whatever happened to the CRA since.
    AlreadyRecorded(v1::Receipt),
    /// The id was taken with another document.
    OtherContent,
}

/// Decides what an import means for the CRA that `history` tells of.
pub(crate) fn decide(history: &History, document: &Document, header: &Header) -> Outcome {
    let Document { legacy_id, form_version, bytes } = document;
    let Some(first) = history.first() else {
        let event = record::imported(header, legacy_id, *form_version, bytes.clone());
        return Outcome::Record(Box::new(event));
    };
    match &first.event.fact {
        Some(Fact::Imported(recorded))
            if recorded.legacy_id == *legacy_id
                && recorded.form_version == *form_version
                && recorded.document == *bytes =>
        {
            Outcome::AlreadyRecorded(history.receipt(first))
        }
        _ => Outcome::OtherContent,
    }
}

#[cfg(test)]
mod tests {
    use super::super::given::{self, header, history};
    use super::*;

    const THEN: &str = "2024-03-04T10:00:00Z";
    const LATER: &str = "2024-06-01T10:00:00Z";

    fn document(bytes: &'static [u8]) -> Document {
        Document { legacy_id: "62a9".into(), form_version: 2, bytes: Bytes::from_static(bytes) }
    }

    fn imported(document: &Document) -> v1::CraEvent {
        match decide(&History::default(), document, &header(THEN)) {
            Outcome::Record(event) => *event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    #[test]
    fn given_no_event_when_imported_then_the_document_is_kept_byte_for_byte() {
        let event = imported(&document(b"{ \"cra\" : {}}\n"));
        assert_eq!((event.cra_id, event.revision), (given::CRA_ID.to_string(), 1));
        let Some(Fact::Imported(fact)) = event.fact else { panic!("no import") };
        assert_eq!((fact.legacy_id.as_str(), fact.form_version), ("62a9", 2));
        assert_eq!(&fact.document[..], b"{ \"cra\" : {}}\n");
    }

    #[test]
    fn given_the_same_document_when_imported_again_then_the_first_receipt() {
        let given = history([imported(&document(b"{}"))]);
        let outcome = decide(&given, &document(b"{}"), &header(LATER));
        let Outcome::AlreadyRecorded(receipt) = outcome else { panic!("{outcome:?}") };
        assert_eq!((receipt.revision, receipt.position, receipt.duplicate), (1, 41, true));
        assert_eq!(receipt.defaulted_fields, []);
    }

    #[test]
    fn given_another_document_or_form_when_imported_then_it_is_another_content() {
        let given = history([imported(&document(b"{}"))]);
        let other_bytes = document(b"{ }");
        let other_form = Document { form_version: 3, ..document(b"{}") };
        for other in [other_bytes, other_form] {
            assert_eq!(decide(&given, &other, &header(LATER)), Outcome::OtherContent);
        }
    }

    #[test]
    fn given_a_submission_under_the_id_when_imported_then_it_is_another_content() {
        let fact = Some(Fact::Submitted(v1::CraSubmitted::default()));
        let given = history([v1::CraEvent { revision: 1, fact, ..v1::CraEvent::default() }]);
        assert_eq!(decide(&given, &document(b"{}"), &header(LATER)), Outcome::OtherContent);
    }
}
