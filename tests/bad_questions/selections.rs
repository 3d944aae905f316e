//! Selections with a fault, sent with every query that takes one.

use cra_contracts::v1;
use proptest::collection::vec;
use proptest::prelude::*;
use tonic::Code;

use super::{assert_invalid, requests, some_cras};

const NO_DAYS: [&str; 14] = [
    "2024-02-30",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-1-1",
    "20240101",
    "2024-01-01T00:00:00Z",
    "01/02/2024",
    "hier",
    " 2024-01-01",
    "2024-01-01 ",
    "-2024-01-01",
    "02024-01-01",
    "2024-01-0١",
];
/// Malformed identifiers: empty, a space, another alphabet, a separator, a control character.
const NO_IDS: [&str; 6] = ["", " ", "a b", "é", "a/b", "a\0"];
/// Numbers that no enum of the contract has.
const NO_NUMBERS: [i32; 5] = [-1, 20, 999, i32::MAX, i32::MIN];

/// A field with codes or ids, a valid value, and invalid values.
type Texts = (&'static str, fn(&mut v1::Selection) -> &mut Vec<String>, &'static str, Vec<String>);
/// A field with numbers of an enum, and whether 0 is one of its lines.
type Numbers = (&'static str, fn(&mut v1::Selection) -> &mut Vec<i32>, bool);

fn texts() -> [Texts; 8] {
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let longest = "a".repeat(65);
    let ids = || codes(&[&NO_IDS[..], &[longest.as_str()]].concat());
    [
        ("region_codes", |s| &mut s.region_codes, "11", codes(&["", "999", "1", "011", " 11", "Bretagne"])),
        ("department_codes", |s| &mut s.department_codes, "75", codes(&["", "2a", "2C", "0", "075", "20"])),
        ("epci_codes", |s| &mut s.epci_codes, "200054781", codes(&["", "0", "200054780", "20005478"])),
        ("commune_codes", |s| &mut s.commune_codes, "75101", codes(&["", "75999", "7510", "2a004", "Paris"])),
        (
            "postal_codes",
            |s| &mut s.postal_codes,
            "75001",
            codes(&["", "00000", "7500", "075001", "+7500", "٧٥٠٠١"]),
        ),
        ("structure_ids", |s| &mut s.structure_ids, "structure-1", ids()),
        ("advisor_ids", |s| &mut s.advisor_ids, "conseiller-1", ids()),
        ("venue_ids", |s| &mut s.venue_ids, "lieu-1", ids()),
    ]
}

fn numbers() -> [Numbers; 7] {
    [
        ("channels", |s| &mut s.channels, false),
        ("activities", |s| &mut s.activities, false),
        ("themes", |s| &mut s.themes, false),
        ("sub_themes", |s| &mut s.sub_themes, false),
        ("durations", |s| &mut s.durations, true),
        ("ages", |s| &mut s.ages, true),
        ("statuses", |s| &mut s.statuses, true),
    ]
}

/// Every selection with one fault: its field and its reason.
fn faulty() -> Vec<(v1::Selection, String, &'static str)> {
    let mut faulty = Vec::new();
    for day in NO_DAYS {
        let selection = v1::Selection { from: day.into(), ..v1::Selection::default() };
        faulty.push((selection, "selection.from".to_owned(), "DATE_INVALID"));
        let selection = v1::Selection { to: day.into(), ..v1::Selection::default() };
        faulty.push((selection, "selection.to".to_owned(), "DATE_INVALID"));
    }
    let inverted =
        v1::Selection { from: "2024-03-02".into(), to: "2024-03-01".into(), ..v1::Selection::default() };
    faulty.push((inverted, "selection.to".to_owned(), "PERIOD_INVERTED"));
    for (field, values_of, good, bad) in texts() {
        let reason = if field.ends_with("_ids") { "ID_INVALID" } else { "TERRITORY_UNKNOWN" };
        for bad in bad {
            let mut selection = v1::Selection::default();
            values_of(&mut selection).extend([good.to_owned(), bad]);
            faulty.push((selection, format!("selection.{field}[1]"), reason));
        }
    }
    for (field, values_of, zero) in numbers() {
        for bad in NO_NUMBERS.into_iter().chain((!zero).then_some(0)) {
            let mut selection = v1::Selection::default();
            values_of(&mut selection).extend([1, bad]);
            faulty.push((selection, format!("selection.{field}[1]"), "UNKNOWN_VALUE"));
        }
    }
    faulty
}

#[tokio::test]
async fn every_query_refuses_every_fault_of_a_selection() {
    let process = some_cras();
    for (selection, field, reason) in faulty() {
        for (method, outcome) in requests::each(&process, &selection).await {
            let query = format!("{method} of {selection:?}");
            let refused = outcome.expect_err(&query);
            assert_invalid(&query, &refused, &[(&field, reason)]);
        }
    }
}

#[tokio::test]
async fn every_query_answers_the_same_selections_without_their_fault() {
    let process = some_cras();
    let mut selection =
        v1::Selection { from: "2024-03-01".into(), to: "2024-03-31".into(), ..Default::default() };
    for (_, values_of, good, _) in texts() {
        values_of(&mut selection).push(good.to_owned());
    }
    for (_, values_of, zero) in numbers() {
        values_of(&mut selection).extend((!zero).then_some(1).into_iter().chain(zero.then_some(0)));
    }
    for (method, outcome) in requests::each(&process, &selection).await {
        assert!(outcome.is_ok(), "{method}: {outcome:?}");
    }
}

#[tokio::test]
async fn every_fault_of_a_selection_is_reported_at_once() {
    let process = some_cras();
    let (mut selection, mut expected) = (v1::Selection::default(), Vec::new());
    for (field, values_of, _, _) in texts() {
        values_of(&mut selection).push(String::new());
        let reason = if field.ends_with("_ids") { "ID_INVALID" } else { "TERRITORY_UNKNOWN" };
        expected.push((format!("selection.{field}[0]"), reason));
    }
    for (field, values_of, _) in numbers() {
        values_of(&mut selection).push(-1);
        expected.push((format!("selection.{field}[0]"), "UNKNOWN_VALUE"));
    }
    let expected: Vec<_> = expected.iter().map(|(field, reason)| (field.as_str(), *reason)).collect();
    for (method, outcome) in requests::each(&process, &selection).await {
        assert_invalid(method, &outcome.unwrap_err(), &expected);
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,9}", "[0-9]{4}-[0-9]{2}-[0-9]{2}", "\\PC{0,20}", Just(String::new())]
}

fn anything() -> impl Strategy<Value = v1::Selection> {
    let days = [
        prop_oneof![3 => Just(String::new()), 1 => text()],
        prop_oneof![3 => Just(String::new()), 1 => text()],
    ];
    (days, vec(vec(text(), 0..2), 8), vec(vec(prop_oneof![0..20_i32, any::<i32>()], 0..2), 7)).prop_map(
        |([from, to], text_values, number_values)| {
            let mut selection = v1::Selection { from, to, ..v1::Selection::default() };
            for ((_, values_of, _, _), values) in texts().into_iter().zip(text_values) {
                *values_of(&mut selection) = values;
            }
            for ((_, values_of, _), values) in numbers().into_iter().zip(number_values) {
                *values_of(&mut selection) = values;
            }
            selection
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_selection_is_answered_or_refused_by_all_queries_alike(
        selections in vec(anything(), 4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let process = some_cras();
            for selection in selections {
                let outcomes = requests::each(&process, &selection).await;
                let refused = outcomes[0].1.is_err();
                for (method, outcome) in outcomes {
                    let Err(status) = outcome else {
                        prop_assert!(!refused || method == "GetTimeSeries", "{} answers {:?}", method, selection);
                        continue;
                    };
                    // A series may exceed the limit of periods, whatever its selection.
                    prop_assert!(refused || method == "GetTimeSeries", "{} refuses {:?}", method, selection);
                    prop_assert_eq!(status.code(), Code::InvalidArgument, "{} of {:?}: {}", method, selection, status);
                }
            }
            Ok(())
        })?;
    }
}
