//! Single CRAs: listed, by id, and by change.

use std::cmp::Reverse;

use cra_contracts::v1;
use cra_contracts::v1::follow_cras_response::Change;

use super::log::Log;
use super::selected;
use super::selection::matches;

/// The CRAs of a selection: newest day of activity first, then by the position of their content, last first.
pub fn cras(events: &[v1::CraEvent], selection: &v1::Selection) -> Vec<v1::CraRecord> {
    let log = Log::of(events);
    let mut selected = selected(&log, selection);
    selected.sort_by_key(|standing| Reverse((standing.cra.date.clone(), standing.position)));
    selected.into_iter().map(|standing| standing.record.clone()).collect()
}

/// One CRA with its last content, and whether it is withdrawn; `None` if it was never recorded.
pub fn cra(events: &[v1::CraEvent], cra_id: &str) -> Option<(v1::CraRecord, bool)> {
    let log = Log::of(events);
    log.standing.get(cra_id).map(|standing| (standing.record.clone(), standing.withdrawn))
}

/// What a follower of a selection receives for the events after a position, event by event, without checkpoints.
pub fn changes(
    events: &[v1::CraEvent],
    selection: &v1::Selection,
    after: u64,
) -> Vec<v1::FollowCrasResponse> {
    let mut log = Log::default();
    let mut answers = Vec::new();
    for (position, event) in (1..).zip(events) {
        let counts = |log: &Log| {
            let standing = log.standing.get(&event.cra_id);
            standing.is_some_and(|standing| !standing.withdrawn && matches(selection, &standing.cra))
        };
        let counted = counts(&log);
        let changed = log.take(event);
        let change = if !changed {
            None
        } else if counts(&log) {
            Some(Change::Upsert(log.standing[&event.cra_id].record.clone()))
        } else {
            counted.then(|| Change::Removal(event.cra_id.clone()))
        };
        if position > after
            && let Some(change) = change
        {
            answers.push(v1::FollowCrasResponse { position, change: Some(change), ..Default::default() });
        }
    }
    answers
}
