//! Which selections match a CRA; and which selections are refused, with their paths.

use cra_domain::cra::Cra;
use cra_domain::selection::VIOLATIONS_MAX;
use cra_fixtures::{RECORDED_AT, cra, cra_id, place, workshop};

use super::*;
use crate::fact::{Client, Provenance};

/// One list of a selection.
type Field<T> = fn(&mut v1::Selection) -> &mut Vec<T>;

/// Whether a selection matches a CRA.
#[track_caller]
fn counts(cra: &v1::Cra, selection: &v1::Selection) -> bool {
    let provenance = Provenance {
        cra_id: cra_id(1),
        revision: 1,
        recorded_at: RECORDED_AT.parse().unwrap(),
        corrected_at: None,
        created_at: None,
        form_version: 0,
        client: Client::Named("platform-1"),
        defaulted_participants: false,
        forgotten: None,
    };
    let cra = Cra::from_message(cra).unwrap();
    let mut dictionary = Dictionary::default();
    let fact = Fact::new(provenance, &cra, None, &mut dictionary);
    let filter = Filter::parse(selection, &dictionary).unwrap_or_else(|faults| panic!("refused: {faults:?}"));
    filter.matches_fact(&fact)
}

fn selecting(change: impl FnOnce(&mut v1::Selection)) -> v1::Selection {
    let mut selection = v1::Selection::default();
    change(&mut selection);
    selection
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[track_caller]
fn refused(selection: &v1::Selection, expected: &[(&str, &str)]) {
    let violations = Filter::parse(selection, &Dictionary::default()).expect_err("understood");
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.fault.reason())).collect();
    assert_eq!(found, expected);
}

fn in_commune(code: &str, postal_code: &str) -> v1::Cra {
    v1::Cra { place: Some(place(v1::Channel::Venue, code, postal_code)), ..cra() }
}

#[test]
fn an_empty_selection_counts_everything() {
    assert!(counts(&cra(), &v1::Selection::default()));
    assert!(counts(&in_commune("98412", ""), &v1::Selection::default()));
}

#[test]
fn both_days_are_included_and_may_be_omitted() {
    let between = |from: &str, to: &str| selecting(|s| (s.from, s.to) = (from.into(), to.into()));
    for (from, to) in
        [("2024-03-04", "2024-03-04"), ("2024-03-01", ""), ("", "2024-03-04"), ("0001-01-01", "9999-12-31")]
    {
        assert!(counts(&cra(), &between(from, to)), "{from} to {to}");
    }
    for (from, to) in [("2024-03-05", ""), ("", "2024-03-03"), ("2023-03-04", "2024-03-03")] {
        assert!(!counts(&cra(), &between(from, to)), "{from} to {to}");
    }
}

#[test]
fn a_territory_contains_its_communes() {
    let fields: [(Field<String>, &str, &str); 4] = [
        (|s| &mut s.region_codes, "11", "84"),
        (|s| &mut s.department_codes, "75", "01"),
        (|s| &mut s.epci_codes, "200054781", "200046977"),
        (|s| &mut s.commune_codes, "75101", "75102"),
    ];
    for (field, own, other) in fields {
        assert!(counts(&cra(), &selecting(|s| *field(s) = texts(&[own]))));
        assert!(counts(&cra(), &selecting(|s| *field(s) = texts(&[other, own]))));
        assert!(!counts(&cra(), &selecting(|s| *field(s) = texts(&[other]))));
    }
}

#[test]
fn territorial_fields_narrow_each_other() {
    let both = |region: &str, commune: &str| {
        selecting(|s| (s.region_codes, s.commune_codes) = (texts(&[region]), texts(&[commune])))
    };
    assert!(counts(&cra(), &both("11", "75101")));
    assert!(!counts(&cra(), &both("84", "75101")));
    assert!(!counts(&cra(), &both("84", "01004")));
    let department =
        selecting(|s| (s.region_codes, s.department_codes) = (texts(&["11"]), texts(&["75", "01"])));
    assert!(counts(&cra(), &department));
    assert!(!counts(&in_commune("01004", "01500"), &department));
}

#[test]
fn paris_lyon_and_marseille_include_their_arrondissements() {
    for (city, arrondissement, postal_code) in
        [("75056", "75101", "75001"), ("69123", "69381", "69001"), ("13055", "13201", "13001")]
    {
        let of_the_city = selecting(|s| s.commune_codes = texts(&[city]));
        assert!(counts(&in_commune(arrondissement, postal_code), &of_the_city));
        assert!(counts(&in_commune(city, postal_code), &of_the_city));
        let of_the_arrondissement = selecting(|s| s.commune_codes = texts(&[arrondissement]));
        assert!(!counts(&in_commune(city, postal_code), &of_the_arrondissement));
    }
}

