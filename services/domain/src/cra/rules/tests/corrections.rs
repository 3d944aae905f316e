//! Corrections: unchanged content is not checked again; changed content must satisfy the rules of a new CRA.

use v1::redirection::Organisation::{Known, Other};

use super::*;

/// A CRA as older forms and older rules left it: before the first day, a former commune without a postal code, no ages,
/// closed and repeated themes, a sub-theme without its theme, a short annotation, 61 minutes, more people planned than
/// present, people sent to an unnamed organisation.
fn old() -> v1::Cra {
    let redirection = |organisation, people| v1::Redirection { organisation, people };
    v1::Cra {
        advisor_id: "conseiller-1".into(),
        structure_id: "structure-1".into(),
        date: "2019-11-30".into(),
        place: Some(v1::Place {
            channel: v1::Channel::Remote as i32,
            commune_code: "75056".into(),
            postal_code: String::new(),
            venue_id: "lieu-1".into(),
        }),
        activity: v1::Activity::Individual as i32,
        participants: Some(3),
        returning_participants: 4,
        ages: Some(v1::AgeCounts::default()),
        statuses: Some(v1::StatusCounts { retired: 2, ..Default::default() }),
        themes: vec![v1::Theme::Other as i32, v1::Theme::Email as i32, v1::Theme::Email as i32],
        sub_themes: vec![v1::SubTheme::HealthEspaceSante as i32],
        annotation: "e\u{301}\u{200b}".into(),
        duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore as i32, minutes: Some(61) }),
        follow_up: Some(v1::FollowUp {
            individual: 3,
            workshop: 1,
            redirections: vec![
                redirection(None, 2),
                redirection(None, 1),
                redirection(Some(Known(v1::Organisation::Caf as i32)), 1),
                redirection(Some(Other("caf".into())), 0),
            ],
        }),
    }
}

fn corrected(change: impl FnOnce(&mut v1::Cra)) -> Result<Submission, Vec<Violation>> {
    let current = Cra::from_message(&old()).unwrap();
    let mut form = current.to_message();
    change(&mut form);
    Submission::parse_correction(&form, &current, at(NOW))
}

#[track_caller]
fn faults(change: impl FnOnce(&mut v1::Cra), expected: &[(&str, &str)]) {
    let violations = corrected(change).err().unwrap_or_default();
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.fault.reason())).collect();
    assert_eq!(found, expected);
    violations.iter().for_each(has_texts);
}

#[test]
fn unchanged_content_is_not_checked_again() {
    let same = corrected(|_| ()).unwrap();
    assert_eq!(same.cra().to_message(), old(), "kept to the letter");
    assert!(same.defaulted().is_empty());
    faults(|form| form.date = "2024-03-04".into(), &[]);
    faults(|form| form.advisor_id = "conseiller-2".into(), &[]);
    faults(|form| form.structure_id = "structure-2".into(), &[]);
    faults(|form| form.annotation = "mots de passe".into(), &[]);
    faults(|form| form.themes.reverse(), &[]);
    faults(|form| form.themes.retain(|theme| *theme != v1::Theme::Other as i32), &[]);
    faults(|form| form.themes.push(v1::Theme::Budget as i32), &[]);
    faults(|form| form.follow_up.as_mut().unwrap().redirections.reverse(), &[]);
    faults(|form| (form.ages, form.statuses) = (None, form.statuses), &[]);
}

#[test]
fn a_changed_field_must_satisfy_the_rules_of_a_new_cra() {
    faults(|form| form.date = "2019-12-01".into(), &[("cra.date", "DATE_TOO_EARLY")]);
    faults(|form| form.date = "2024-03-06".into(), &[("cra.date", "DATE_IN_FUTURE")]);
    faults(|form| form.themes.push(v1::Theme::Smartphone as i32), &[("cra.themes[3]", "THEME_CLOSED")]);
    faults(|form| form.themes.push(v1::Theme::Email as i32), &[("cra.themes[3]", "DUPLICATE")]);
    faults(|form| form.themes.clear(), &[("cra.themes", "REQUIRED")]);
    let wrong_sub_theme = v1::SubTheme::EquipmentTablet as i32;
    faults(|form| form.sub_themes.push(wrong_sub_theme), &[("cra.sub_themes[1]", "SUB_THEME_WITHOUT_THEME")]);
    faults(|form| form.annotation = "a".into(), &[("cra.annotation", "ANNOTATION_LENGTH")]);
    faults(|form| form.annotation = "ab\u{200b}".into(), &[("cra.annotation", "TEXT_INVALID")]);
    let minutes = |minutes| move |form: &mut v1::Cra| form.duration.as_mut().unwrap().minutes = Some(minutes);
    faults(minutes(62), &[("cra.duration.minutes", "MINUTES_INVALID")]);
    faults(minutes(75), &[]);
    faults(
        |form| form.returning_participants = 5,
        &[("cra.returning_participants", "RETURNING_EXCEEDS_PARTICIPANTS")],
    );
    faults(|form| form.statuses = None, &[("cra.statuses", "STATUSES_SUM_MISMATCH")]);
    faults(|form| form.ages.as_mut().unwrap().over_60 = 1, &[("cra.ages", "AGES_SUM_MISMATCH")]);
}

