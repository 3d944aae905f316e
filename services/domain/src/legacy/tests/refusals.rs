//! What is never guessed: refused with its path in the document.

use FormVersion::{V1, V2, V3};

use super::*;

#[test]
fn what_is_no_json_object_is_refused() {
    for document in ["", "{", "null", "[]", "\"x\"", "12", "{\"a\":1} x"] {
        let violations = upcast(V1, document.as_bytes()).unwrap_err();
        let [violation] = &violations[..] else { panic!("{violations:?}") };
        assert_eq!((violation.field.as_str(), violation.fault.reason()), ("document", "DOCUMENT_INVALID"));
    }
    assert!(upcast(V1, &[0xff, 0xfe]).is_err());
}

#[test]
fn an_empty_document_tells_all_that_is_missing() {
    let missing =
        |form| read_as(form, &json!({})).unwrap_err().into_iter().map(|v| v.field).collect::<Vec<_>>();
    let first = ["conseiller", "structure", "createdAt", "cra.canal", "cra.nomCommune", "cra.activite"];
    assert_eq!(missing(V1), first);
    let later = [
        "conseiller",
        "structure",
        "createdAt",
        "cra.dateAccompagnement",
        "cra.canal",
        "cra.nomCommune",
        "cra.activite",
    ];
    assert_eq!(missing(V2), later);
    assert_eq!(missing(V3), later);
}

#[test]
fn a_commune_that_cannot_be_found_is_refused() {
    for form in [V2, V3] {
        refused(form, &with("cra.nomCommune", json!("nowhere")), &[("cra.nomCommune", "COMMUNE_UNKNOWN")]);
        refused(form, &with("cra.codePostal", json!("69001")), &[("cra.nomCommune", "COMMUNE_UNKNOWN")]);
        refused(form, &with("cra.nomCommune", json!(null)), &[("cra.nomCommune", "REQUIRED")]);
        refused(form, &with("cra.codePostal", json!(null)), &[("cra.codePostal", "REQUIRED")]);
    }
    // A code that is present and wrong is not put right by the name.
    refused(V3, &with("cra.codeCommune", json!("99999")), &[("cra.codeCommune", "COMMUNE_UNKNOWN")]);
}

#[test]
fn an_unknown_word_is_refused() {
    for form in [V2, V3] {
        refused(form, &with("cra.activite", json!("?")), &[("cra.activite", "UNKNOWN_VALUE")]);
        refused(form, &with("cra.activite", json!(null)), &[("cra.activite", "REQUIRED")]);
        refused(form, &with("cra.canal", json!("?")), &[("cra.canal", "UNKNOWN_VALUE")]);
        refused(form, &with("cra.themes", json!(["internet", "?"])), &[("cra.themes[1]", "UNKNOWN_VALUE")]);
        refused(form, &with("cra.themes", json!([1])), &[("cra.themes[0]", "UNKNOWN_VALUE")]);
    }
}

#[test]
fn a_document_without_a_date_is_refused() {
    for absent in [json!(null), json!("?"), json!({"$date": "?"}), json!(true)] {
        let reason = if absent.is_null() { "REQUIRED" } else { "DATE_INVALID" };
        for form in [V2, V3] {
            refused(
                form,
                &with("cra.dateAccompagnement", absent.clone()),
                &[("cra.dateAccompagnement", reason)],
            );
            refused(form, &with("createdAt", absent.clone()), &[("createdAt", reason)]);
        }
        refused(V1, &changed(first_form(), "createdAt", absent), &[("createdAt", reason)]);
    }
    // The first form has no other date than its record's.
    let without = changed(first_form(), "cra.dateAccompagnement", json!(null));
    assert!(read_as(V1, &without).is_ok());
}

#[test]
fn ids_out_of_form_are_refused() {
    for wrong in [json!("a b"), json!(12), json!({"$oid": 1}), json!("")] {
        refused(V3, &with("conseiller", wrong.clone()), &[("conseiller", "ID_INVALID")]);
        refused(V3, &with("structure", wrong), &[("structure", "ID_INVALID")]);
    }
    refused(V3, &with("conseiller", json!(null)), &[("conseiller", "REQUIRED")]);
}

#[test]
fn a_number_of_people_that_is_none_is_refused() {
    for wrong in [json!(0), json!(-1), json!("?"), json!(1.5), json!(10_001), json!([])] {
        refused(
            V3,
            &with("cra.nbParticipants", wrong),
            &[("cra.nbParticipants", "PARTICIPANTS_OUT_OF_RANGE")],
        );
    }
}

#[test]
fn the_id_and_the_form_of_an_import_are_checked() {
    use super::super::{check_form_version, check_legacy_id};
    assert!(check_legacy_id("62a9f1").is_ok());
    assert!(check_legacy_id(&"é".repeat(128)).is_ok());
    let reason = |legacy_id: &str| check_legacy_id(legacy_id).unwrap_err().fault.reason();
    assert_eq!(reason(""), "REQUIRED");
    assert_eq!(reason(&"é".repeat(129)), "TEXT_INVALID");
    assert_eq!(reason("a\nb"), "TEXT_INVALID");
    for (number, form) in [(1, V1), (2, V2), (3, V3)] {
        assert_eq!(check_form_version(number).unwrap(), form);
        assert_eq!(form.number(), number);
    }
    for number in [0, 4, u32::MAX] {
        assert_eq!(check_form_version(number).unwrap_err().fault.reason(), "FORM_VERSION_UNKNOWN");
    }
}