#[test]
fn a_former_code_that_is_a_postal_code_of_today_selects_nothing_alone() {
    let of_commune =
        |code: &str| v1::Selection { commune_codes: vec![code.to_owned()], ..v1::Selection::default() };
    let refused = Filter::parse(&of_commune("75010"), &Dictionary::default()).unwrap_err();
    assert_eq!(refused[0].field, "selection.commune_codes[0]");
    assert_eq!(refused[0].fault.reason(), "TERRITORY_UNKNOWN");
    assert!(refused[0].fault.description().contains("75110 (Paris 10e Arrondissement)"), "{refused:?}");
    assert!(Filter::parse(&of_commune("01340"), &Dictionary::default()).is_ok());
}

#[test]
fn a_delegated_or_former_code_selects_the_commune_of_today_and_counts_in_it() {
    for code in ["01120", "01262"] {
        let selection = selecting(|s| s.commune_codes = texts(&[code]));
        assert!(counts(&in_commune("01120", "01120"), &selection));
        assert!(counts(&in_commune("01262", "01120"), &selection));
    }
    assert!(counts(&in_commune("01165", "01090"), &selecting(|s| s.commune_codes = texts(&["01003"]))));
}

#[test]
fn a_postal_code_matches_the_declared_one() {
    let selection = selecting(|s| s.postal_codes = texts(&["75001", "01500"]));
    assert!(counts(&cra(), &selection));
    assert!(counts(&in_commune("01004", "01500"), &selection));
    assert!(!counts(&in_commune("75056", "75002"), &selection));
    assert!(!counts(&in_commune("98412", ""), &selection), "no postal code is none of them");
}

#[test]
fn an_id_matches_the_declared_one_and_an_unknown_one_selects_nothing() {
    let mut at_a_venue = cra();
    at_a_venue.place.as_mut().unwrap().venue_id = "lieu-1".into();
    let fields: [(Field<String>, &str); 3] = [
        (|s| &mut s.advisor_ids, "conseiller-1"),
        (|s| &mut s.structure_ids, "structure-1"),
        (|s| &mut s.venue_ids, "lieu-1"),
    ];
    for (field, own) in fields {
        assert!(counts(&at_a_venue, &selecting(|s| *field(s) = texts(&["unheard-of", own]))));
        assert!(!counts(&at_a_venue, &selecting(|s| *field(s) = texts(&["unheard-of"]))));
    }
    assert!(!counts(&cra(), &selecting(|s| s.venue_ids = texts(&["lieu-1"]))), "without a venue");
}

#[test]
fn a_word_matches_if_it_is_selected() {
    let health = v1::Cra {
        themes: vec![v1::Theme::Email as i32, v1::Theme::Health as i32],
        sub_themes: vec![v1::SubTheme::HealthEspaceSante as i32],
        ..workshop(3)
    };
    let fields: [(Field<i32>, i32, i32); 4] = [
        (|s| &mut s.channels, 1, 2),
        (|s| &mut s.activities, 1, 3),
        (|s| &mut s.themes, v1::Theme::Health as i32, v1::Theme::Other as i32),
        (|s| &mut s.sub_themes, v1::SubTheme::HealthEspaceSante as i32, 1),
    ];
    for (field, own, other) in fields {
        assert!(counts(&health, &selecting(|s| *field(s) = vec![own])));
        assert!(counts(&health, &selecting(|s| *field(s) = vec![other, own])));
        assert!(!counts(&health, &selecting(|s| *field(s) = vec![other])));
    }
    assert!(!counts(&cra(), &selecting(|s| s.sub_themes = (1..=8).collect())), "without a sub-theme");
}

#[test]
fn fields_combine() {
    let selection = selecting(|s| (s.channels, s.activities) = (vec![1], vec![2]));
    assert!(counts(&cra(), &selection));
    assert!(!counts(&workshop(3), &selection));
}

