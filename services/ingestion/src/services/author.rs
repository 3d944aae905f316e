//! Who causes an event, and which CRAs they may touch: what a request's caller means to the decisions.

use std::sync::Arc;

use cra_contracts::v1::{self, cra_event::Fact};
use cra_domain::cra::Cra;
use cra_domain::perimeter::Perimeter;
use cra_runtime::identity::Caller;
use uuid::Uuid;

use crate::decisions::History;
use crate::decisions::import::OtherDocument;
use crate::refused::Refused;

/// The caller of a write; clones share it.
#[derive(Clone)]
pub(super) struct Author(Arc<Caller>);

impl Author {
    pub(super) fn new(caller: Arc<Caller>) -> Self {
        Self(caller)
    }

    fn perimeter(&self) -> &Perimeter {
        &self.0.perimeter
    }

    /// What the event keeps of the author.
    pub(super) fn origin(&self) -> v1::Origin {
        v1::Origin { client_id: self.0.client_id.clone(), subject: self.0.subject.clone() }
    }

    /// Whether what is to be recorded lies within the perimeter. Asked before anything is read: the answer follows
    /// from the request alone.
    pub(super) fn may_record(&self, cra: &Cra) -> Result<(), Refused> {
        if self.perimeter().covers(cra) { Ok(()) } else { Err(Refused::BeyondPerimeter) }
    }

    /// The same of a correction that was decided.
    pub(super) fn may_record_event(&self, event: &v1::CraEvent) -> Result<(), Refused> {
        match &event.fact {
            Some(Fact::Corrected(v1::CraCorrected { cra: Some(cra), .. })) => self.may_record_form(cra),
            _ => Ok(()),
        }
    }

    /// The same of a form that may break rules.
    pub(super) fn may_record_form(&self, form: &v1::Cra) -> Result<(), Refused> {
        if self.perimeter().covers_message(form) { Ok(()) } else { Err(Refused::BeyondPerimeter) }
    }

    /// Whether a CRA as it stands lies within the perimeter. One outside does not exist for this caller.
    pub(super) fn may_see(&self, cra_id: Uuid, history: &History) -> Result<(), Refused> {
        if history.lies_within(self.perimeter()) { Ok(()) } else { Err(Refused::NotFound { cra_id }) }
    }

    /// The events of a CRA that the caller may see; a CRA without one inside the perimeter does not exist for it.
    pub(super) fn history(&self, cra_id: Uuid, history: History) -> Result<Vec<v1::CraEvent>, Refused> {
        history.shown_within(self.perimeter()).ok_or(Refused::NotFound { cra_id })
    }

    /// Why an id that is taken with another content is refused: that it is taken is told only to those who may see it.
    pub(super) fn taken(&self, cra_id: Uuid, history: &History) -> Refused {
        match self.may_see(cra_id, history) {
            Ok(()) => Refused::OtherContent { cra_id },
            Err(_) => Refused::BeyondPerimeter,
        }
    }

    /// Likewise of a document that is not the one recorded under its id: which fields differ is for those who may see
    /// the CRA.
    pub(super) fn taken_with(&self, cra_id: Uuid, history: &History, other: OtherDocument) -> Refused {
        match self.may_see(cra_id, history) {
            Ok(()) => Refused::OtherDocument { cra_id, other },
            Err(_) => Refused::BeyondPerimeter,
        }
    }

    /// Whether a later version may follow what is recorded of a CRA: nothing, or what the caller may see.
    pub(super) fn may_follow(&self, cra_id: Uuid, history: &History) -> Result<(), Refused> {
        match history.first() {
            None => Ok(()),
            Some(_) => self.may_see(cra_id, history).map_err(|_| Refused::BeyondPerimeter),
        }
    }

    /// Tells the log of the process that somebody read a CRA: who and which, never what it says.
    pub(super) fn reads(&self, call: &'static str, cra_id: Uuid) {
        let Caller { client_id, subject, .. } = &*self.0;
        tracing::info!(target: "cra::audit", call, client_id, subject, %cra_id, "a CRA was read");
    }
}
