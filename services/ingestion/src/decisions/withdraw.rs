//! Decides a withdrawal, the last event of a CRA: append it, return the receipt of an identical earlier one, or refuse
//! it.

use cra_contracts::v1::cra_event::Fact;
use cra_domain::cra::check_reason;
use cra_domain::event::record::{self, Header};

use super::{ChangeRefusal, Decision, History, forgotten};

/// Decides a withdrawal of `expected_revision` of the CRA with this `history`.
pub(crate) fn decide(
    history: &History,
    expected_revision: u64,
    reason: &str,
    header: &Header,
) -> Decision<ChangeRefusal> {
    let repeated = history.receipt_of_change(expected_revision, |next| {
        matches!(&next.event.fact, Some(Fact::Withdrawn(recorded))
            if forgotten::is_same_reason(next, &recorded.reason, reason))
    });
    match (repeated, history.stands_at(expected_revision), check_reason(reason)) {
        (Some(receipt), ..) => Decision::AlreadyRecorded(receipt),
        (None, Err(conflict), _) => Decision::Refuse(conflict),
        (None, Ok(()), Err(violation)) => Decision::Refuse(ChangeRefusal::Invalid(vec![violation])),
        (None, Ok(()), Ok(reason)) => Decision::Append(Box::new(record::withdrawn(header, &reason))),
    }
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;

    use super::super::fixtures::{form, header, history, submission};
    use super::*;

    const NOW: &str = "2024-03-05T10:00:00Z";
    const REASON: &str = "saisi deux fois";

    fn withdraw(events: &History, expected_revision: u64, reason: &str) -> Decision<ChangeRefusal> {
        let header = Header { revision: events.next_revision(), ..header(NOW) };
        decide(events, expected_revision, reason, &header)
    }

    fn submitted() -> v1::CraEvent {
        record::submitted(&header(NOW), &submission(&form(), NOW))
    }

    fn withdrawn() -> v1::CraEvent {
        match withdraw(&history([submitted()]), 1, REASON) {
            Decision::Append(event) => *event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    #[test]
    fn given_a_cra_when_withdrawn_then_the_next_event_holds_the_reason() {
        let event = withdrawn();
        assert_eq!(event.revision, 2);
        assert_eq!(event.fact, Some(Fact::Withdrawn(v1::CraWithdrawn { reason: REASON.into() })));
    }

    #[test]
    fn given_the_same_withdrawal_when_sent_again_then_its_first_receipt() {
        let events = history([submitted(), withdrawn()]);
        let Decision::AlreadyRecorded(receipt) = withdraw(&events, 1, REASON) else { panic!() };
        assert_eq!((receipt.revision, receipt.position, receipt.duplicate), (2, 42, true));
        assert!(!receipt.withdrawn, "nothing was withdrawn since");
    }

    #[test]
    fn given_a_withdrawn_cra_when_withdrawn_for_another_reason_or_revision_then_it_is_refused() {
        let events = history([submitted(), withdrawn()]);
        assert_eq!(withdraw(&events, 1, "une autre raison"), Decision::Refuse(ChangeRefusal::Withdrawn));
        assert_eq!(withdraw(&events, 2, REASON), Decision::Refuse(ChangeRefusal::Withdrawn));
    }

    #[test]
    fn given_another_revision_when_withdrawn_then_the_current_one_is_reported() {
        let events = history([submitted()]);
        assert_eq!(withdraw(&events, 2, REASON), Decision::Refuse(ChangeRefusal::Revision { current: 1 }));
        assert_eq!(withdraw(&History::default(), 1, REASON), Decision::Refuse(ChangeRefusal::NoSuchCra));
    }
}
