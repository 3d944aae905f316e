//! The oracle, by the published cases, and by cases small enough to count by hand.

use cra_contracts::json;
use cra_contracts::v1::cra_event::Fact;
use cra_contracts::v1::follow_cras_response::Change;
use cra_contracts::v1::{self, Dimension, Granularity, Measure};
use serde_json::Value;

use crate::conformance::{STATISTICS, disagreements};
use crate::harness::events::{event, id, submitted};
use crate::harness::workshop;
use cra_oracle::{breakdown, changes, cra, cras, cross_table, position_at, statistics, time, time_series};

fn of(advisor: &str, date: &str, participants: u32) -> v1::Cra {
    v1::Cra { advisor_id: advisor.into(), date: date.into(), ..workshop(participants) }
}

/// Two CRAs of Ada, one of Bo, in Paris; then Bo's becomes Ada's, and Ada's first is withdrawn.
fn history() -> Vec<v1::CraEvent> {
    let correction = v1::CraCorrected {
        cra: Some(of("ada", "2024-03-01", 7)),
        reason: "une autre personne".into(),
        defaulted_fields: vec![],
    };
    vec![
        submitted(1, 4, of("ada", "2024-03-04", 2)),
        submitted(2, 5, of("bo", "2024-02-29", 3)),
        submitted(3, 6, of("ada", "2024-03-04", 5)),
        event(2, 2, 7, Fact::Corrected(correction)),
        event(1, 2, 8, Fact::Withdrawn(v1::CraWithdrawn { reason: "doublon".into() })),
        // Out of turn: the CRA is withdrawn.
        event(1, 3, 9, Fact::Withdrawn(v1::CraWithdrawn { reason: "doublon".into() })),
    ]
}

fn of_advisor(id: &str) -> v1::Selection {
    v1::Selection { advisor_ids: vec![id.to_owned()], ..v1::Selection::default() }
}

fn days(from: &str, to: &str) -> v1::Selection {
    v1::Selection { from: from.to_owned(), to: to.to_owned(), ..v1::Selection::default() }
}

/// Code and number of CRAs of each row.
fn shown(rows: &[v1::BreakdownRow]) -> Vec<(&str, u64)> {
    rows.iter().map(|row| (row.code.as_str(), row.statistics.as_ref().unwrap().cras)).collect()
}

