//! Requests compared with events that no longer hold everything: what was forgotten is not compared, and nothing
//! restores it.

use cra_contracts::v1::{self, redirection::Organisation as Given};
use cra_domain::cra::{self, Cra, Recipient};
use cra_domain::event::is_neutral_name;

use super::Recorded;

/// Gives a form the recorded value of each field of which the event no longer holds what was said.
pub(super) fn overlook(form: &mut v1::Cra, content: &Cra, forgotten: Option<&v1::Forgotten>) {
    let Some(forgotten) = forgotten else { return };
    if forgotten.annotation_at.is_some() {
        form.annotation = content.annotation.to_string();
    }
    if forgotten.advisor_at.is_some() {
        form.advisor_id = content.advisor_id.to_string();
    }
    if forgotten.organisations_at.is_some()
        && let Some(follow_up) = &mut form.follow_up
    {
        name_neutrally(&mut follow_up.redirections, content);
    }
}

/// Gives each free name that the content does not have the neutral name with the same number of people.
fn name_neutrally(given: &mut [v1::Redirection], content: &Cra) {
    let others = || {
        content.redirections.iter().filter_map(|redirection| match &redirection.recipient {
            Recipient::Other(name) => Some((&**name, redirection.people)),
            Recipient::Known(_) | Recipient::Unnamed => None,
        })
    };
    let mut neutral: Vec<_> = others().filter(|(name, _)| is_neutral_name(name)).collect();
    for redirection in given {
        let Some(Given::Other(name)) = &mut redirection.organisation else { continue };
        if others().any(|(kept, _)| kept == name.trim()) {
            continue;
        }
        if let Some(at) = neutral.iter().position(|(_, people)| *people == redirection.people) {
            neutral.remove(at).0.clone_into(name);
        }
    }
}

/// Whether the reason that is given is that of a change; a reason that was forgotten is not compared.
pub(super) fn is_same_reason(recorded: &Recorded, reason: &str, given: &str) -> bool {
    let is_forgotten = recorded.event.forgotten.is_some_and(|it| it.reason_at.is_some());
    is_forgotten || cra::is_same_reason(reason, given)
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1::cra_event::Fact;
    use cra_domain::event::{alias, neutral_name, record};

    use super::super::fixtures::{form, header, history, submission};
    use super::super::{Decision, History, correct, submit, withdraw};
    use super::*;

    const NOW: &str = "2024-03-04T10:00:00Z";

    fn other(name: &str, people: u32) -> v1::Redirection {
        v1::Redirection { organisation: Some(Given::Other(name.to_owned())), people }
    }

    fn redirecting(redirections: Vec<v1::Redirection>) -> v1::Cra {
        v1::Cra { follow_up: Some(v1::FollowUp { redirections, ..v1::FollowUp::default() }), ..form() }
    }

    /// A submission of the form of which everything that can be forgotten is, but for the name that is kept.
    fn forgotten() -> v1::CraEvent {
        let form = redirecting(vec![other("Chez Mme Dupont", 2), other("Emmaüs", 1), other("M. Durand", 1)]);
        let mut event = record::submitted(&header(NOW), &submission(&form, NOW));
        let Some(Fact::Submitted(fact)) = &mut event.fact else { panic!("no submission") };
        let cra = fact.cra.as_mut().unwrap();
        cra.annotation.clear();
        cra.advisor_id = alias("0a1b");
        cra.follow_up.as_mut().unwrap().redirections =
            vec![other(&neutral_name("01", 0), 2), other("Emmaüs", 1), other(&neutral_name("02", 0), 1)];
        let at = event.recorded_at;
        event.forgotten = Some(v1::Forgotten {
            annotation_at: at,
            organisations_at: at,
            advisor_at: at,
            ..v1::Forgotten::default()
        });
        event
    }

    fn decided(events: &History, form: &v1::Cra) -> Decision<submit::OtherContent> {
        submit::decide(events, form, &submission(form, NOW), &header(NOW))
    }

    #[test]
    fn given_forgotten_texts_when_the_same_submission_comes_again_then_its_first_receipt() {
        let events = history([forgotten()]);
        let same = redirecting(vec![other("M. Durand", 1), other("Chez Mme Dupont", 2), other("Emmaüs", 1)]);
        assert!(matches!(decided(&events, &same), Decision::AlreadyRecorded(_)));
        // As a reader got it since.
        let reported = events.current().unwrap().to_message();
        assert!(matches!(decided(&events, &reported), Decision::AlreadyRecorded(_)));
    }

    #[test]
    fn given_forgotten_texts_when_what_is_left_differs_then_it_is_another_content() {
        let events = history([forgotten()]);
        let redirections = |people| vec![other("a", people), other("Emmaüs", 1), other("b", 1)];
        for different in [
            redirecting(redirections(3)),
            redirecting(redirections(2)[..2].to_vec()),
            v1::Cra { structure_id: "structure-2".into(), ..redirecting(redirections(2)) },
            form(),
        ] {
            assert_eq!(decided(&events, &different), Decision::Refuse(submit::OtherContent), "{different:?}");
        }
    }

    #[test]
    fn given_a_forgotten_reason_when_the_same_change_comes_again_then_its_receipt() {
        let submitted = record::submitted(&header(NOW), &submission(&form(), NOW));
        let Some(Fact::Submitted(fact)) = &submitted.fact else { panic!("no submission") };
        let corrected =
            Fact::Corrected(v1::CraCorrected { cra: fact.cra.clone(), ..v1::CraCorrected::default() });
        for (fact, is_correction) in
            [(corrected, true), (Fact::Withdrawn(v1::CraWithdrawn::default()), false)]
        {
            let forgotten =
                Some(v1::Forgotten { reason_at: submitted.recorded_at, ..v1::Forgotten::default() });
            let change = v1::CraEvent { revision: 2, fact: Some(fact), forgotten, ..submitted.clone() };
            let events = history([submitted.clone(), change]);
            let again = if is_correction {
                let same = v1::Cra { date: "2024-03-04".into(), ..form() };
                correct::decide(&events, 1, &same, "vu avec Mme Dupont", &header(NOW))
            } else {
                withdraw::decide(&events, 1, "vu avec Mme Dupont", &header(NOW))
            };
            let Decision::AlreadyRecorded(receipt) = again else { panic!("{again:?}") };
            assert_eq!(receipt.revision, 2);
        }
    }
}
