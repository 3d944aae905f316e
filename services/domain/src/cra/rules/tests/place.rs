//! Channel, commune, postal code and venue.

use super::*;

fn in_commune(code: &str, postal_code: &str) -> v1::Cra {
    form_with_place(|place| (place.commune_code, place.postal_code) = (code.into(), postal_code.into()))
}

fn commune_of_today(cra: &Cra) -> &'static str {
    communes().get(cra.place.commune).code()
}

#[test]
fn an_absent_place_lacks_a_channel_and_a_commune() {
    let expected = [("cra.place.channel", "REQUIRED"), ("cra.place.commune_code", "REQUIRED")];
    refused(&form_with(|form| form.place = None), &expected);
    refused(&form_with(|form| form.place = Some(v1::Place::default())), &expected);
}

#[test]
fn a_channel_is_set_and_known() {
    for channel in 1..=4 {
        accepted(&form_with_place(|place| place.channel = channel));
    }
    refused(&form_with_place(|place| place.channel = 0), &[("cra.place.channel", "REQUIRED")]);
    for unknown in [-1, 5, i32::MAX, i32::MIN] {
        refused(&form_with_place(|place| place.channel = unknown), &[("cra.place.channel", "UNKNOWN_VALUE")]);
    }
}

#[test]
fn a_commune_code_is_known_once_trimmed() {
    let cra = cra_of(&in_commune(" 75101\n", "75001"));
    assert_eq!((&*cra.place.commune_code, commune_of_today(&cra)), ("75101", "75101"));
    refused(&in_commune("", "75001"), &[("cra.place.commune_code", "REQUIRED")]);
    refused(&in_commune("  ", "75001"), &[("cra.place.commune_code", "REQUIRED")]);
    for unknown in ["75999", "Paris", "7510", "2a999", "1004"] {
        refused(&in_commune(unknown, "75001"), &[("cra.place.commune_code", "COMMUNE_UNKNOWN")]);
    }
}

#[test]
fn a_postal_code_is_not_judged_if_the_commune_is_unknown() {
    refused(&in_commune("75999", "nonsense"), &[("cra.place.commune_code", "COMMUNE_UNKNOWN")]);
}

#[test]
fn a_postal_code_is_one_of_the_communes() {
    for right in ["97400", "97417", "97490", " 97 400", "97\u{a0}400"] {
        let expected: String = right.split_whitespace().collect();
        assert_eq!(&*cra_of(&in_commune("97411", right)).place.postal_code, expected);
    }
    for wrong in ["97410", "9740", "x"] {
        let violations =
            refused(&in_commune("97411", wrong), &[("cra.place.postal_code", "POSTAL_CODE_MISMATCH")]);
        for accepted in ["Saint-Denis", "97400", "97417", "97490"] {
            assert!(violations[0].fault.message_fr().contains(accepted), "{violations:?}");
        }
    }
}

