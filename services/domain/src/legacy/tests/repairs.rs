//! What older documents leave out or write differently, and how it is repaired.

use super::*;
use crate::cra::{AgeCounts, Duration, StatusCounts};
use crate::vocabulary::{AgeBand, Channel, Status, Theme, Word as _};

#[test]
fn a_day_is_the_day_of_the_place() {
    let instant = json!("2023-06-10T09:30:00Z");
    for (postal_code, name, day) in [
        ("75001", "PARIS", "2023-06-10"),
        ("98714", "Papeete", "2023-06-09"),
        ("98800", "Nouméa", "2023-06-10"),
    ] {
        let there = changed(with("cra.codePostal", json!(postal_code)), "cra.nomCommune", json!(name));
        let cra = read(&changed(there, "cra.dateAccompagnement", instant.clone()), &[]);
        assert_eq!(cra.date.to_string(), day, "{name}");
    }
}

#[test]
fn midnight_in_utc_means_that_calendar_day_everywhere() {
    for (instant, day) in [
        (json!("2023-06-09T00:00:00.000Z"), "2023-06-09"),
        (json!("2023-06-09"), "2023-06-09"),
        (json!({"$date": "2023-06-09T00:00:00.001Z"}), "2023-06-08"),
        (json!({"$date": "2023-06-09T09:59:59Z"}), "2023-06-08"),
        (json!({"$date": "2023-06-09T10:00:00Z"}), "2023-06-09"),
    ] {
        let there = changed(with("cra.codePostal", json!("98714")), "cra.nomCommune", json!("PAPEETE"));
        let cra = read(&changed(there, "cra.dateAccompagnement", instant.clone()), &[]);
        assert_eq!(cra.date.to_string(), day, "{instant}");
    }
}

#[test]
fn a_document_without_a_day_has_the_day_of_its_record() {
    for document in [document(), first_form()] {
        let cra = read(&changed(document, "cra.dateAccompagnement", json!(null)), &[]);
        assert_eq!(cra.date.to_string(), "2023-06-10");
    }
}

#[test]
fn every_channel_of_the_form_is_read_and_the_former_word_too() {
    for (slug, channel) in [
        ("rattachement", Channel::Venue),
        ("autre lieu", Channel::OtherPlace),
        ("autre", Channel::OtherPlace),
        ("distance", Channel::Remote),
        ("domicile", Channel::Home),
    ] {
        for document in [document(), first_form()] {
            assert_eq!(read(&changed(document, "cra.canal", json!(slug)), &[]).place.channel, channel);
        }
    }
}

#[test]
fn missing_participants_are_one_person() {
    let alone = changed(with("cra.age", json!({"plus60ans": 1})), "cra.statut", json!({"retraite": 1}));
    let alone = changed(alone, "cra.nbParticipants", json!(null));
    let without_returning = changed(alone, "cra.nbParticipantsRecurrents", json!(null));
    assert_eq!(read(&without_returning, &[]).participants, 1);
}

#[test]
fn returning_people_default_to_none_and_never_exceed_the_participants() {
    const PATH: &str = "cra.nbParticipantsRecurrents";
    for document in [document(), first_form()] {
        let returning = |value| changed(document.clone(), PATH, value);
        assert_eq!(read(&returning(json!(null)), &[]).returning_participants, 0);
        assert_eq!(read(&returning(json!(5)), &[]).returning_participants, 5);
        assert_eq!(read(&returning(json!(6)), &[PATH]).returning_participants, 5);
        assert_eq!(read(&returning(json!("?")), &[PATH]).returning_participants, 0);
    }
}

#[test]
fn one_slug_applies_to_all_participants() {
    for band in AgeBand::ALL {
        for slug in std::iter::once(&band.term().slug).chain(band.term().former_slugs) {
            let mut expected = AgeCounts::default();
            expected.0[band.index()] = 5;
            assert_eq!(read(&with("cra.age", json!(slug)), &[]).ages, expected);
            assert_eq!(read(&with("cra.age", json!({*slug: 5})), &[]).ages, expected);
        }
    }
    for status in Status::ALL {
        for slug in std::iter::once(&status.term().slug).chain(status.term().former_slugs) {
            let mut expected = StatusCounts::default();
            expected.0[status.index()] = 5;
            assert_eq!(read(&with("cra.statut", json!(slug)), &[]).statuses, expected);
        }
    }
    for unsaid in [json!(null), json!("?"), json!(3), json!(["+60"])] {
        let document = changed(first_form(), "cra.age", unsaid.clone());
        let cra = read(&changed(document, "cra.statut", unsaid), &["cra.age", "cra.statut"]);
        assert_eq!((cra.ages.sum(), cra.statuses.sum()), (0, 0));
    }
}

