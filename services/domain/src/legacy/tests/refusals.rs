//! What is never guessed: it is refused with its path in the document.

use super::*;
use crate::legacy::Declared;

#[test]
fn a_text_that_is_not_a_json_object_is_refused() {
    for document in ["", "{", "null", "[]", "\"x\"", "12", "{\"a\":1} x"] {
        let violations = upcast(document.as_bytes()).unwrap_err();
        let [violation] = &violations[..] else { panic!("{violations:?}") };
        assert_eq!((violation.field.as_str(), violation.fault.reason()), ("document", "DOCUMENT_INVALID"));
    }
    assert!(upcast(&[0xff, 0xfe]).is_err());
}

#[test]
fn an_empty_document_reports_everything_missing() {
    let missing: Vec<_> = admit(&json!({})).unwrap_err().into_iter().map(|v| v.field).collect();
    let expected = ["conseiller", "structure", "createdAt", "cra.canal", "cra.nomCommune", "cra.activite"];
    assert_eq!(missing, expected);
}

#[test]
fn an_unknown_word_is_refused() {
    refused(&with("cra.activite", json!("?")), &[("cra.activite", "UNKNOWN_VALUE")]);
    refused(&with("cra.activite", json!(null)), &[("cra.activite", "REQUIRED")]);
    refused(&with("cra.canal", json!("?")), &[("cra.canal", "UNKNOWN_VALUE")]);
    refused(&with("cra.themes", json!(["internet", "?"])), &[("cra.themes[1]", "UNKNOWN_VALUE")]);
    refused(&with("cra.themes", json!([1])), &[("cra.themes[0]", "UNKNOWN_VALUE")]);
    refused(&with("cra.themes", json!("?")), &[("cra.themes[0]", "UNKNOWN_VALUE")]);
    refused(&with("cra.themes", json!({})), &[("cra.themes", "UNKNOWN_VALUE")]);
}

#[test]
fn a_document_without_a_date_of_record_is_refused() {
    refused(&with("createdAt", json!(null)), &[("createdAt", "REQUIRED")]);
    for wrong in [json!("?"), json!({"$date": "?"}), json!(true), json!({"$oid": "a"}), json!("2023-06-31")] {
        refused(&with("createdAt", wrong), &[("createdAt", "DATE_INVALID")]);
    }
}

#[test]
fn an_impossible_day_is_refused_at_its_path() {
    const DAY: &str = "cra.dateAccompagnement";
    for wrong in [json!("?"), json!({"$date": "?"}), json!(true), json!("2023-06-31")] {
        refused(&with(DAY, wrong), &[(DAY, "DATE_INVALID")]);
    }
    // The document was created on 2023-06-10, in Paris.
    for (day, reason) in [
        ("1970-01-01T00:00:00.000Z", "DATE_TOO_EARLY"),
        ("2019-12-31T22:59:59.000Z", "DATE_TOO_EARLY"),
        ("2099-12-31T00:00:00.000Z", "DATE_IN_FUTURE"),
        ("2023-06-12T00:00:00.000Z", "DATE_IN_FUTURE"),
        ("2023-06-11T22:00:00.000Z", "DATE_IN_FUTURE"),
    ] {
        refused(&with(DAY, json!({"$date": day})), &[(DAY, reason)]);
    }
    for day in ["2019-12-31T23:00:00.000Z", "2020-01-01T00:00:00.000Z", "2023-06-11T21:59:59.000Z"] {
        read(&with(DAY, json!({"$date": day})), &[]);
    }
    // The next day at midnight in UTC: it means that day, although it is still the day before at the place.
    read(&with(DAY, json!("2023-06-11T00:00:00Z")), &[]);
    let early = changed(with("createdAt", json!("1970-01-01T00:00:00Z")), DAY, json!(null));
    refused(&early, &[("createdAt", "DATE_TOO_EARLY")]);
}

#[test]
fn a_repeated_key_is_refused_at_its_path() {
    let text = document().to_string();
    for (once, twice, path) in [
        (r#""duree":"0-30""#, r#""duree":"0-30","duree":"0-30""#, "cra.duree"),
        (r#""structure":"s""#, r#""structure":"s","structure":"t""#, "structure"),
        (r#""plus60ans":5"#, r#""plus60ans":5,"plus60ans":4"#, "cra.age.plus60ans"),
        (r#"["internet"]"#, r#"["internet",{"a":1,"a":1}]"#, "cra.themes[1].a"),
    ] {
        assert_eq!(text.matches(once).count(), 1, "{once}");
        let repeated = Document::parse(text.replace(once, twice).as_bytes()).unwrap();
        let violations = repeated.admit().unwrap_err();
        let fault = violations.iter().find(|violation| violation.field == path);
        assert_eq!(fault.map(|it| it.fault.reason()), Some("DOCUMENT_INVALID"), "{violations:?}");
    }
}

#[test]
fn malformed_ids_are_refused() {
    for wrong in [json!("a b"), json!(12), json!({"$oid": 1}), json!("")] {
        refused(&with("conseiller", wrong.clone()), &[("conseiller", "ID_INVALID")]);
        refused(&with("structure", wrong), &[("structure", "ID_INVALID")]);
    }
    refused(&with("conseiller", json!(null)), &[("conseiller", "REQUIRED")]);
}

#[test]
fn a_number_of_people_that_is_not_a_number_is_refused() {
    for wrong in [json!(0), json!(-1), json!("?"), json!(1.5), json!(10_001), json!([])] {
        refused(&with("cra.nbParticipants", wrong), &[("cra.nbParticipants", "PARTICIPANTS_OUT_OF_RANGE")]);
    }
}

#[test]
fn the_id_and_the_form_of_an_import_are_checked() {
    use super::super::check_legacy_id;
    assert!(check_legacy_id("62a9f1").is_ok());
    assert!(check_legacy_id(&"é".repeat(128)).is_ok());
    assert!(check_legacy_id(" ").is_err());
    let reason = |legacy_id: &str| check_legacy_id(legacy_id).unwrap_err().fault.reason();
    assert_eq!(reason(""), "REQUIRED");
    assert_eq!(reason(&"é".repeat(129)), "TEXT_INVALID");
    assert_eq!(reason("a\nb"), "TEXT_INVALID");
}

#[test]
fn a_form_is_the_declared_one_or_the_one_of_the_documents_creation() {
    use FormVersion::{V1, V2, V3};
    let form =
        |number: u32, created_at: &str| Declared::parse(number).unwrap().form(created_at.parse().unwrap());
    for (number, declared) in [(1, V1), (2, V2), (3, V3)] {
        assert_eq!(form(number, "2022-06-01T00:00:00Z"), declared);
        assert_eq!(declared.number(), number);
    }
    for (created_at, expected) in [
        ("2021-04-29T10:00:00Z", V1),
        ("2022-03-09T22:59:59Z", V1),
        ("2022-03-09T23:00:00Z", V2),
        ("2022-11-22T22:59:59Z", V2),
        ("2022-11-22T23:00:00Z", V3),
        ("2024-01-01T00:00:00Z", V3),
    ] {
        assert_eq!(form(0, created_at), expected, "{created_at}");
    }
    for number in [4, u32::MAX] {
        assert_eq!(Declared::parse(number).unwrap_err().fault.reason(), "FORM_VERSION_UNKNOWN");
    }
}
