//! Builds the stored messages of new facts.

use bytes::Bytes;
use cra_contracts::v1::{self, cra_event::Fact};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use super::timestamp_message;
use crate::cra::Submission;

/// Fields that every event has, whatever its fact; decided by ingestion.
#[derive(Clone, Debug)]
pub struct Header {
    /// Unique per event.
    pub event_id: Uuid,
    /// The CRA that the event is about.
    pub cra_id: Uuid,
    /// Rank among the CRA's events, from 1.
    pub revision: u64,
    /// Time of recording.
    pub recorded_at: Timestamp,
    /// Authenticated platform and person; empty if no identity is configured.
    pub origin: v1::Origin,
}

/// A CRA of today's form, with its defaults written out.
#[must_use]
pub fn submitted(header: &Header, submission: &Submission) -> v1::CraEvent {
    let fact = Fact::Submitted(v1::CraSubmitted {
        cra: Some(submission.cra().to_message()),
        defaulted_fields: defaulted_fields(submission),
    });
    event(header, fact)
}

/// The new content of a CRA, with its defaults written out, and the reason.
#[must_use]
pub fn corrected(header: &Header, submission: &Submission, reason: &str) -> v1::CraEvent {
    let fact = Fact::Corrected(v1::CraCorrected {
        cra: Some(submission.cra().to_message()),
        reason: reason.to_owned(),
        defaulted_fields: defaulted_fields(submission),
    });
    event(header, fact)
}

/// The withdrawal of a CRA from the statistics, and the reason.
#[must_use]
pub fn withdrawn(header: &Header, reason: &str) -> v1::CraEvent {
    event(header, Fact::Withdrawn(v1::CraWithdrawn { reason: reason.to_owned() }))
}

/// A CRA of an older form, or a later version of its document; the document is stored byte for byte.
#[must_use]
pub fn imported(header: &Header, legacy_id: &str, form_version: u32, document: Bytes) -> v1::CraEvent {
    let legacy_id = legacy_id.to_owned();
    event(header, Fact::Imported(v1::LegacyCraImported { legacy_id, form_version, document }))
}

/// The bytes that the log stores.
#[must_use]
pub fn encode(event: &v1::CraEvent) -> Bytes {
    event.encode_to_vec().into()
}

fn defaulted_fields(submission: &Submission) -> Vec<String> {
    submission.defaulted().iter().map(|default| default.field.to_owned()).collect()
}

fn event(header: &Header, fact: Fact) -> v1::CraEvent {
    v1::CraEvent {
        event_id: header.event_id.to_string(),
        cra_id: header.cra_id.to_string(),
        revision: header.revision,
        recorded_at: Some(timestamp_message(header.recorded_at)),
        origin: Some(header.origin.clone()),
        fact: Some(fact),
        moved: false,
        forgotten: None,
    }
}
