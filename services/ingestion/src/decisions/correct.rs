//! A correction: the next content of a CRA, sent before, or too late. Whoever corrects says which revision was seen;
//! a correction never covers one that was not.

use cra_contracts::v1::cra_event::Fact;
use cra_domain::cra::Submission;
use cra_domain::event::record::{self, Header};

use super::submit::same_content;
use super::{Change, History};

/// Decides what a correction of `expected_revision` means for the CRA that `history` tells of.
pub(crate) fn decide(
    history: &History,
    expected_revision: u64,
    submission: &Submission,
    reason: &str,
    header: &Header,
) -> Change {
    let is_the_same = |fact: &Fact| match fact {
        Fact::Corrected(recorded) => {
            recorded.reason == reason
                && same_content(recorded.cra.as_ref(), &recorded.defaulted_fields, submission)
        }
        _ => false,
    };
    history.change(expected_revision, is_the_same, || record::corrected(header, submission, reason))
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;

    use super::super::Misplaced;
    use super::super::given::{self, form, header, history, submission};
    use super::*;

    const NOW: &str = "2024-03-05T10:00:00Z";
    const REASON: &str = "un participant oublié";

    fn corrected_form() -> v1::Cra {
        v1::Cra { themes: vec![v1::Theme::Budget.into()], date: "2024-03-04".into(), ..form() }
    }

    fn correct(given: &History, expected_revision: u64, reason: &str) -> Change {
        let submission = submission(&corrected_form(), NOW);
        let header = Header { revision: given.next_revision(), ..header(NOW) };
        decide(given, expected_revision, &submission, reason, &header)
    }

    fn submitted() -> v1::CraEvent {
        record::submitted(&header(NOW), &submission(&form(), NOW))
    }

    fn corrected() -> v1::CraEvent {
        match correct(&history([submitted()]), 1, REASON) {
            Change::Record(event) => *event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    fn withdrawn(revision: u64) -> v1::CraEvent {
        record::withdrawn(&Header { revision, ..header(NOW) }, "saisi deux fois")
    }

    #[test]
    fn given_a_cra_when_its_revision_is_corrected_then_the_next_event_holds_the_content_and_the_reason() {
        let event = corrected();
        assert_eq!((event.cra_id, event.revision), (given::CRA_ID.to_string(), 2));
        let Some(Fact::Corrected(corrected)) = event.fact else { panic!("no correction") };
        assert_eq!(corrected.reason, REASON);
        assert_eq!(corrected.cra.unwrap().themes, [v1::Theme::Budget as i32]);
        assert_eq!(corrected.defaulted_fields, ["cra.participants"]);
    }

    #[test]
    fn given_the_same_correction_when_sent_again_then_its_receipt_even_after_a_withdrawal() {
        for given in [history([submitted(), corrected()]), history([submitted(), corrected(), withdrawn(3)])]
        {
            let Change::AlreadyRecorded(receipt) = correct(&given, 1, REASON) else { panic!() };
            assert_eq!((receipt.revision, receipt.position, receipt.duplicate), (2, 42, true));
        }
    }

    #[test]
    fn given_another_revision_when_corrected_then_the_current_one_is_told() {
        let given = history([submitted(), corrected()]);
        let other_reason = correct(&given, 1, "une autre raison");
        assert_eq!(other_reason, Change::Misplaced(Misplaced::Revision { current: 2 }));
        for expected in [0, 3] {
            let outcome = correct(&given, expected, REASON);
            assert_eq!(outcome, Change::Misplaced(Misplaced::Revision { current: 2 }));
        }
    }

    #[test]
    fn given_a_withdrawn_cra_when_corrected_then_it_is_refused() {
        let given = history([submitted(), withdrawn(2)]);
        assert_eq!(correct(&given, 2, REASON), Change::Misplaced(Misplaced::Withdrawn));
        assert_eq!(correct(&given, 1, REASON), Change::Misplaced(Misplaced::Withdrawn));
    }

    #[test]
    fn given_no_event_when_corrected_then_there_is_no_such_cra() {
        assert_eq!(correct(&History::default(), 1, REASON), Change::Misplaced(Misplaced::NoSuchCra));
    }
}
