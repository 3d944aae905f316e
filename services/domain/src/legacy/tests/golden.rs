//! Whole documents of each form, and the CRAs that they mean.

#![allow(clippy::unnecessary_wraps)] // the parts of the contract's messages are optional

use cra_contracts::v1;

use super::*;

const ADVISOR: &str = "5f9b00000000000000000001";
const STRUCTURE: &str = "5f9b00000000000000000002";

#[track_caller]
fn golden(document: &str, created_at: &str, expected: &v1::Cra, notes: &[&str]) {
    let upcast = upcast(document.as_bytes()).unwrap();
    assert_eq!(upcast.cra.to_message(), *expected);
    assert_eq!(upcast.created_at.to_string(), created_at);
    assert_eq!(upcast.notes, notes);
}

fn place(channel: v1::Channel, commune_code: &str, postal_code: &str, venue_id: &str) -> Option<v1::Place> {
    let [commune_code, postal_code, venue_id] = [commune_code, postal_code, venue_id].map(str::to_owned);
    Some(v1::Place { channel: channel as i32, commune_code, postal_code, venue_id })
}

fn ages(counts: [u32; 5]) -> Option<v1::AgeCounts> {
    let [under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60] = counts;
    Some(v1::AgeCounts { under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60 })
}

fn statuses(counts: [u32; 5]) -> Option<v1::StatusCounts> {
    let [student, unemployed, employed, retired, unspecified_or_mixed] = counts;
    Some(v1::StatusCounts { student, unemployed, employed, retired, unspecified_or_mixed })
}

fn themes<const N: usize>(themes: [v1::Theme; N]) -> Vec<i32> {
    themes.map(|theme| theme as i32).to_vec()
}

fn duration(band: v1::DurationBand, minutes: Option<u32>) -> Option<v1::Duration> {
    Some(v1::Duration { band: band as i32, minutes })
}

fn known(organisation: v1::Organisation, people: u32) -> v1::Redirection {
    let organisation = Some(v1::redirection::Organisation::Known(organisation as i32));
    v1::Redirection { organisation, people }
}

fn base(date: &str) -> v1::Cra {
    v1::Cra {
        advisor_id: ADVISOR.into(),
        structure_id: STRUCTURE.into(),
        date: date.into(),
        ..Default::default()
    }
}

#[test]
fn a_support_of_the_first_form() {
    let expected = v1::Cra {
        place: place(v1::Channel::OtherPlace, "75101", "75001", ""),
        activity: v1::Activity::Individual as i32,
        participants: Some(1),
        ages: ages([1, 0, 0, 0, 0]),
        statuses: statuses([0, 1, 0, 0, 0]),
        themes: themes([v1::Theme::Smartphone, v1::Theme::Email, v1::Theme::Other]),
        duration: duration(v1::DurationBand::UpTo30Minutes, None),
        // Recorded after midnight in Paris.
        ..base("2021-05-19")
    };
    let document = include_str!("../golden/v1-individual.json");
    golden(document, "2021-05-18T22:30:00Z", &expected, &[]);
}

#[test]
fn a_workshop_of_the_first_form_with_all_participants_redirected() {
    let expected = v1::Cra {
        place: place(v1::Channel::Venue, "42218", "42000", ""),
        activity: v1::Activity::Workshop as i32,
        participants: Some(8),
        ages: ages([0, 0, 0, 0, 8]),
        statuses: statuses([0, 0, 0, 8, 0]),
        themes: themes([
            v1::Theme::Equipment,
            v1::Theme::Internet,
            v1::Theme::DigitalCulture,
            v1::Theme::SmallBusiness,
        ]),
        duration: duration(v1::DurationBand::OneHourOrMore, Some(90)),
        follow_up: Some(v1::FollowUp {
            redirections: vec![v1::Redirection { organisation: None, people: 8 }],
            ..Default::default()
        }),
        ..base("2021-06-01")
    };
    let document = include_str!("../golden/v1-workshop.json");
    golden(document, "2021-06-01T09:00:00Z", &expected, &[]);
}

