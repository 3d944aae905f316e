//! The author of a write: the origin of its event, and the CRAs that they may access.

use std::sync::Arc;

use cra_contracts::v1::{self, cra_event::Fact};
use cra_domain::cra::{Cra, check_cra_id};
use cra_domain::perimeter::Perimeter;
use cra_runtime::audit::{Kind, Trail};
use cra_runtime::identity::Caller;
use tonic::Status;
use uuid::Uuid;

use crate::decisions::History;
use crate::decisions::import::OtherDocument;
use crate::refused::Refused;

/// The caller of a write; clones share it.
#[derive(Clone)]
pub(super) struct Author {
    caller: Arc<Caller>,
    trail: Trail,
}

impl Author {
    pub(super) fn new(caller: Arc<Caller>, trail: Trail) -> Self {
        Self { caller, trail }
    }

    fn perimeter(&self) -> &Perimeter {
        &self.caller.perimeter
    }

    /// The author in the event's form.
    pub(super) fn origin(&self) -> v1::Origin {
        v1::Origin { client_id: self.caller.client_id.clone(), subject: self.caller.subject.clone() }
    }

    /// Whether content may be recorded, by the perimeter. Checked before anything is read: the answer depends only on
    /// the request.
    pub(super) fn may_record(&self, cra: &Cra) -> Result<(), Refused> {
        if self.perimeter().covers(cra) { Ok(()) } else { Err(Refused::BeyondPerimeter) }
    }

    /// The same for a decided correction.
    pub(super) fn may_record_event(&self, event: &v1::CraEvent) -> Result<(), Refused> {
        match &event.fact {
            Some(Fact::Corrected(v1::CraCorrected { cra: Some(cra), .. })) => self.may_record_form(cra),
            _ => Ok(()),
        }
    }

    /// The same for a form that may break rules.
    pub(super) fn may_record_form(&self, form: &v1::Cra) -> Result<(), Refused> {
        if self.perimeter().covers_message(form) { Ok(()) } else { Err(Refused::BeyondPerimeter) }
    }

    /// Whether the current CRA is inside the perimeter. A CRA outside appears not to exist.
    pub(super) fn may_see(&self, cra_id: Uuid, history: &History) -> Result<(), Refused> {
        if history.lies_within(self.perimeter()) { Ok(()) } else { Err(Refused::NotFound { cra_id }) }
    }

    /// The events of a CRA that the caller may see; without one inside the perimeter the CRA appears not to exist.
    pub(super) fn history(&self, cra_id: Uuid, history: History) -> Result<Vec<v1::CraEvent>, Refused> {
        history.shown_within(self.perimeter()).ok_or(Refused::NotFound { cra_id })
    }

    /// The refusal of an id that belongs to other content; only callers that may see the CRA learn that.
    pub(super) fn taken(&self, cra_id: Uuid, history: &History) -> Refused {
        match self.may_see(cra_id, history) {
            Ok(()) => Refused::OtherContent { cra_id },
            Err(_) => Refused::BeyondPerimeter,
        }
    }

    /// The refusal of a document that differs from the recorded one; only callers that may see the CRA learn the
    /// differing fields.
    pub(super) fn taken_with(&self, cra_id: Uuid, history: &History, other: OtherDocument) -> Refused {
        match self.may_see(cra_id, history) {
            Ok(()) => Refused::OtherDocument { cra_id, other },
            Err(_) => Refused::BeyondPerimeter,
        }
    }

    /// Whether a later version may follow the recorded events: there are none, or the caller may see them.
    pub(super) fn may_follow(&self, cra_id: Uuid, history: &History) -> Result<(), Refused> {
        match history.first() {
            None => Ok(()),
            Some(_) => self.may_see(cra_id, history).map_err(|_| Refused::BeyondPerimeter),
        }
    }

    /// Starts the audit record of a read, before anything is read.
    pub(super) fn reads(&self, cra_id: Uuid) -> Result<(), Status> {
        self.trail.begin(Kind::Read)?;
        self.trail.about("craId", cra_id.to_string());
        Ok(())
    }

    /// Adds to the record how much was shown.
    pub(super) fn was_shown(&self, events: &[v1::CraEvent]) {
        self.trail.add_rows(events.len());
    }

    /// Starts the audit record of a correction or a withdrawal, before anything is read or changed.
    pub(super) fn changes(&self, cra_id: &str, expected_revision: u64) -> Result<(), Status> {
        self.trail.begin(Kind::Change)?;
        // Only a valid id is recorded.
        if let Ok(cra_id) = check_cra_id(cra_id) {
            self.trail.about("craId", cra_id.to_string());
        }
        self.trail.about("expectedRevision", expected_revision);
        Ok(())
    }
}