#[test]
fn a_single_postal_code_is_derived_and_one_of_several_is_required() {
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
fn the_commune_of_today_wins_where_a_code_has_two_meanings() {
    assert_eq!(commune_of_today(&cra_of(&in_commune("01015", "01300"))), "01015");
}

#[test]
fn a_venue_goes_with_its_channel_only() {
    let with = |channel: i32, venue: &str| {
        form_with_place(|place| (place.channel, place.venue_id) = (channel, venue.into()))
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
        |channel: i32| form_with_place(|place| (place.channel, place.venue_id) = (channel, "lieu-1".into()));
    refused(&with(0), &[("cra.place.channel", "REQUIRED")]);
    refused(&with(9), &[("cra.place.channel", "UNKNOWN_VALUE")]);
}

/// The reason and French message of the form's only fault.
fn reported(form: &v1::Cra) -> (&'static str, String) {
    let [Violation { fault, .. }] = &parse_at(form, NOW).unwrap_err()[..] else { panic!("several faults") };
    (fault.reason(), fault.message_fr())
}

fn defaults(form: &v1::Cra) -> Vec<(&'static str, String)> {
    accepted(form).defaulted().iter().map(|default| (default.field, default.value.clone())).collect()
}

#[test]
fn a_code_may_have_lower_case_letters_and_spaces() {
    for typed in ["2a004", "2A 004", " 2A004"] {
        let cra = cra_of(&in_commune(typed, "20 000"));
        assert_eq!((&*cra.place.commune_code, &*cra.place.postal_code), ("2A004", "20000"));
    }
}

#[test]
fn the_receipt_names_the_postal_code_that_was_derived_and_the_commune_that_another_code_led_to() {
    let field = |field: &'static str, value: &str| (field, value.to_owned());
    assert_eq!(defaults(&in_commune("01004", "")), [field("cra.place.postal_code", "01500")]);
    assert_eq!(defaults(&in_commune("01004", "01500")), []);
    assert_eq!(defaults(&in_commune("01120", "01120")), [field("cra.place.commune_code", "01262")]);
    assert_eq!(
        defaults(&in_commune("01340", "")),
        [field("cra.place.commune_code", "01015"), field("cra.place.postal_code", "01300")]
    );
    assert_eq!(&*cra_of(&in_commune("01340", "")).place.commune_code, "01340", "kept as it was declared");
}

#[test]
fn a_postal_code_as_commune_code_is_a_former_commune_only_if_the_postal_code_agrees() {
    assert_eq!(commune_of_today(&cra_of(&in_commune("75010", "93140"))), "93010");
    for postal_code in ["", "75010", "75011"] {
        let (reason, message) = reported(&in_commune("75010", postal_code));
        assert_eq!(reason, "COMMUNE_UNKNOWN");
        assert_eq!(
            message,
            "75010 est un code postal, celui de Paris 10e Arrondissement (75110) : indiquez le code Insee de la \
             commune."
        );
    }
}

#[test]
fn messages_of_places_are_french_and_say_what_to_declare() {
    for (code, postal_code, expected) in [
        (
            "76351",
            "75001",
            "Le code postal « 75001 » n'est pas celui du Havre : choisissez 76600, 76610 ou 76620.",
        ),
        ("94002", "75001", "Le code postal « 75001 » n'est pas celui d'Alfortville : indiquez 94140."),
        ("94038", "x", "Le code postal « x » n'est pas celui de L'Haÿ-les-Roses : indiquez 94240."),
        ("01004", "1500", "Il manque un zéro au début du code postal 1500 : indiquez 01500."),
        ("98412", "1", "Archipel des Kerguelen n'a pas de code postal : laissez ce champ vide."),
        (
            "1004",
            "",
            "Il manque un zéro au début du code Insee 1004 : indiquez 01004, celui d'Ambérieu-en-Bugey.",
        ),
        (
            "29 200",
            "",
            "29200 est un code postal, celui de Brest (29019) : indiquez le code Insee de la commune.",
        ),
        ("Rennes", "", "« Rennes » est un nom de commune : indiquez son code Insee, 35238."),
        (
            "99999",
            "",
            "Aucune commune n'a le code Insee « 99999 » : cherchez la commune par son nom et indiquez son code Insee.",
        ),
    ] {
        assert_eq!(reported(&in_commune(code, postal_code)).1, expected);
    }
    let several = reported(&in_commune("85194", "85000")).1;
    assert!(several.contains("des Sables-d'Olonne : choisissez 85100"), "{several}");
}

#[test]
fn the_other_postal_codes_of_the_pacific_are_accepted() {
    for (code, postal_code) in
        [("98805", "98830"), ("98805", "98837"), ("98817", "98810"), ("98821", "98840")]
    {
        let cra = cra_of(&in_commune(code, postal_code));
        assert_eq!((&*cra.place.commune_code, &*cra.place.postal_code), (code, postal_code));
    }
    let (reason, message) = reported(&in_commune("98805", ""));
    assert_eq!(reason, "POSTAL_CODE_REQUIRED");
    assert!(message.contains("98830"), "{message}");
}

#[test]
fn a_message_about_a_wrong_code_is_bounded() {
    for code in ["x".repeat(100_000), "é".repeat(100_000)] {
        assert!(reported(&in_commune(&code, "")).1.len() < 500);
        assert!(reported(&in_commune("01004", &code)).1.len() < 500);
    }
}