#[test]
fn a_workshop_of_the_second_form() {
    let expected = v1::Cra {
        place: place(v1::Channel::OtherPlace, "97411", "97400", ""),
        activity: v1::Activity::Workshop as i32,
        participants: Some(6),
        returning_participants: 2,
        ages: ages([0, 1, 2, 2, 1]),
        statuses: statuses([1, 2, 1, 1, 1]),
        themes: themes([v1::Theme::Security, v1::Theme::FraudAndHarassment, v1::Theme::Health]),
        duration: duration(v1::DurationBand::OneHourOrMore, Some(120)),
        follow_up: Some(v1::FollowUp {
            individual: 1,
            workshop: 2,
            redirections: vec![known(v1::Organisation::PoleEmploi, 3)],
        }),
        // One in the morning in La Réunion.
        ..base("2022-06-15")
    };
    let document = include_str!("../golden/v2-workshop.json");
    golden(document, "2022-06-16T08:30:00Z", &expected, &[]);
}

#[test]
fn a_request_of_the_second_form_that_needs_every_repair() {
    let expected = v1::Cra {
        place: place(v1::Channel::Remote, "01004", "01500", ""),
        activity: v1::Activity::OneOff as i32,
        participants: Some(1),
        returning_participants: 1,
        ages: ages([0; 5]),
        statuses: statuses([0; 5]),
        themes: themes([v1::Theme::Email, v1::Theme::Internet]),
        duration: duration(v1::DurationBand::Unspecified, None),
        follow_up: Some(v1::FollowUp {
            redirections: vec![v1::Redirection { organisation: None, people: 1 }],
            ..Default::default()
        }),
        ..base("2022-06-15")
    };
    let notes = [
        "cra.themes[1]: repeated; kept once",
        "cra.duree: \"longtemps\" is no duration; counted as unspecified",
        "cra.nbParticipantsRecurrents: 3 of 1 participants; reduced to 1",
        "cra.age: adds up to 2 for 1 participants; dropped",
        "cra.statut: missing; counted as unspecified",
    ];
    let document = include_str!("../golden/v2-repaired.json");
    golden(document, "2022-06-16T08:30:00Z", &expected, &notes);
}

#[test]
fn a_workshop_of_the_third_form() {
    let expected = v1::Cra {
        place: place(v1::Channel::Venue, "01120", "01120", "637b00000000000000000003"),
        activity: v1::Activity::Workshop as i32,
        participants: Some(10),
        returning_participants: 4,
        ages: ages([0, 0, 3, 4, 3]),
        statuses: statuses([0, 5, 2, 3, 0]),
        themes: themes([
            v1::Theme::Budget,
            v1::Theme::Schooling,
            v1::Theme::DigitalDiagnosis,
            v1::Theme::Equipment,
            v1::Theme::Health,
        ]),
        sub_themes: vec![
            v1::SubTheme::EquipmentComputer as i32,
            v1::SubTheme::EquipmentTablet as i32,
            v1::SubTheme::HealthEspaceSante as i32,
        ],
        annotation: "ameli, CAF".into(),
        duration: duration(v1::DurationBand::OneHourOrMore, Some(75)),
        follow_up: Some(v1::FollowUp {
            individual: 1,
            workshop: 2,
            redirections: vec![
                known(v1::Organisation::Caf, 2),
                v1::Redirection {
                    organisation: Some(v1::redirection::Organisation::Other("Secours populaire".into())),
                    people: 1,
                },
                v1::Redirection { organisation: None, people: 3 },
            ],
        }),
        // One in the morning in Paris.
        ..base("2023-06-10")
    };
    let document = include_str!("../golden/v3-workshop.json");
    golden(document, "2023-06-10T12:00:00Z", &expected, &[]);
}

#[test]
fn a_support_of_the_third_form_that_needs_repairs() {
    let expected = v1::Cra {
        place: place(v1::Channel::Home, "98735", "98714", ""),
        activity: v1::Activity::Individual as i32,
        participants: Some(1),
        ages: ages([0, 0, 0, 0, 1]),
        statuses: statuses([0; 5]),
        themes: themes([v1::Theme::Internet, v1::Theme::Equipment]),
        sub_themes: vec![v1::SubTheme::EquipmentPhone as i32],
        duration: duration(v1::DurationBand::From30MinutesTo1Hour, None),
        // Half past eleven in the evening in Tahiti.
        ..base("2023-06-09")
    };
    let notes = [
        "permanence: no venue goes with canal domicile; left out",
        "cra.sousThemes[0].internet: \"ordinateur\" is no sub-theme of it; left out",
        "cra.sousThemes[1].equipement informatique: repeated; kept once",
        "cra.sousThemes: sub-themes of \"equipement informatique\", which is not among the themes; added there",
        "cra.statut: adds up to 0 for 1 participants; 1 unspecified",
    ];
    let document = include_str!("../golden/v3-repaired.json");
    golden(document, "2023-06-10T12:00:00Z", &expected, &notes);
}
