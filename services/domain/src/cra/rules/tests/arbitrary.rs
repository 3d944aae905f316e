//! Properties over arbitrary messages: the rules never panic, and what they accept is stored completely.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// Arbitrary texts: empty, of the form, odd.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[A-Za-z0-9._:-]{1,66}", "\\PC{0,40}", any::<String>()]
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![4 => -1..22, 1 => any::<i32>()]
}

fn people() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..102_u32, 1 => any::<u32>()]
}

fn day() -> impl Strategy<Value = String> {
    prop_oneof![text(), "(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]"]
}

fn commune() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        "[0-9]{5}",
        prop::sample::select(vec!["75101", "75056", "01120", "01003", "98735", "98818", "98412", " 2A004"])
            .prop_map(str::to_owned),
    ]
}

prop_compose! {
    fn any_place()(channel in number(), commune_code in commune(), postal_code in commune(), venue_id in text())
        -> v1::Place { v1::Place { channel, commune_code, postal_code, venue_id } }
}

fn any_organisation() -> impl Strategy<Value = v1::redirection::Organisation> {
    prop_oneof![
        number().prop_map(v1::redirection::Organisation::Known),
        text().prop_map(v1::redirection::Organisation::Other),
    ]
}

prop_compose! {
    fn any_follow_up()(
        individual in people(),
        workshop in people(),
        redirections in vec((option::of(any_organisation()), people()), 0..4),
    ) -> v1::FollowUp {
        let message = |(organisation, people)| v1::Redirection { organisation, people };
        v1::FollowUp { individual, workshop, redirections: redirections.into_iter().map(message).collect() }
    }
}

prop_compose! {
    fn any_ages()(n in prop::array::uniform5(people())) -> v1::AgeCounts {
        let [under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60] = n;
        v1::AgeCounts { under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60 }
    }
}

prop_compose! {
    fn any_statuses()(n in prop::array::uniform5(people())) -> v1::StatusCounts {
        let [student, unemployed, employed, retired, unspecified_or_mixed] = n;
        v1::StatusCounts { student, unemployed, employed, retired, unspecified_or_mixed }
    }
}

prop_compose! {
    fn any_form()(
        texts in (text(), text(), day(), text()),
        place in option::of(any_place()),
        activity in number(),
        participants in (option::of(people()), people()),
        counts in (option::of(any_ages()), option::of(any_statuses())),
        lists in (vec(number(), 0..6), vec(number(), 0..6)),
        duration in option::of((number(), option::of(people()))),
        follow_up in option::of(any_follow_up()),
    ) -> v1::Cra {
        v1::Cra {
            advisor_id: texts.0,
            structure_id: texts.1,
            date: texts.2,
            place,
            activity,
            participants: participants.0,
            returning_participants: participants.1,
            ages: counts.0,
            statuses: counts.1,
            themes: lists.0,
            sub_themes: lists.1,
            annotation: texts.3,
            duration: duration.map(|(band, minutes)| v1::Duration { band, minutes }),
            follow_up,
        }
    }
}

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._:-]{1,64}"
}

prop_compose! {
    /// Any readable CRA that the log may hold, whatever rules it was recorded under.
    fn any_stored()(
        form in any_form().boxed(),
        ids in (id(), id(), prop_oneof![Just(String::new()), id()]),
        (year, month, day) in (1..=2100_i16, 1..=12_i8, 1..=28_i8),
        place in (1..=4_i32, prop::sample::select(vec!["75101", "75056", "01120", "01003", "98735", "98412"]), text()),
        numbers in (1..=3_i32, people(), 0..=3_i32, vec(1..=20_i32, 4)),
        lists in (vec(1..=19_i32, 0..6), vec(1..=8_i32, 0..6)),
    ) -> v1::Cra {
        let mut cra = form;
        (cra.advisor_id, cra.structure_id) = (ids.0, ids.1);
        cra.date = jiff::civil::date(year, month, day).to_string();
        let (channel, commune_code, postal_code) = place;
        cra.place = Some(v1::Place { channel, commune_code: commune_code.into(), postal_code, venue_id: ids.2 });
        (cra.activity, cra.participants) = (numbers.0, Some(numbers.1));
        (cra.themes, cra.sub_themes) = lists;
        if let Some(duration) = &mut cra.duration {
            duration.band = numbers.2;
        }
        for (redirection, number) in cra.follow_up.iter_mut().flat_map(|it| &mut it.redirections).zip(numbers.3) {
            if let Some(v1::redirection::Organisation::Known(known)) = &mut redirection.organisation {
                *known = number;
            }
        }
        cra
    }
}

/// Boxed, because strategies of this size overflow the stack of a test thread.
fn any_request() -> impl Strategy<Value = v1::Cra> {
    prop_oneof![any_form().boxed(), any_change().boxed(), any_stored().boxed()]
}

fn reported(result: Result<Submission, Vec<Violation>>) -> Vec<(String, &'static str)> {
    let violations = result.err().unwrap_or_default();
    violations.into_iter().map(|v| (v.field, v.fault.reason())).collect()
}

