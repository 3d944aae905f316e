//! Where: channel, commune, postal code and venue.

use super::*;
use crate::territory::communes;

fn in_commune(code: &str, postal_code: &str) -> v1::Cra {
    given_place(|place| (place.commune_code, place.postal_code) = (code.into(), postal_code.into()))
}

fn commune_of_today(cra: &Cra) -> &'static str {
    communes().get(cra.place.commune).code()
}

#[test]
fn an_absent_place_is_a_missing_channel_and_commune() {
    let expected = [("cra.place.channel", "REQUIRED"), ("cra.place.commune_code", "REQUIRED")];
    refused(&given(|form| form.place = None), &expected);
    refused(&given(|form| form.place = Some(v1::Place::default())), &expected);
}

#[test]
fn a_channel_is_set_and_known() {
    for channel in 1..=4 {
        accepted(&given_place(|place| place.channel = channel));
    }
    refused(&given_place(|place| place.channel = 0), &[("cra.place.channel", "REQUIRED")]);
    for unknown in [-1, 5, i32::MAX, i32::MIN] {
        refused(&given_place(|place| place.channel = unknown), &[("cra.place.channel", "UNKNOWN_VALUE")]);
    }
}

#[test]
fn a_commune_code_is_known_once_trimmed() {
    let cra = cra_of(&in_commune(" 75101\n", "75001"));
    assert_eq!((&*cra.place.commune_code, commune_of_today(&cra)), ("75101", "75101"));
    refused(&in_commune("", "75001"), &[("cra.place.commune_code", "REQUIRED")]);
    refused(&in_commune("  ", "75001"), &[("cra.place.commune_code", "REQUIRED")]);
    for unknown in ["75999", "Paris", "7510", "2a004"] {
        refused(&in_commune(unknown, "75001"), &[("cra.place.commune_code", "COMMUNE_UNKNOWN")]);
    }
}

#[test]
fn a_postal_code_is_not_judged_where_the_commune_is_unknown() {
    refused(&in_commune("75999", "nonsense"), &[("cra.place.commune_code", "COMMUNE_UNKNOWN")]);
}

#[test]
fn a_postal_code_is_one_of_the_communes() {
    for right in ["97400", "97417", "97490"] {
        assert_eq!(&*cra_of(&in_commune("97411", right)).place.postal_code, right);
    }
    for wrong in ["97410", "97400 ", "9740", "x"] {
        let violations =
            refused(&in_commune("97411", wrong), &[("cra.place.postal_code", "POSTAL_CODE_MISMATCH")]);
        for accepted in ["Saint-Denis", "97400", "97417", "97490"] {
            assert!(violations[0].fault.message_fr().contains(accepted), "{violations:?}");
        }
    }
}

#[test]
fn the_only_postal_code_is_found_and_several_are_asked_for() {
    assert_eq!(&*cra_of(&in_commune("01004", "")).place.postal_code, "01500");
    let violations = refused(&in_commune("75056", ""), &[("cra.place.postal_code", "POSTAL_CODE_REQUIRED")]);
    assert!(violations[0].fault.message_fr().contains("75116"), "{violations:?}");
}

#[test]
fn a_territory_without_postal_codes_takes_none() {
    assert_eq!(&*cra_of(&in_commune("98412", "")).place.postal_code, "");
    refused(&in_commune("98412", "97400"), &[("cra.place.postal_code", "POSTAL_CODE_MISMATCH")]);
}

#[test]
fn a_delegated_commune_has_the_postal_codes_of_todays_commune() {
    // Cordieux belongs to Montluel.
    for postal_code in ["01120", ""] {
        let cra = cra_of(&in_commune("01120", postal_code));
        assert_eq!((&*cra.place.commune_code, commune_of_today(&cra)), ("01120", "01262"));
        assert_eq!(&*cra.place.postal_code, "01120");
    }
    refused(&in_commune("01120", "01800"), &[("cra.place.postal_code", "POSTAL_CODE_MISMATCH")]);
}

#[test]
fn a_former_code_is_accepted_with_the_postal_codes_of_todays_commune() {
    let cra = cra_of(&in_commune("01003", "01090"));
    assert_eq!((&*cra.place.commune_code, commune_of_today(&cra)), ("01003", "01165"));
    refused(&in_commune("01003", "01000"), &[("cra.place.postal_code", "POSTAL_CODE_MISMATCH")]);
}

#[test]
fn where_a_code_is_both_the_commune_of_today_wins() {
    assert_eq!(commune_of_today(&cra_of(&in_commune("01015", "01300"))), "01015");
}

#[test]
fn a_venue_goes_with_its_channel_only() {
    let with = |channel: i32, venue: &str| {
        given_place(|place| (place.channel, place.venue_id) = (channel, venue.into()))
    };
    assert_eq!(cra_of(&with(1, "lieu-1")).place.venue_id.unwrap().as_str(), "lieu-1");
    assert_eq!(cra_of(&with(1, "")).place.venue_id, None);
    for other in 2..=4 {
        refused(&with(other, "lieu-1"), &[("cra.place.venue_id", "VENUE_NOT_ALLOWED")]);
        accepted(&with(other, ""));
    }
    for wrong in ["a b", "é", &"x".repeat(65)] {
        refused(&with(1, wrong), &[("cra.place.venue_id", "ID_INVALID")]);
    }
}

#[test]
fn a_venue_is_not_judged_by_a_channel_that_is_missing_or_unknown() {
    let with =
        |channel: i32| given_place(|place| (place.channel, place.venue_id) = (channel, "lieu-1".into()));
    refused(&with(0), &[("cra.place.channel", "REQUIRED")]);
    refused(&with(9), &[("cra.place.channel", "UNKNOWN_VALUE")]);
}
