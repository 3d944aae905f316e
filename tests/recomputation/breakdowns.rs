//! Rows of a dimension, in every order, in pages.

use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use cra_contracts::v1::{self, Dimension};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tonic::Request;

use super::selections::{selection, wide_selection};
use super::{Judgement, as_of, batches, cases, judge, one_case, position, some_events};
use crate::harness::InProcess;
use cra_oracle as oracle;

pub(super) const DIMENSIONS: [Dimension; 17] = [
    Dimension::Region,
    Dimension::Department,
    Dimension::Epci,
    Dimension::Commune,
    Dimension::PostalCode,
    Dimension::Structure,
    Dimension::Advisor,
    Dimension::Channel,
    Dimension::Activity,
    Dimension::Theme,
    Dimension::SubTheme,
    Dimension::Duration,
    Dimension::Age,
    Dimension::Status,
    Dimension::Month,
    Dimension::Weekday,
    Dimension::Venue,
];
const BREAKDOWNS: usize = 10;
/// Approximate number of pages of one listing: a long list is read in larger ones.
const PAGES_MAX: usize = 6;
const PAGE_ROWS_MAX: usize = 1_000;

/// Every order in both directions, and the default order.
fn orders() -> Vec<String> {
    let named = oracle::ORDERS.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]);
    named.chain([String::new()]).collect()
}

prop_compose! {
    fn request()(
        selection in prop_oneof![wide_selection(), selection()],
        dimension in select(&DIMENSIONS[..]),
        order_by in select(orders()),
        include_empty in any::<bool>(),
    ) -> v1::ListBreakdownRequest {
        v1::ListBreakdownRequest {
            selection: Some(selection),
            dimension: dimension.into(),
            order_by,
            include_empty,
            ..v1::ListBreakdownRequest::default()
        }
    }
}

/// The same query restricted to a few departments, because lists of the whole country are long.
fn of_few_places(mut request: v1::ListBreakdownRequest) -> v1::ListBreakdownRequest {
    let selection = request.selection.get_or_insert_default();
    let places = [&selection.department_codes, &selection.epci_codes, &selection.commune_codes];
    if request.include_empty && places.iter().all(|codes| codes.is_empty()) {
        selection.department_codes = vec!["974".into(), "987".into()];
    }
    request
}

fn expected(events: &[v1::CraEvent], request: &v1::ListBreakdownRequest) -> Vec<v1::BreakdownRow> {
    let selection = request.selection.clone().unwrap_or_default();
    oracle::breakdown(events, &selection, request.dimension(), &request.order_by, request.include_empty)
}

/// Reads all pages and compares the whole; `between` happens after the first page.
async fn judged(
    process: &InProcess,
    events: &[v1::CraEvent],
    mut request: v1::ListBreakdownRequest,
    page_sizes: &[usize],
    between: impl FnOnce(),
) -> Judgement {
    let expected = expected(events, &request);
    let (query, mut between, mut rows) = (format!("{request:?}"), Some(between), Vec::new());
    for page_size in page_sizes.iter().cycle() {
        let page_size = (*page_size).max(expected.len() / PAGES_MAX).min(PAGE_ROWS_MAX);
        request.page_size = u32::try_from(page_size).unwrap();
        let answer =
            process.service.list_breakdown(Request::new(request.clone())).await.unwrap().into_inner();
        prop_assert_eq!(answer.total_rows, expected.len() as u64, "{}", &query);
        prop_assert_eq!(answer.snapshot.unwrap().position, events.len() as u64);
        prop_assert!(answer.rows.len() <= page_size);
        prop_assert!(!answer.rows.is_empty() || answer.next_page_token.is_empty(), "an empty page");
        rows.extend(answer.rows);
        between.take().into_iter().for_each(|between| between());
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let names = |rows: &[v1::BreakdownRow]| {
        rows.iter().map(|row| format!("{} {}", row.code, row.label)).collect::<Vec<_>>()
    };
    prop_assert_eq!(names(&rows), names(&expected), "{}", query);
    for (row, expected) in rows.iter().zip(&expected) {
        prop_assert_eq!(row, expected, "{}", query);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn the_pages_of_a_breakdown_are_the_whole_at_the_first_pages_position(
        events in some_events(80),
        sizes in batches(),
        listed_after in any::<Index>(),
        questions in vec((request().prop_map(of_few_places), any::<Index>()), BREAKDOWNS),
        page_sizes in vec(prop_oneof![1..4_usize, 5..40_usize], 1..4),
    ) {
        judge(async {
            let process = InProcess::new();
            let first = position(listed_after, &events);
            process.apply(&events[..first], &sizes);
            for (number, (request, index)) in questions.into_iter().enumerate() {
                if number == 0 {
                    // The first listing has no position, and the log grows while it is read.
                    let go_on = || process.apply(&events[first..], &sizes);
                    judged(&process, &events[..first], request, &page_sizes, go_on).await?;
                } else {
                    let events = &events[..position(index, &events)];
                    let request = v1::ListBreakdownRequest { consistency: Some(as_of(events.len())), ..request };
                    judged(&process, events, request, &page_sizes, || {}).await?;
                }
            }
            Ok(())
        })?;
    }
}

proptest! {
    #![proptest_config(one_case())]

    #[test]
    fn every_dimension_can_be_listed_in_every_order(events in some_events(60)) {
        judge(async {
            let process = InProcess::of(&events);
            for dimension in DIMENSIONS {
                for (number, order_by) in orders().into_iter().enumerate() {
                    let request = of_few_places(v1::ListBreakdownRequest {
                        dimension: dimension.into(),
                        order_by,
                        include_empty: number % 2 == 0,
                        ..v1::ListBreakdownRequest::default()
                    });
                    judged(&process, &events, request, &[50], || {}).await?;
                }
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_long_list_of_empty_rows_comes_in_full_pages_with_each_row_once() {
    let request = v1::ListBreakdownRequest {
        selection: Some(v1::Selection { region_codes: vec!["84".into()], ..v1::Selection::default() }),
        dimension: Dimension::Commune.into(),
        include_empty: true,
        ..v1::ListBreakdownRequest::default()
    };
    judge(async {
        let process = InProcess::new();
        judged(&process, &[], request, &[PAGE_ROWS_MAX], || {}).await
    })
    .unwrap();
}
