//! The rules of a new CRA: a form and exactly the faults that it has. One module per part of the table of rules; shared
//! fixtures are here.

mod arbitrary;
mod corrections;
mod counts;
mod identity;
mod place;
mod shared_cases;
mod texts;
mod themes;

use cra_contracts::v1;
use jiff::Timestamp;
use jiff::civil::Date;

use super::super::{Cra, DocumentFault, Fault, PersonalData, Question, TextLength, Violation};
use super::{Submission, unknown};
use crate::territory::{TerritoryKind, Unknown, communes};
use crate::vocabulary::{Channel, Theme};

/// Noon of a Tuesday in Paris.
const NOW: &str = "2024-03-05T11:00:00Z";

fn at(instant: &str) -> Timestamp {
    instant.parse().unwrap()
}

/// A workshop of five people that satisfies every rule.
fn form() -> v1::Cra {
    v1::Cra {
        advisor_id: "conseiller-1".into(),
        structure_id: "structure-1".into(),
        date: "2024-03-04".into(),
        place: Some(v1::Place {
            channel: v1::Channel::Venue as i32,
            commune_code: "75101".into(),
            postal_code: "75001".into(),
            venue_id: String::new(),
        }),
        activity: v1::Activity::Workshop as i32,
        participants: Some(5),
        returning_participants: 0,
        ages: Some(v1::AgeCounts { from_18_to_35: 5, ..Default::default() }),
        statuses: Some(v1::StatusCounts { unemployed: 5, ..Default::default() }),
        themes: vec![v1::Theme::Email as i32],
        sub_themes: vec![],
        annotation: String::new(),
        duration: Some(v1::Duration { band: v1::DurationBand::UpTo30Minutes as i32, minutes: None }),
        follow_up: None,
    }
}

/// The form with a change applied.
fn form_with(change: impl FnOnce(&mut v1::Cra)) -> v1::Cra {
    let mut form = form();
    change(&mut form);
    form
}

fn form_with_place(change: impl FnOnce(&mut v1::Place)) -> v1::Cra {
    form_with(|form| change(form.place.as_mut().unwrap()))
}

/// The form for a number of people, all of one age and one status.
fn of_people(activity: v1::Activity, people: u32) -> v1::Cra {
    form_with(|form| {
        form.activity = activity as i32;
        form.participants = Some(people);
        form.ages = Some(v1::AgeCounts { over_60: people, ..Default::default() });
        form.statuses = Some(v1::StatusCounts { retired: people, ..Default::default() });
    })
}

fn parse_at(form: &v1::Cra, now: &str) -> Result<Submission, Vec<Violation>> {
    Submission::parse(Some(form), at(now))
}

/// Asserts that the form is accepted.
#[track_caller]
fn accepted(form: &v1::Cra) -> Submission {
    parse_at(form, NOW).unwrap_or_else(|violations| panic!("refused: {violations:?}"))
}

fn cra_of(form: &v1::Cra) -> Cra {
    accepted(form).cra().clone()
}

/// Asserts that these are all faults of the form, in the order of its fields.
#[track_caller]
fn refused(form: &v1::Cra, expected: &[(&str, &str)]) -> Vec<Violation> {
    refused_at(form, NOW, expected)
}

#[track_caller]
fn refused_at(form: &v1::Cra, now: &str, expected: &[(&str, &str)]) -> Vec<Violation> {
    let violations = parse_at(form, now).expect_err("accepted");
    let found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.fault.reason())).collect();
    assert_eq!(found, expected);
    violations.iter().for_each(has_texts);
    violations
}

/// Asserts that a fault has a French and an English text that say what to do.
#[track_caller]
fn has_texts(violation: &Violation) {
    let Violation { field, fault } = violation;
    for text in [fault.description(), fault.message_fr(), fault.reason().to_owned()] {
        assert!(text.trim().len() > 4, "{field}: {fault:?}");
    }
    assert!(violation.to_string().contains(fault.reason()));
    assert!(fault.message_fr().ends_with('.'), "a French sentence: {}", fault.message_fr());
}

#[test]
fn a_form_that_satisfies_every_rule_is_accepted_unchanged() {
    let submission = accepted(&form());
    assert_eq!(submission.cra().to_message(), form());
    assert!(submission.defaulted().is_empty());
}

#[test]
fn a_missing_form_is_one_fault() {
    let violations = Submission::parse(None, at(NOW)).unwrap_err();
    assert_eq!(violations.len(), 1);
    assert_eq!((violations[0].field.as_str(), violations[0].fault.reason()), ("cra", "REQUIRED"));
    has_texts(&violations[0]);
}

