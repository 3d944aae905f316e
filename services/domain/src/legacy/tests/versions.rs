//! When two documents with one id are equal, and which of two is later.

use super::super::Version;
use super::*;

fn version(document: &Value) -> Version {
    Document::parse(document.to_string().as_bytes()).unwrap().version()
}

#[track_caller]
fn same(one: &Value, other: &Value) {
    assert_eq!(version(one).differences(&version(other)), [""; 0]);
    assert_eq!(version(one), version(other));
}

#[track_caller]
fn differ(one: &Value, other: &Value, paths: &[&str]) {
    assert_ne!(version(one), version(other));
    assert_eq!(version(one).differences(&version(other)), paths);
    assert_eq!(version(other).differences(&version(one)), paths);
}

#[test]
fn documents_that_differ_in_layout_are_equal() {
    let pretty = format!("{:#}", document());
    assert_eq!(Document::parse(pretty.as_bytes()).unwrap().version(), version(&document()));
    let reversed = r#"{"b": {"d": 1, "c": [2, 3]}, "a": null}"#;
    same(&serde_json::from_str(reversed).unwrap(), &json!({"a": null, "b": {"c": [2, 3], "d": 1}}));
}

#[test]
fn a_field_that_is_read_is_compared_by_its_meaning() {
    for (path, one, other) in [
        ("conseiller", json!("c"), json!({"$oid": "c"})),
        ("conseiller", json!({"$oid": "c"}), json!({"$ref": "x", "$id": {"$oid": "c"}, "$db": "y"})),
        ("_id", json!("d"), json!({"$oid": "d"})),
        ("createdAt", json!("2023-06-10T12:00:00.000Z"), json!({"$date": 1_686_398_400_000_i64})),
        ("updatedAt", json!("2023-06-10T14:00:00+02:00"), json!({"$date": "2023-06-10T12:00:00Z"})),
        ("cra.dateAccompagnement", json!("2023-06-09"), json!({"$date": "2023-06-09T00:00:00.000Z"})),
        ("cra.nbParticipants", json!(5), json!({"$numberInt": "5"})),
        ("cra.duree", json!("90"), json!({"$numberDouble": "90.0"})),
        ("cra.age", json!({"plus60ans": 5}), json!({"plus60ans": {"$numberLong": "5"}})),
        ("cra.organismes", json!([{"CAF": 1}]), json!([{"CAF": {"$numberInt": "1"}}])),
        ("cra.codePostal", json!(1300), json!("01300")),
        ("cra.codePostal", json!("1300"), json!("01300")),
    ] {
        same(&with(path, one), &with(path, other));
    }
}

#[test]
fn any_other_field_is_compared_as_its_json_value() {
    differ(&with("note", json!("5")), &with("note", json!(5)), &["note"]);
    differ(&with("note", json!("a")), &with("note", json!({"$oid": "a"})), &["note"]);
    differ(&with("note", json!(null)), &document(), &["note"]);
    // The same value in canonical and in relaxed Extended JSON.
    same(&with("note", json!(5)), &with("note", json!({"$numberInt": "5"})));
    same(&with("note", json!(5.0)), &with("note", json!({"$numberDouble": "5.0"})));
    same(&with("note", json!(5.5)), &with("note", json!({"$numberDouble": "5.5"})));
    same(
        &with("note", json!({"$date": "2023-06-10T12:00:00Z"})),
        &with("note", json!({"$date": {"$numberLong": "1686398400000"}})),
    );
    differ(
        &with("note", json!({"$date": "2023-06-10T12:00:00Z"})),
        &with("note", json!("2023-06-10T12:00:00Z")),
        &["note"],
    );
}

#[test]
fn the_differing_fields_are_named_by_their_paths() {
    let changed_twice = changed(with("cra.duree", json!(90)), "structure", json!("t"));
    differ(&document(), &changed_twice, &["cra.duree", "structure"]);
    differ(&document(), &with("cra.themes", json!(["courriel"])), &["cra.themes[0]"]);
    differ(&document(), &with("cra.themes", json!(["courriel", "internet"])), &["cra.themes"]);
    differ(
        &document(),
        &with("cra.age", json!({"moins12ans": 5})),
        &["cra.age.moins12ans", "cra.age.plus60ans"],
    );
}

#[test]
fn a_document_has_the_time_of_its_update_or_else_of_its_creation() {
    let written = |document: &Value| version(document).written_at().map(|at| at.to_string());
    assert_eq!(written(&document()).as_deref(), Some("2023-06-10T12:00:00Z"));
    let updated = with("updatedAt", json!({"$date": "2023-07-01T08:00:00Z"}));
    assert_eq!(written(&updated).as_deref(), Some("2023-07-01T08:00:00Z"));
    for none in [json!(null), json!("?")] {
        assert_eq!(written(&with("updatedAt", none)).as_deref(), Some("2023-06-10T12:00:00Z"));
    }
}
