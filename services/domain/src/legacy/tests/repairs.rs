//! What older documents leave out or say otherwise, and how it is repaired.

use FormVersion::{V1, V2, V3};

use super::*;
use crate::cra::{AgeCounts, Duration, Recipient, StatusCounts};
use crate::vocabulary::{AgeBand, Channel, Organisation, Status, Theme, Word as _};

#[test]
fn an_id_is_a_text_or_an_object_id() {
    for form in [V2, V3] {
        for (path, of) in [
            ("conseiller", (|cra: &Cra| cra.advisor_id.to_string()) as fn(&Cra) -> String),
            ("structure", |cra| cra.structure_id.to_string()),
        ] {
            for value in [json!("5f9b"), json!({"$oid": "5f9b"})] {
                assert_eq!(of(&read(form, &with(path, value), &[])), "5f9b");
            }
        }
    }
}

#[test]
fn a_date_is_iso_8601_or_a_database_date() {
    let same = [
        json!("2023-06-09T22:30:00.000Z"),
        json!("2023-06-10T00:30:00+02:00"),
        json!({"$date": "2023-06-09T22:30:00Z"}),
        json!({"$date": 1_686_349_800_000_i64}),
        json!({"$date": {"$numberLong": "1686349800000"}}),
    ];
    for value in same {
        let cra = read(V3, &with("cra.dateAccompagnement", value.clone()), &[]);
        assert_eq!(cra.date.to_string(), "2023-06-10", "the day in Paris: {value}");
        let cra = read(V1, &changed(first_form(), "createdAt", value.clone()), &[]);
        assert_eq!(cra.date.to_string(), "2023-06-10", "the first form's day is its record's: {value}");
    }
}

#[test]
fn a_day_is_the_day_of_the_place() {
    let instant = json!("2023-06-10T09:30:00Z");
    for (postal_code, name, day) in [
        ("75001", "PARIS", "2023-06-10"),
        ("98714", "Papeete", "2023-06-09"),
        ("98800", "Nouméa", "2023-06-10"),
    ] {
        let there = changed(with("cra.codePostal", json!(postal_code)), "cra.nomCommune", json!(name));
        let cra = read(V2, &changed(there, "cra.dateAccompagnement", instant.clone()), &[]);
        assert_eq!(cra.date.to_string(), day, "{name}");
    }
}

#[test]
fn a_commune_is_found_by_postal_code_and_name() {
    for (form, document) in [(V1, first_form()), (V2, document()), (V3, document())] {
        let document = changed(document, "cra.codePostal", json!("01300"));
        let cra = read(form, &changed(document, "cra.nomCommune", json!("ARBIGNIEU")), &[]);
        assert_eq!((&*cra.place.commune_code, &*cra.place.postal_code), ("01015", "01300"));
    }
}

#[test]
fn the_third_forms_code_wins_where_it_is_present() {
    let with_code = with("cra.codeCommune", json!("75101"));
    let renamed = changed(with_code, "cra.nomCommune", json!("nowhere"));
    assert_eq!(&*read(V3, &renamed, &[]).place.commune_code, "75101");
    for absent in [json!(null), json!(""), json!(" ")] {
        assert_eq!(&*read(V3, &with("cra.codeCommune", absent), &[]).place.commune_code, "75101");
    }
    // Earlier forms had no such field.
    let other = with("cra.codeCommune", json!("01004"));
    assert_eq!(&*read(V2, &other, &[]).place.commune_code, "75101");
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
        for (form, document) in [(V1, first_form()), (V2, document()), (V3, document())] {
            let cra = read(form, &changed(document, "cra.canal", json!(slug)), &[]);
            assert_eq!(cra.place.channel, channel);
        }
    }
}

#[test]
fn no_participants_are_one_person() {
    let alone = changed(with("cra.age", json!({"plus60ans": 1})), "cra.statut", json!({"retraite": 1}));
    let alone = changed(alone, "cra.nbParticipants", json!(null));
    assert_eq!(read(V3, &alone, &[]).participants, 1);
    assert_eq!(read(V1, &changed(first_form(), "cra.nbParticipants", json!(null)), &[]).participants, 1);
}

#[test]
fn returning_people_are_none_where_it_is_not_said_and_never_more_than_the_participants() {
    const PATH: &str = "cra.nbParticipantsRecurrents";
    assert_eq!(read(V3, &with(PATH, json!(null)), &[]).returning_participants, 0);
    assert_eq!(read(V3, &with(PATH, json!(5)), &[]).returning_participants, 5);
    assert_eq!(read(V3, &with(PATH, json!(6)), &[PATH]).returning_participants, 5);
    assert_eq!(read(V1, &first_form(), &[]).returning_participants, 0, "the first form did not ask");
}

