//! Single CRAs: listed in pages, and by id.

use cra_contracts::v1;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tonic::{Code, Request};

use super::selections::{selection, wide_selection};
use super::{as_of, batches, cases, judge, position, some_events};
use crate::harness::InProcess;
use cra_oracle as oracle;

const LISTINGS: usize = 6;
const CRAS: usize = 12;

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn the_pages_of_a_list_are_the_whole_list_at_the_first_pages_position(
        events in some_events(80),
        sizes in batches(),
        listed_after in any::<Index>(),
        questions in vec((prop_oneof![wide_selection(), selection()], any::<Index>()), LISTINGS),
        page_sizes in vec(prop_oneof![1..4_u32, 5..40_u32], 1..4),
    ) {
        judge(async {
            let process = InProcess::new();
            let first = position(listed_after, &events);
            process.apply(&events[..first], &sizes);
            for (number, (selection, index)) in questions.into_iter().enumerate() {
                // The first listing has no position, and the log grows while it is read.
                let at = if number == 0 { first } else { position(index, &events) };
                let mut request = v1::ListCrasRequest {
                    selection: Some(selection.clone()),
                    consistency: if number == 0 { None } else { Some(as_of(at)) },
                    ..v1::ListCrasRequest::default()
                };
                let mut listed = Vec::new();
                for page_size in page_sizes.iter().cycle() {
                    request.page_size = *page_size;
                    let answer = process.service.list_cras(Request::new(request.clone())).await.unwrap().into_inner();
                    prop_assert_eq!(answer.snapshot.unwrap().position, at as u64);
                    prop_assert!(answer.cras.len() <= *page_size as usize);
                    prop_assert!(!answer.cras.is_empty() || answer.next_page_token.is_empty(), "an empty page");
                    listed.extend(answer.cras);
                    if number == 0 && request.page_token.is_empty() {
                        process.apply(&events[first..], &sizes);
                    }
                    request.page_token = answer.next_page_token;
                    if request.page_token.is_empty() {
                        break;
                    }
                }
                let expected = oracle::cras(&events[..at], &selection);
                prop_assert_eq!(listed, expected, "{:?} as of {}", selection, at);
            }
            Ok(())
        })?;
    }

    #[test]
    fn each_cra_is_returned_as_of_any_position(
        events in some_events(60),
        sizes in batches(),
        questions in vec((any::<Index>(), any::<Index>()), CRAS),
    ) {
        judge(async {
            let process = InProcess::new();
            process.apply(&events, &sizes);
            for (which, index) in questions {
                let (cra_id, position) = (which.get(&events).cra_id.clone(), position(index, &events));
                let request = v1::GetCraRequest { cra_id: cra_id.clone(), consistency: Some(as_of(position)) };
                let answer = process.service.get_cra(Request::new(request)).await;
                let Some((record, withdrawn)) = oracle::cra(&events[..position], &cra_id) else {
                    prop_assert_eq!(answer.unwrap_err().code(), Code::NotFound);
                    continue;
                };
                let answer = answer.unwrap().into_inner();
                prop_assert_eq!(answer.record.unwrap(), record);
                prop_assert_eq!(answer.withdrawn, withdrawn);
                prop_assert_eq!(answer.snapshot.unwrap().position, position as u64);
            }
            Ok(())
        })?;
    }
}
