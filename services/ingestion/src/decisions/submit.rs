//! Decides a submission of today's form: new, sent before, or other content under an existing id.
//!
//! Contents are compared as complete, normalised CRAs, never as bytes, and with every content that the CRA had: a row
//! exported after a correction equals that revision. A retry without a day means the day of its first try, even on a
//! later day.

use cra_contracts::v1;
use cra_domain::cra::Submission;
use cra_domain::event::record::{self, Header};

use super::{Decision, History};

/// The id belongs to other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OtherContent;

/// Decides a submission for the CRA with this `history`; `submission` was parsed from `form`.
pub(crate) fn decide(
    history: &History,
    form: &v1::Cra,
    submission: &Submission,
    header: &Header,
) -> Decision<OtherContent> {
    if history.first().is_none() {
        return Decision::Append(Box::new(record::submitted(header, submission)));
    }
    match history.receipt_of_content(form, header.recorded_at) {
        Some(receipt) => Decision::AlreadyRecorded(receipt),
        None => Decision::Refuse(OtherContent),
    }
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1::cra_event::Fact;
    use jiff::Timestamp;

    use super::super::fixtures::{self, form, header, history, submission};
    use super::*;

    const MONDAY: &str = "2024-03-04T10:00:00Z";
    const TUESDAY: &str = "2024-03-05T10:00:00Z";

    fn recorded(form: &v1::Cra, now: &str) -> v1::CraEvent {
        match decide(&History::default(), form, &submission(form, now), &header(now)) {
            Decision::Append(event) => *event,
            other => panic!("expected an event, got {other:?}"),
        }
    }

    fn corrected() -> v1::CraEvent {
        let fact = Fact::Corrected(v1::CraCorrected::default());
        v1::CraEvent { revision: 2, fact: Some(fact), ..v1::CraEvent::default() }
    }

    #[test]
    fn given_no_event_when_submitted_then_the_event_is_complete_and_names_its_defaults() {
        let event = recorded(&form(), MONDAY);
        assert_eq!((event.cra_id, event.revision), (fixtures::CRA_ID.to_string(), 1));
        let Some(Fact::Submitted(submitted)) = event.fact else { panic!("no submission") };
        let cra = submitted.cra.unwrap();
        assert_eq!((cra.date.as_str(), cra.participants), ("2024-03-04", Some(5)));
        assert_eq!(cra.annotation, "mots de passe");
        assert_eq!(submitted.defaulted_fields, ["cra.date", "cra.participants"]);
    }

    #[test]
    fn given_the_same_content_when_submitted_again_then_the_first_receipt_with_its_values() {
        let events = history([recorded(&form(), MONDAY)]);
        let outcome = decide(&events, &form(), &submission(&form(), MONDAY), &header(TUESDAY));
        let Decision::AlreadyRecorded(receipt) = outcome else { panic!("{outcome:?}") };
        assert_eq!((receipt.revision, receipt.position, receipt.duplicate), (1, 41, true));
        assert_eq!(receipt.recorded_at.unwrap().seconds, MONDAY.parse::<Timestamp>().unwrap().as_second());
        let defaults: Vec<_> =
            receipt.defaulted_fields.iter().map(|d| (d.field.as_str(), d.value.as_str())).collect();
        assert_eq!(defaults, [("cra.date", "2024-03-04"), ("cra.participants", "5")]);
    }

    #[test]
    fn given_a_day_left_to_the_form_when_left_again_a_day_later_then_it_is_the_same_submission() {
        let events = history([recorded(&form(), MONDAY)]);
        let outcome = decide(&events, &form(), &submission(&form(), TUESDAY), &header(TUESDAY));
        let Decision::AlreadyRecorded(receipt) = outcome else { panic!("{outcome:?}") };
        assert_eq!(receipt.defaulted_fields[0].value, "2024-03-04");
    }

    #[test]
    fn given_a_day_left_to_the_form_when_another_day_is_said_then_it_is_another_content() {
        let events = history([recorded(&form(), MONDAY)]);
        let resent = v1::Cra { date: "2024-03-05".into(), ..form() };
        let outcome = decide(&events, &resent, &submission(&resent, TUESDAY), &header(TUESDAY));
        assert_eq!(outcome, Decision::Refuse(OtherContent));
    }

    #[test]
    fn given_a_day_that_was_said_when_it_is_left_to_the_form_on_another_then_it_is_another_content() {
        let resent = v1::Cra { date: "2024-03-04".into(), ..form() };
        let events = history([recorded(&resent, MONDAY)]);
        let outcome = decide(&events, &form(), &submission(&form(), TUESDAY), &header(TUESDAY));
        assert_eq!(outcome, Decision::Refuse(OtherContent));
    }

    #[test]
    fn given_defaults_when_the_same_values_are_said_then_it_is_the_same_submission() {
        let events = history([recorded(&form(), MONDAY)]);
        let resent = v1::Cra {
            date: "2024-03-04".into(),
            participants: Some(5),
            annotation: "mots de passe".into(),
            follow_up: Some(v1::FollowUp::default()),
            ..form()
        };
        let outcome = decide(&events, &resent, &submission(&resent, TUESDAY), &header(TUESDAY));
        assert!(matches!(outcome, Decision::AlreadyRecorded(_)), "{outcome:?}");
    }

    #[test]
    fn given_a_former_code_and_no_postal_code_when_both_are_said_then_it_is_the_same_submission() {
        let at = |commune_code: &str, postal_code: &str| {
            let place = v1::Place {
                channel: v1::Channel::Venue.into(),
                commune_code: commune_code.into(),
                postal_code: postal_code.into(),
                ..v1::Place::default()
            };
            v1::Cra { place: Some(place), date: "2024-03-04".into(), participants: Some(5), ..form() }
        };
        let event = recorded(&at("01340", ""), MONDAY);
        let first = super::super::receipt(&event, cra_eventlog::Position(41), super::super::Attempt::First)
            .defaulted_fields;
        let defaults: Vec<_> = first.iter().map(|d| (d.field.as_str(), d.value.as_str())).collect();
        assert_eq!(defaults, [("cra.place.commune_code", "01015"), ("cra.place.postal_code", "01300")]);
        let events = history([event]);
        for resent in [at("01340", ""), at(" 01340", "01 300")] {
            let outcome = decide(&events, &resent, &submission(&resent, TUESDAY), &header(TUESDAY));
            let Decision::AlreadyRecorded(receipt) = outcome else { panic!("{outcome:?}") };
            assert_eq!(receipt.defaulted_fields, first);
        }
        let today = at("01015", "01300");
        let outcome = decide(&events, &today, &submission(&today, MONDAY), &header(MONDAY));
        assert_eq!(outcome, Decision::Refuse(OtherContent));
    }

    #[test]
    fn given_another_content_when_submitted_then_it_is_another_content() {
        let events = history([recorded(&form(), MONDAY)]);
        let other = v1::Cra { themes: vec![v1::Theme::Budget.into()], ..form() };
        let outcome = decide(&events, &other, &submission(&other, MONDAY), &header(MONDAY));
        assert_eq!(outcome, Decision::Refuse(OtherContent));
    }

    #[test]
    fn given_a_correction_since_when_the_first_content_comes_again_then_the_first_receipt() {
        let events = history([recorded(&form(), MONDAY), corrected()]);
        let outcome = decide(&events, &form(), &submission(&form(), TUESDAY), &header(TUESDAY));
        let Decision::AlreadyRecorded(receipt) = outcome else { panic!("{outcome:?}") };
        assert_eq!((receipt.revision, receipt.position), (1, 41));
    }

    #[test]
    fn given_an_event_of_another_kind_when_submitted_then_it_is_another_content() {
        for fact in [None, Some(Fact::Imported(v1::LegacyCraImported::default()))] {
            let events = history([v1::CraEvent { revision: 1, fact, ..v1::CraEvent::default() }]);
            let outcome = decide(&events, &form(), &submission(&form(), MONDAY), &header(MONDAY));
            assert_eq!(outcome, Decision::Refuse(OtherContent));
        }
    }
}
