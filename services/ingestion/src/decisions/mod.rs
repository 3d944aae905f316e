//! The decision about a request for one CRA, from the events of that CRA: one pure module per kind of request, each
//! with its refusals. No clock, no log, no gRPC.
//!
//! A decision is first taken with an empty history, and after a conflict with the real one.

pub(crate) mod correct;
mod forgotten;
pub(crate) mod import;
pub(crate) mod submit;
pub(crate) mod withdraw;

use cra_contracts::v1::{self, cra_event::Fact};
use cra_domain::cra::{Cra, Submission, Violation};
use cra_domain::legacy;
use cra_domain::perimeter::Perimeter;
use cra_domain::territory;
use cra_eventlog::{Expectation, Position};
use jiff::Timestamp;

/// A stored event of a CRA.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) position: Position,
    pub(crate) event: v1::CraEvent,
}

/// What to do with a request; `R` is why it is refused.
#[must_use]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision<R> {
    /// Record this event; the answer is its receipt.
    Append(Box<v1::CraEvent>),
    /// The same was recorded: the receipt of its event, whatever happened to the CRA since.
    AlreadyRecorded(v1::Receipt),
    /// Record nothing.
    Refuse(R),
}

impl<R> Decision<R> {
    /// The same decision, with its refusal in another form.
    pub(crate) fn map_refusal<S>(self, form: impl FnOnce(R) -> S) -> Decision<S> {
        match self {
            Self::Append(event) => Decision::Append(event),
            Self::AlreadyRecorded(receipt) => Decision::AlreadyRecorded(receipt),
            Self::Refuse(refusal) => Decision::Refuse(form(refusal)),
        }
    }
}

/// Whether a receipt answers the request that caused the event, or a repeated one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Repeated,
}

/// The receipt of an event at a position of the log.
pub(crate) fn receipt(event: &v1::CraEvent, position: Position, attempt: Attempt) -> v1::Receipt {
    v1::Receipt {
        cra_id: event.cra_id.clone(),
        revision: event.revision,
        position: position.0,
        recorded_at: event.recorded_at,
        duplicate: attempt == Attempt::Repeated,
        defaulted_fields: defaulted_fields(event),
        withdrawn: false,
        log: String::new(),
    }
}

/// Read from the event, so that a repeated receipt has the recorded values, not today's.
fn defaulted_fields(event: &v1::CraEvent) -> Vec<v1::DefaultedField> {
    let (cra, defaulted_fields) = match &event.fact {
        Some(Fact::Submitted(submitted)) => (submitted.cra.as_ref(), &submitted.defaulted_fields),
        Some(Fact::Corrected(corrected)) => (corrected.cra.as_ref(), &corrected.defaulted_fields),
        Some(Fact::Withdrawn(_) | Fact::Imported(_)) | None => return Vec::new(),
    };
    let place = cra.and_then(|cra| cra.place.as_ref());
    let value_of = |field: &str| match field {
        Submission::DATE => cra.map(|cra| cra.date.clone()),
        Submission::PARTICIPANTS => cra.and_then(|cra| cra.participants).map(|people| people.to_string()),
        Submission::POSTAL_CODE => place.map(|place| place.postal_code.clone()),
        // The event has the declared code.
        Submission::COMMUNE => place.and_then(|place| {
            let communes = territory::communes();
            communes.resolve(&place.commune_code).map(|today| communes.get(today).code().to_owned())
        }),
        _ => None,
    };
    let reported = defaulted_fields
        .iter()
        .map(|field| v1::DefaultedField { field: field.clone(), value: value_of(field).unwrap_or_default() });
    reported.collect()
}

/// Why a CRA cannot be corrected or withdrawn as requested.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChangeRefusal {
    /// The log has no event of it.
    NoSuchCra,
    /// It was withdrawn.
    Withdrawn,
    /// Its revision is not the expected one.
    Revision { current: u64 },
    /// The request breaks rules; every fault.
    Invalid(Vec<Violation>),
}

/// The known events of a CRA, oldest first; empty by default.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Vec<Recorded>);

impl History {
    /// The events of one CRA, oldest first.
    pub(crate) fn new(events: Vec<Recorded>) -> Self {
        Self(events)
    }

    /// The event that created the CRA.
    pub(crate) fn first(&self) -> Option<&Recorded> {
        self.0.first()
    }

