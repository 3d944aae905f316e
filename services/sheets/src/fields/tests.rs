//! Every field is read as it is written. What people type is accepted, or refused with what to type instead.

use super::*;

fn whole() -> v1::Cra {
    v1::Cra {
        advisor_id: "conseiller-1".into(),
        structure_id: "structure-1".into(),
        date: "2024-02-29".into(),
        place: Some(v1::Place {
            channel: v1::Channel::Venue.into(),
            commune_code: "01004".into(),
            postal_code: "01500".into(),
            venue_id: "lieu-1".into(),
        }),
        activity: v1::Activity::Workshop.into(),
        participants: Some(15),
        returning_participants: 2,
        ages: Some(v1::AgeCounts {
            under_12: 1,
            from_12_to_18: 2,
            from_18_to_35: 3,
            from_35_to_60: 4,
            over_60: 5,
        }),
        statuses: Some(v1::StatusCounts {
            student: 1,
            unemployed: 2,
            employed: 3,
            retired: 4,
            unspecified_or_mixed: 5,
        }),
        themes: vec![v1::Theme::CaregiverSupport.into(), v1::Theme::OfficeSoftware.into()],
        sub_themes: vec![v1::SubTheme::CaregiverRelative.into(), v1::SubTheme::OfficeSupplies.into()],
        annotation: "- mots de passe".into(),
        duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore.into(), minutes: Some(90) }),
        follow_up: Some(v1::FollowUp {
            individual: 1,
            workshop: 2,
            redirections: vec![
                v1::Redirection {
                    organisation: Some(v1::redirection::Organisation::Known(v1::Organisation::Caf.into())),
                    people: 2,
                },
                v1::Redirection {
                    organisation: Some(v1::redirection::Organisation::Other("Maison : A | B".into())),
                    people: 1,
                },
            ],
        }),
    }
}

#[test]
fn every_field_is_read_as_it_is_written_and_together_they_are_the_whole_cra() {
    let whole = whole();
    let mut read = v1::Cra::default();
    for field in Field::all() {
        let text = field.get(&whole);
        assert!(!text.is_empty(), "{field:?}");
        field.set(&mut read, &text).unwrap();
        assert_eq!(field.get(&read), text, "{field:?}");
    }
    assert_eq!(read, whole);
    for field in Field::all() {
        field.set(&mut read, "").unwrap();
        assert_eq!(field.get(&read), "", "{field:?}");
    }
    assert_eq!(read.follow_up, None);
}

#[test]
fn a_field_is_known_by_both_spellings_of_its_path() {
    for field in Field::all() {
        assert_eq!(Field::of_path(&field.path()), Some(field));
    }
    for path in ["place.communeCode", "place.commune_code", "cra.place.communeCode", "Place.CommuneCode"] {
        assert_eq!(Field::of_path(path), Some(Field::CommuneCode), "{path}");
    }
    assert_eq!(Field::of_path("ages.from12To18"), Some(Field::Age(AgeBand::From12To18)));
    assert_eq!(Field::of_path("commune"), None);
}

#[test]
fn words_are_read_in_every_spelling_of_the_form() {
    let mut cra = v1::Cra::default();
    for text in [
        "THEME_EMAIL,THEME_HEALTH",
        "courriel | sante",
        "Courriels; Santé",
        "Envoyer, recevoir, gérer ses courriels, health",
    ] {
        Field::Themes.set(&mut cra, text).unwrap();
        assert_eq!(cra.themes, [v1::Theme::Email as i32, v1::Theme::Health as i32], "{text}");
    }
    Field::SubThemes.set(&mut cra, "Parent, proche, Fourniture (impression, scanner)").unwrap();
    assert_eq!(cra.sub_themes.len(), 2);
    let problem = Field::Themes.set(&mut cra, "Courriells").unwrap_err();
    assert!(
        problem.contains("« Courriells »") && problem.contains("vouliez-vous dire « Courriels »"),
        "{problem}"
    );
}

#[test]
fn days_and_numbers_are_read_as_french_spreadsheets_write_them() {
    let mut cra = v1::Cra::default();
    for text in
        ["29/02/2024", "2024-02-29", "29-02-2024", "29.02.24", "29/02/2024 00:00:00", "2024-02-29T00:00:00"]
    {
        Field::Date.set(&mut cra, text).unwrap();
        assert_eq!(cra.date, "2024-02-29", "{text}");
    }
    for text in ["30/02/2024", "02/29/2024", "hier", "2024", "29/02/2024 12:30:00", "20240229"] {
        let problem = Field::Date.set(&mut cra, text).unwrap_err();
        assert!(problem.contains(text) && problem.contains("29/02/2024"), "{problem}");
    }
    for (text, number) in [("12", 12), ("1 200", 1_200), ("1\u{202f}200", 1_200), ("12,0", 12), ("12.00", 12)]
    {
        Field::Participants.set(&mut cra, text).unwrap();
        assert_eq!(cra.participants, Some(number), "{text}");
    }
    for text in ["12,5", "-3", "douze", "99999999999"] {
        assert!(Field::Participants.set(&mut cra, text).unwrap_err().contains(text), "{text}");
    }
}

#[test]
fn a_duration_is_a_band_or_its_minutes() {
    let mut cra = v1::Cra::default();
    let one_hour = DurationBand::OneHourOrMore.number();
    for (text, band, minutes) in [
        ("90", one_hour, Some(90)),
        ("1h30", one_hour, Some(90)),
        ("2 h", one_hour, Some(120)),
        ("45 min", DurationBand::From30MinutesTo1Hour.number(), None),
        ("1h ou plus", one_hour, None),
        ("0-30", DurationBand::UpTo30Minutes.number(), None),
    ] {
        Field::DurationBand.set(&mut cra, text).unwrap();
        assert_eq!(cra.duration, Some(v1::Duration { band, minutes }), "{text}");
    }
}

#[test]
fn an_object_is_merged_and_an_unknown_path_is_refused_with_the_nearest() {
    let mut cra = whole();
    let changes = serde_json::json!({
        "date": "2024-03-01", "participants": 16, "ages": {"over60": 6}, "themes": ["courriel"], "annotation": null,
        "follow_up": null, "subThemes": [],
    });
    patch(&mut cra, changes.as_object().unwrap()).unwrap();
    assert_eq!((cra.date.as_str(), cra.participants), ("2024-03-01", Some(16)));
    assert_eq!(cra.ages.unwrap(), v1::AgeCounts { over_60: 6, ..whole().ages.unwrap() });
    assert_eq!((cra.themes.len(), cra.annotation.as_str(), &cra.follow_up), (1, "", &None));
    assign(&mut cra, "followUp.redirections=[{\"known\":\"ORGANISATION_CAF\",\"people\":1}]").unwrap();
    assert_eq!(cra.follow_up.as_ref().unwrap().redirections.len(), 1);
    let problem = assign(&mut cra, "particpants=3").unwrap_err();
    assert!(problem.contains("did you mean `participants`?"), "{problem}");
    assert!(assign(&mut cra, "date").unwrap_err().contains("PATH=VALUE"));
}
