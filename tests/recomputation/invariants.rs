//! Invariants of all figures: parts add up to the whole, a row equals the selection narrowed to it, shares add up to a
//! thousand, and the answer at a position never changes.

use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use cra_contracts::v1::{self, Dimension, Measure};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tonic::Request;

use super::breakdowns::DIMENSIONS;
use super::selections::{selection, wide_selection};
use super::{Judgement, as_of, batches, cases, judge, position, some_events};
use crate::harness::InProcess;

/// More rows than the histories can fill.
const ALL_ROWS: u32 = 1_000;
const QUESTIONS: usize = 4;

async fn statistics(process: &InProcess, selection: v1::Selection, at: usize) -> v1::Statistics {
    let request = v1::GetStatisticsRequest { selection: Some(selection), consistency: Some(as_of(at)) };
    process.service.get_statistics(Request::new(request)).await.unwrap().into_inner().statistics.unwrap()
}

async fn rows(
    process: &InProcess,
    selection: &v1::Selection,
    dimension: Dimension,
    at: usize,
) -> Vec<v1::BreakdownRow> {
    let request = v1::ListBreakdownRequest {
        selection: Some(selection.clone()),
        dimension: dimension.into(),
        page_size: ALL_ROWS,
        consistency: Some(as_of(at)),
        ..v1::ListBreakdownRequest::default()
    };
    let answer = process.service.list_breakdown(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(answer.next_page_token, "");
    answer.rows
}

/// Whether each CRA belongs to exactly one row.
fn parts_cras(dimension: Dimension) -> bool {
    use Dimension::{Age, Status, SubTheme, Theme};
    !matches!(dimension, Theme | SubTheme | Age | Status)
}

/// The selection narrowed to a row; `None` if no selection can express it.
fn narrowed(selection: &v1::Selection, dimension: Dimension, row: &str) -> Option<v1::Selection> {
    let (code, all) = (vec![row.to_owned()], selection.clone());
    // If a CRA has several rows, adding a value to a field that is set would widen it.
    let free = |field: &[i32], number: i32| field.is_empty().then(|| vec![number]);
    if row.is_empty() {
        return None;
    }
    Some(match dimension {
        Dimension::Region => v1::Selection { region_codes: code, ..all },
        Dimension::Department => v1::Selection { department_codes: code, ..all },
        Dimension::Epci => v1::Selection { epci_codes: code, ..all },
        Dimension::Commune if ["75056", "69123", "13055"].contains(&row) => return None,
        Dimension::Commune => v1::Selection { commune_codes: code, ..all },
        Dimension::PostalCode => v1::Selection { postal_codes: code, ..all },
        Dimension::Structure => v1::Selection { structure_ids: code, ..all },
        Dimension::Advisor => v1::Selection { advisor_ids: code, ..all },
        Dimension::Venue => v1::Selection { venue_ids: code, ..all },
        Dimension::Channel => {
            v1::Selection { channels: vec![v1::Channel::from_str_name(row).unwrap().into()], ..all }
        }
        Dimension::Activity => {
            v1::Selection { activities: vec![v1::Activity::from_str_name(row).unwrap().into()], ..all }
        }
        Dimension::Duration => {
            v1::Selection { durations: vec![v1::DurationBucket::from_str_name(row).unwrap().into()], ..all }
        }
        Dimension::Theme => {
            let themes = free(&all.themes, v1::Theme::from_str_name(row).unwrap().into())?;
            v1::Selection { themes, ..all }
        }
        Dimension::SubTheme => {
            let sub_themes = free(&all.sub_themes, v1::SubTheme::from_str_name(row).unwrap().into())?;
            v1::Selection { sub_themes, ..all }
        }
        Dimension::Age => {
            let ages = free(&all.ages, v1::AgeBand::from_str_name(row).unwrap().into())?;
            v1::Selection { ages, ..all }
        }
        Dimension::Status => {
            let statuses = free(&all.statuses, v1::Status::from_str_name(row).unwrap().into())?;
            v1::Selection { statuses, ..all }
        }
        Dimension::Month => {
            let (from, to) = (format!("{row}-01"), format!("{row}-{}", last_day(row)));
            // ISO 8601 days sort as texts; an empty bound sorts first.
            let to = if all.to.is_empty() { to } else { to.min(all.to.clone()) };
            v1::Selection { from: from.max(all.from.clone()), to, ..all }
        }
        Dimension::Weekday | Dimension::Unspecified => return None,
    })
}

fn last_day(month: &str) -> i8 {
    let first: jiff::civil::Date = format!("{month}-01").parse().unwrap();
    first.days_in_month()
}

fn adds_up(lines: &[v1::Count]) -> bool {
    let (counts, shares) = lines
        .iter()
        .fold((0, 0), |(counts, shares), line| (counts + line.count, shares + line.share_per_mille));
    shares == if counts == 0 { 0 } else { 1_000 }
}

fn shares_add_up(statistics: &v1::Statistics) -> Judgement {
    let s = statistics;
    let breakdowns = [
        &s.channels,
        &s.activities,
        &s.themes,
        &s.sub_themes,
        &s.durations,
        &s.ages,
        &s.statuses,
        &s.redirections,
    ];
    for lines in breakdowns {
        prop_assert!(adds_up(lines), "{:?}", lines);
    }
    let [activities @ .., total] = &s.time_spent[..] else { panic!("no total") };
    let shares: u32 = activities.iter().map(|line| line.share_per_mille).sum();
    prop_assert_eq!(shares, if total.estimated_minutes == 0 { 0 } else { 1_000 });
    prop_assert_eq!(total.share_per_mille, shares);
    Ok(())
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn rows_add_up_to_the_whole_and_each_equals_the_selection_narrowed_to_it(
        events in some_events(80),
        sizes in batches(),
        questions in vec(
            (prop_oneof![wide_selection(), selection()], select(&DIMENSIONS[..]), any::<Index>()),
            QUESTIONS,
        ),
    ) {
        judge(async {
            let process = InProcess::new();
            process.apply(&events, &sizes);
            for (selection, dimension, index) in questions {
                let at = position(index, &events);
                let total = statistics(&process, selection.clone(), at).await;
                shares_add_up(&total)?;
                let rows = rows(&process, &selection, dimension, at).await;
                let cras: u64 = rows.iter().map(|row| row.statistics.as_ref().unwrap().cras).sum();
                if parts_cras(dimension) {
                    prop_assert_eq!(cras, total.cras, "{:?} of {:?} at {}", dimension, selection, at);
                }
                for row in rows {
                    let of_row = row.statistics.unwrap();
                    shares_add_up(&of_row)?;
                    if let Some(narrowed) = narrowed(&selection, dimension, &row.code) {
                        let alone = statistics(&process, narrowed, at).await;
                        prop_assert_eq!(of_row, alone, "{:?} {} of {:?}", dimension, row.code, selection);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_answer_at_a_position_is_unchanged_after_any_later_event(
        events in some_events(80),
        sizes in batches(),
        until in any::<Index>(),
        selection in wide_selection(),
        dimensions in [select(&DIMENSIONS[..]), select(&DIMENSIONS[..13])],
    ) {
        judge(async {
            let (process, until) = (InProcess::new(), position(until, &events));
            process.apply(&events[..until], &sizes);
            let before = Answers::of(&process, &selection, dimensions, None).await;
            process.apply(&events[until..], &sizes);
            let after = Answers::of(&process, &selection, dimensions, Some(as_of(until))).await;
            prop_assert_eq!(before, after, "{:?} as of {}", selection, until);
            Ok(())
        })?;
    }
}

/// One answer to each kind of query, with its snapshot.
#[derive(Debug, PartialEq)]
struct Answers {
    statistics: v1::GetStatisticsResponse,
    series: v1::GetTimeSeriesResponse,
    breakdown: v1::ListBreakdownResponse,
    cross_table: v1::GetCrossTableResponse,
    cras: v1::ListCrasResponse,
}

impl Answers {
    async fn of(
        process: &InProcess,
        selection: &v1::Selection,
        [rows, columns]: [Dimension; 2],
        consistency: Option<v1::Consistency>,
    ) -> Self {
        let (service, selected) = (&process.service, Some(selection.clone()));
        let statistics =
            v1::GetStatisticsRequest { selection: selected.clone(), consistency: consistency.clone() };
        let days = v1::Selection { from: "2023-12-01".into(), to: "2024-02-29".into(), ..selection.clone() };
        let granularity = v1::Granularity::Week.into();
        let series =
            v1::GetTimeSeriesRequest { selection: Some(days), granularity, consistency: consistency.clone() };
        let breakdown = v1::ListBreakdownRequest {
            selection: selected.clone(),
            dimension: rows.into(),
            page_size: ALL_ROWS,
            consistency: consistency.clone(),
            ..v1::ListBreakdownRequest::default()
        };
        let columns =
            if matches!(columns, Dimension::Age | Dimension::Status) { Dimension::Region } else { columns };
        let cross_table = v1::GetCrossTableRequest {
            selection: selected.clone(),
            rows: rows.into(),
            columns: columns.into(),
            measure: Measure::Acts.into(),
            consistency: consistency.clone(),
        };
        let cras = v1::ListCrasRequest {
            selection: selected,
            page_size: ALL_ROWS,
            consistency,
            ..v1::ListCrasRequest::default()
        };
        Self {
            statistics: service.get_statistics(Request::new(statistics)).await.unwrap().into_inner(),
            series: service.get_time_series(Request::new(series)).await.unwrap().into_inner(),
            breakdown: service.list_breakdown(Request::new(breakdown)).await.unwrap().into_inner(),
            cross_table: service.get_cross_table(Request::new(cross_table)).await.unwrap().into_inner(),
            cras: service.list_cras(Request::new(cras)).await.unwrap().into_inner(),
        }
    }
}
