//! Golden bytes of events as the log holds them. They are never regenerated: a contract that reads them differently, or
//! loses a field, breaks every existing log.

#![allow(clippy::unwrap_used)]

use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use prost::Message as _;

const EVENTS: [(&str, &str); 4] = [
    ("submitted", include_str!("../golden/submitted.hex")),
    ("corrected", include_str!("../golden/corrected.hex")),
    ("withdrawn", include_str!("../golden/withdrawn.hex")),
    ("imported", include_str!("../golden/imported.hex")),
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_kind_of_event_is_kept_as_bytes_and_reads_as_itself() {
    for (kind, hex) in EVENTS {
        let event = v1::CraEvent::decode(&*bytes(hex)).unwrap();
        let read = match event.fact.as_ref().unwrap() {
            Fact::Submitted(_) => "submitted",
            Fact::Corrected(_) => "corrected",
            Fact::Withdrawn(_) => "withdrawn",
            Fact::Imported(_) => "imported",
        };
        assert_eq!(read, kind);
        assert_eq!(event.cra_id, "0190b2c4-0000-7000-8000-000000000001");
        assert_eq!(event.recorded_at.unwrap().nanos, 250_000_000);
        assert_eq!(event.origin.unwrap().client_id, "plateforme-1");
    }
}

#[test]
fn no_field_of_a_stored_event_is_lost() {
    for (kind, hex) in EVENTS {
        let stored = bytes(hex);
        // A field that the contract no longer knows would be missing here.
        assert_eq!(v1::CraEvent::decode(&*stored).unwrap().encode_to_vec(), stored, "{kind}");
    }
}
