//! Guarantees of the table of communes, on the real data.

use std::collections::{HashMap, HashSet};

use super::*;

fn code_of(id: CommuneId) -> &'static str {
    communes().get(id).code()
}

fn resolved(code: &str) -> Option<&'static str> {
    communes().resolve(code).map(code_of)
}

#[test]
fn the_file_has_every_commune_of_the_edition() {
    let communes = communes();
    let arrondissements = communes.all().iter().filter(|commune| commune.parent().is_some()).count();
    assert_eq!(arrondissements, 45);
    assert_eq!(communes.all().len() - arrondissements, 34_969 + 1, "Monaco");
    assert_eq!(communes.merged.len(), 2_105 + 471);
    assert!(communes.former_names.len() > 4_500);
    assert_eq!(communes.departments().len(), 109 + 1);
    assert_eq!(communes.regions().len(), 26 + 1);
    assert_eq!(communes.epcis().len(), 1_255);
    assert_eq!(communes.all().iter().filter(|commune| commune.epci().is_none()).count(), 98 + 1);
}

#[test]
fn an_index_is_the_position_in_code_order() {
    let communes = communes();
    assert!(communes.all().is_sorted_by(|left, right| left.code() < right.code()));
    assert!(communes.departments().is_sorted_by(|left, right| left.code() < right.code()));
    assert!(communes.regions().is_sorted_by(|left, right| left.code() < right.code()));
    assert!(communes.epcis().is_sorted_by(|left, right| left.code() < right.code()));
    for (index, commune) in (0..).zip(communes.all()) {
        assert_eq!(commune.id().index(), index);
        assert_eq!(communes.at(index), Some(commune.id()));
        assert_eq!(communes.resolve(commune.code()), Some(commune.id()));
    }
    assert_eq!(communes.at(u16::MAX), None);
}

#[test]
fn a_commune_of_today_wins_over_a_delegated_one_of_the_same_code() {
    let communes = communes();
    let commune = communes.get(communes.resolve("01015").unwrap());
    assert_eq!(commune.name(), "Arboys en Bugey");
    assert_eq!(commune.single_postal_code(), Some("01300"));
}

#[test]
fn a_merged_commune_is_the_commune_it_belongs_to_today() {
    assert_eq!(resolved("01120"), Some("01262"), "associated: Cordieux");
    assert_eq!(resolved("50173"), Some("50129"), "delegated: Équeurdreville-Hainneville");
    assert_eq!(resolved("02285"), Some("59545"), "in another department");
}

#[test]
fn a_former_code_is_the_commune_of_today() {
    assert_eq!(resolved("01340"), Some("01015"));
    assert_eq!(resolved("55273"), Some("55386"), "a delegated or associated commune wins over a former code");
}

#[test]
fn an_unknown_code_is_refused_and_nothing_is_trimmed() {
    for code in ["", "0", "99999", " 01015", "01015 ", "2a004", "ABCDE", "75000"] {
        assert_eq!(resolved(code), None, "{code:?}");
    }
    assert_eq!(resolved("2A004"), Some("2A004"));
}

#[test]
fn selecting_a_city_selects_its_arrondissements() {
    let size = |code| communes().resolve(code).map(|id| 1 + communes().arrondissements(id).count());
    assert_eq!(size("75056"), Some(1 + 20));
    assert_eq!(size("69123"), Some(1 + 9));
    assert_eq!(size("13055"), Some(1 + 16));
    assert_eq!(size("75101"), Some(1));
    assert_eq!(size("01340"), Some(1));
    assert_eq!(size("99999"), None);
    assert_eq!(resolved("75101"), Some("75101"), "an arrondissement keeps its own row");
}

#[test]
fn an_arrondissement_has_the_territories_of_its_commune() {
    for commune in communes().all() {
        if let Some(parent) = commune.parent() {
            let parent = communes().get(parent);
            assert!(parent.parent().is_none());
            assert_eq!(commune.epci(), parent.epci());
            assert_eq!(commune.department(), parent.department());
        }
    }
    let paris_1 = communes().get(communes().resolve("75101").unwrap());
    assert_eq!(paris_1.epci(), Some("200054781"));
}

