//! The CRAs after the last event, replayed one event at a time.

use std::collections::BTreeMap;

use cra_contracts::v1;
use cra_contracts::v1::cra_event::Fact;
use cra_domain::cra::Cra;
use cra_domain::event;
use cra_domain::legacy;
use jiff::Timestamp;

/// Path of a number of participants that was left to the form.
const PARTICIPANTS: &str = "cra.participants";

/// The current state of one CRA.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) withdrawn: bool,
    pub(super) cra: v1::Cra,
    /// Time of the first record, in the older system if there was one.
    pub(super) recorded_at: Timestamp,
    pub(super) defaulted_participants: bool,
    /// The client that recorded it first.
    pub(super) client_id: String,
    /// Position of the event with the current content.
    pub(super) position: u64,
    /// The record of the current content.
    pub(super) record: v1::CraRecord,
    /// Revision of the last event.
    last_revision: u64,
}

impl Standing {
    /// Time at which our log recorded its first event.
    pub(super) fn record_time(&self) -> (i64, i32) {
        let at = self.record.recorded_at.unwrap();
        (at.seconds, at.nanos)
    }

    /// Replaces the content by that of an event.
    fn replace(&mut self, event: &v1::CraEvent, position: u64, cra: v1::Cra, defaulted_participants: bool) {
        self.position = position;
        self.last_revision = event.revision;
        self.defaulted_participants = defaulted_participants;
        self.record.revision = event.revision;
        self.record.cra = Some(as_returned(&cra));
        self.record.corrected_at = event.recorded_at;
        self.record.forgotten = event.forgotten;
        self.cra = cra;
    }
}

/// Every CRA by its id.
#[derive(Clone, Default)]
pub(super) struct Log {
    pub(super) standing: BTreeMap<String, Standing>,
    position: u64,
}

impl Log {
    /// The log with exactly these events.
    pub(super) fn of(events: &[v1::CraEvent]) -> Self {
        let mut log = Self::default();
        for event in events {
            log.take(event);
        }
        log
    }

    /// The CRAs that are not withdrawn.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &Standing> {
        self.standing.values().filter(|standing| !standing.withdrawn)
    }

    /// Applies the next event and returns whether it changed its CRA: an event out of turn or an unreadable one changes
    /// nothing.
    pub(super) fn take(&mut self, event: &v1::CraEvent) -> bool {
        self.position += 1;
        let last = self.standing.get_mut(&event.cra_id);
        let follows = match &last {
            None => event.revision == 1,
            Some(last) => event.revision == last.last_revision + 1 && !last.withdrawn,
        };
        if !follows {
            return false;
        }
        match (event.fact.as_ref().unwrap(), last) {
            (Fact::Submitted(submitted), None) => {
                let recorded_at = event::timestamp("recorded_at", event.recorded_at.as_ref()).unwrap();
                let defaulted = submitted.defaulted_fields.contains(&PARTICIPANTS.to_owned());
                self.begin(event, 0, submitted.cra.clone().unwrap(), recorded_at, defaulted);
            }
            (Fact::Imported(imported), last) => {
                let Ok(upcast) = legacy::upcast(&imported.document) else {
                    return false;
                };
                let cra = upcast.cra.to_message();
                match last {
                    None => self.begin(event, imported.form_version, cra, upcast.created_at, false),
                    Some(standing) => {
                        standing.recorded_at = upcast.created_at;
                        standing.record.legacy_form_version = imported.form_version;
                        standing.replace(event, self.position, cra, false);
                    }
                }
            }
            (Fact::Corrected(corrected), Some(standing)) => {
                let defaulted = corrected.defaulted_fields.contains(&PARTICIPANTS.to_owned());
                standing.replace(event, self.position, corrected.cra.clone().unwrap(), defaulted);
            }
            (Fact::Withdrawn(_), Some(standing)) => {
                standing.last_revision = event.revision;
                standing.withdrawn = true;
            }
            _ => return false,
        }
        true
    }

    fn begin(
        &mut self,
        event: &v1::CraEvent,
        legacy_form_version: u32,
        cra: v1::Cra,
        recorded_at: Timestamp,
        defaulted_participants: bool,
    ) {
        let record = v1::CraRecord {
            cra_id: event.cra_id.clone(),
            revision: 1,
            cra: Some(as_returned(&cra)),
            recorded_at: event.recorded_at,
            corrected_at: None,
            legacy_form_version,
            forgotten: event.forgotten,
        };
        let standing = Standing {
            withdrawn: false,
            cra,
            recorded_at,
            defaulted_participants,
            client_id: event.origin.clone().unwrap_or_default().client_id,
            position: self.position,
            record,
            last_revision: 1,
        };
        self.standing.insert(event.cra_id.clone(), standing);
    }
}

/// A CRA as the projection returns it: all defaults written out, themes and sub-themes in the contract's order.
fn as_returned(cra: &v1::Cra) -> v1::Cra {
    let mut as_returned = Cra::from_message(cra).unwrap().to_message();
    as_returned.themes.sort_unstable();
    as_returned.sub_themes.sort_unstable();
    as_returned
}