/// A valid part of the form, to be merged into a valid form.
fn any_change() -> impl Strategy<Value = v1::Cra> {
    let theme = prop::sample::subsequence((1..=18).filter(|n| *n != 4).collect::<Vec<i32>>(), 1..6);
    let sub_theme = prop::sample::subsequence((1..=8).collect::<Vec<i32>>(), 0..4);
    let name = prop_oneof![Just("caf".to_owned()), "\\PC{1,30}"];
    let places =
        vec![("01120", ""), ("01003", "01090"), ("98412", ""), ("97411", "97417"), (" 2A004 ", "20090")];
    (
        (theme, sub_theme, "[ ]?\\PC{0,36}", 1..=3_i32, 60..482_u32, any::<bool>()),
        (1..=4_i32, prop::sample::select(places), option::of("[a-z]{1,9}")),
        (0..6_u32, 0..6_u32, vec((name, 1..3_u32), 0..3), any::<bool>()),
    )
        .prop_map(|(what, place, next)| {
            form_with(|form| {
                let (themes, sub_themes, annotation, band, minutes, refined) = what;
                (form.themes, form.sub_themes, form.annotation) = (themes, sub_themes, annotation);
                let minutes = (refined && band == 3).then_some(minutes - minutes % 15);
                form.duration = Some(v1::Duration { band, minutes });
                let (channel, (commune_code, postal_code), venue_id) = place;
                form.place = Some(v1::Place {
                    channel,
                    commune_code: commune_code.into(),
                    postal_code: postal_code.into(),
                    venue_id: venue_id.filter(|_| channel == 1).unwrap_or_default(),
                });
                let (individual, workshop, others, dated) = next;
                if !dated {
                    form.date.clear();
                }
                let other = |(name, people)| v1::Redirection {
                    organisation: Some(v1::redirection::Organisation::Other(name)),
                    people,
                };
                let redirections = others.into_iter().map(other).collect();
                form.follow_up = Some(v1::FollowUp { individual, workshop, redirections });
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_message_makes_the_rules_panic_and_every_fault_has_its_texts(form in any_form()) {
        if let Err(violations) = Submission::parse(Some(&form), at(NOW)) {
            prop_assert!(!violations.is_empty(), "refused without a fault");
            prop_assert!(violations.iter().all(|v| v.field.starts_with("cra.")));
            violations.iter().for_each(has_texts);
        }
    }

    #[test]
    fn a_correction_that_changes_nothing_is_never_refused(stored in any_stored().boxed()) {
        let current = Cra::from_message(&stored).unwrap();
        match Submission::parse_correction(&current.to_message(), &current, at(NOW)) {
            Ok(same) => prop_assert_eq!(same.cra(), &current),
            Err(violations) => prop_assert!(false, "{:?}", violations),
        }
    }

    #[test]
    fn a_correction_of_a_valid_cra_has_the_faults_of_a_new_cra(
        form in any_request(),
        current in any_change().boxed(),
    ) {
        if let Ok(current) = Submission::parse(Some(&current), at(NOW)) {
            let correction = Submission::parse_correction(&form, current.cra(), at(NOW));
            prop_assert_eq!(reported(correction), reported(Submission::parse(Some(&form), at(NOW))));
        }
    }

    #[test]
    fn a_correction_has_no_fault_that_a_new_cra_does_not_have(
        form in any_request(),
        stored in any_stored().boxed(),
    ) {
        let current = Cra::from_message(&stored).unwrap();
        let of_a_new_one = reported(Submission::parse(Some(&form), at(NOW)));
        for (field, reason) in reported(Submission::parse_correction(&form, &current, at(NOW))) {
            // In a new CRA a missing theme is the only fault; in a correction it may have been missing before.
            let is_hidden = form.themes.is_empty() && field.starts_with("cra.sub_themes");
            let is_there = is_hidden || of_a_new_one.iter().any(|(other, _)| *other == field);
            prop_assert!(is_there, "{}: {}", field, reason);
        }
    }

    #[test]
    fn accepted_content_is_read_back_unchanged(form in any_change()) {
        if let Ok(submission) = Submission::parse(Some(&form), at(NOW)) {
            let message = submission.cra().to_message();
            prop_assert_eq!(&Cra::from_message(&message).unwrap(), submission.cra());
            // Complete: submitted again, no default applies and nothing changes. A code that leads to another commune
            // is reported each time.
            let again = Submission::parse(Some(&message), at(NOW)).unwrap();
            prop_assert_eq!(again.cra(), submission.cra());
            prop_assert!(again.defaulted().iter().all(|default| default.field == Submission::COMMUNE));
        }
    }
}

#[test]
fn the_generated_forms_are_accepted_often_enough_to_judge() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let accepted = (0..400)
        .filter(|_| {
            let form = any_change().new_tree(&mut runner).unwrap().current();
            Submission::parse(Some(&form), at(NOW)).is_ok()
        })
        .count();
    assert!(accepted > 20, "{accepted} of 400");
}
