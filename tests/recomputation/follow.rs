//! Changes after a position, and the copy that a follower maintains with them.

use std::collections::BTreeMap;

use cra_contracts::v1;
use cra_contracts::v1::follow_cras_response::Change;
use cra_contracts::v1::statistics_service_server::StatisticsService as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio_stream::StreamExt as _;
use tonic::Request;
use tonic::codegen::BoxStream;

use super::selections::{selection, wide_selection};
use super::{Judgement, batches, cases, judge, some_events};
use crate::harness::InProcess;
use cra_oracle as oracle;

const FOLLOWERS: usize = 5;

async fn following(
    process: &InProcess,
    selection: &v1::Selection,
    after: u64,
    stop_at_head: bool,
) -> BoxStream<v1::FollowCrasResponse> {
    let selection = Some(selection.clone());
    let request =
        v1::FollowCrasRequest { selection, after_position: after, stop_at_head, ..Default::default() };
    process.service.follow_cras(Request::new(request)).await.unwrap().into_inner()
}

/// All answers until the stream ends.
async fn all(mut answers: BoxStream<v1::FollowCrasResponse>) -> Vec<v1::FollowCrasResponse> {
    let mut received = Vec::new();
    while let Some(answer) = answers.next().await {
        received.push(answer.unwrap());
    }
    received
}

fn is_checkpoint(answer: &v1::FollowCrasResponse) -> bool {
    answer.change == Some(Change::Checkpoint(true))
}

/// An answer without its log, which the events do not contain.
fn unnamed(answer: v1::FollowCrasResponse) -> v1::FollowCrasResponse {
    v1::FollowCrasResponse { log: String::new(), ..answer }
}

/// Asserts that positions increase from the requested one to the head, and that the changes in between are exactly
/// those of the events.
fn judged(
    received: Vec<v1::FollowCrasResponse>,
    events: &[v1::CraEvent],
    selection: &v1::Selection,
    after: u64,
) -> Judgement {
    let positions: Vec<u64> = received.iter().map(|answer| answer.position).collect();
    prop_assert!(positions.is_sorted_by(|a, b| a < b), "a position twice or back: {:?}", positions);
    prop_assert_eq!(positions.last(), Some(&(events.len() as u64)), "the last message is of the head");
    prop_assert!(positions[0] > after || after == events.len() as u64, "{:?} after {}", positions, after);
    let is_named = received.iter().all(|answer| !answer.log.is_empty());
    prop_assert!(is_named, "an answer names the log of its position");
    let changes = received.into_iter().filter(|answer| !is_checkpoint(answer));
    let changes: Vec<_> = changes.map(unnamed).collect();
    prop_assert_eq!(changes, oracle::changes(events, selection, after), "{:?} after {}", selection, after);
    Ok(())
}

/// A follower's copy: the CRAs by id, and the position.
#[derive(Default)]
struct Copy {
    cras: BTreeMap<String, v1::CraRecord>,
    position: u64,
}

impl Copy {
    fn take(&mut self, answer: v1::FollowCrasResponse) -> Judgement {
        prop_assert!(answer.position > self.position || is_checkpoint(&answer));
        self.position = answer.position;
        match answer.change.unwrap() {
            Change::Upsert(record) => drop(self.cras.insert(record.cra_id.clone(), record)),
            Change::Removal(id) => prop_assert!(self.cras.remove(&id).is_some(), "{} is not in the copy", id),
            Change::Checkpoint(_) => {}
        }
        Ok(())
    }

    /// Asserts that the copy equals the list of CRAs at its position.
    fn equals_its_source(&self, events: &[v1::CraEvent], selection: &v1::Selection) -> Judgement {
        let source = oracle::cras(&events[..usize::try_from(self.position).unwrap()], selection);
        let source: BTreeMap<_, _> =
            source.into_iter().map(|record| (record.cra_id.clone(), record)).collect();
        prop_assert_eq!(&self.cras, &source, "{:?} at {}", selection, self.position);
        Ok(())
    }
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a_follower_from_any_position_receives_exactly_the_changes(
        events in some_events(80),
        sizes in batches(),
        questions in vec((prop_oneof![3 => wide_selection(), 1 => selection()], any::<Index>()), FOLLOWERS),
        applied_first in any::<Index>(),
    ) {
        judge(async {
            let process = InProcess::new();
            // The log is ahead of the read models: the first follower still ends at the head of the log.
            let applied = applied_first.index(events.len());
            process.apply(&events[..applied], &sizes);
            process.record(&events[applied..]);
            for (selection, index) in questions {
                let after = index.index(events.len() + 1) as u64;
                let answers = following(&process, &selection, after, true).await;
                process.apply(&[], &sizes);
                judged(all(answers).await, &events, &selection, after)?;
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_copy_cut_anywhere_and_resumed_at_its_last_position_equals_its_source(
        events in some_events(80),
        sizes in batches(),
        selection in wide_selection(),
        lives in vec(0..12_usize, 1..6),
        growth in vec(1..30_usize, 1..4),
    ) {
        judge(async {
            let (process, mut copy) = (InProcess::new(), Copy::default());
            let mut rest = &events[..];
            for (life, growth) in lives.iter().zip(growth.iter().cycle()) {
                let (next, later) = rest.split_at((*growth).min(rest.len()));
                process.apply(next, &sizes);
                rest = later;
                let mut answers = following(&process, &selection, copy.position, true).await;
                for _ in 0..*life {
                    let Some(answer) = answers.next().await else { break };
                    copy.take(answer.unwrap())?;
                }
                drop(answers);
                copy.equals_its_source(&events, &selection)?;
            }
            process.apply(rest, &sizes);
            for answer in all(following(&process, &selection, copy.position, true).await).await {
                copy.take(answer)?;
            }
            prop_assert_eq!(copy.position, events.len() as u64);
            copy.equals_its_source(&events, &selection)
        })?;
    }

    #[test]
    fn a_follower_that_stays_receives_changes_as_they_come(
        events in some_events(60),
        sizes in batches(),
        selection in wide_selection(),
        growth in vec(1..30_usize, 1..4),
    ) {
        judge(async {
            let process = InProcess::new();
            let mut answers = following(&process, &selection, 0, false).await;
            let mut expected = oracle::changes(&events, &selection, 0).into_iter();
            let (mut rest, mut growth) = (&events[..], growth.iter().cycle());
            while !rest.is_empty() {
                let (next, later) = rest.split_at((*growth.next().unwrap()).min(rest.len()));
                process.apply(next, &sizes);
                rest = later;
                let reached = (events.len() - rest.len()) as u64;
                while expected.as_slice().first().is_some_and(|change| change.position <= reached) {
                    let answer = answers.next().await.unwrap().unwrap();
                    if !is_checkpoint(&answer) {
                        prop_assert_eq!(Some(unnamed(answer)), expected.next());
                    }
                }
            }
            Ok(())
        })?;
    }
}
