//! Any document is read or refused, with the same result each time.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn leaf() -> impl Strategy<Value = Value> {
    let words = [
        "autre",
        "rattachement",
        "collectif",
        "individuel",
        "courriel",
        "internet",
        "0-30",
        "-12",
        "retraite",
        "CAF",
        "75001",
        "PARIS 01",
        "75101",
        "2023-06-10T12:00:00Z",
        "redirection",
        "",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..200_u32).prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

fn key() -> impl Strategy<Value = String> {
    let words = [
        "$oid",
        "$date",
        "$numberLong",
        "$numberInt",
        "$ref",
        "$id",
        "$numberDecimal",
        "annotation",
        "sante",
        "plus60ans",
        "retraite",
        "CAF",
    ];
    prop_oneof![prop::sample::select(words.to_vec()).prop_map(str::to_owned), "[a-z]{0,6}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(key(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The fixture with arbitrary values in some of its fields.
pub(super) fn any_document() -> impl Strategy<Value = Value> {
    let fields = [
        "createdAt",
        "conseiller",
        "structure",
        "permanence",
        "cra",
        "cra.codePostal",
        "cra.nomCommune",
        "cra.codeCommune",
        "cra.canal",
        "cra.activite",
        "cra.nbParticipants",
        "cra.nbParticipantsRecurrents",
        "cra.age",
        "cra.statut",
        "cra.themes",
        "cra.sousThemes",
        "cra.duree",
        "cra.accompagnement",
        "cra.dateAccompagnement",
        "cra.organisme",
        "cra.organismes",
    ];
    vec((prop::sample::select(fields.to_vec()), any_json()), 0..5).prop_map(|changes| {
        changes.into_iter().fold(document(), |document, (path, value)| {
            let has_parent = !path.starts_with("cra.") || document["cra"].is_object();
            if has_parent { changed(document, path, value) } else { document }
        })
    })
}

fn judge(bytes: &[u8]) {
    let read = upcast(bytes);
    assert_eq!(read, upcast(bytes), "the same each time");
    match &read {
        Ok(Upcast { cra, .. }) => {
            let participants = u64::from(cra.participants);
            assert!(participants >= 1 && u64::from(cra.returning_participants) <= participants);
            assert!(cra.ages.sum() <= participants && cra.statuses.sum() <= participants);
            assert!(cra.redirections.iter().all(|redirection| redirection.people > 0));
            let redirected: u64 = cra.redirections.iter().map(|it| u64::from(it.people)).sum();
            let planned =
                u64::from(cra.follow_up_individual) + u64::from(cra.follow_up_workshop) + redirected;
            assert!(planned <= participants);
            assert_eq!(Cra::from_message(&cra.to_message()).as_ref(), Ok(cra));
        }
        Err(violations) => assert!(!violations.is_empty(), "refused without a fault"),
    }
    let Ok(document) = Document::parse(bytes) else { return };
    match document.admit() {
        Ok(admitted) => assert_eq!(read, Ok(admitted), "what is admitted reads as it was admitted"),
        Err(violations) => assert!(!violations.is_empty(), "refused without a fault"),
    }
    let version = document.version();
    assert_eq!(version.differences(&version), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_json_is_read_or_refused_the_same_each_time(document in any_json()) {
        judge(document.to_string().as_bytes());
    }

    #[test]
    fn any_change_of_a_document_is_read_or_refused_the_same_each_time(document in any_document()) {
        judge(document.to_string().as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        judge(&bytes);
    }
}