#[test]
fn an_empty_form_reports_every_missing_field_and_no_rule_that_needs_one() {
    refused(
        &v1::Cra::default(),
        &[
            ("cra.advisor_id", "REQUIRED"),
            ("cra.structure_id", "REQUIRED"),
            ("cra.place.channel", "REQUIRED"),
            ("cra.place.commune_code", "REQUIRED"),
            ("cra.activity", "REQUIRED"),
            ("cra.themes", "REQUIRED"),
            ("cra.duration", "REQUIRED"),
        ],
    );
}

#[test]
fn all_faults_are_reported_at_once() {
    let wrong = form_with(|form| {
        form.advisor_id = "a b".into();
        form.date = "2023-02-29".into();
        form.place.as_mut().unwrap().postal_code = "69001".into();
        form.returning_participants = 6;
        form.ages = None;
        form.statuses = Some(v1::StatusCounts { retired: 6, ..Default::default() });
        form.themes.push(v1::Theme::Other as i32);
        form.sub_themes = vec![99];
        form.annotation = "ab".into();
        form.duration.as_mut().unwrap().minutes = Some(30);
        form.follow_up = Some(v1::FollowUp { individual: 6, ..Default::default() });
    });
    refused(
        &wrong,
        &[
            ("cra.advisor_id", "ID_INVALID"),
            ("cra.place.postal_code", "POSTAL_CODE_MISMATCH"),
            ("cra.date", "DATE_INVALID"),
            ("cra.returning_participants", "RETURNING_EXCEEDS_PARTICIPANTS"),
            ("cra.ages", "AGES_SUM_MISMATCH"),
            ("cra.statuses", "STATUSES_SUM_MISMATCH"),
            ("cra.follow_up", "FOLLOW_UP_EXCEEDS_PARTICIPANTS"),
            ("cra.themes[1]", "THEME_CLOSED"),
            ("cra.sub_themes[0]", "UNKNOWN_VALUE"),
            ("cra.annotation", "ANNOTATION_LENGTH"),
            ("cra.duration.minutes", "MINUTES_NOT_ALLOWED"),
        ],
    );
}

#[test]
fn the_number_of_reported_faults_is_bounded() {
    let violations = parse_at(&form_with(|form| form.themes = vec![-1; 100_000]), NOW).unwrap_err();
    assert_eq!(violations.len(), 100);
}

#[test]
fn every_fault_has_a_reason_and_texts_in_both_languages() {
    let today = jiff::civil::date(2024, 3, 5);
    let length = |letters, code_points| TextLength {
        letters,
        code_points,
        letters_min: 3,
        letters_max: 35,
        code_points_max: 140,
    };
    let commune = |code| communes().resolve(code).unwrap();
    let faults = [
        Fault::CraIdInvalid(String::new()),
        Fault::CraIdInvalid("é b".into()),
        Fault::CraIdInvalid("12".into()),
        Fault::Required("la date"),
        unknown::<Channel>(99),
        unknown::<Theme>(-1),
        DocumentFault::UnknownWord("\"x\"".into()).into(),
        DocumentFault::Invalid("not JSON".into()).into(),
        DocumentFault::FormVersionUnknown.into(),
        DocumentFault::KeyRepeated.into(),
        DocumentFault::DateAfterRecord { day: Date::MAX, created: Date::MIN }.into(),
        DocumentFault::PlaceUnknown("75001 nowhere".into()).into(),
        Fault::IdInvalid("é b".into()),
        Fault::IdInvalid("x".repeat(65)),
        Fault::DateInvalid("29/02/2024".into()),
        Fault::DateInvalid("29/02/2023".into()),
        Fault::DateInvalid("hier".into()),
        Fault::DateTooEarly(jiff::civil::date(2019, 12, 31)),
        Fault::DateInFuture { date: jiff::civil::date(2024, 3, 6), today },
        Fault::CommuneUnknown,
        Fault::CommuneCodeUnknown { found: "é".into(), meant: Unknown::Nothing },
        Fault::PostalCodeMismatch { found: "75001".into(), commune: commune("98412") },
        Fault::PostalCodeMismatch { found: "75001".into(), commune: commune("35288") },
        Fault::PostalCodeRequired { commune: commune("75056") },
        Fault::VenueNotAllowed,
        Fault::ParticipantsOutOfRange { found: "2".into(), min: 1, max: 1 },
        Fault::ParticipantsOutOfRange { found: "1".into(), min: 2, max: 100 },
        Fault::ReturningExceedsParticipants { returning: 6, participants: 5 },
        Fault::AgesSumMismatch { sum: 4, participants: 5 },
        Fault::StatusesSumMismatch { sum: 6, participants: 5 },
        Fault::ThemeClosed { label: "Autre" },
        Fault::SubThemeWithoutTheme { sub_theme: "Mon espace santé", theme: "Santé" },
        Fault::Duplicate("CAF".into()),
        Fault::AnnotationLength(length(2, 2)),
        Fault::AnnotationLength(length(36, 36)),
        Fault::AnnotationLength(length(35, 200)),
        Fault::TextLength(length(0, 0)),
        Fault::TextCharacter { character: '\n', letters_before: 0 },
        Fault::TextCharacter { character: '\t', letters_before: 1 },
        Fault::TextCharacter { character: '\u{7}', letters_before: 2 },
        Fault::TextCharacter { character: '\u{202e}', letters_before: 3 },
        Fault::TextCharacter { character: '\u{200b}', letters_before: 4 },
        Fault::TextCharacter { character: '\u{e000}', letters_before: 5 },
        Fault::TextInvalid { min: 1, max: 100 },
        Fault::PersonalData(PersonalData::Email),
        Fault::PersonalData(PersonalData::Phone),
        Fault::PersonalData(PersonalData::SocialSecurityNumber),
        Fault::MinutesNotAllowed(60),
        Fault::MinutesInvalid(45),
        Fault::MinutesInvalid(70),
        Fault::FollowUpExceedsParticipants { sum: 6, participants: 5 },
        Fault::PeopleRequired,
        Fault::ReasonLength(length(1, 1)),
    ];
    for fault in faults {
        has_texts(&Violation { field: "cra".into(), fault });
    }
}

