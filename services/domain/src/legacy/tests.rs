//! Older forms, told as given a document, when it is read, then this CRA and these notes, or these faults.
//! `golden` holds whole documents as the older system kept them: what they mean never changes.

mod arbitrary;
mod golden;
mod refusals;
mod repairs;

use serde_json::{Value, json};

use super::{FormVersion, Upcast, cra_id, upcast};
use crate::cra::{Cra, Violation};

/// A document of the third form that needs no repair.
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

/// The document with one field of another value; a path such as `cra.canal`. `null` stands for itself.
fn with(path: &str, value: Value) -> Value {
    changed(document(), path, value)
}

fn changed(mut document: Value, path: &str, value: Value) -> Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(field.to_owned(), value);
    document
}

/// The document of the first form that says the same.
fn first_form() -> Value {
    let one_slug = changed(document(), "cra.age", json!("+60"));
    let one_slug = changed(one_slug, "cra.statut", json!("retraite"));
    changed(one_slug, "cra.accompagnement", Value::Null)
}

fn read_as(form: FormVersion, document: &Value) -> Result<Upcast, Vec<Violation>> {
    upcast(form, document.to_string().as_bytes())
}

/// Then it is read; its notes are told by the field they are about.
#[track_caller]
fn read(form: FormVersion, document: &Value, noted: &[&str]) -> Cra {
    let upcast = read_as(form, document).unwrap_or_else(|violations| panic!("refused: {violations:?}"));
    let fields: Vec<_> = upcast.notes.iter().map(|note| note.split_once(": ").expect("a path").0).collect();
    assert_eq!(fields, noted, "{:?}", upcast.notes);
    upcast.cra
}

/// Then these are its faults, in the order of the form.
#[track_caller]
fn refused(form: FormVersion, document: &Value, expected: &[(&str, &str)]) {
    let violations = read_as(form, document).expect_err("read");
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.fault.reason())).collect();
    assert_eq!(found, expected);
    for violation in &violations {
        assert!(!violation.fault.description().is_empty() && !violation.fault.message_fr().is_empty());
    }
}

#[test]
fn the_form_of_these_tests_needs_no_repair() {
    read(FormVersion::V3, &document(), &[]);
    read(FormVersion::V2, &document(), &[]);
    read(FormVersion::V1, &first_form(), &[]);
}

#[test]
fn the_id_made_from_a_legacy_id_never_changes() {
    assert_eq!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6"), cra_id("60a3c1f2e4b0a1b2c3d4e5f6"));
    assert_ne!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6"), cra_id("60a3c1f2e4b0a1b2c3d4e5f7"));
    assert_eq!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6").get_version_num(), 5);
    // Computed once with another implementation of UUID version 5.
    assert_eq!(cra_id("60a3c1f2e4b0a1b2c3d4e5f6").to_string(), "de4cd852-e16d-566d-9742-0d8df6d0457f");
}
