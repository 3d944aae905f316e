//! Decides a correction: append it, return the receipt of an identical earlier one, or refuse it because the revision
//! is no longer current. A correction names the revision that its author saw, so that it never overwrites one that they
//! did not see.

use cra_contracts::v1::{self, cra_event::Fact};
use cra_domain::cra::{Submission, check_reason};
use cra_domain::event::record::{self, Header};

use super::{ChangeRefusal, Decision, History, forgotten, gives_again};

/// Decides a correction of `expected_revision` of the CRA with this `history`. Rules are checked against the current
/// content. A correction that was recorded is recognised, even if newer rules would refuse it.
pub(crate) fn decide(
    history: &History,
    expected_revision: u64,
    form: &v1::Cra,
    reason: &str,
    header: &Header,
) -> Decision<ChangeRefusal> {
    let now = header.recorded_at;
    let repeated = history.receipt_of_change(expected_revision, |next| match &next.event.fact {
        Some(Fact::Corrected(recorded)) => {
            forgotten::is_same_reason(next, &recorded.reason, reason) && gives_again(form, next, now)
        }
        _ => false,
    });
    if let Some(receipt) = repeated {
        return Decision::AlreadyRecorded(receipt);
    }
    if let Err(conflict) = history.stands_at(expected_revision) {
        return Decision::Refuse(conflict);
    }
    let submission = match history.current() {
        Some(current) => Submission::parse_correction(form, &current, now),
        // The current content is unreadable: the new content is checked as a new CRA.
        None => Submission::parse(Some(form), now),
    };
    match (submission, check_reason(reason)) {
        (Ok(submission), Ok(reason)) => {
            Decision::Append(Box::new(record::corrected(header, &submission, &reason)))
        }
        (submission, reason) => {
            let faults = submission.err().into_iter().flatten().chain(reason.err());
            Decision::Refuse(ChangeRefusal::Invalid(faults.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;

    use super::super::fixtures::{self, form, header, history, submission};
    use super::*;

    const NOW: &str = "2024-03-05T10:00:00Z";
    const REASON: &str = "un participant oublié";

    fn corrected_form() -> v1::Cra {
        v1::Cra { themes: vec![v1::Theme::Budget.into()], date: "2024-03-04".into(), ..form() }
    }

    fn correct(events: &History, expected_revision: u64, reason: &str) -> Decision<ChangeRefusal> {
        let header = Header { revision: events.next_revision(), ..header(NOW) };
        decide(events, expected_revision, &corrected_form(), reason, &header)
    }

    fn submitted() -> v1::CraEvent {
        record::submitted(&header(NOW), &submission(&form(), NOW))
    }

    fn corrected() -> v1::CraEvent {
        match correct(&history([submitted()]), 1, REASON) {
            Decision::Append(event) => *event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    fn withdrawn(revision: u64) -> v1::CraEvent {
        record::withdrawn(&Header { revision, ..header(NOW) }, "saisi deux fois")
    }

    #[test]
    fn given_a_cra_when_its_revision_is_corrected_then_the_next_event_holds_the_content_and_the_reason() {
        let event = corrected();
        assert_eq!((event.cra_id, event.revision), (fixtures::CRA_ID.to_string(), 2));
        let Some(Fact::Corrected(corrected)) = event.fact else { panic!("no correction") };
        assert_eq!(corrected.reason, REASON);
        assert_eq!(corrected.cra.unwrap().themes, [v1::Theme::Budget as i32]);
        assert_eq!(corrected.defaulted_fields, ["cra.participants"]);
    }

    #[test]
    fn given_the_same_correction_when_sent_again_then_its_receipt_even_after_a_withdrawal() {
        for events in [history([submitted(), corrected()]), history([submitted(), corrected(), withdrawn(3)])]
        {
            let Decision::AlreadyRecorded(receipt) = correct(&events, 1, REASON) else { panic!() };
            assert_eq!((receipt.revision, receipt.position, receipt.duplicate), (2, 42, true));
            assert_eq!(receipt.withdrawn, events.next_revision() == 4);
        }
    }

    #[test]
    fn given_rules_that_refuse_it_today_when_a_recorded_correction_is_sent_again_then_its_receipt() {
        let mut recorded = corrected();
        let Some(Fact::Corrected(fact)) = &mut recorded.fact else { panic!("no correction") };
        fact.reason = "vu\u{200b} avec 06 12 34 56 78".into();
        let cra = fact.cra.as_mut().unwrap();
        cra.themes.push(v1::Theme::Smartphone.into());
        let (form, reason) = (cra.clone(), fact.reason.clone());
        let events = history([submitted(), recorded]);
        let header = Header { revision: 3, ..header(NOW) };
        let again = decide(&events, 1, &form, &reason, &header);
        assert!(matches!(again, Decision::AlreadyRecorded(_)), "{again:?}");
        // As a different correction it is refused for all of these, except the theme, which is unchanged.
        let Decision::Refuse(ChangeRefusal::Invalid(faults)) =
            decide(&events, 2, &v1::Cra { duration: None, ..form }, &reason, &header)
        else {
            panic!()
        };
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["cra.duration", "reason"]);
    }

    #[test]
    fn given_another_revision_when_corrected_then_the_current_one_is_reported() {
        let events = history([submitted(), corrected()]);
        let other_reason = correct(&events, 1, "une autre raison");
        assert_eq!(other_reason, Decision::Refuse(ChangeRefusal::Revision { current: 2 }));
        for expected in [0, 3] {
            let outcome = correct(&events, expected, REASON);
            assert_eq!(outcome, Decision::Refuse(ChangeRefusal::Revision { current: 2 }));
        }
    }

    #[test]
    fn given_a_withdrawn_cra_when_corrected_then_it_is_refused() {
        let events = history([submitted(), withdrawn(2)]);
        assert_eq!(correct(&events, 2, REASON), Decision::Refuse(ChangeRefusal::Withdrawn));
        assert_eq!(correct(&events, 1, REASON), Decision::Refuse(ChangeRefusal::Withdrawn));
    }

    #[test]
    fn given_no_event_when_corrected_then_there_is_no_such_cra() {
        assert_eq!(correct(&History::default(), 1, REASON), Decision::Refuse(ChangeRefusal::NoSuchCra));
    }
}