#[test]
fn every_fault_of_a_query_has_a_reason_and_texts_in_both_languages() {
    let territory_unknown =
        |kind, found: &str| Question::TerritoryUnknown { kind, found: found.into() }.into();
    let faults: Vec<Fault> = vec![
        Question::PeriodInverted { from: jiff::civil::date(2024, 3, 1), to: jiff::civil::date(2024, 2, 29) }
            .into(),
        Question::TimeInFuture { found: at(NOW) }.into(),
        Question::TimeInvalid { seconds: i64::MAX, nanos: -5 }.into(),
        Question::value_unknown(9, v1::Measure::as_str_name).into(),
        Question::OneOfTwo("consistency.as_of_position").into(),
        territory_unknown(TerritoryKind::Department, "99"),
        territory_unknown(TerritoryKind::Department, "2a"),
        territory_unknown(TerritoryKind::Region, ""),
        territory_unknown(TerritoryKind::Epci, "2000"),
        territory_unknown(TerritoryKind::Commune, "Saint-Denis"),
        territory_unknown(TerritoryKind::PostalCode, "00000"),
        Question::OrderUnknown { found: "é".into(), choices: "name, cras".into() }.into(),
        Question::PageSizeTooLarge { found: 1001, max: 1000 }.into(),
        Question::FormatNotOffered { found: "NDJSON", offered: "CSV, XLSX".into() }.into(),
        Question::IntervalTooShort { found_ms: 1, min_ms: 100 }.into(),
        Question::TooManyCells { found: 200_000, max: 100_000 }.into(),
    ];
    for fault in faults {
        has_texts(&Violation { field: "selection".into(), fault });
    }
}

#[test]
fn an_unknown_value_of_a_query_is_refused_with_the_values_that_exist() {
    let texts = |question: Question| {
        (Fault::from(question.clone()).description(), Fault::from(question).message_fr())
    };
    let (english, french) = texts(Question::value_unknown(9, v1::Measure::as_str_name));
    assert!(english.contains("9 is no value") && english.contains("MEASURE_CRAS (1)"), "{english}");
    assert!(english.contains("MEASURE_ESTIMATED_MINUTES (4)"), "{english}");
    assert_eq!(french, "La valeur 9 n'existe pas : choisissez-en une de 1 à 4.");
    for (kind, found, expected) in [
        (TerritoryKind::Department, "1", "Aucun département n'a le code « 1 » : indiquez 01 (Ain)."),
        (
            TerritoryKind::Department,
            "20",
            "Aucun département n'a le code « 20 » : indiquez 2A (Corse-du-Sud) ou 2B (Haute-Corse).",
        ),
        (
            TerritoryKind::Department,
            "99",
            "Aucun département n'a le code « 99 » : choisissez-le dans la liste.",
        ),
        (
            TerritoryKind::Commune,
            "35000",
            "Aucune commune n'a le code Insee « 35000 » : indiquez 35238 (Rennes).",
        ),
        (TerritoryKind::Region, "", "Aucune région n'a le code «  » : choisissez-la dans la liste."),
    ] {
        let (english, french) = texts(Question::TerritoryUnknown { kind, found: found.into() });
        assert_eq!(french, expected, "{english}");
    }
}
