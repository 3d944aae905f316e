//! New facts in the form that the log stores.

use bytes::Bytes;
use cra_contracts::v1::{self, cra_event::Fact};
use jiff::Timestamp;
use prost::Message as _;
use uuid::Uuid;

use super::timestamp_message;
use crate::cra::Submission;

/// What ingestion decides of every event, whatever the fact: identifiers, rank, time and who caused it.
#[derive(Clone, Debug)]
pub struct Header {
    /// Unique per event.
    pub event_id: Uuid,
    /// The CRA it is about.
    pub cra_id: Uuid,
    /// Rank among the CRA's events, from 1.
    pub revision: u64,
    /// Now.
    pub recorded_at: Timestamp,
    /// Authenticated platform and person; empty where no identity is configured.
    pub origin: v1::Origin,
}

/// A CRA of today's form, its defaults written in.
#[must_use]
pub fn submitted(header: &Header, submission: &Submission) -> v1::CraEvent {
    let fact = Fact::Submitted(v1::CraSubmitted {
        cra: Some(submission.cra().to_message()),
        defaulted_fields: defaulted_fields(submission),
    });
    event(header, fact)
}

/// A CRA's new content, its defaults written in, and why it was corrected.
#[must_use]
pub fn corrected(header: &Header, submission: &Submission, reason: &str) -> v1::CraEvent {
    let fact = Fact::Corrected(v1::CraCorrected {
        cra: Some(submission.cra().to_message()),
        reason: reason.to_owned(),
        defaulted_fields: defaulted_fields(submission),
    });
    event(header, fact)
}

/// A CRA taken out of the statistics, and why.
#[must_use]
pub fn withdrawn(header: &Header, reason: &str) -> v1::CraEvent {
    event(header, Fact::Withdrawn(v1::CraWithdrawn { reason: reason.to_owned() }))
}

/// A CRA of an older form, or a later version of its document, kept byte for byte.
#[must_use]
pub fn imported(header: &Header, legacy_id: &str, form_version: u32, document: Bytes) -> v1::CraEvent {
    let legacy_id = legacy_id.to_owned();
    event(header, Fact::Imported(v1::LegacyCraImported { legacy_id, form_version, document }))
}

/// The bytes that the log keeps.
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
    }
}
