//! MongoDB's Extended JSON v2 (canonical, relaxed) and v1: each value has the meaning of its type.

use super::*;
use crate::cra::Duration;

#[test]
fn an_id_is_a_text_an_object_id_or_a_reference() {
    let same = [
        json!("5f9b"),
        json!({"$oid": "5f9b"}),
        json!({"$ref": "conseillers", "$id": {"$oid": "5f9b"}, "$db": "cnum"}),
        json!({"$ref": "conseillers", "$id": {"$oid": "5f9b"}}),
        json!({"$ref": "conseillers", "$id": "5f9b"}),
    ];
    for value in same {
        assert_eq!(read(&with("conseiller", value.clone()), &[]).advisor_id.as_str(), "5f9b");
        assert_eq!(read(&with("structure", value.clone()), &[]).structure_id.as_str(), "5f9b");
        let there = changed(with("permanence", value.clone()), "cra.canal", json!("rattachement"));
        assert_eq!(read(&there, &[]).place.venue_id.unwrap().as_str(), "5f9b");
        let document = Document::parse(with("_id", value).to_string().as_bytes()).unwrap();
        assert_eq!(document.legacy_id(), Some("5f9b"));
    }
    for none in [json!(null), json!(7), json!(""), json!({"oid": "a"}), json!({"$id": "a"}), json!(["a"])] {
        let document = Document::parse(with("_id", none).to_string().as_bytes()).unwrap();
        assert_eq!(document.legacy_id(), None);
    }
}

#[test]
fn a_date_is_iso_8601_or_a_database_date() {
    let same = [
        json!("2023-06-09T22:30:00.000Z"),
        json!("2023-06-10T00:30:00+02:00"),
        json!({"$date": "2023-06-09T22:30:00Z"}),
        json!({"$date": "2023-06-09T22:30:00.000Z"}),
        json!({"$date": "2023-06-09T22:30:00.000+0000"}),
        json!({"$date": "2023-06-10T00:30:00.000+0200"}),
        json!({"$date": 1_686_349_800_000_i64}),
        json!({"$date": {"$numberLong": "1686349800000"}}),
    ];
    for value in same {
        let cra = read(&with("cra.dateAccompagnement", value.clone()), &[]);
        assert_eq!(cra.date.to_string(), "2023-06-10", "the day in Paris: {value}");
        let created = changed(with("createdAt", value.clone()), "cra.dateAccompagnement", json!(null));
        assert_eq!(admit(&created).unwrap().created_at.to_string(), "2023-06-09T22:30:00Z", "{value}");
    }
}

#[test]
fn a_whole_number_is_read_in_every_type() {
    let same = [
        json!(75),
        json!(75.0),
        json!("75"),
        json!({"$numberInt": "75"}),
        json!({"$numberLong": "75"}),
        json!({"$numberDouble": "75.0"}),
        json!({"$numberDouble": "75"}),
        json!({"$numberDecimal": "75"}),
        json!({"$numberDecimal": "75.00"}),
        json!({"$numberDecimal": "7.5E+1"}),
        json!({"$numberDecimal": "750E-1"}),
    ];
    for value in same {
        let cra = read(&with("cra.duree", value.clone()), &[]);
        assert_eq!(cra.duration, Duration::Exact { minutes: 75 }, "{value}");
        let many = changed(with("cra.nbParticipants", value.clone()), "cra.age", json!({"plus60ans": value}));
        let cra = read(&changed(many, "cra.statut", json!("retraite")), &[]);
        assert_eq!((cra.participants, cra.ages.0[4]), (75, 75), "{value}");
    }
    let not = [
        json!({"$numberDouble": "75.5"}),
        json!({"$numberDouble": "NaN"}),
        json!({"$numberDouble": "Infinity"}),
        json!({"$numberDecimal": "75.5"}),
        json!({"$numberDecimal": "NaN"}),
        json!({"$numberDecimal": "1E+400"}),
        json!({"$numberInt": "75.0"}),
        json!({"$numberInt": ""}),
    ];
    for value in not {
        read(&with("cra.duree", value), &["cra.duree"]);
    }
}

#[test]
fn the_deprecated_types_have_their_values() {
    let symbol = with("cra.canal", json!({"$symbol": "distance"}));
    assert_eq!(read(&symbol, &[]), read(&document(), &[]));
    let undefined = with("cra.codeCommune", json!({"$undefined": true}));
    assert_eq!(read(&undefined, &[]), read(&document(), &[]));
}
