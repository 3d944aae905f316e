//! The recount, judged by rows counted by hand.

use super::*;
use crate::bench::generator::Generator;

/// Three people in Rennes on 2024-03-05, one of them met before.
fn workshop() -> v1::Cra {
    v1::Cra {
        advisor_id: "conseiller-0007".into(),
        structure_id: "structure-0002".into(),
        date: "2024-03-05".into(),
        place: Some(v1::Place {
            channel: v1::Channel::Venue.into(),
            commune_code: "35238".into(),
            postal_code: "35000".into(),
            venue_id: "lieu-0007-2".into(),
        }),
        activity: v1::Activity::Workshop.into(),
        participants: Some(3),
        returning_participants: 1,
        ages: Some(v1::AgeCounts { from_12_to_18: 1, over_60: 2, ..Default::default() }),
        statuses: Some(v1::StatusCounts { student: 1, retired: 2, ..Default::default() }),
        themes: vec![v1::Theme::Email.into(), v1::Theme::Health.into()],
        sub_themes: vec![v1::SubTheme::HealthEspaceSante.into()],
        duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore.into(), minutes: Some(120) }),
        follow_up: Some(v1::FollowUp {
            individual: 1,
            workshop: 0,
            redirections: vec![v1::Redirection { organisation: None, people: 2 }],
        }),
        ..v1::Cra::default()
    }
}

/// The figures of that workshop, as an answer tells them.
fn answer() -> v1::Statistics {
    let count = |name: &str, count| v1::Count { name: name.into(), count, ..v1::Count::default() };
    v1::Statistics {
        cras: 1,
        acts: 3,
        people: 2,
        returning_people: 1,
        workshops: 1,
        workshop_participants: 3,
        follow_up: Some(v1::FollowUpStatistics {
            individual: 1,
            redirected: 2,
            total: 3,
            ..v1::FollowUpStatistics::default()
        }),
        channels: vec![count("CHANNEL_VENUE", 1), count("CHANNEL_HOME", 0)],
        activities: vec![count("ACTIVITY_WORKSHOP", 1)],
        themes: vec![count("THEME_EMAIL", 1), count("THEME_HEALTH", 1)],
        sub_themes: vec![count("SUB_THEME_HEALTH_ESPACE_SANTE", 1)],
        durations: vec![count("DURATION_BUCKET_FROM_2_HOURS", 1)],
        ages: vec![count("AGE_BAND_FROM_12_TO_18", 1), count("AGE_BAND_OVER_60", 2)],
        statuses: vec![count("STATUS_STUDENT", 1), count("STATUS_RETIRED", 2)],
        time_spent: vec![v1::TimeSpent {
            name: "total".into(),
            estimated_minutes: 120,
            ..v1::TimeSpent::default()
        }],
        ..v1::Statistics::default()
    }
}

#[test]
fn figures_counted_by_hand_are_those_of_the_recount() {
    let recounted = Figures::of([Row::of(&workshop())].iter());
    assert_eq!(recounted, Figures::answered(&answer()));
}

#[test]
fn a_figure_that_differs_is_told_with_both_values_wherever_it_is() {
    let recounted = Figures::of([Row::of(&workshop())].iter());
    let mut wrong = answer();
    wrong.acts = 4;
    let difference = recounted.compare(&Figures::answered(&wrong)).unwrap_err();
    assert_eq!(difference.to_string(), "acts is 4, a recount gives 3");
    let mut wrong = answer();
    wrong.themes[1].count = 0;
    let difference = recounted.compare(&Figures::answered(&wrong)).unwrap_err();
    assert_eq!(difference.to_string(), "themes.THEME_HEALTH is 0, a recount gives 1");
    let mut wrong = answer();
    wrong.channels[1].count = 1;
    let difference = recounted.compare(&Figures::answered(&wrong)).unwrap_err();
    assert_eq!(difference.to_string(), "channels.CHANNEL_HOME is 1, a recount gives 0");
}

