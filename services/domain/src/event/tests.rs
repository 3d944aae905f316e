//! Stored events stay readable: the golden bytes of the contract, additions of newer versions, and arbitrary bytes.

use cra_contracts::v1;
use jiff::civil::date;
use proptest::prelude::*;
use prost::Message as _;

use super::record::{self, Header};
use super::*;
use crate::cra::{Duration, Recipient};
use crate::vocabulary::{Organisation, SubTheme, Theme};

const CRA_ID: &str = "0190b2c4-0000-7000-8000-000000000001";

macro_rules! golden {
    ($name:literal) => {
        bytes(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/golden/", $name, ".hex")))
    };
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[track_caller]
fn golden<'a>(stored: &'a [u8], revision: u64, recorded_at: &str) -> Fact<'a> {
    let event = Event::decode(stored).unwrap();
    assert_eq!(event.cra_id.to_string(), CRA_ID);
    assert!(event.event_id.to_string().starts_with("018e0e6d-3c00-7000-8000-"));
    assert_eq!(event.revision, revision);
    assert_eq!(event.recorded_at, recorded_at.parse::<Timestamp>().unwrap());
    event.fact
}

#[test]
fn a_stored_submission_reads_as_it_was() {
    let stored = golden!("submitted");
    let fact = golden(&stored, 1, "2024-03-05T12:00:00.25Z");
    let Fact::Submitted { cra, defaulted_participants } = fact else { panic!("{fact:?}") };
    assert!(defaulted_participants);
    assert_eq!((cra.advisor_id.as_str(), cra.structure_id.as_str()), ("conseiller-1", "structure-1"));
    assert_eq!(
        (cra.date, cra.place.commune_code, cra.place.postal_code),
        (date(2024, 3, 4), "01120", "01120")
    );
    assert_eq!(cra.place.venue_id.as_ref().unwrap().as_str(), "lieu-1");
    assert_eq!((cra.participants, cra.returning_participants), (5, 2));
    assert_eq!((cra.ages.0, cra.statuses.0), ([1, 0, 1, 1, 2], [1; 5]));
    assert_eq!(cra.themes, [Theme::Equipment, Theme::Health]);
    assert_eq!(cra.sub_themes, [SubTheme::EquipmentComputer, SubTheme::HealthEspaceSante]);
    assert_eq!((cra.annotation, cra.duration), ("ameli, été", Duration::Exact { minutes: 90 }));
    assert_eq!((cra.follow_up_individual, cra.follow_up_workshop), (1, 1));
    let recipients: Vec<_> = cra.redirections.iter().map(|r| (r.recipient.clone(), r.people)).collect();
    assert_eq!(recipients, [(Recipient::Known(Organisation::Caf), 1), (Recipient::Other("Emmaüs"), 2)]);
}

#[test]
fn a_stored_correction_reads_as_it_was() {
    let stored = golden!("corrected");
    let fact = golden(&stored, 2, "2024-03-05T14:46:40.25Z");
    let Fact::Corrected { cra, defaulted_participants, reason } = fact else { panic!("{fact:?}") };
    assert!(defaulted_participants);
    assert_eq!(reason, "erreur de saisie");
    assert_eq!((cra.duration, cra.redirections.len()), (Duration::UpTo30Minutes, 0));
}

#[test]
fn a_stored_withdrawal_reads_as_it_was() {
    let stored = golden!("withdrawn");
    let fact = golden(&stored, 3, "2024-03-05T17:33:20.25Z");
    assert_eq!(fact, Fact::Withdrawn { reason: "doublon" });
}

#[test]
fn a_stored_import_reads_in_todays_vocabulary() {
    let stored = golden!("imported");
    let fact = golden(&stored, 1, "1969-12-31T23:59:59.25Z");
    let Fact::Imported { form_version, cra, created_at, .. } = fact else { panic!("{fact:?}") };
    assert_eq!((form_version, created_at), (FormVersion::V1, "2021-05-18T22:30:00Z".parse().unwrap()));
    assert_eq!((cra.date, cra.participants), (date(2021, 5, 19), 1));
    assert_eq!(cra.themes, [Theme::Smartphone, Theme::Email, Theme::Other]);
}

#[test]
fn fields_of_a_newer_version_are_skipped() {
    for stored in [golden!("submitted"), golden!("withdrawn")] {
        let mut newer = stored.clone();
        // Field 500, varint 1; then field 501, two bytes.
        newer.extend([0xa0, 0x1f, 0x01, 0xaa, 0x1f, 0x02, b'h', b'i']);
        assert_eq!(Event::decode(&newer), Event::decode(&stored));
    }
}

#[track_caller]
fn unreadable(change: impl FnOnce(&mut v1::CraEvent), field: &str) {
    let mut message = v1::CraEvent::decode(&*golden!("submitted")).unwrap();
    change(&mut message);
    assert_eq!(Event::decode(&message.encode_to_vec()).unwrap_err().field, field);
}

