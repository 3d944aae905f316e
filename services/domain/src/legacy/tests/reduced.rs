//! A reduced document reads as the whole document did, except for what was forgotten.

use jiff::Timestamp;
use proptest::prelude::*;

use super::super::Document;
use super::arbitrary::any_document;
use super::*;
use crate::cra::Recipient;
use crate::event::{Forgettable, Forgotten, neutral_name};

/// A neutral name per exact name.
fn neutral(name: &str) -> String {
    if name.is_empty() { String::new() } else { neutral_name(&format!("{:x}", seahash(name)), 0) }
}

fn seahash(name: &str) -> u64 {
    name.bytes().fold(14_695_981_039_346_656_037, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    })
}

fn parsed(document: &Value) -> Document {
    Document::parse(document.to_string().as_bytes()).unwrap()
}

fn full() -> Value {
    let organismes = json!({"Chez Mme Dupont": 1, "CAF": 1, "Emmaüs": 1});
    let document = with("cra.organismes", organismes);
    let document = changed(document, "cra.sousThemes", json!([{"annotation": ["avec Mme Dupont"]}]));
    let document = changed(document, "cra.accompagnement", json!({"redirection": 3}));
    let document = changed(document, "cra.duree", json!("longtemps, avec Mme Dupont"));
    let document = changed(document, "updatedAt", json!({"$date": {"$numberLong": "1686500000000"}}));
    changed(document, "conseillerNom", json!("Mme Dupont"))
}

fn everything() -> Forgotten {
    Forgettable::ALL.into_iter().map(|kind| (kind, Timestamp::UNIX_EPOCH)).collect()
}

#[test]
fn nothing_is_left_of_texts_that_no_reader_uses_and_names_keep_their_order() {
    let document = parsed(&full());
    let reduced = document.reduced(false, Some("oublie-01"), neutral);
    let text = String::from_utf8(reduced.clone()).unwrap();
    assert!(!text.contains("Dupont") && !text.contains("Emma"), "{text}");
    let (before, after) = (document.read().unwrap(), upcast(&reduced).unwrap());
    assert_eq!((&*after.cra.annotation, after.cra.advisor_id.as_str()), ("", "oublie-01"));
    let names: Vec<_> = after.cra.redirections.iter().map(|it| it.recipient.clone()).collect();
    let expected = before.cra.redirections.iter().map(|it| match &it.recipient {
        Recipient::Other(name) => Recipient::Other(neutral(name).into()),
        known => known.clone(),
    });
    assert_eq!(names, expected.collect::<Vec<_>>());
    assert_eq!(after.created_at, before.created_at);
    let reduced = Document::parse(&reduced).unwrap();
    assert_eq!(reduced.legacy_id(), document.legacy_id());
    assert_eq!(reduced.version().written_at(), document.version().written_at());
}

#[test]
fn a_document_is_compared_on_what_is_left_of_it() {
    let document = parsed(&full());
    let recorded = Document::parse(&document.reduced(false, Some("oublie-01"), neutral)).unwrap();
    let is_equal =
        |other: &Document| other.as_reduced(&recorded, &everything()).version() == recorded.version();
    assert!(is_equal(&document) && is_equal(&recorded));
    let other_text =
        changed(full(), "cra.sousThemes", json!([{"annotation": "rien"}, {"annotation": "encore"}]));
    assert!(is_equal(&parsed(&other_text)), "what was forgotten is not compared");
    for (path, value) in [
        ("cra.duree", json!("0-30")),
        ("structure", json!("s2")),
        ("cra.organismes", json!({"Chez Mme Dupont": 1, "CAF": 1, "Emmaüs": 2})),
        ("updatedAt", json!("2024-01-01T00:00:00Z")),
    ] {
        assert!(!is_equal(&parsed(&changed(full(), path, value))), "{path}");
    }
}

#[test]
fn a_later_version_is_recorded_without_what_was_forgotten() {
    let recorded = Document::parse(&parsed(&full()).reduced(false, Some("oublie-01"), |name| {
        if name == "Emmaüs" { name.to_owned() } else { neutral(name) }
    }));
    let later = changed(full(), "updatedAt", json!("2024-01-01T00:00:00Z"));
    let reduced = parsed(&later).without(&recorded.unwrap(), &everything());
    let text = String::from_utf8(reduced.clone()).unwrap();
    assert!(!text.contains("Dupont") && text.contains("Emmaüs") && text.contains("oublie-01"), "{text}");
    let after = upcast(&reduced).unwrap();
    let unnamed = after.cra.redirections.iter().filter(|it| it.recipient == Recipient::Unnamed);
    assert_eq!(unnamed.map(|it| it.people).sum::<u32>(), 1);
    // Sent again, it is the one that was recorded.
    let recorded = Document::parse(&reduced).unwrap();
    assert_eq!(parsed(&later).as_reduced(&recorded, &everything()).version(), recorded.version());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_left_of_any_document_reads_as_it_did(document in any_document()) {
        let document = parsed(&document);
        let Ok(before) = document.read() else { return Ok(()) };
        prop_assume!(document.organisations().iter().all(|name| !name.starts_with('$')));
        let reduced = document.reduced(true, None, str::to_owned);
        let after = upcast(&reduced).unwrap();
        prop_assert_eq!((&after.cra, after.created_at), (&before.cra, before.created_at));
        let again = Document::parse(&reduced).unwrap().reduced(true, None, str::to_owned);
        prop_assert_eq!(String::from_utf8(again), String::from_utf8(reduced));

        let renamed = upcast(&document.reduced(true, None, neutral)).unwrap().cra;
        let mut expected = before.cra;
        for redirection in &mut expected.redirections {
            if let Recipient::Other(name) = &mut redirection.recipient {
                *name = neutral(name).into();
            }
        }
        prop_assert_eq!(renamed, expected);
    }
}