#[test]
fn the_naive_evaluation_gives_every_published_figure() {
    let published: Value = serde_json::from_str(STATISTICS).unwrap();
    let form_version = u32::try_from(published["form_version"].as_u64().unwrap()).unwrap();
    let documents = published["documents"].as_array().unwrap();
    let events: Vec<_> = (1..)
        .zip(documents)
        .map(|(n, document)| {
            let (legacy_id, document) = (n.to_string(), document.to_string().into_bytes().into());
            let imported = v1::LegacyCraImported { legacy_id, form_version, document };
            event(n, 1, 1, Fact::Imported(imported))
        })
        .collect();
    let mut wrong = Vec::new();
    for query in published["queries"].as_array().unwrap() {
        let selection = json::from_value(query["selection"].clone()).unwrap();
        wrong.extend(disagreements(query, &statistics(&events, &selection)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_series_counts_every_day_in_one_period_restricted_to_the_selection() {
    let events = &history()[..3];
    let series = |from, to, granularity| {
        let points = time_series(events, &days(from, to), granularity);
        let shown = points.into_iter().map(|point| (point.from, point.to, point.statistics.unwrap().acts));
        shown.map(|(from, to, acts)| format!("{from} {to} {acts}")).collect::<Vec<_>>()
    };
    assert_eq!(
        series("2024-02-28", "2024-03-04", Granularity::Week),
        ["2024-02-28 2024-03-03 3", "2024-03-04 2024-03-04 7"]
    );
    assert_eq!(
        series("2024-02-28", "2024-04-01", Granularity::Month),
        ["2024-02-28 2024-02-29 3", "2024-03-01 2024-03-31 7", "2024-04-01 2024-04-01 0"]
    );
    assert_eq!(
        series("2023-12-31", "2024-04-01", Granularity::Quarter),
        ["2023-12-31 2023-12-31 0", "2024-01-01 2024-03-31 10", "2024-04-01 2024-04-01 0"]
    );
    assert_eq!(series("2024-03-04", "2024-03-04", Granularity::Year), ["2024-03-04 2024-03-04 7"]);
}

#[test]
fn rows_are_ordered_by_the_measure_and_equal_ones_in_their_natural_order() {
    let events = history();
    let rows = |last: usize, dimension, order_by, include_empty| {
        let selection = days("2024-02-01", "2024-04-30");
        breakdown(&events[..last], &selection, dimension, order_by, include_empty)
    };
    assert_eq!(shown(&rows(3, Dimension::Advisor, "", false)), [("ada", 2), ("bo", 1)]);
    assert_eq!(shown(&rows(3, Dimension::Advisor, "last_date", false)), [("bo", 1), ("ada", 2)]);
    assert_eq!(shown(&rows(5, Dimension::Advisor, "-name", false)), [("ada", 2)]);
    assert_eq!(
        shown(&rows(3, Dimension::Month, "-cras", true)),
        [("2024-03", 2), ("2024-02", 1), ("2024-04", 0)]
    );
    let channels = rows(3, Dimension::Channel, "", true);
    let expected =
        [("CHANNEL_VENUE", 3), ("CHANNEL_OTHER_PLACE", 0), ("CHANNEL_REMOTE", 0), ("CHANNEL_HOME", 0)];
    assert_eq!(shown(&channels), expected);
    let [ada, bo] = &rows(3, Dimension::Advisor, "", false)[..] else { panic!("two advisors") };
    assert_eq!((ada.last_date.as_str(), bo.last_date.as_str()), ("2024-03-04", "2024-02-29"));
    assert_eq!(ada.last_recorded_at, events[2].recorded_at);
    let labels: Vec<_> = rows(3, Dimension::Month, "code", false).into_iter().map(|row| row.label).collect();
    assert_eq!(labels, ["février 2024", "mars 2024"]);
}

#[test]
fn a_fixed_list_contains_what_the_selection_allows() {
    let rows = |selection: &v1::Selection, dimension| {
        let rows = breakdown(&[], selection, dimension, "code", true);
        rows.into_iter().map(|row| format!("{} {}", row.code, row.label)).collect::<Vec<_>>()
    };
    let everything = v1::Selection::default();
    assert_eq!(rows(&everything, Dimension::Weekday)[..2], ["1 lundi", "2 mardi"]);
    assert!(
        rows(&everything, Dimension::Advisor).is_empty() && rows(&everything, Dimension::Month).is_empty()
    );
    assert_eq!(rows(&everything, Dimension::Theme).len(), 17, "the closed ones are left out");
    let lyon = v1::Selection { commune_codes: vec!["69123".into()], ..v1::Selection::default() };
    let of_lyon = rows(&lyon, Dimension::Commune);
    assert_eq!((of_lyon.len(), of_lyon[0].as_str()), (10, "69123 Lyon"));
    assert_eq!(rows(&lyon, Dimension::Department), ["69 Rhône"]);
    let postal = v1::Selection { postal_codes: vec!["75001".into()], ..v1::Selection::default() };
    assert_eq!(rows(&postal, Dimension::PostalCode), ["75001 75001"]);
    assert_eq!(rows(&postal, Dimension::Region), ["11 Île-de-France"]);
}

#[test]
fn a_cross_table_counts_people_if_a_dimension_divides_them() {
    let events = &history()[..3];
    let everything = v1::Selection::default();
    let table = |rows, columns, measure| cross_table(events, &everything, [rows, columns], measure);
    let row = |name: &str, label: &str, values: &[u64]| v1::CrossTableRow {
        name: name.into(),
        values: values.to_vec(),
        label: label.into(),
    };
    let acts = table(Dimension::Advisor, Dimension::Month, Measure::Acts);
    assert_eq!(acts.columns, ["2024-02", "2024-03"]);
    assert_eq!(acts.column_labels, ["février 2024", "mars 2024"]);
    assert_eq!(acts.rows, [row("ada", "ada", &[0, 7]), row("bo", "bo", &[3, 0])]);
    let cras = table(Dimension::Status, Dimension::Advisor, Measure::Cras);
    assert_eq!(cras.columns, ["ada", "bo"]);
    assert_eq!(cras.rows[1], row("STATUS_UNEMPLOYED", "Sans emploi", &[7, 3]));
    assert_eq!(cras.rows.len(), 5, "zeros of open values are listed, unspecified ones are not");
    let minutes = table(Dimension::Advisor, Dimension::Region, Measure::EstimatedMinutes);
    assert_eq!(minutes.rows, [row("ada", "ada", &[120]), row("bo", "bo", &[60])]);
}

#[test]
fn cras_are_listed_by_day_then_by_last_record() {
    let events = history();
    let listed = |last: usize| {
        let cras = cras(&events[..last], &v1::Selection::default());
        cras.into_iter().map(|record| record.cra_id).collect::<Vec<_>>()
    };
    assert_eq!(listed(3), [id(3), id(1), id(2)]);
    assert_eq!(listed(6), [id(3), id(2)]);
    let (record, withdrawn) = cra(&events, &id(1)).unwrap();
    assert_eq!((record.revision, withdrawn), (1, true));
    let (record, withdrawn) = cra(&events, &id(2)).unwrap();
    assert_eq!((record.revision, record.corrected_at, withdrawn), (2, events[3].recorded_at, false));
    assert_eq!(record.recorded_at, events[1].recorded_at);
    assert!(cra(&events[..1], &id(2)).is_none());
}

#[test]
fn a_follower_receives_what_enters_and_what_leaves_the_selection() {
    let shown = |selection: &v1::Selection, after| {
        let changes = changes(&history(), selection, after).into_iter();
        let shown = changes.map(|answer| match answer.change.unwrap() {
            Change::Upsert(record) => format!("{} +{}", answer.position, &record.cra_id[35..]),
            Change::Removal(id) => format!("{} -{}", answer.position, &id[35..]),
            Change::Checkpoint(_) => panic!("the naive evaluation gives no checkpoint"),
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(shown(&v1::Selection::default(), 0), ["1 +1", "2 +2", "3 +3", "4 +2", "5 -1"]);
    assert_eq!(shown(&of_advisor("bo"), 0), ["2 +2", "4 -2"]);
    assert_eq!(shown(&of_advisor("ada"), 3), ["4 +2", "5 -1"]);
}

#[test]
fn the_time_of_the_log_never_decreases_and_includes_unreadable_events() {
    let recorded = |n, march| submitted(n, march, workshop(2));
    let document = v1::LegacyCraImported { legacy_id: "1".into(), form_version: 1, document: "{".into() };
    let unread = event(9, 1, 9, Fact::Imported(document));
    // The third is out of turn: its CRA has a first event.
    let events = [recorded(1, 5), unread, recorded(1, 7), recorded(3, 6), recorded(4, 8)];
    let moment = |march| recorded(1, march).recorded_at.map(|at| (at.seconds, at.nanos)).unwrap();
    assert_eq!([4, 5, 6, 7, 8].map(|march| position_at(&events, moment(march))), [0, 1, 1, 1, 1]);
    assert_eq!((time(&events[..3]), time(&[])), (Some(moment(9)), None));
}