    /// The receipt of an event, for a repeated request: the same each time except for `duplicate` and `withdrawn`.
    pub(crate) fn receipt(&self, recorded: &Recorded) -> v1::Receipt {
        let is_withdrawal = |other: &Recorded| matches!(other.event.fact, Some(Fact::Withdrawn(_)));
        let since = |other: &&Recorded| other.event.revision > recorded.event.revision;
        v1::Receipt {
            withdrawn: self.0.iter().filter(since).any(is_withdrawal),
            ..receipt(&recorded.event, recorded.position, Attempt::Repeated)
        }
    }

    /// The receipt of the first event with the content of a form; `None` if no event has it. A field equal to the
    /// recorded one counts as equal, even if newer rules would refuse it.
    pub(crate) fn receipt_of_content(&self, form: &v1::Cra, now: Timestamp) -> Option<v1::Receipt> {
        let same = |recorded: &&Recorded| gives_again(form, recorded, now);
        self.0.iter().find(same).map(|recorded| self.receipt(recorded))
    }

    /// The current or last content of the CRA, in today's vocabulary; `None` if it is unreadable.
    pub(crate) fn current(&self) -> Option<Cra> {
        self.0.iter().rev().find_map(content).and_then(|cra| Cra::from_message(&cra).ok())
    }

    /// Its events, oldest first.
    pub(crate) fn events(&self) -> &[Recorded] {
        &self.0
    }

    /// Whether the CRA was changed other than by documents of the older system.
    pub(crate) fn is_changed_here(&self) -> bool {
        self.0.iter().any(|recorded| !matches!(recorded.event.fact, Some(Fact::Imported(_))))
    }

    /// Whether the CRA's current or last content is inside a perimeter. A CRA without events or with unreadable content
    /// is only inside the national perimeter.
    pub(crate) fn lies_within(&self, perimeter: &Perimeter) -> bool {
        *perimeter == Perimeter::National
            || self.0.iter().rev().find_map(content).is_some_and(|cra| perimeter.covers_message(&cra))
    }

    /// The expectation under which a decision on this history is valid.
    pub(crate) fn expectation(&self) -> Expectation {
        self.0.last().map_or(Expectation::NoEvent, |last| Expectation::LastAt(last.position))
    }

    pub(crate) fn next_revision(&self) -> u64 {
        self.0.last().map_or(1, |last| last.event.revision.saturating_add(1))
    }

    fn after(&self, revision: u64) -> Option<&Recorded> {
        let next = revision.checked_add(1)?;
        self.0.iter().find(|recorded| recorded.event.revision == next)
    }

    /// The receipt of the change that followed a revision, if it is the same one.
    fn receipt_of_change(
        &self,
        expected_revision: u64,
        is_the_same: impl FnOnce(&Recorded) -> bool,
    ) -> Option<v1::Receipt> {
        let next = self.after(expected_revision)?;
        is_the_same(next).then(|| self.receipt(next))
    }

    /// Whether the CRA can be changed by a caller that saw this revision.
    fn stands_at(&self, revision: u64) -> Result<(), ChangeRefusal> {
        let last = &self.0.last().ok_or(ChangeRefusal::NoSuchCra)?.event;
        match &last.fact {
            Some(Fact::Withdrawn(_)) => Err(ChangeRefusal::Withdrawn),
            _ if last.revision != revision => Err(ChangeRefusal::Revision { current: last.revision }),
            _ => Ok(()),
        }
    }

    /// The events as the holder of a perimeter may see them, oldest first: a revision inside completely, one outside as
    /// `moved`, without its fact. `None` if no revision is inside, as if there were no events.
    pub(crate) fn shown_within(self, perimeter: &Perimeter) -> Option<Vec<v1::CraEvent>> {
        let (mut is_inside, mut has_any) = (*perimeter == Perimeter::National, false);
        let mut shown = Vec::with_capacity(self.0.len());
        for recorded in self.0 {
            // A withdrawal belongs to the place of the content that it withdraws.
            let is_withdrawal = matches!(recorded.event.fact, Some(Fact::Withdrawn(_)));
            if *perimeter != Perimeter::National && !is_withdrawal {
                is_inside = content(&recorded).is_some_and(|cra| perimeter.covers_message(&cra));
            }
            has_any |= is_inside;
            let event = recorded.event;
            shown.push(if is_inside { v1::CraEvent { moved: false, ..event } } else { moved(event) });
        }
        has_any.then_some(shown)
    }
}

