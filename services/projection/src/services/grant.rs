//! What a caller's grant means to a question: whether it may be asked at all. It is answered whole or refused, never
//! narrowed to what is granted.

use std::sync::Arc;

use cra_contracts::json;
use cra_contracts::v1;
use cra_domain::perimeter::Perimeter;
use cra_domain::selection::Selection;
use cra_runtime::identity::{Caller, Scope};
use cra_runtime::rejection::{BEYOND_PERIMETER, Rejection, SCOPE_MISSING};
use prost::Message as _;
use tonic::Status;
use uuid::Uuid;

use crate::queries::QueryError;

/// Largest selection that the log of reads shows, as it comes over the wire; of others it tells the size.
const SELECTION_BYTES_MAX: usize = 2_000;

/// The caller of a question.
#[derive(Clone)]
pub(super) struct Grant(pub(super) Arc<Caller>);

/// What a request needs of the caller's grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Exact figures of a selection.
    Counts,
    /// The CRAs of a selection; the method, for the log of reads.
    Reads(&'static str),
    /// A file of figures.
    FileOfFigures,
    /// A file of CRAs.
    FileOfCras,
    /// A file of which the request does not name the content, so that it will be refused.
    UnnamedFile,
    /// One CRA, which is judged once it is found.
    One,
}

impl Grant {
    /// Who asks and what is granted of the CRAs, as tokens of pages know it: rights are checked with each page.
    pub(super) fn owner(&self) -> String {
        let Caller { client_id, subject, perimeter, .. } = &*self.0;
        // Neither holds a control character.
        format!("{client_id}\n{subject}\n{}", perimeter.canonical())
    }

    /// Whether the caller may see public figures only. They are of the whole country, whatever the perimeter.
    pub(super) fn is_public(&self) -> bool {
        self.0.sees_public_statistics_only()
    }

    /// Whether the caller's scopes let it ask such a question at all.
    pub(super) fn may_ask(&self, right: Right) -> Result<(), Status> {
        match right {
            Right::Counts => self.holds(Scope::Statistics, "exact figures"),
            Right::FileOfFigures => self.holds(Scope::Statistics, "a file of figures"),
            Right::FileOfCras => self.holds(Scope::Read, "a file of CRAs"),
            Right::Reads(_) | Right::UnnamedFile | Right::One => Ok(()),
        }
    }

    /// Whether the selection lies within the perimeter.
    pub(super) fn may_select(&self, right: Right, selection: &Selection) -> Result<(), Status> {
        match right {
            Right::One => Ok(()),
            _ => self.covers(selection),
        }
    }

    /// Writes a question that shows CRAs to the log of reads.
    pub(super) fn records(&self, right: Right, selection: &Selection) {
        let call = match right {
            Right::Reads(call) => call,
            Right::FileOfCras => "Export",
            _ => return,
        };
        let selection = match selection.message().encoded_len() {
            ..=SELECTION_BYTES_MAX => json::to_value(selection.message()).to_string(),
            bytes => format!("a selection of {bytes} bytes"),
        };
        let Caller { client_id, subject, .. } = &*self.0;
        tracing::info!(target: "cra::audit", call, client_id, subject, selection, "CRAs are read");
    }

    /// Whether a CRA that was found may be shown. One outside does not exist for this caller.
    pub(super) fn shows(
        &self,
        call: &'static str,
        cra_id: Uuid,
        cra: Option<&v1::Cra>,
    ) -> Result<(), Status> {
        let Caller { client_id, subject, perimeter, .. } = &*self.0;
        let is_covered = match perimeter {
            Perimeter::National => true,
            Perimeter::Within(_) => cra.is_some_and(|cra| perimeter.covers_message(cra)),
        };
        if !is_covered {
            return Err(QueryError::NoSuchCra(cra_id).into());
        }
        tracing::info!(target: "cra::audit", call, client_id, subject, %cra_id, "a CRA was read");
        Ok(())
    }

    /// Tells the log of the process that events were read with what they hold.
    pub(super) fn reads_events(&self, call: &'static str, events: usize) {
        let Caller { client_id, subject, .. } = &*self.0;
        tracing::info!(target: "cra::audit", call, client_id, subject, events, "events were read");
    }

    fn holds(&self, scope: Scope, what: &str) -> Result<(), Status> {
        if self.0.may(scope) { Ok(()) } else { Err(missing(scope, what)) }
    }

    fn covers(&self, selection: &Selection) -> Result<(), Status> {
        if self.0.perimeter.allows(selection) {
            return Ok(());
        }
        let message = "the selection reaches beyond what the token grants: name advisors, structures, departments or \
                       regions, all of them granted";
        Err(Rejection::new(BEYOND_PERIMETER, message)
            .in_french("Cette sélection dépasse votre périmètre.")
            .into())
    }
}

fn missing(scope: Scope, what: &str) -> Status {
    Rejection::new(SCOPE_MISSING, format!("the token does not grant {}, which {what} needs", scope.name()))
        .with("scope", scope.name())
        .into()
}