#[test]
fn a_rule_of_two_fields_is_checked_when_either_changes() {
    let people = |people| move |form: &mut v1::Cra| form.participants = Some(people);
    faults(
        people(2),
        &[
            ("cra.participants", "PARTICIPANTS_OUT_OF_RANGE"),
            ("cra.returning_participants", "RETURNING_EXCEEDS_PARTICIPANTS"),
            ("cra.ages", "AGES_SUM_MISMATCH"),
            ("cra.follow_up", "FOLLOW_UP_EXCEEDS_PARTICIPANTS"),
        ],
    );
    faults(|form| form.activity = v1::Activity::Workshop as i32, &[]);
    faults(
        |form| form.activity = v1::Activity::OneOff as i32,
        &[("cra.participants", "PARTICIPANTS_OUT_OF_RANGE")],
    );
    let place = |form: &mut v1::Cra| form.place.clone().unwrap();
    faults(
        |form| form.place = Some(v1::Place { commune_code: "97411".into(), ..place(form) }),
        &[("cra.place.postal_code", "POSTAL_CODE_REQUIRED")],
    );
    faults(
        |form| form.place = Some(v1::Place { postal_code: "35000".into(), ..place(form) }),
        &[("cra.place.postal_code", "POSTAL_CODE_MISMATCH")],
    );
    faults(
        |form| form.place = Some(v1::Place { channel: v1::Channel::Home as i32, ..place(form) }),
        &[("cra.place.venue_id", "VENUE_NOT_ALLOWED")],
    );
    faults(|form| form.place = Some(v1::Place { channel: v1::Channel::Venue as i32, ..place(form) }), &[]);
    // The theme is removed from under its sub-theme: that changes what the rule reads.
    let current = Cra::from_message(&form_with(|form| {
        form.themes = vec![v1::Theme::Health as i32];
        form.sub_themes = vec![v1::SubTheme::HealthEspaceSante as i32];
    }))
    .unwrap();
    let form = v1::Cra { themes: vec![v1::Theme::Email as i32], ..current.to_message() };
    let violations = Submission::parse_correction(&form, &current, at(NOW)).unwrap_err();
    assert_eq!(violations[0].fault.reason(), "SUB_THEME_WITHOUT_THEME");
}

#[test]
fn redirections_are_compared_one_by_one() {
    let change = |change: fn(&mut Vec<v1::Redirection>)| {
        move |form: &mut v1::Cra| {
            // Few people, because their sum changes too.
            let follow_up = form.follow_up.as_mut().unwrap();
            (follow_up.individual, follow_up.workshop) = (0, 0);
            follow_up.redirections.remove(0);
            change(&mut follow_up.redirections);
        }
    };
    faults(change(|_| ()), &[]);
    faults(change(|list| list[0].people = 2), &[]);
    faults(change(|list| list[0].people = 0), &[("cra.follow_up.redirections[0].people", "PEOPLE_REQUIRED")]);
    // The current content has two redirections to an unnamed organisation and the change removes one: adding one is no
    // addition, adding two is.
    let added = change(|list| list.extend([v1::Redirection::default(), v1::Redirection::default()]));
    faults(
        added,
        &[
            ("cra.follow_up.redirections[3].people", "PEOPLE_REQUIRED"),
            ("cra.follow_up.redirections[4]", "REQUIRED"),
            ("cra.follow_up.redirections[4].people", "PEOPLE_REQUIRED"),
        ],
    );
    faults(
        change(|list| list.push(v1::Redirection { organisation: Some(Other("C.A.F".into())), people: 0 })),
        &[("cra.follow_up.redirections[3].people", "PEOPLE_REQUIRED")],
    );
    faults(
        change(|list| list.push(v1::Redirection { organisation: Some(Other("Caf".into())), people: 1 })),
        &[("cra.follow_up.redirections[3]", "DUPLICATE")],
    );
}

#[test]
fn an_omitted_field_means_the_same_as_in_a_new_cra() {
    let current = Cra::from_message(&form()).unwrap();
    let form = v1::Cra { date: String::new(), participants: None, ..current.to_message() };
    let submission = Submission::parse_correction(&form, &current, at(NOW)).unwrap();
    assert_eq!(submission.cra().date, jiff::civil::date(2024, 3, 5));
    let reported: Vec<_> = submission.defaulted().iter().map(|default| default.field).collect();
    assert_eq!(reported, ["cra.date", "cra.participants"]);
    let without_code = form_with_place(|place| place.postal_code.clear());
    let refused = Submission::parse_correction(&without_code, &current, at(NOW));
    assert!(refused.is_ok(), "an arrondissement has one postal code: {refused:?}");
}

#[test]
fn an_unspecified_duration_may_stay_but_cannot_be_introduced() {
    let unspecified = form_with(|form| form.duration = None);
    let current = Cra::from_message(&unspecified).unwrap();
    for same in [None, Some(v1::Duration::default())] {
        let form = v1::Cra { duration: same, ..current.to_message() };
        assert!(Submission::parse_correction(&form, &current, at(NOW)).is_ok());
    }
    let current = Cra::from_message(&form()).unwrap();
    let violations = Submission::parse_correction(&unspecified, &current, at(NOW)).unwrap_err();
    assert_eq!((violations[0].field.as_str(), violations[0].fault.reason()), ("cra.duration", "REQUIRED"));
}
