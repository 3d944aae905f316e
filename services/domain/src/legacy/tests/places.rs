//! The place of a document.

use super::*;

fn at(code: &Value, postal_code: &Value, name: &Value) -> Value {
    let document = changed(document(), "cra.codeCommune", code.clone());
    changed(changed(document, "cra.codePostal", postal_code.clone()), "cra.nomCommune", name.clone())
}

/// The declared code, today's commune, the postal code.
#[track_caller]
fn place(document: &Value, noted: &[&str]) -> (String, &'static str, String) {
    let place = read(document, noted).place;
    let today = crate::territory::communes().get(place.commune).code();
    (place.commune_code.into(), today, place.postal_code.into())
}

#[track_caller]
fn is_at(written: [Value; 3], expected: (&str, &str, &str), noted: &[&str]) {
    let [code, postal_code, name] = written;
    let (declared, today, postal_code) = place(&at(&code, &postal_code, &name), noted);
    assert_eq!((declared.as_str(), today, postal_code.as_str()), expected);
}

const CODE: &str = "cra.codeCommune";
const POSTAL_CODE: &str = "cra.codePostal";
const NAME: &str = "cra.nomCommune";

#[test]
fn without_a_code_a_commune_is_found_by_postal_code_and_name() {
    for absent in [json!(null), json!(""), json!(" ")] {
        is_at([absent, json!("01300"), json!("ARBIGNIEU")], ("01015", "01015", "01300"), &[]);
    }
    is_at([json!(null), json!(1300), json!("ARBIGNIEU")], ("01015", "01015", "01300"), &[]);
    is_at([json!(null), json!("01 300"), json!(" Arbignieu ")], ("01015", "01015", "01300"), &[]);
}

#[test]
fn a_city_with_the_postal_code_of_an_arrondissement_is_that_arrondissement() {
    for (postal_code, name, code) in [
        ("75010", "PARIS", "75110"),
        ("75116", "PARIS", "75116"),
        ("75001", "PARIS 01", "75101"),
        ("69003", "LYON", "69383"),
        ("13016", "MARSEILLE", "13216"),
    ] {
        is_at([json!(null), json!(postal_code), json!(name)], (code, code, postal_code), &[]);
    }
}

#[test]
fn a_valid_code_is_kept_as_written() {
    is_at([json!("75101"), json!("75001"), json!("PARIS 01")], ("75101", "75101", "75001"), &[]);
    is_at([json!("75056"), json!("75010"), json!("PARIS")], ("75056", "75056", "75010"), &[]);
    is_at([json!("75110"), json!("75010"), json!("PARIS")], ("75110", "75110", "75010"), &[]);
    is_at([json!("01120"), json!("01120"), json!("CORDIEUX")], ("01120", "01262", "01120"), &[]);
    is_at([json!(1004), json!("01500"), json!("AMBERIEU EN BUGEY")], ("01004", "01004", "01500"), &[]);
    is_at([json!("1004"), json!(1500), json!("AMBERIEU EN BUGEY")], ("01004", "01004", "01500"), &[]);
    is_at([json!(null), json!("1500"), json!("AMBERIEU EN BUGEY")], ("01004", "01004", "01500"), &[]);
    is_at([json!("2a004"), json!("20000"), json!("AJACCIO")], ("2A004", "2A004", "20000"), &[]);
    is_at([json!("35238"), json!("35000"), json!(null)], ("35238", "35238", "35000"), &[]);
}

#[test]
fn a_code_that_the_name_contradicts_is_kept_and_noted() {
    let disagree = [json!("75101"), json!("69003"), json!("LYON 03")];
    is_at(disagree, ("75101", "75101", "75001"), &[CODE, POSTAL_CODE]);
    is_at([json!("35238"), json!("35000"), json!("BREST")], ("35238", "35238", "35000"), &[CODE]);
}

#[test]
fn an_unknown_code_is_replaced_by_postal_code_and_name() {
    for unknown in [json!("99999"), json!("?"), json!({"a": 1}), json!("35000")] {
        is_at([unknown, json!("35000"), json!("RENNES")], ("35238", "35238", "35000"), &[CODE]);
    }
    // A postal code in the field of the code, which was once Bondy's.
    is_at([json!("75010"), json!("75010"), json!("PARIS 10")], ("75110", "75110", "75010"), &[CODE]);
    is_at([json!("75010"), json!("93140"), json!("BONDY")], ("75010", "93010", "93140"), &[]);
}

#[test]
fn a_postal_code_of_another_commune_is_left_out() {
    for wrong in [json!("99999"), json!("75001"), json!("?"), json!([35000])] {
        is_at([json!("35238"), wrong, json!("RENNES")], ("35238", "35238", ""), &[POSTAL_CODE]);
    }
    // A commune with one postal code gets it, as if the document gave none.
    is_at([json!("75101"), json!("99999"), json!("PARIS 01")], ("75101", "75101", "75001"), &[POSTAL_CODE]);
    is_at([json!("75101"), json!(null), json!("PARIS 01")], ("75101", "75101", "75001"), &[]);
}

#[test]
fn a_commune_that_cannot_be_found_is_refused_with_what_was_found() {
    let refused_at = |written: [Value; 3], field: &str, reason: &str| {
        let [code, postal_code, name] = written;
        refused(&at(&code, &postal_code, &name), &[(field, reason)]);
    };
    refused_at([json!(null), json!("75001"), json!("nowhere")], NAME, "COMMUNE_UNKNOWN");
    refused_at([json!(null), json!("69001"), json!("PARIS 01")], NAME, "COMMUNE_UNKNOWN");
    refused_at([json!(null), json!("75001"), json!(null)], NAME, "REQUIRED");
    refused_at([json!(null), json!(null), json!("PARIS 01")], POSTAL_CODE, "REQUIRED");
    refused_at([json!(null), json!(" "), json!("PARIS 01")], POSTAL_CODE, "REQUIRED");
    refused_at([json!(null), json!("7501"), json!("PARIS 01")], NAME, "COMMUNE_UNKNOWN");
    for wrong in [json!("750"), json!("750O1"), json!([75001]), json!(100_000)] {
        refused_at([json!(null), wrong, json!("PARIS 01")], POSTAL_CODE, "COMMUNE_UNKNOWN");
    }
    refused_at([json!("99999"), json!("75001"), json!("nowhere")], CODE, "COMMUNE_UNKNOWN");
    refused_at([json!("99999"), json!(null), json!(null)], CODE, "COMMUNE_UNKNOWN");
    refused_at([json!("75010"), json!("75010"), json!("nowhere")], CODE, "COMMUNE_UNKNOWN");
    let violations = admit(&at(&json!("99999"), &json!("75001"), &json!("nowhere"))).unwrap_err();
    assert!(violations[0].fault.description().contains("99999 75001 nowhere"), "{violations:?}");
}

#[test]
fn a_venue_goes_with_the_channel_of_a_venue() {
    let venue =
        |document: &Value, noted: &[&str]| read(document, noted).place.venue_id.map(|id| id.to_string());
    let with_venue = with("permanence", json!("637b"));
    let there = changed(with_venue.clone(), "cra.canal", json!("rattachement"));
    assert_eq!(venue(&there, &[]).as_deref(), Some("637b"));
    assert_eq!(venue(&with_venue, &["permanence"]), None);
    assert_eq!(venue(&with("permanence", json!(7)), &["permanence"]), None);
}
