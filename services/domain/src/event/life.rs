//! The history of one CRA from its events: its content at each revision, and the changes between them.

use super::{self as event, Event, record};
use cra_contracts::v1::{self, cra_event::Fact};

/// The events of one CRA, oldest first, at least one.
#[derive(Clone, Debug)]
pub struct Life(Vec<v1::CraEvent>);

impl Life {
    /// Makes the history of the events in an answer.
    #[must_use]
    pub fn new(events: Vec<v1::CraEvent>) -> Self {
        Self(events)
    }

    /// The events, oldest first.
    #[must_use]
    pub fn events(&self) -> &[v1::CraEvent] {
        &self.0
    }

    /// The current revision.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.0.last().map_or(0, |event| event.revision)
    }

    /// Whether the CRA is withdrawn from the statistics.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.0.last().is_some_and(|event| matches!(event.fact, Some(Fact::Withdrawn(_))))
    }

    /// The content of the CRA at a revision, in today's vocabulary; `None` if no event up to it can be read.
    #[must_use]
    pub fn content_at(&self, revision: u64) -> Option<v1::Cra> {
        self.0.iter().rev().filter(|event| event.revision <= revision).find_map(content)
    }

    /// Revisions that were corrected for this reason, latest first.
    #[must_use]
    pub fn corrected_for(&self, reason: &str) -> Vec<u64> {
        let is_it = |event: &&v1::CraEvent| match &event.fact {
            Some(Fact::Corrected(correction)) => correction.reason == reason.trim(),
            _ => false,
        };
        self.0.iter().rev().filter(is_it).map(|event| event.revision.saturating_sub(1)).collect()
    }

    /// The receipt of the last event, as a duplicate; its position is unknown here.
    #[must_use]
    pub fn last_receipt(&self, cra_id: &str) -> v1::Receipt {
        v1::Receipt {
            cra_id: cra_id.to_owned(),
            revision: self.revision(),
            recorded_at: self.0.last().and_then(|event| event.recorded_at),
            duplicate: true,
            withdrawn: self.is_withdrawn(),
            ..v1::Receipt::default()
        }
    }
}

/// The content of the CRA after an event; older documents are converted as the service converts them.
fn content(event: &v1::CraEvent) -> Option<v1::Cra> {
    match event.fact.as_ref()? {
        Fact::Submitted(submitted) => submitted.cra.clone(),
        Fact::Corrected(corrected) => corrected.cra.clone(),
        Fact::Withdrawn(_) => None,
        Fact::Imported(_) => match Event::decode(&record::encode(event)).ok()?.fact {
            event::Fact::Imported { cra, .. } => Some(cra.to_message()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(revision: u64, fact: Fact) -> v1::CraEvent {
        v1::CraEvent { revision, fact: Some(fact), ..v1::CraEvent::default() }
    }

    fn cra(annotation: &str) -> v1::Cra {
        v1::Cra { annotation: annotation.into(), ..v1::Cra::default() }
    }

    #[test]
    fn each_revision_has_the_content_that_was_last_written() {
        let corrected = |text: &str, reason: &str| {
            Fact::Corrected(v1::CraCorrected {
                cra: Some(cra(text)),
                reason: reason.into(),
                ..v1::CraCorrected::default()
            })
        };
        let submitted =
            Fact::Submitted(v1::CraSubmitted { cra: Some(cra("un")), ..v1::CraSubmitted::default() });
        let withdrawn = Fact::Withdrawn(v1::CraWithdrawn { reason: "fini".into() });
        let events = [submitted, corrected("deux", "oubli"), corrected("trois", "oubli"), withdrawn];
        let life = Life::new((1..).zip(events).map(|(revision, fact)| event(revision, fact)).collect());
        assert_eq!(life.content_at(1), Some(cra("un")));
        assert_eq!(life.content_at(2), Some(cra("deux")));
        assert_eq!(life.content_at(4), Some(cra("trois")));
        assert_eq!(life.corrected_for(" oubli "), [2, 1]);
        assert!(life.is_withdrawn() && life.last_receipt("id").withdrawn);
    }
}
