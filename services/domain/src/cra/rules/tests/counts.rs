//! Numbers and durations: activity, participants, ages, statuses, duration and follow-up.

use v1::redirection::Organisation::{Known, Other};

use super::*;

const CAF: v1::redirection::Organisation = Known(v1::Organisation::Caf as i32);

fn redirected(redirections: Vec<(Option<v1::redirection::Organisation>, u32)>) -> v1::Cra {
    let message = |(organisation, people)| v1::Redirection { organisation, people };
    let redirections = redirections.into_iter().map(message).collect();
    form_with(|form| {
        form.follow_up = Some(v1::FollowUp { redirections, ..Default::default() });
    })
}

fn lasting(band: v1::DurationBand, minutes: Option<u32>) -> v1::Cra {
    form_with(|form| {
        form.duration = Some(v1::Duration { band: band as i32, minutes });
    })
}

#[test]
fn an_activity_is_set_and_known() {
    accepted(&of_people(v1::Activity::OneOff, 1));
    refused(&form_with(|form| form.activity = 0), &[("cra.activity", "REQUIRED")]);
    for unknown in [-1, 4, i32::MIN] {
        refused(&form_with(|form| form.activity = unknown), &[("cra.activity", "UNKNOWN_VALUE")]);
    }
}

#[test]
fn a_workshop_has_2_to_100_participants() {
    for right in [2, 100] {
        accepted(&of_people(v1::Activity::Workshop, right));
    }
    for wrong in [0, 1, 101, u32::MAX] {
        let form = of_people(v1::Activity::Workshop, wrong);
        refused(&form, &[("cra.participants", "PARTICIPANTS_OUT_OF_RANGE")]);
    }
}

#[test]
fn any_other_activity_has_exactly_one_participant() {
    for activity in [v1::Activity::Individual, v1::Activity::OneOff] {
        accepted(&of_people(activity, 1));
        for wrong in [0, 2] {
            refused(&of_people(activity, wrong), &[("cra.participants", "PARTICIPANTS_OUT_OF_RANGE")]);
        }
    }
}

#[test]
fn omitted_participants_are_five_in_a_workshop_and_one_otherwise_and_the_receipt_reports_it() {
    let without = |activity, people| {
        let mut form = of_people(activity, people);
        form.participants = None;
        form
    };
    for (activity, people) in
        [(v1::Activity::Workshop, 5), (v1::Activity::Individual, 1), (v1::Activity::OneOff, 1)]
    {
        let submission = accepted(&without(activity, people));
        assert_eq!(submission.cra().participants, people);
        let [default] = submission.defaulted() else { panic!("{:?}", submission.defaulted()) };
        assert_eq!((default.field, &*default.value), ("cra.participants", &*people.to_string()));
    }
    // The default is applied first, then the rules that need it.
    let expected = [("cra.ages", "AGES_SUM_MISMATCH"), ("cra.statuses", "STATUSES_SUM_MISMATCH")];
    refused(&without(v1::Activity::Workshop, 4), &expected);
}

#[test]
fn sums_are_not_judged_without_a_number_of_participants() {
    let wrong = form_with(|form| {
        (form.activity, form.participants) = (0, None);
        (form.ages, form.statuses) = (None, None);
        form.returning_participants = 9;
        form.follow_up = Some(v1::FollowUp { individual: 9, ..Default::default() });
    });
    refused(&wrong, &[("cra.activity", "REQUIRED")]);
}

#[test]
fn returning_people_are_at_most_the_participants() {
    accepted(&form_with(|form| form.returning_participants = 5));
    let field = "cra.returning_participants";
    refused(&form_with(|form| form.returning_participants = 6), &[(field, "RETURNING_EXCEEDS_PARTICIPANTS")]);
}

#[test]
fn ages_and_statuses_add_up_to_the_participants() {
    let ages = |under_12, over_60| Some(v1::AgeCounts { under_12, over_60, ..Default::default() });
    let statuses = |student, retired| Some(v1::StatusCounts { student, retired, ..Default::default() });
    accepted(&form_with(|form| {
        (form.ages, form.statuses) = (ages(2, 3), statuses(4, 1));
    }));
    for wrong in [ages(2, 2), ages(3, 3), ages(u32::MAX, 6), None] {
        refused(&form_with(|form| form.ages = wrong), &[("cra.ages", "AGES_SUM_MISMATCH")]);
    }
    for wrong in [statuses(2, 2), statuses(3, 3), statuses(u32::MAX, 6), None] {
        refused(&form_with(|form| form.statuses = wrong), &[("cra.statuses", "STATUSES_SUM_MISMATCH")]);
    }
}

