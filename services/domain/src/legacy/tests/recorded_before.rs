//! Documents that an earlier version recorded, under rules per form, and that admission would refuse now: they stay
//! readable. These tests fix what they count as.

use super::*;
use crate::cra::Duration;

/// Asserts that the document is refused at admission and read with these notes.
#[track_caller]
fn still_read(document: &Value, noted: &[&str]) -> Cra {
    assert!(admit(document).is_err(), "it would be admitted");
    let upcast = upcast(document.to_string().as_bytes()).unwrap();
    let fields: Vec<_> = upcast.notes.iter().map(|note| note.split_once(": ").expect("a path").0).collect();
    assert_eq!(fields, noted, "{:?}", upcast.notes);
    upcast.cra
}

const DAY: &str = "cra.dateAccompagnement";

#[test]
fn an_impossible_day_stays_as_it_was_recorded() {
    for (instant, day) in [
        (json!({"$date": "1970-01-01T00:00:00.000Z"}), "1970-01-01"),
        (json!({"$date": {"$numberLong": "4102358400000"}}), "2099-12-31"),
        (json!("2023-06-12T08:00:00Z"), "2023-06-12"),
    ] {
        assert_eq!(still_read(&with(DAY, instant), &[DAY]).date.to_string(), day);
    }
}

#[test]
fn a_day_that_the_first_form_ignored_does_not_hide_the_document() {
    let document = changed(first_form(), DAY, json!("hier"));
    assert_eq!(still_read(&document, &[DAY]).date.to_string(), "2023-06-10");
}

#[test]
fn a_repeated_key_has_its_last_value() {
    let text = document().to_string().replace(r#""duree":"0-30""#, r#""duree":"0-30","duree":90"#);
    assert!(Document::parse(text.as_bytes()).unwrap().admit().is_err());
    assert_eq!(upcast(text.as_bytes()).unwrap().cra.duration, Duration::Exact { minutes: 90 });
}

#[test]
fn a_postal_code_in_the_field_of_the_code_is_the_commune_that_had_it() {
    let document = changed(with("cra.codeCommune", json!("75010")), "cra.codePostal", json!("99999"));
    let cra = still_read(&document, &["cra.codeCommune", "cra.codePostal"]);
    assert_eq!(&*cra.place.commune_code, "75010");
    assert_eq!(crate::territory::communes().get(cra.place.commune).code(), "93010");
}

/// Recorded without a note until now and counted as written; the repairs of the table of older forms apply to them too.
#[test]
fn values_once_counted_as_written_are_repaired_when_read() {
    let minutes = with("cra.duree", json!(4_294_967_295_u32));
    assert_eq!(read(&minutes, &["cra.duree"]).duration, Duration::Unspecified);
    let postal_code = changed(with("cra.codePostal", json!("99999")), "cra.codeCommune", json!("35238"));
    let cra = read(&changed(postal_code, "cra.nomCommune", json!("RENNES")), &["cra.codePostal"]);
    assert_eq!(&*cra.place.postal_code, "");
    let next = json!({"individuel": 5, "atelier": 5, "redirection": 5});
    let cra = read(&with("cra.accompagnement", next), &["cra.accompagnement"]);
    assert_eq!((cra.follow_up_individual, cra.follow_up_workshop, cra.redirections.len()), (5, 0, 0));
}