/// The visible part of a revision outside the perimeter.
fn moved(event: v1::CraEvent) -> v1::CraEvent {
    let v1::CraEvent { event_id, revision, recorded_at, .. } = event;
    v1::CraEvent { event_id, revision, recorded_at, moved: true, ..v1::CraEvent::default() }
}

/// Whether a form has the content of an event. The order of themes and organisations is ignored; a day that was left to
/// the form both times is equal; what the event no longer holds is not compared.
fn gives_again(form: &v1::Cra, recorded: &Recorded, now: Timestamp) -> bool {
    let content = content(recorded).and_then(|cra| Cra::from_message(&cra).ok());
    let Some(mut content) = content else { return false };
    let mut form = form.clone();
    let defaulted = match &recorded.event.fact {
        Some(Fact::Submitted(fact)) => &fact.defaulted_fields[..],
        Some(Fact::Corrected(fact)) => &fact.defaulted_fields,
        _ => &[],
    };
    if form.date.is_empty() && defaulted.iter().any(|field| field == Submission::DATE) {
        form.date = content.date.to_string();
    }
    forgotten::overlook(&mut form, &content, recorded.event.forgotten.as_ref());
    match Submission::parse_correction(&form, &content, now) {
        Ok(submission) => {
            let mut cra = submission.cra().clone();
            unordered(&mut cra);
            unordered(&mut content);
            cra == content
        }
        Err(_) => false,
    }
}

/// Sorts the lists.
fn unordered(cra: &mut Cra) {
    cra.themes.sort_unstable();
    cra.sub_themes.sort_unstable();
    cra.redirections.sort_by_cached_key(|redirection| format!("{redirection:?}"));
}

/// The content of an event, in today's vocabulary.
fn content(recorded: &Recorded) -> Option<v1::Cra> {
    match recorded.event.fact.as_ref()? {
        Fact::Submitted(fact) => fact.cra.clone(),
        Fact::Corrected(fact) => fact.cra.clone(),
        Fact::Withdrawn(_) => None,
        Fact::Imported(fact) => Some(legacy::upcast(&fact.document).ok()?.cra.to_message()),
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    //! Fixtures of the decisions' tests.

    use cra_domain::cra::Submission;
    use cra_domain::event::record::Header;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::{History, Position, Recorded, v1};

    pub(crate) const CRA_ID: Uuid = Uuid::from_u128(7);

    pub(crate) fn header(now: &str) -> Header {
        let recorded_at: Timestamp = now.parse().unwrap();
        let origin = v1::Origin::default();
        Header { event_id: Uuid::from_u128(1), cra_id: CRA_ID, revision: 1, recorded_at, origin }
    }

    /// A workshop without day and participants.
    pub(crate) fn form() -> v1::Cra {
        v1::Cra {
            date: String::new(),
            participants: None,
            annotation: "  mots de passe ".into(),
            duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore.into(), minutes: None }),
            ..cra_fixtures::workshop(5)
        }
    }

    pub(crate) fn submission(form: &v1::Cra, now: &str) -> Submission {
        Submission::parse(Some(form), now.parse::<Timestamp>().unwrap()).unwrap()
    }

    /// The history of a CRA with events at positions 41, 42, …
    pub(crate) fn history(events: impl IntoIterator<Item = v1::CraEvent>) -> History {
        let recorded =
            (41..).zip(events).map(|(position, event)| Recorded { position: Position(position), event });
        History::new(recorded.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_nothing_the_next_event_is_the_first_and_expects_none() {
        let history = History::default();
        assert_eq!(history.next_revision(), 1);
        assert_eq!(history.expectation(), Expectation::NoEvent);
        assert!(history.first().is_none());
    }

    #[test]
    fn given_two_events_the_next_is_the_third_and_expects_the_second_where_it_stands() {
        let event = |revision| v1::CraEvent { revision, ..v1::CraEvent::default() };
        let history = fixtures::history([event(1), event(2)]);
        assert_eq!(history.next_revision(), 3);
        assert_eq!(history.expectation(), Expectation::LastAt(Position(42)));
        assert_eq!(history.first().map(|first| first.event.revision), Some(1));
    }
}