#[test]
fn sums_below_the_participants_are_kept_and_sums_above_dropped() {
    let lower = with("cra.age", json!({"plus60ans": 3, "moins12ans": 1}));
    assert_eq!(read(&lower, &["cra.age"]).ages, AgeCounts([1, 0, 0, 0, 3]));
    let equal = with("cra.age", json!({"plus60ans": 4, "moins12ans": 1}));
    assert_eq!(read(&equal, &[]).ages, AgeCounts([1, 0, 0, 0, 4]));
    let higher = with("cra.age", json!({"plus60ans": 5, "moins12ans": 1}));
    assert_eq!(read(&higher, &["cra.age"]).ages, AgeCounts::default());
    let higher = with("cra.statut", json!({"retraite": 6}));
    assert_eq!(read(&higher, &["cra.statut"]).statuses, StatusCounts::default());
    let odd = with("cra.statut", json!({"retraite": "5", "etudiant": "?", "autre": 2}));
    let noted = ["cra.statut.autre", "cra.statut.etudiant"];
    assert_eq!(read(&odd, &noted).statuses, StatusCounts([0, 0, 0, 5, 0]));
}

#[test]
fn every_theme_of_any_form_is_read_once() {
    let all: Vec<_> = Theme::ALL.iter().map(|theme| theme.term().slug).collect();
    for document in [document(), first_form()] {
        assert_eq!(read(&changed(document, "cra.themes", json!(all)), &[]).themes, Theme::ALL);
    }
    let cra = read(&with("cra.themes", json!(["courriel", "internet", "courriel"])), &["cra.themes[2]"]);
    assert_eq!(cra.themes, [Theme::Email, Theme::Internet]);
    assert_eq!(read(&with("cra.themes", json!("courriel")), &[]).themes, [Theme::Email]);
    assert!(read(&with("cra.themes", json!([])), &["cra.themes"]).themes.is_empty());
}

#[test]
fn sub_themes_and_the_annotation_come_from_one_list() {
    let list =
        json!([{"sante": ["espace-sante"]}, {"annotation": [" ameli "]}, {"accompagner enfant": "parent"}]);
    for document in [document(), first_form()] {
        let document = changed(document, "cra.themes", json!(["sante", "accompagner enfant"]));
        let cra = read(&changed(document, "cra.sousThemes", list.clone()), &[]);
        assert_eq!(&*cra.annotation, "ameli");
        let slugs: Vec<_> = cra.sub_themes.iter().map(|s| s.term().slug).collect();
        assert_eq!(slugs, ["espace-sante", "parent"]);
    }
    for nothing in [json!(null), json!([])] {
        assert!(read(&with("cra.sousThemes", nothing), &[]).sub_themes.is_empty());
    }
}

#[test]
fn a_sub_theme_adds_its_theme() {
    let list = json!([{"sante": ["espace-sante"]}, {"equipement informatique": ["tablette", "telephone"]}]);
    let cra = read(&with("cra.sousThemes", list), &["cra.sousThemes", "cra.sousThemes"]);
    assert_eq!(cra.themes, [Theme::Internet, Theme::Health, Theme::Equipment]);
}

#[test]
fn a_duration_is_a_band_or_minutes_as_text_or_number() {
    let exact = |minutes| Duration::Exact { minutes };
    let cases = [
        (json!("0-30"), Duration::UpTo30Minutes),
        (json!("30-60"), Duration::From30MinutesTo1Hour),
        (json!(1), Duration::UpTo30Minutes),
        (json!(29), Duration::UpTo30Minutes),
        (json!("29"), Duration::UpTo30Minutes),
        (json!(30), Duration::From30MinutesTo1Hour),
        (json!("59"), Duration::From30MinutesTo1Hour),
        (json!(60), exact(60)),
        (json!("60"), exact(60)),
        (json!("90"), exact(90)),
        (json!(100.0), exact(100)),
        (json!("480"), exact(480)),
        (json!(1_440), exact(1_440)),
    ];
    for (value, expected) in cases {
        for document in [document(), first_form()] {
            assert_eq!(
                read(&changed(document, "cra.duree", value.clone()), &[]).duration,
                expected,
                "{value}"
            );
        }
    }
    for unread in [
        json!(null),
        json!(""),
        json!("1h30"),
        json!(0),
        json!("0"),
        json!(-5),
        json!(61.5),
        json!(1_441),
        json!(u32::MAX),
        json!([60]),
        json!(true),
    ] {
        let cra = read(&with("cra.duree", unread), &["cra.duree"]);
        assert_eq!(cra.duration, Duration::Unspecified);
    }
}

#[test]
fn a_count_above_any_number_of_participants_is_treated_as_one_above_those_of_the_document() {
    for huge in [json!(6), json!(10_001), json!("20000"), json!(4_294_967_296_u64), json!(u64::MAX)] {
        let document = with("cra.nbParticipantsRecurrents", huge.clone());
        assert_eq!(read(&document, &["cra.nbParticipantsRecurrents"]).returning_participants, 5, "{huge}");
        let document = with("cra.age", json!({"moins12ans": 3, "plus60ans": huge}));
        assert_eq!(read(&document, &["cra.age"]).ages, AgeCounts::default(), "{huge}");
        let document = with("cra.organismes", json!([{"CAF": huge}]));
        let people: u32 =
            read(&document, &["cra.accompagnement"]).redirections.iter().map(|it| it.people).sum();
        assert_eq!(people, 5, "{huge}");
    }
}