#[test]
fn every_commune_has_a_department_a_region_and_perhaps_an_epci_that_exist() {
    let communes = communes();
    for commune in communes.all() {
        let department = communes.department(commune.department()).unwrap();
        let region = communes.region(commune.region()).unwrap();
        assert_eq!(department.id(), commune.department_id());
        assert_eq!(region.id(), commune.region_id());
        assert_eq!((department.region(), department.region_id()), (region.code(), region.id()));
        assert_eq!(commune.epci().and_then(|code| communes.epci(code)).map(Epci::id), commune.epci_id());
        assert!(commune.name().trim() == commune.name() && !commune.name().is_empty());
    }
}

#[test]
fn overseas_collectivities_are_departments_and_regions_of_their_own() {
    let communes = communes();
    for (code, commune, name) in [
        ("975", "97502", "Saint-Pierre-et-Miquelon"),
        ("977", "97701", "Saint-Barthélemy"),
        ("978", "97801", "Saint-Martin"),
        ("984", "98411", "Terres australes et antarctiques françaises"),
        ("986", "98613", "Wallis et Futuna"),
        ("987", "98735", "Polynésie française"),
        ("988", "98818", "Nouvelle-Calédonie"),
        ("989", "98901", "Île de Clipperton"),
        ("980", "99138", "Monaco"),
    ] {
        let commune = communes.get(communes.resolve(commune).unwrap());
        assert_eq!((commune.department(), commune.region()), (code, code));
        assert_eq!(communes.department(code).map(Department::name), Some(name));
        assert_eq!(communes.region(code).map(Region::name), Some(name));
    }
    assert_eq!(communes.department("974").map(Department::name), Some("La Réunion"));
    assert_eq!(communes.region("04").map(Region::name), Some("La Réunion"));
}

#[test]
fn postal_codes_are_5_digits_and_only_the_austral_lands_have_none() {
    for commune in communes().all() {
        assert_eq!(commune.postal_codes().is_empty(), commune.department() == "984");
        for postal_code in commune.postal_codes() {
            assert!(postal_code.len() == 5 && postal_code.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(commune.has_postal_code(postal_code));
        }
    }
}

#[test]
fn a_postal_code_gives_exactly_the_communes_that_have_it() {
    let mut expected: HashMap<&str, Vec<CommuneId>> = HashMap::new();
    for commune in communes().all() {
        for postal_code in commune.postal_codes() {
            expected.entry(postal_code).or_default().push(commune.id());
        }
    }
    for number in 0..100_000 {
        let postal_code = format!("{number:05}");
        let ids = expected.get(postal_code.as_str()).map_or(&[] as &[CommuneId], Vec::as_slice);
        assert_eq!(communes().by_postal_code(&postal_code), ids);
        assert_eq!(communes().is_postal_code(&postal_code), !ids.is_empty());
    }
    for text in ["", "7500", "750011", "+7500", "7500é", "2A004"] {
        assert!(!communes().is_postal_code(text), "{text}");
    }
}

#[test]
fn every_delegated_associated_or_former_code_leads_to_a_commune_of_today() {
    let communes = communes();
    let of_today: HashSet<&str> = communes.all().iter().map(Commune::code).collect();
    let merged = communes.merged.iter().map(|merged| (merged.code, merged.today));
    let former = communes.former.iter().map(|former| (former.code, former.today));
    for (code, today) in merged.chain(former) {
        assert!(communes.get(today).parent().is_none(), "{code}");
        let found = communes.resolve(code).unwrap();
        assert!(of_today.contains(code_of(found)));
    }
}

#[test]
fn one_changed_letter_of_the_file_changes_the_fingerprint() {
    let other = parse::parse("R\t84\tA\nD\t01\t84\tAin\n").unwrap();
    let another = parse::parse("R\t84\tA\nD\t01\t84\tAIn\n").unwrap();
    assert_ne!(other.fingerprint(), another.fingerprint());
    assert_eq!(communes().fingerprint(), communes().fingerprint());
}