fn submission(message: &mut v1::CraEvent) -> &mut Option<v1::Cra> {
    match &mut message.fact {
        Some(v1::cra_event::Fact::Submitted(submitted)) => &mut submitted.cra,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_variant_that_is_unknown_here_is_an_error() {
    unreadable(|message| message.fact = None, "fact");
    let mut newer =
        v1::CraEvent { fact: None, ..v1::CraEvent::decode(&*golden!("withdrawn")).unwrap() }.encode_to_vec();
    // Field 100 of the event: a future variant.
    newer.extend([0xa2, 0x06, 0x02, 0x08, 0x01]);
    assert_eq!(Event::decode(&newer).unwrap_err().field, "fact");
}

#[test]
fn an_event_without_a_mandatory_field_is_an_error() {
    assert_eq!(Event::decode(b"\xff").unwrap_err().field, "event");
    unreadable(|message| message.revision = 0, "revision");
    unreadable(|message| message.event_id = "1".into(), "event_id");
    unreadable(|message| message.cra_id.clear(), "cra_id");
    unreadable(|message| message.recorded_at = None, "recorded_at");
    unreadable(|message| message.recorded_at.as_mut().unwrap().seconds = i64::MAX, "recorded_at");
    unreadable(|message| *submission(message) = None, "cra");
    unreadable(|message| submission(message).as_mut().unwrap().themes.push(99), "themes");
    unreadable(|message| submission(message).as_mut().unwrap().place = None, "place");
    unreadable(|message| submission(message).as_mut().unwrap().participants = None, "participants");
    let imported = |form_version, document: &'static [u8]| {
        move |message: &mut v1::CraEvent| {
            let document = document.into();
            let imported = v1::LegacyCraImported { legacy_id: "1".into(), form_version, document };
            message.fact = Some(v1::cra_event::Fact::Imported(imported));
        }
    };
    unreadable(imported(4, b"{}"), "form_version");
    unreadable(imported(3, b"{}"), "document");
}

#[test]
fn a_recorded_event_is_read_back() {
    let message = v1::CraEvent::decode(&*golden!("submitted")).unwrap();
    let form = v1::Cra { participants: None, ..submission(&mut message.clone()).clone().unwrap() };
    let without_excess = v1::Cra { follow_up: None, ..form };
    let submission =
        Submission::parse(Some(&without_excess), "2024-03-05T12:00:00Z".parse().unwrap()).unwrap();
    let header = Header {
        event_id: Uuid::from_u128(1),
        cra_id: Uuid::from_u128(2),
        revision: 7,
        recorded_at: Timestamp::from_nanosecond(-1).unwrap(),
        origin: v1::Origin::default(),
    };
    let document = include_bytes!("../legacy/golden/v3-workshop.json");
    let events = [
        record::submitted(&header, &submission),
        record::corrected(&header, &submission, "erreur"),
        record::withdrawn(&header, "doublon"),
        record::imported(&header, "1", 3, document.as_slice().into()),
    ];
    let stored = events.each_ref().map(record::encode);
    let [submitted, corrected, withdrawn, imported] = stored.each_ref().map(|stored| {
        let event = Event::decode(stored).unwrap();
        assert_eq!((event.event_id, event.cra_id, event.revision), (header.event_id, header.cra_id, 7));
        assert_eq!(event.recorded_at, header.recorded_at);
        event.fact
    });
    let Fact::Submitted { cra, defaulted_participants: true } = submitted else { panic!("{submitted:?}") };
    assert_eq!(cra.into_owned(), *submission.cra());
    let Fact::Corrected { cra, defaulted_participants: true, reason: "erreur" } = corrected else {
        panic!("{corrected:?}")
    };
    assert_eq!(cra.into_owned(), *submission.cra());
    assert_eq!(withdrawn, Fact::Withdrawn { reason: "doublon" });
    assert!(matches!(imported, Fact::Imported { form_version: FormVersion::V3, .. }), "{imported:?}");
}

proptest! {
    #[test]
    fn an_instant_is_read_back_to_the_nanosecond(
        nanoseconds in Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond(),
        near in -3_000_000_000_i128..3_000_000_000,
    ) {
        for nanoseconds in [nanoseconds, near] {
            let instant = Timestamp::from_nanosecond(nanoseconds).unwrap();
            let message = timestamp_message(instant);
            prop_assert!((0..1_000_000_000).contains(&message.nanos), "{:?}", message);
            prop_assert_eq!(timestamp("at", Some(&message)), Ok(instant));
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
        let _ = Event::decode(&bytes);
        for mut stored in [golden!("submitted"), golden!("imported")] {
            let at = at.index(stored.len());
            stored[at] = byte;
            let _ = Event::decode(&stored);
            let _ = Event::decode(&stored[..at]);
        }
    }
}