#[test]
fn a_duration_is_present_and_its_band_set_and_known() {
    refused(&form_with(|form| form.duration = None), &[("cra.duration", "REQUIRED")]);
    let band = |band| form_with(|form| form.duration = Some(v1::Duration { band, minutes: None }));
    for right in 1..=3 {
        accepted(&band(right));
    }
    refused(&band(0), &[("cra.duration.band", "REQUIRED")]);
    refused(&band(4), &[("cra.duration.band", "UNKNOWN_VALUE")]);
}

#[test]
fn minutes_go_from_60_to_480_by_15_with_one_hour_or_more_only() {
    for right in [60, 75, 465, 480] {
        let cra = cra_of(&lasting(v1::DurationBand::OneHourOrMore, Some(right)));
        assert_eq!(cra.duration, crate::cra::Duration::Exact { minutes: right });
    }
    for wrong in [0, 45, 59, 61, 74, 479, 481, 495, u32::MAX] {
        let form = lasting(v1::DurationBand::OneHourOrMore, Some(wrong));
        refused(&form, &[("cra.duration.minutes", "MINUTES_INVALID")]);
    }
    for band in [v1::DurationBand::UpTo30Minutes, v1::DurationBand::From30MinutesTo1Hour] {
        refused(&lasting(band, Some(60)), &[("cra.duration.minutes", "MINUTES_NOT_ALLOWED")]);
    }
    assert_eq!(
        cra_of(&lasting(v1::DurationBand::OneHourOrMore, None)).duration,
        crate::cra::Duration::OneHourOrMore
    );
}

#[test]
fn minutes_are_not_judged_by_a_band_that_is_missing_or_unknown() {
    let with = |band| {
        form_with(|form| {
            form.duration = Some(v1::Duration { band, minutes: Some(20) });
        })
    };
    refused(&with(0), &[("cra.duration.band", "REQUIRED")]);
    refused(&with(9), &[("cra.duration.band", "UNKNOWN_VALUE")]);
}

#[test]
fn follow_up_is_for_at_most_the_participants() {
    let planned = |individual, workshop, people| {
        let redirections = vec![v1::Redirection { organisation: Some(CAF), people }];
        form_with(|form| {
            form.follow_up = Some(v1::FollowUp { individual, workshop, redirections });
        })
    };
    accepted(&planned(2, 2, 1));
    for wrong in [planned(3, 2, 1), planned(2, 3, 1), planned(2, 2, 2), planned(u32::MAX, u32::MAX, u32::MAX)]
    {
        refused(&wrong, &[("cra.follow_up", "FOLLOW_UP_EXCEEDS_PARTICIPANTS")]);
    }
    accepted(&form_with(|form| form.follow_up = Some(v1::FollowUp::default())));
}

#[test]
fn a_redirection_names_its_organisation_and_its_people() {
    refused(&redirected(vec![(None, 1)]), &[("cra.follow_up.redirections[0]", "REQUIRED")]);
    refused(
        &redirected(vec![(Some(Known(99)), 1)]),
        &[("cra.follow_up.redirections[0].known", "UNKNOWN_VALUE")],
    );
    refused(
        &redirected(vec![(Some(CAF), 0)]),
        &[("cra.follow_up.redirections[0].people", "PEOPLE_REQUIRED")],
    );
    let second_is_wrong_twice = redirected(vec![(Some(CAF), 1), (None, 0)]);
    refused(
        &second_is_wrong_twice,
        &[
            ("cra.follow_up.redirections[1]", "REQUIRED"),
            ("cra.follow_up.redirections[1].people", "PEOPLE_REQUIRED"),
        ],
    );
}

#[test]
fn a_free_organisation_has_1_to_100_characters_once_trimmed() {
    let other = |name: &str| redirected(vec![(Some(Other(name.into())), 1)]);
    assert_eq!(
        cra_of(&other("  Asso. locale ")).redirections[0].recipient,
        crate::cra::Recipient::Other("Asso. locale".into())
    );
    accepted(&other("é"));
    accepted(&other(&"é".repeat(100)));
    for wrong in ["", "  ", &"é".repeat(101), "Asso\u{7}", "Asso\nlocale"] {
        refused(&other(wrong), &[("cra.follow_up.redirections[0].other", "TEXT_INVALID")]);
    }
}

#[test]
fn an_organisation_is_named_once_whatever_its_spelling() {
    let other = |name: &str| Some(Other(name.into()));
    let pole_emploi = Some(Known(v1::Organisation::PoleEmploi as i32));
    let twice = [
        [Some(CAF), Some(CAF)],
        [Some(CAF), other("caf")],
        [pole_emploi, other(" POLE   emploi")],
        [other("Asso. locale"), other("ASSO.  LOCALÉ")],
    ];
    for [first, second] in twice {
        let form = redirected(vec![(first, 1), (second, 1)]);
        refused(&form, &[("cra.follow_up.redirections[1]", "DUPLICATE")]);
    }
    accepted(&redirected(vec![(Some(CAF), 1), (other("CAF de l'Ain"), 1), (other("Asso"), 1)]));
}