#[test]
fn one_slug_of_the_first_form_is_everybody() {
    for band in AgeBand::ALL {
        for slug in std::iter::once(&band.term().slug).chain(band.term().former_slugs) {
            let mut expected = AgeCounts::default();
            expected.0[band.index()] = 5;
            assert_eq!(read(V1, &changed(first_form(), "cra.age", json!(slug)), &[]).ages, expected);
        }
    }
    for status in Status::ALL {
        for slug in std::iter::once(&status.term().slug).chain(status.term().former_slugs) {
            let mut expected = StatusCounts::default();
            expected.0[status.index()] = 5;
            assert_eq!(read(V1, &changed(first_form(), "cra.statut", json!(slug)), &[]).statuses, expected);
        }
    }
    for unsaid in [json!(null), json!("?"), json!(3)] {
        let document = changed(first_form(), "cra.age", unsaid.clone());
        let cra = read(V1, &changed(document, "cra.statut", unsaid), &["cra.age", "cra.statut"]);
        assert_eq!((cra.ages.sum(), cra.statuses.sum()), (0, 0));
    }
}

#[test]
fn sums_below_the_participants_are_kept_and_sums_above_dropped() {
    let lower = with("cra.age", json!({"plus60ans": 3, "moins12ans": 1}));
    assert_eq!(read(V2, &lower, &["cra.age"]).ages, AgeCounts([1, 0, 0, 0, 3]));
    let equal = with("cra.age", json!({"plus60ans": 4, "moins12ans": 1}));
    assert_eq!(read(V2, &equal, &[]).ages, AgeCounts([1, 0, 0, 0, 4]));
    let higher = with("cra.age", json!({"plus60ans": 5, "moins12ans": 1}));
    assert_eq!(read(V2, &higher, &["cra.age"]).ages, AgeCounts::default());
    let higher = with("cra.statut", json!({"retraite": 6}));
    assert_eq!(read(V3, &higher, &["cra.statut"]).statuses, StatusCounts::default());
    let odd = with("cra.statut", json!({"retraite": "5", "etudiant": "?", "autre": 2}));
    let noted = ["cra.statut.autre", "cra.statut.etudiant"];
    assert_eq!(read(V3, &odd, &noted).statuses, StatusCounts([0, 0, 0, 5, 0]));
}

#[test]
fn a_theme_said_again_counts_once() {
    let cra = read(V3, &with("cra.themes", json!(["courriel", "internet", "courriel"])), &["cra.themes[2]"]);
    assert_eq!(cra.themes, [Theme::Email, Theme::Internet]);
}

#[test]
fn each_form_has_its_themes() {
    let slugs = |themes: &[Theme]| json!(themes.iter().map(|theme| theme.term().slug).collect::<Vec<_>>());
    let since = |form: FormVersion, theme: &Theme| match theme {
        Theme::Security | Theme::FraudAndHarassment | Theme::Health => form >= V2,
        Theme::Budget | Theme::Schooling | Theme::DigitalDiagnosis => form >= V3,
        _ => true,
    };
    for (form, document, count) in [(V1, first_form(), 13), (V2, document(), 16), (V3, document(), 19)] {
        let (had, later): (Vec<_>, Vec<_>) = Theme::ALL.iter().partition(|theme| since(form, theme));
        assert_eq!(had.len(), count);
        assert_eq!(read(form, &changed(document.clone(), "cra.themes", slugs(&had)), &[]).themes, had);
        for theme in later {
            let document = changed(document.clone(), "cra.themes", slugs(&[theme]));
            refused(form, &document, &[("cra.themes[0]", "UNKNOWN_VALUE")]);
        }
    }
}

#[test]
fn sub_themes_and_the_annotation_come_from_one_list() {
    let list =
        json!([{"sante": ["espace-sante"]}, {"annotation": [" ameli "]}, {"accompagner enfant": "parent"}]);
    let cra = read(V3, &with("cra.sousThemes", list.clone()), &[]);
    assert_eq!(&*cra.annotation, "ameli");
    assert_eq!(cra.sub_themes.iter().map(|s| s.term().slug).collect::<Vec<_>>(), ["espace-sante", "parent"]);
    for nothing in [json!(null), json!([])] {
        assert!(read(V3, &with("cra.sousThemes", nothing), &[]).sub_themes.is_empty());
    }
    assert!(read(V2, &with("cra.sousThemes", list), &[]).sub_themes.is_empty(), "earlier forms had none");
}

