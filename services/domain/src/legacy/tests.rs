//! Older forms: a document, and the CRA with notes or the faults that reading it gives. `golden` holds whole documents
//! as the older system stored them: their meaning never changes.

mod arbitrary;
mod extended_json;
mod follow_up;
mod golden;
mod places;
mod recorded_before;
mod reduced;
mod refusals;
mod repairs;
mod versions;

use serde_json::{Value, json};

use super::{Document, FormVersion, Upcast, cra_id, upcast};
use crate::cra::{Cra, Violation};

/// A document in the shape of the third form that needs no repair.
fn document() -> Value {
    json!({
        "_id": "d", "createdAt": "2023-06-10T12:00:00.000Z", "conseiller": "c", "structure": "s",
        "cra": {
            "codePostal": "75001", "nomCommune": "PARIS 01", "canal": "distance", "activite": "collectif",
            "nbParticipants": 5, "nbParticipantsRecurrents": 1, "age": {"plus60ans": 5}, "statut": {"retraite": 5},
            "themes": ["internet"], "duree": "0-30", "dateAccompagnement": "2023-06-09T12:00:00.000Z",
            "accompagnement": {"individuel": 0, "atelier": 0, "redirection": 0}
        }
    })
}

/// The document with one field changed, by a path such as `cra.canal`. `null` is set as a value.
fn with(path: &str, value: Value) -> Value {
    changed(document(), path, value)
}

fn changed(mut document: Value, path: &str, value: Value) -> Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(field.to_owned(), value);
    document
}

/// The same document in the shape of the first form.
fn first_form() -> Value {
    let one_slug = changed(document(), "cra.age", json!("+60"));
    let one_slug = changed(one_slug, "cra.statut", json!("retraite"));
    changed(one_slug, "cra.accompagnement", Value::Null)
}

fn admit(document: &Value) -> Result<Upcast, Vec<Violation>> {
    Document::parse(document.to_string().as_bytes()).map_err(|violation| vec![violation])?.admit()
}

/// Asserts that the document is admitted and read alike; its notes are given by their fields.
#[track_caller]
fn read(document: &Value, noted: &[&str]) -> Cra {
    let admitted = admit(document).unwrap_or_else(|violations| panic!("refused: {violations:?}"));
    let fields: Vec<_> = admitted.notes.iter().map(|note| note.split_once(": ").expect("a path").0).collect();
    assert_eq!(fields, noted, "{:?}", admitted.notes);
    assert_eq!(upcast(document.to_string().as_bytes()).as_ref(), Ok(&admitted));
    admitted.cra
}

/// Asserts that these are all faults of the document, in the order of the form.
#[track_caller]
fn refused(document: &Value, expected: &[(&str, &str)]) {
    let violations = admit(document).expect_err("admitted");
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.fault.reason())).collect();
    assert_eq!(found, expected);
    for violation in &violations {
        assert!(!violation.fault.description().is_empty() && !violation.fault.message_fr().is_empty());
    }
}

#[test]
fn the_fixtures_need_no_repair() {
    read(&document(), &[]);
    read(&first_form(), &[]);
}

#[test]
fn the_id_derived_from_a_legacy_id_never_changes() {
    assert_eq!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6"), cra_id("60a3c1f2e4b0a1b2c3d4e5f6"));
    assert_ne!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6"), cra_id("60a3c1f2e4b0a1b2c3d4e5f7"));
    assert_eq!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6").get_version_num(), 5);
    // Computed with another implementation of UUID version 5.
    assert_eq!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6").to_string(), "de4cd852-e16d-566d-9742-0d8df6d0457f");
}
