//! Events as ingestion writes them, for read models in this process.

use cra_contracts::v1 as pb;
use cra_domain::event::timestamp_message;
use pb::cra_event::Fact;

/// The id of the n-th CRA.
pub(crate) fn id(n: u128) -> String {
    uuid::Uuid::from_u128(n).to_string()
}

/// An event of the n-th CRA, recorded on that day of March 2024.
pub(crate) fn event(n: u128, revision: u64, march: u32, fact: Fact) -> pb::CraEvent {
    let recorded_at = format!("2024-03-{march:02}T12:00:00Z").parse().unwrap();
    pb::CraEvent {
        event_id: id(n << 64 | u128::from(revision)),
        cra_id: id(n),
        revision,
        recorded_at: Some(timestamp_message(recorded_at)),
        origin: None,
        fact: Some(fact),
        moved: false,
        forgotten: None,
    }
}

/// The submission of the n-th CRA.
pub(crate) fn submitted(n: u128, march: u32, cra: pb::Cra) -> pb::CraEvent {
    event(n, 1, march, Fact::Submitted(pb::CraSubmitted { cra: Some(cra), defaulted_fields: vec![] }))
}