#[test]
fn participants_that_were_left_to_the_form_are_its_defaults() {
    let left = Row::of(&v1::Cra { participants: None, ..workshop() });
    assert!((left.participants, left.defaulted_participants) == (5, true));
    let alone = v1::Cra { participants: None, activity: v1::Activity::OneOff.into(), ..workshop() };
    assert_eq!(Row::of(&alone).participants, 1);
}

#[test]
fn a_selection_takes_a_row_only_when_every_field_does() {
    let row = Row::of(&workshop());
    let all = v1::Selection {
        from: "2024-03-05".into(),
        to: "2024-03-05".into(),
        region_codes: vec!["53".into(), "84".into()],
        department_codes: vec!["35".into()],
        commune_codes: vec!["35238".into()],
        postal_codes: vec!["35000".into()],
        structure_ids: vec!["structure-0002".into()],
        advisor_ids: vec!["conseiller-0007".into()],
        venue_ids: vec!["lieu-0007-2".into()],
        channels: vec![v1::Channel::Venue.into()],
        activities: vec![v1::Activity::Workshop.into()],
        themes: vec![v1::Theme::Health.into(), v1::Theme::Budget.into()],
        sub_themes: vec![v1::SubTheme::HealthEspaceSante.into()],
        durations: vec![v1::DurationBucket::From2Hours.into()],
        ages: vec![v1::AgeBand::Over60.into()],
        statuses: vec![v1::Status::Student.into()],
        ..v1::Selection::default()
    };
    let takes = |selection: &v1::Selection| Selected::of(selection).takes(&row);
    assert!(takes(&all));
    for other in [
        v1::Selection { from: "2024-03-06".into(), to: String::new(), ..all.clone() },
        v1::Selection { to: "2024-03-04".into(), from: String::new(), ..all.clone() },
        v1::Selection { region_codes: vec!["84".into()], ..all.clone() },
        v1::Selection { department_codes: vec!["22".into()], ..all.clone() },
        v1::Selection { epci_codes: vec!["200000000".into()], ..all.clone() },
        v1::Selection { commune_codes: vec!["35001".into()], ..all.clone() },
        v1::Selection { postal_codes: vec!["35200".into()], ..all.clone() },
        v1::Selection { structure_ids: vec!["structure-0003".into()], ..all.clone() },
        v1::Selection { advisor_ids: vec!["conseiller-0008".into()], ..all.clone() },
        v1::Selection { venue_ids: vec!["lieu-0007-1".into()], ..all.clone() },
        v1::Selection { channels: vec![v1::Channel::Home.into()], ..all.clone() },
        v1::Selection { activities: vec![v1::Activity::OneOff.into()], ..all.clone() },
        v1::Selection { themes: vec![v1::Theme::Budget.into()], ..all.clone() },
        v1::Selection { sub_themes: vec![v1::SubTheme::EquipmentPhone.into()], ..all.clone() },
        v1::Selection { durations: vec![v1::DurationBucket::From1To2Hours.into()], ..all.clone() },
        v1::Selection { ages: vec![v1::AgeBand::Under12.into()], ..all.clone() },
        v1::Selection { statuses: vec![v1::Status::Employed.into()], ..all.clone() },
    ] {
        assert!(!takes(&other), "{other:?}");
    }
}

#[test]
fn paris_takes_its_arrondissements() {
    let mut form = workshop();
    form.place = Some(v1::Place { commune_code: "75118".into(), ..v1::Place::default() });
    let paris = v1::Selection { commune_codes: vec!["75056".into()], ..v1::Selection::default() };
    assert!(Selected::of(&paris).takes(&Row::of(&form)));
}

#[test]
fn the_rows_in_force_leave_out_what_was_withdrawn_and_hold_what_was_corrected() {
    let generator = Generator::new(5, 3_000);
    let rows = rows_in_force(&generator);
    let fate = |fate| (0..3_000).filter(|number| generator.fate(*number) == Some(fate)).count();
    assert!(fate(Change::Withdrawn) > 0);
    assert_eq!(rows.len(), 3_000 - fate(Change::Withdrawn));
    let corrected = (0..3_000).find(|number| generator.fate(*number) == Some(Change::Corrected)).unwrap();
    assert!(rows.contains(&Row::of(&generator.form(corrected, 2))));
}
