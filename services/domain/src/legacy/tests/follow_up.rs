//! Follow-up, and the organisations that people are sent to.

use super::*;
use crate::cra::Recipient;
use crate::vocabulary::Organisation;

fn next(value: Value) -> Value {
    with("cra.accompagnement", value)
}

/// Numbers of people seen again, invited to a workshop, and redirected.
#[track_caller]
fn sums(document: &Value, noted: &[&str]) -> (u32, u32, u32) {
    let cra = read(document, noted);
    let redirected = cra.redirections.iter().map(|redirection| redirection.people).sum();
    (cra.follow_up_individual, cra.follow_up_workshop, redirected)
}

#[test]
fn one_slug_applies_to_all_participants() {
    for document in [document(), first_form()] {
        let next = |value| changed(document.clone(), "cra.accompagnement", value);
        assert_eq!(sums(&next(json!("individuel")), &[]), (5, 0, 0));
        assert_eq!(sums(&next(json!("atelier")), &[]), (0, 5, 0));
        assert_eq!(sums(&next(json!("redirection")), &[]), (0, 0, 5));
        assert_eq!(sums(&next(json!(null)), &[]), (0, 0, 0));
        for wrong in [json!("?"), json!(3), json!([])] {
            assert_eq!(sums(&next(wrong), &["cra.accompagnement"]), (0, 0, 0));
        }
    }
}

#[test]
fn counts_are_kept_in_order_up_to_the_number_of_participants() {
    let counts = |individual: u32, workshop: u32, redirection: u32| {
        next(json!({"individuel": individual, "atelier": workshop, "redirection": redirection}))
    };
    let over = ["cra.accompagnement"];
    assert_eq!(sums(&counts(1, 2, 2), &[]), (1, 2, 2));
    assert_eq!(sums(&counts(5, 5, 5), &over), (5, 0, 0));
    assert_eq!(sums(&counts(3, 5, 5), &over), (3, 2, 0));
    assert_eq!(sums(&counts(2, 2, 5), &over), (2, 2, 1));
    assert_eq!(sums(&counts(0, 0, 6), &over), (0, 0, 5));
    assert_eq!(sums(&counts(10_000, 10_000, 10_000), &over), (5, 0, 0));
    assert_eq!(sums(&counts(0, 1, 10_001), &over), (0, 1, 4));
    assert_eq!(sums(&next(json!({"individuel": 0, "atelier": 4_294_967_296_u64})), &over), (0, 5, 0));
    let partial = next(json!({"individuel": null, "atelier": "2"}));
    assert_eq!(sums(&partial, &[]), (0, 2, 0));
    let named = changed(counts(3, 0, 0), "cra.organismes", json!([{"CAF": 1}, {"ANTS": 4}]));
    let cra = read(&named, &over);
    assert_eq!(
        recipients(&cra),
        [(Recipient::Known(Organisation::Caf), 1), (Recipient::Known(Organisation::Ants), 1),]
    );
}

fn redirected(people: u32, field: &str, value: Value) -> Value {
    changed(next(json!({"individuel": 0, "atelier": 0, "redirection": people})), field, value)
}

fn recipients(cra: &Cra) -> Vec<(Recipient, u32)> {
    cra.redirections.iter().map(|r| (r.recipient.clone(), r.people)).collect()
}

const FIELDS: [&str; 2] = ["cra.organisme", "cra.organismes"];

#[test]
fn one_name_is_the_destination_of_all_redirected_people() {
    for field in FIELDS {
        let to = |value| recipients(&read(&redirected(3, field, value), &[]));
        assert_eq!(to(json!("CAF")), [(Recipient::Known(Organisation::Caf), 3)]);
        assert_eq!(to(json!(["CAF"])), [(Recipient::Known(Organisation::Caf), 3)]);
        assert_eq!(to(json!(" MEDIATHEQUE ")), [(Recipient::Known(Organisation::Mediatheque), 3)]);
        assert_eq!(to(json!("Emmaüs")), [(Recipient::Other("Emmaüs".into()), 3)]);
        for none in [json!(null), json!(""), json!([]), json!([null])] {
            assert_eq!(to(none), [(Recipient::Unnamed, 3)]);
        }
        let none = redirected(0, field, json!("CAF"));
        assert!(recipients(&read(&none, &[field])).is_empty());
        let several = redirected(3, field, json!(["CAF", "ANTS"]));
        assert_eq!(recipients(&read(&several, &[field])), [(Recipient::Unnamed, 3)]);
        let wrong = redirected(3, field, json!(7));
        assert_eq!(recipients(&read(&wrong, &[field])), [(Recipient::Unnamed, 3)]);
    }
}

#[test]
fn people_per_organisation_count_and_the_rest_is_unnamed() {
    for field in FIELDS {
        let to = |people, value| recipients(&read(&redirected(people, field, value), &[]));
        let named = json!([{"POLE EMPLOI": 1}, {"Emmaüs": 2}]);
        let both = [(Recipient::Known(Organisation::PoleEmploi), 1), (Recipient::Other("Emmaüs".into()), 2)];
        assert_eq!(to(3, named.clone()), both);
        assert_eq!(to(2, named.clone()), both, "people who are named are not taken away");
        assert_eq!(to(5, named), [both[0].clone(), both[1].clone(), (Recipient::Unnamed, 2)]);
        assert_eq!(to(0, json!([{"CAF": 0}])), []);
        assert_eq!(to(0, json!({"CAF": 1})), [(Recipient::Known(Organisation::Caf), 1)]);
        assert_eq!(to(0, json!([{"CAF": 1}, {"caf": 2}])), [(Recipient::Known(Organisation::Caf), 3)]);
    }
}

#[test]
fn a_name_and_people_per_organisation_are_combined() {
    let both = |people, name: &str| {
        let counted = redirected(people, "cra.organismes", json!([{"CAF": 1}, {"CPAM": 1}]));
        changed(counted, "cra.organisme", json!(name))
    };
    let counted = [(Recipient::Known(Organisation::Caf), 1), (Recipient::Known(Organisation::Cpam), 1)];
    assert_eq!(recipients(&read(&both(2, "CAF"), &[])), counted, "migrated: the name is among them");
    assert_eq!(recipients(&read(&both(2, "ANTS"), &["cra.organisme"])), counted);
    let rest = (Recipient::Known(Organisation::Ants), 2);
    assert_eq!(recipients(&read(&both(4, "ANTS"), &[])), [counted[0].clone(), counted[1].clone(), rest]);
    let rest = (Recipient::Known(Organisation::Caf), 3);
    assert_eq!(recipients(&read(&both(4, "CAF"), &[])), [rest, counted[1].clone()]);
}
