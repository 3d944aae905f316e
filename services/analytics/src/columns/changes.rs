//! What the events of some positions changed elsewhere: in the index of CRAs, and of facts of any position.

use super::cra_index::LatestFact;

/// Changes by the events of consecutive positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// The facts that the events began, by position.
    pub(super) began: Vec<LatestFact>,
    /// The positions of the facts that the events ended, each with the position of the event.
    pub(super) ended: Vec<(u64, u32)>,
}

impl Changes {
    /// Adds those by an event: the fact that it began, and which one it ended, with its own position.
    pub(super) fn add(&mut self, began: Option<LatestFact>, ended: Option<(u64, u32)>) {
        if let Some(latest) = began {
            // Almost always the last one.
            let is_earlier = |other: &LatestFact| other.from < latest.from;
            let at = match self.began.last() {
                Some(last) if !is_earlier(last) => self.began.partition_point(is_earlier),
                _ => self.began.len(),
            };
            self.began.insert(at, latest);
        }
        self.ended.extend(ended);
    }

    /// Adds those by the events of the next positions.
    pub(super) fn extend(&mut self, later: Self) {
        self.began.extend(later.began);
        self.ended.extend(later.ended);
    }

    /// Removes and returns the changes by the events up to a position.
    pub(super) fn take_until(&mut self, last: u32) -> Self {
        let until = self.began.extract_if(.., |latest| latest.from <= last);
        let mut taken = Self { began: until.collect(), ended: Vec::new() };
        taken.ended.extend(self.ended.extract_if(.., |(_, at)| *at <= last));
        taken
    }

    /// Positions of the facts that a later one of the same CRA replaced: the event that ended each began another.
    pub(super) fn replaced(&self) -> impl Iterator<Item = u64> {
        let has_begun = |at: &u32| self.began.binary_search_by_key(at, |latest| latest.from).is_ok();
        self.ended.iter().filter(move |(_, at)| has_begun(at)).map(|(former, _)| *former)
    }
}
