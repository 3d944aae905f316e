//! Identifiers, the day of activity and the reason of a change.

use super::super::super::{check_cra_id, check_reason};
use super::*;

/// A form with another commune and day.
fn in_commune(code: &str, postal_code: &str, date: &str) -> v1::Cra {
    form_with(|form| {
        date.clone_into(&mut form.date);
        let place = form.place.as_mut().unwrap();
        (place.commune_code, place.postal_code) = (code.into(), postal_code.into());
    })
}

#[test]
fn a_cra_id_is_a_uuid() {
    assert!(check_cra_id("0190b2c4-0000-7000-8000-000000000001").is_ok());
    for wrong in ["", "1", "0190b2c4-0000-7000-8000-00000000000", "0190b2c4-0000-7000-8000-00000000000g"] {
        let violation = check_cra_id(wrong).unwrap_err();
        assert_eq!((violation.field.as_str(), violation.fault.reason()), ("cra_id", "CRA_ID_INVALID"));
        has_texts(&violation);
    }
}

#[test]
fn a_reason_has_3_to_500_characters_once_trimmed() {
    assert_eq!(check_reason(" dit \n").unwrap(), "dit");
    assert_eq!(check_reason("été").unwrap(), "été");
    assert!(check_reason(&"é".repeat(500)).is_ok());
    for wrong in ["", "ab", " ab ", &"é".repeat(501)] {
        let violation = check_reason(wrong).unwrap_err();
        assert_eq!((violation.field.as_str(), violation.fault.reason()), ("reason", "REASON_LENGTH"));
        has_texts(&violation);
    }
}

#[test]
fn an_id_has_1_to_64_characters_of_its_alphabet() {
    for right in ["a", "AZaz09._:-", &"x".repeat(64)] {
        assert_eq!(cra_of(&form_with(|form| form.advisor_id = right.into())).advisor_id.as_str(), right);
        assert_eq!(cra_of(&form_with(|form| form.structure_id = right.into())).structure_id.as_str(), right);
    }
    for wrong in [" ", "a b", "é", "a/b", &"x".repeat(65)] {
        refused(&form_with(|form| form.advisor_id = wrong.into()), &[("cra.advisor_id", "ID_INVALID")]);
        refused(&form_with(|form| form.structure_id = wrong.into()), &[("cra.structure_id", "ID_INVALID")]);
    }
    refused(&form_with(|form| form.advisor_id.clear()), &[("cra.advisor_id", "REQUIRED")]);
    refused(&form_with(|form| form.structure_id.clear()), &[("cra.structure_id", "REQUIRED")]);
}

#[test]
fn a_date_is_a_calendar_day_in_one_notation() {
    accepted(&form_with(|form| form.date = "2024-02-29".into()));
    for wrong in
        ["2023-02-29", "2024-13-01", "2024-3-4", "20240304", "04/03/2024", "2024-03-04T10:00:00Z", " "]
    {
        refused(&form_with(|form| form.date = wrong.into()), &[("cra.date", "DATE_INVALID")]);
    }
}

#[test]
fn the_first_day_is_the_first_of_january_2020() {
    accepted(&form_with(|form| form.date = "2020-01-01".into()));
    refused(&form_with(|form| form.date = "2019-12-31".into()), &[("cra.date", "DATE_TOO_EARLY")]);
}

#[test]
fn today_is_the_last_day() {
    accepted(&form_with(|form| form.date = "2024-03-05".into()));
    let violations =
        refused(&form_with(|form| form.date = "2024-03-06".into()), &[("cra.date", "DATE_IN_FUTURE")]);
    assert!(violations[0].fault.message_fr().contains("05/03/2024"), "{violations:?}");
}

#[test]
fn half_past_midnight_in_paris_is_a_new_day_though_not_yet_in_utc() {
    let tomorrow_by_utc = form_with(|form| form.date = "2024-03-06".into());
    let half_past_midnight = "2024-03-05T23:30:00Z";
    assert!(parse_at(&tomorrow_by_utc, half_past_midnight).is_ok());
    refused_at(&tomorrow_by_utc, "2024-03-05T22:30:00Z", &[("cra.date", "DATE_IN_FUTURE")]);
    // In summer the day begins two hours before UTC's.
    let in_july = form_with(|form| form.date = "2024-07-02".into());
    assert!(parse_at(&in_july, "2024-07-01T22:00:00Z").is_ok());
    refused_at(&in_july, "2024-07-01T21:59:59Z", &[("cra.date", "DATE_IN_FUTURE")]);
}

#[test]
fn today_is_the_day_of_the_communes_department() {
    // It is the 6th in Nouméa, and still the 4th in Tahiti ten hours behind.
    let noumea = in_commune("98818", "98800", "2024-03-06");
    assert!(parse_at(&noumea, "2024-03-05T13:00:00Z").is_ok());
    refused_at(&noumea, "2024-03-05T12:59:59Z", &[("cra.date", "DATE_IN_FUTURE")]);
    let papeete = in_commune("98735", "98714", "2024-03-05");
    assert!(parse_at(&papeete, "2024-03-05T10:00:00Z").is_ok());
    refused_at(&papeete, "2024-03-05T09:59:59Z", &[("cra.date", "DATE_IN_FUTURE")]);
}

#[test]
fn an_omitted_date_is_today_at_the_place_and_the_receipt_reports_it() {
    let form_of = |code, postal_code| in_commune(code, postal_code, "");
    let reported = |form: &v1::Cra, now| {
        let submission = parse_at(form, now).unwrap();
        let [default] = submission.defaulted() else { panic!("{:?}", submission.defaulted()) };
        assert_eq!(default.field, "cra.date");
        assert_eq!(default.value, submission.cra().date.to_string());
        default.value.clone()
    };
    let instant = "2024-03-05T23:30:00Z";
    assert_eq!(reported(&form_of("75101", "75001"), instant), "2024-03-06");
    assert_eq!(reported(&form_of("98818", "98800"), instant), "2024-03-06");
    assert_eq!(reported(&form_of("98735", "98714"), instant), "2024-03-05");
}

#[test]
fn a_future_date_is_not_judged_if_the_commune_is_unknown() {
    let wrong = in_commune("75999", "75001", "2099-01-01");
    refused(&wrong, &[("cra.place.commune_code", "COMMUNE_UNKNOWN")]);
    let early_too = in_commune("75999", "75001", "2019-01-01");
    refused(&early_too, &[("cra.place.commune_code", "COMMUNE_UNKNOWN"), ("cra.date", "DATE_TOO_EARLY")]);
    let no_date = in_commune("", "", "");
    refused(&no_date, &[("cra.place.commune_code", "REQUIRED")]);
}