#[test]
fn a_duration_is_a_band_or_minutes_as_text_or_number() {
    let exact = |minutes| Duration::Exact { minutes };
    let cases = [
        (json!("0-30"), Duration::UpTo30Minutes),
        (json!("30-60"), Duration::From30MinutesTo1Hour),
        (json!(29), Duration::UpTo30Minutes),
        (json!("29"), Duration::UpTo30Minutes),
        (json!(30), Duration::From30MinutesTo1Hour),
        (json!("59"), Duration::From30MinutesTo1Hour),
        (json!(60), exact(60)),
        (json!("60"), exact(60)),
        (json!("90"), exact(90)),
        (json!(100.0), exact(100)),
        (json!("480"), exact(480)),
        (json!({"$numberInt": "75"}), exact(75)),
    ];
    for (value, expected) in cases {
        assert_eq!(read(V3, &with("cra.duree", value.clone()), &[]).duration, expected, "{value}");
        assert_eq!(read(V1, &changed(first_form(), "cra.duree", value), &[]).duration, expected);
    }
    for unread in [json!(null), json!(""), json!("1h30"), json!(-5), json!(61.5), json!([60]), json!(true)] {
        let cra = read(V3, &with("cra.duree", unread), &["cra.duree"]);
        assert_eq!(cra.duration, Duration::Unspecified);
    }
}

#[test]
fn what_comes_next_in_the_first_form_is_for_everybody() {
    let next = |value| read(V1, &changed(first_form(), "cra.accompagnement", value), &[]);
    assert_eq!(next(json!("individuel")).follow_up_individual, 5);
    assert_eq!(next(json!("atelier")).follow_up_workshop, 5);
    let [redirection] = &next(json!("redirection")).redirections[..] else { panic!("one redirection") };
    assert_eq!((&redirection.recipient, redirection.people), (&Recipient::Unnamed, 5));
    let nothing = next(json!(null));
    assert_eq!(
        (nothing.follow_up_individual, nothing.follow_up_workshop, nothing.redirections.len()),
        (0, 0, 0)
    );
    read(V1, &changed(first_form(), "cra.accompagnement", json!("?")), &["cra.accompagnement"]);
}

fn redirected(people: u32, field: &str, value: Value) -> Value {
    let next = json!({"individuel": 0, "atelier": 0, "redirection": people});
    changed(with("cra.accompagnement", next), field, value)
}

fn recipients(cra: &Cra) -> Vec<(Recipient, u32)> {
    cra.redirections.iter().map(|r| (r.recipient.clone(), r.people)).collect()
}

#[test]
fn the_second_form_names_one_organisation_or_none() {
    let to = |value| recipients(&read(V2, &redirected(3, "cra.organisme", value), &[]));
    assert_eq!(to(json!("CAF")), [(Recipient::Known(Organisation::Caf), 3)]);
    assert_eq!(to(json!(" MEDIATHEQUE ")), [(Recipient::Known(Organisation::Mediatheque), 3)]);
    assert_eq!(to(json!("Emmaüs")), [(Recipient::Other("Emmaüs".into()), 3)]);
    assert_eq!(to(json!(null)), [(Recipient::Unnamed, 3)]);
    let nobody = redirected(0, "cra.organisme", json!("CAF"));
    assert!(recipients(&read(V2, &nobody, &["cra.organisme"])).is_empty());
}

#[test]
fn the_third_form_names_people_per_organisation_and_the_rest_is_not_named() {
    let to = |people, value| recipients(&read(V3, &redirected(people, "cra.organismes", value), &[]));
    let named = json!([{"POLE EMPLOI": 1}, {"Emmaüs": 2}]);
    let both = [(Recipient::Known(Organisation::PoleEmploi), 1), (Recipient::Other("Emmaüs".into()), 2)];
    assert_eq!(to(3, named.clone()), both);
    assert_eq!(to(2, named.clone()), both, "people who are named are not taken away");
    assert_eq!(to(5, named), [both[0].clone(), both[1].clone(), (Recipient::Unnamed, 2)]);
    assert_eq!(to(2, json!(null)), [(Recipient::Unnamed, 2)]);
    assert_eq!(to(0, json!([{"CAF": 0}])), []);
}