#[test]
fn a_duration_matches_by_its_bucket() {
    let lasting = |band, minutes| v1::Cra { duration: Some(v1::Duration { band, minutes }), ..cra() };
    let cases = [
        (0, None, 0),
        (1, None, 1),
        (2, None, 2),
        (3, Some(119), 3),
        (3, Some(60), 3),
        (3, Some(120), 4),
        (3, None, 5),
    ];
    for (band, minutes, bucket) in cases {
        for asked in 0..=5 {
            let selection = selecting(|s| s.durations = vec![asked]);
            assert_eq!(
                counts(&lasting(band, minutes), &selection),
                asked == bucket,
                "{band} {minutes:?} {asked}"
            );
        }
    }
}

#[test]
fn an_age_or_status_matches_if_one_of_the_people_has_it() {
    let mixed = v1::Cra {
        ages: Some(v1::AgeCounts { under_12: 1, over_60: 1, ..Default::default() }),
        statuses: Some(v1::StatusCounts { student: 1, unspecified_or_mixed: 2, ..Default::default() }),
        ..workshop(3)
    };
    let ages = |asked: &[i32]| selecting(|s| s.ages = asked.to_vec());
    let statuses = |asked: &[i32]| selecting(|s| s.statuses = asked.to_vec());
    for (asked, expected) in [(0, true), (1, true), (2, false), (3, false), (4, false), (5, true)] {
        assert_eq!(counts(&mixed, &ages(&[asked])), expected, "{asked}");
    }
    for (asked, expected) in [(0, false), (1, true), (2, false), (3, false), (4, false), (5, true)] {
        assert_eq!(counts(&mixed, &statuses(&[asked])), expected, "{asked}");
    }
    assert!(counts(&mixed, &ages(&[2, 5])));
    assert!(!counts(&workshop(3), &ages(&[0])), "everybody's age is known");
}

#[test]
fn every_fault_of_a_selection_is_refused_at_once_with_its_path() {
    let wrong = v1::Selection {
        from: "2024-02-30".into(),
        to: "2024".into(),
        region_codes: texts(&["11", "99"]),
        department_codes: texts(&["1"]),
        epci_codes: texts(&["200054781", "75101"]),
        commune_codes: texts(&["75056", "75999", ""]),
        postal_codes: texts(&["75001", "99999", "+7500"]),
        structure_ids: texts(&["a b"]),
        advisor_ids: texts(&["ok", ""]),
        venue_ids: texts(&["é"]),
        channels: vec![1, 0, 5],
        activities: vec![4],
        themes: vec![-1],
        sub_themes: vec![9],
        durations: vec![0, 6],
        ages: vec![i32::MAX],
        statuses: vec![i32::MIN],
    };
    refused(
        &wrong,
        &[
            ("selection.from", "DATE_INVALID"),
            ("selection.to", "DATE_INVALID"),
            ("selection.region_codes[1]", "TERRITORY_UNKNOWN"),
            ("selection.department_codes[0]", "TERRITORY_UNKNOWN"),
            ("selection.epci_codes[1]", "TERRITORY_UNKNOWN"),
            ("selection.commune_codes[1]", "TERRITORY_UNKNOWN"),
            ("selection.commune_codes[2]", "TERRITORY_UNKNOWN"),
            ("selection.postal_codes[1]", "TERRITORY_UNKNOWN"),
            ("selection.postal_codes[2]", "TERRITORY_UNKNOWN"),
            ("selection.structure_ids[0]", "ID_INVALID"),
            ("selection.advisor_ids[1]", "ID_INVALID"),
            ("selection.venue_ids[0]", "ID_INVALID"),
            ("selection.channels[1]", "UNKNOWN_VALUE"),
            ("selection.channels[2]", "UNKNOWN_VALUE"),
            ("selection.activities[0]", "UNKNOWN_VALUE"),
            ("selection.themes[0]", "UNKNOWN_VALUE"),
            ("selection.sub_themes[0]", "UNKNOWN_VALUE"),
            ("selection.durations[1]", "UNKNOWN_VALUE"),
            ("selection.ages[0]", "UNKNOWN_VALUE"),
            ("selection.statuses[0]", "UNKNOWN_VALUE"),
        ],
    );
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    let inverted = selecting(|s| (s.from, s.to) = ("2024-03-05".into(), "2024-03-04".into()));
    refused(&inverted, &[("selection.to", "PERIOD_INVERTED")]);
}

#[test]
fn the_number_of_reported_faults_is_bounded() {
    let endless = selecting(|s| s.postal_codes = vec!["x".into(); 10_000]);
    assert_eq!(Filter::parse(&endless, &Dictionary::default()).unwrap_err().len(), VIOLATIONS_MAX);
}
