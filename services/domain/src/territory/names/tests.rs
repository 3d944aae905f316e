//! Guarantees of the lookup by postal code and name, on the real data.

use serde_json::Value;

use super::*;
use crate::territory::communes;

fn found(postal_code: &str, name: &str) -> Option<&'static str> {
    communes().by_postal_code_and_name(postal_code, name).map(|id| communes().get(id).code())
}

#[test]
fn a_name_is_found_in_every_spelling() {
    assert_eq!(found("42000", "ST ETIENNE"), Some("42218"));
    assert_eq!(found("42100", "saint-étienne"), Some("42218"));
    assert_eq!(found("01400", "L ABERGEMENT CLEMENCIAT"), Some("01001"));
    assert_eq!(found("01400", "L’Abergement-Clémenciat"), Some("01001"));
    assert_eq!(found("69110", "STE FOY LES LYON"), Some("69202"));
    assert_eq!(found("94240", "L HAY LES ROSES"), Some("94038"));
}

#[test]
fn an_arrondissement_is_found_by_its_number() {
    for name in ["PARIS 01", "Paris 1", "paris 1er", "Paris 1er Arrondissement", "PARIS-1ER-ARR"] {
        assert_eq!(found("75001", name), Some("75101"), "{name}");
    }
    assert_eq!(found("75116", "PARIS 16"), Some("75116"));
    assert_eq!(found("69003", "LYON 03"), Some("69383"));
    assert_eq!(found("69003", "Lyon 3ème"), Some("69383"));
    assert_eq!(found("13016", "MARSEILLE 16"), Some("13216"));
    for name in ["PARIS", "Paris", "PARIS CEDEX 01"] {
        assert_eq!(found("75001", name), Some("75101"), "{name}");
    }
    assert_eq!(found("75116", "PARIS"), Some("75116"));
    assert_eq!(found("69007", "LYON"), Some("69387"));
    assert_eq!(found("13016", "MARSEILLE"), Some("13216"));
}

#[test]
fn a_merged_commune_is_the_commune_of_today() {
    assert_eq!(found("01300", "ARBIGNIEU"), Some("01015"));
    assert_eq!(found("01800", "Cordieux"), None, "its commune of today has another postal code");
    assert_eq!(found("01120", "Cordieux"), Some("01262"));
}

#[test]
fn a_name_is_never_guessed() {
    assert_eq!(found("75001", "PARIS 02"), None);
    assert_eq!(found("75001", "PARI"), None);
    assert_eq!(found("01300", ""), None);
    assert_eq!(found("01300", " - "), None);
    assert_eq!(found("1300", "Arbignieu"), None);
    assert_eq!(found("97429", ""), None, "even where the postal code has one commune");
}

#[test]
fn every_commune_is_found_by_its_own_postal_codes_and_name() {
    for commune in communes().all() {
        for postal_code in commune.postal_codes() {
            let expected = match communes().arrondissement_at(commune.id(), postal_code) {
                Some(arrondissement) => communes().get(arrondissement).code(),
                None => commune.code(),
            };
            let capitals = fold(commune.name()).to_uppercase();
            let short = |word| if word == "SAINT" { "ST" } else { word };
            let abbreviated = capitals.split(' ').map(short).collect::<Vec<_>>().join(" ");
            for name in [commune.name(), &capitals, &abbreviated] {
                assert_eq!(found(postal_code, name), Some(expected), "{postal_code} {name}");
            }
        }
    }
}

#[test]
fn only_a_number_makes_an_arrondissement() {
    assert_eq!(arrondissement("paris 01"), Some(("paris", 1)));
    assert_eq!(arrondissement("lyon 3e arr"), Some(("lyon", 3)));
    for name in ["paris", "paris 1x", "paris 100", "paris er", "1", "paris arrondissement"] {
        assert_eq!(arrondissement(name), None, "{name}");
    }
}

const PLACES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance/places.json"));

/// One list of the shared cases: postal code, name, code of today's commune.
fn shared(list: &str) -> Vec<(String, String, &'static str)> {
    let places: Value = serde_json::from_str(PLACES).unwrap();
    let text = |pair: &Value, field: &str| pair[field].as_str().unwrap().to_owned();
    let today = |code: &str| communes().get(communes().resolve(code).expect(code)).code();
    let pairs = places[list].as_array().unwrap().iter();
    pairs.map(|pair| (text(pair, "postal_code"), text(pair, "name"), today(&text(pair, "commune")))).collect()
}

#[test]
fn every_pair_of_real_documents_is_the_commune_of_today() {
    let pairs = shared("documents");
    assert!(pairs.len() > 80, "the pairs are there");
    for (postal_code, name, code) in pairs {
        assert_eq!(found(&postal_code, &name), Some(code), "{postal_code} {name}");
    }
}

#[test]
fn every_postal_code_of_the_pacific_is_its_communes_own() {
    let pairs = shared("pacific");
    assert!(pairs.len() > 100, "the pairs are there");
    for (postal_code, name, code) in pairs {
        let commune = communes().get(communes().resolve(code).unwrap());
        assert!(commune.has_postal_code(&postal_code), "{postal_code} {name}");
        assert_eq!(found(&postal_code, &name), Some(code), "{postal_code} {name}");
    }
}

#[test]
fn a_former_name_is_found_with_the_postal_codes_that_it_had_unless_a_commune_of_today_has_both() {
    let mut missed = Vec::new();
    for former in &communes().former_names {
        let has_the_name_today = |id: &CommuneId| communes().folded_name(*id) == fold(former.name);
        for postal_code in &former.postal_codes {
            if communes().by_postal_code(postal_code).iter().any(has_the_name_today) {
                continue;
            }
            if communes().by_postal_code_and_name(postal_code, former.name) != Some(former.today) {
                missed.push((*postal_code, former.name, found(postal_code, former.name)));
            }
        }
    }
    assert_eq!(missed, []);
}

#[test]
fn spellings_of_old_lists_are_the_only_commune_that_is_near() {
    for (postal_code, name, code) in [
        ("19150", "LAGUENNE", "19101"),
        ("09330", "MONTGAILLARD", "09207"),
        ("88150", "CAPAVENIR VOSGES", "88465"),
        ("53160", "VIMARCE", "53249"),
        ("69310", "SAINTE FOY LES LYON", "69202"),
        ("05250", "LE DEVOLUY", "05139"),
        ("80480", "VERS SUR SELLES", "80791"),
        ("38440", "MEYSSIES", "38232"),
        ("85000", "ROCHE SUR YON LA", "85191"),
        ("35700", "RENNES CEDEX 7", "35238"),
        ("83560", "ESPARRON DE PALLIERES", "83052"),
    ] {
        assert_eq!(found(postal_code, name), Some(code), "{postal_code} {name}");
    }
}

#[test]
fn the_name_of_another_commune_is_not_taken_for_a_near_one() {
    for (postal_code, name) in [
        ("69001", "PARIS 01"),
        ("69007", "LYON 03"),
        ("35000", "REDON"),
        ("75001", "nowhere"),
        ("24200", "SAINT"),
    ] {
        assert_eq!(found(postal_code, name), None, "{postal_code} {name}");
    }
}
