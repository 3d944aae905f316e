//! A selection is allowed exactly if it cannot count a CRA outside the perimeter. Compared with a naive evaluation of
//! the selection over every possible advisor, structure and commune.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

const ADVISORS: [&str; 3] = ["a", "b", "c"];
const STRUCTURES: [&str; 3] = ["s", "t", "u"];
const DEPARTMENTS: [&str; 6] = ["22", "35", "56", "75", "2A", "974"];
const REGIONS: [&str; 4] = ["53", "11", "94", "04"];
/// Redon has communes in departments 35, 56 and 44; Rennes in 35.
const EPCIS: [&str; 2] = ["243500741", "243500139"];
/// Rennes, Paris with its arrondissements, one arrondissement, Saint-Brieuc, Ajaccio, Saint-Denis.
const COMMUNES: [&str; 6] = ["35238", "75056", "75101", "22278", "2A004", "97411"];

fn strings(values: Vec<&str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

fn some_of(pool: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![
        2 => Just(Vec::new()),
        3 => subsequence(pool, 1..=2).prop_map(strings),
    ]
}

fn perimeters() -> impl Strategy<Value = Perimeter> {
    let lists = (some_of(&ADVISORS), some_of(&STRUCTURES), some_of(&DEPARTMENTS), some_of(&REGIONS));
    let within = lists.prop_map(|(advisors, structures, departments, regions)| {
        Perimeter::Within(Lists::parse(&advisors, &structures, &departments, &regions).unwrap())
    });
    prop_oneof![1 => Just(Perimeter::National), 20 => within]
}

fn selections() -> impl Strategy<Value = v1::Selection> {
    let ids = (some_of(&ADVISORS), some_of(&STRUCTURES));
    let territories = (some_of(&REGIONS), some_of(&DEPARTMENTS), some_of(&EPCIS), some_of(&COMMUNES));
    let postal_codes = select(vec![vec![], vec!["35000".to_owned()]]);
    (ids, territories, postal_codes).prop_map(|((advisor_ids, structure_ids), territories, postal_codes)| {
        let (region_codes, department_codes, epci_codes, commune_codes) = territories;
        v1::Selection {
            advisor_ids,
            structure_ids,
            region_codes,
            department_codes,
            epci_codes,
            commune_codes,
            postal_codes,
            ..v1::Selection::default()
        }
    })
}

fn names(codes: &[String], code: &str) -> bool {
    codes.is_empty() || codes.iter().any(|named| named == code)
}

/// Whether a selection counts the CRAs of a commune, evaluated field by field.
fn counts(selection: &v1::Selection, commune: &Commune) -> bool {
    let parent = commune.parent().map_or("", |parent| territory::communes().get(parent).code());
    names(&selection.region_codes, commune.region())
        && names(&selection.department_codes, commune.department())
        && names(&selection.epci_codes, commune.epci().unwrap_or("none"))
        && (names(&selection.commune_codes, commune.code())
            || selection.commune_codes.iter().any(|code| code == parent))
}

/// The first possible CRA that the selection counts and that is outside.
fn outside(perimeter: &Perimeter, selection: &v1::Selection) -> Option<v1::Cra> {
    // "x" represents all other ids.
    let advisors = ADVISORS.into_iter().chain(["x"]).filter(|id| names(&selection.advisor_ids, id));
    for advisor_id in advisors {
        let structures = STRUCTURES.into_iter().chain(["x"]).filter(|id| names(&selection.structure_ids, id));
        for structure_id in structures {
            let mut communes = territory::communes().all().iter().filter(|it| counts(selection, it));
            let cra = |commune: &Commune| v1::Cra {
                advisor_id: advisor_id.to_owned(),
                structure_id: structure_id.to_owned(),
                place: Some(v1::Place { commune_code: commune.code().to_owned(), ..v1::Place::default() }),
                ..v1::Cra::default()
            };
            if let Some(found) = communes.find(|commune| !perimeter.covers_message(&cra(commune))) {
                return Some(cra(found));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_selection_is_allowed_exactly_if_it_can_count_nothing_outside(
        perimeter in perimeters(),
        selection in selections(),
    ) {
        let outside = outside(&perimeter, &selection);
        prop_assert_eq!(allows(&perimeter, &selection), outside.is_none(), "{:?}", outside);
    }
}

fn allows(perimeter: &Perimeter, selection: &v1::Selection) -> bool {
    perimeter.allows(&Selection::read(selection).selection)
}

fn within(departments: &[&str], advisors: &[&str]) -> Perimeter {
    let (departments, advisors) = (strings(departments.to_vec()), strings(advisors.to_vec()));
    Perimeter::Within(Lists::parse(&advisors, &[], &departments, &[]).unwrap())
}

#[test]
fn nothing_is_granted_by_default() {
    let nothing = Perimeter::default();
    assert!(!allows(&nothing, &v1::Selection::default()));
    assert!(!nothing.covers_message(&v1::Cra::default()));
}

#[test]
fn a_former_code_is_located_with_its_commune_of_today_and_an_unknown_one_nowhere() {
    let of_commune =
        |code: &str| v1::Selection { commune_codes: vec![code.to_owned()], ..v1::Selection::default() };
    // Équeurdreville-Hainneville, in Cherbourg-en-Cotentin since 2016.
    assert!(allows(&within(&["50"], &[]), &of_commune("50173")));
    assert!(!allows(&within(&["35"], &[]), &of_commune("50173")));
    assert!(!allows(&within(&["50"], &[]), &of_commune("99999")));
}

#[test]
fn a_postal_code_or_another_field_proves_nothing() {
    let selection = v1::Selection {
        postal_codes: vec!["35000".into()],
        venue_ids: vec!["v".into()],
        from: "2024-01-01".into(),
        ..v1::Selection::default()
    };
    assert!(!allows(&within(&["35"], &["a"]), &selection));
}

#[test]
fn members_that_cannot_exist_are_refused() {
    let one = |value: &str| vec![value.to_owned()];
    for (lists, kind) in [
        (Lists::parse(&one("é"), &[], &[], &[]), "advisors"),
        (Lists::parse(&[], &one(""), &[], &[]), "structures"),
        (Lists::parse(&[], &[], &one("1"), &[]), "departments"),
        (Lists::parse(&[], &[], &[], &one("35000")), "regions"),
    ] {
        assert_eq!(lists.unwrap_err().kind, kind);
    }
}

#[test]
fn a_region_grants_its_departments() {
    let brittany = Lists::parse(&[], &[], &[], &["53".to_owned()]).unwrap();
    let departments = ["22", "29", "35", "56"].map(str::to_owned);
    assert_eq!(brittany, Lists::parse(&[], &[], &departments, &[]).unwrap());
}

#[test]
fn perimeters_have_the_same_canonical_text_exactly_if_they_are_equal() {
    let of = |advisors: &[&str], structures: &[&str], departments: &[&str], regions: &[&str]| {
        let [advisors, structures, departments, regions] =
            [advisors, structures, departments, regions].map(|list| strings(list.to_vec()));
        Perimeter::Within(Lists::parse(&advisors, &structures, &departments, &regions).unwrap()).canonical()
    };
    assert_eq!(of(&["b", "a"], &[], &["75", "2A"], &[]), of(&["a", "b", "a"], &[], &["2A", "75"], &[]));
    // La Réunion: a region of one department.
    assert_eq!(of(&[], &[], &["974"], &[]), of(&[], &[], &[], &["04"]));
    let texts = [
        Perimeter::National.canonical(),
        Perimeter::default().canonical(),
        of(&["a"], &[], &[], &[]),
        of(&[], &["a"], &[], &[]),
        of(&[], &[], &["75"], &[]),
    ];
    let distinct: std::collections::BTreeSet<_> = texts.iter().collect();
    assert_eq!(distinct.len(), texts.len(), "{texts:?}");
}

#[test]
fn a_declared_code_is_located_as_the_rules_of_a_cra_read_it() {
    let cra = |code: &str, postal_code: &str| v1::Cra {
        place: Some(v1::Place {
            commune_code: code.to_owned(),
            postal_code: postal_code.to_owned(),
            ..v1::Place::default()
        }),
        ..v1::Cra::default()
    };
    for code in ["2A004", "2a004", " 2A004", "2a 004"] {
        assert!(within(&["2A"], &[]).covers_message(&cra(code, "20000")), "{code:?}");
        assert!(!within(&["2B"], &[]).covers_message(&cra(code, "20000")), "{code:?}");
    }
    // Bondy's former code, with its postal code.
    assert!(within(&["93"], &[]).covers_message(&cra(" 75010", "93 140")));
    assert!(!within(&["75"], &[]).covers_message(&cra("75010", "75010")));
}
