//! The order of the log: each CRA's submission by its number, and what was changed in between.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Generator;

/// What becomes of some CRAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Corrected,
    Withdrawn,
}

/// One event of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Of the CRA, from 0 in the order of submissions.
    pub(crate) number: u64,
    /// `None` for its submission.
    pub(crate) change: Option<Change>,
    /// The submission that shares its time: its own, or the one that follows.
    pub(crate) recorded_with: u64,
}

/// The events in the log's order.
#[derive(Clone)]
pub(crate) struct Steps<'a> {
    generator: &'a Generator,
    next: u64,
    /// By the submission before which they come.
    changes: BinaryHeap<Reverse<(u64, u64, Change)>>,
}

impl<'a> Steps<'a> {
    pub(super) fn of(generator: &'a Generator) -> Self {
        Self { generator, next: 0, changes: BinaryHeap::new() }
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (next, cras) = (self.next, self.generator.cras());
        if let Some(Reverse((due, ..))) = self.changes.peek()
            && (*due <= next || next == cras)
        {
            let Reverse((_, number, change)) = self.changes.pop()?;
            return Some(Step { number, change: Some(change), recorded_with: next.min(cras - 1) });
        }
        if next == cras {
            return None;
        }
        self.next += 1;
        if let Some(change) = self.generator.outcome(next) {
            self.changes.push(Reverse((next + self.generator.changed_after(next), next, change)));
        }
        Some(Step { number: next, change: None, recorded_with: next })
    }
}
