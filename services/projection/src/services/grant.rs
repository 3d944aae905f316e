//! Whether a caller's grant allows a query. The query is answered completely or refused, never narrowed to what is
//! granted.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::perimeter::Perimeter;
use cra_domain::selection::Selection;
use cra_runtime::audit::Trail;
use cra_runtime::identity::{Caller, Callers, Scope};
use cra_runtime::rejection::{BEYOND_PERIMETER, Rejection, SCOPE_MISSING};
use tonic::{Request, Status};
use uuid::Uuid;

use crate::queries::QueryError;

/// The caller of a query, and its audit record.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) caller: Arc<Caller>,
    pub(super) trail: Trail,
}

/// The right that a request requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Figures of a selection, broken down by these dimensions; 0 means none.
    Counts {
        /// Numbers of [`v1::Dimension`].
        dimensions: [i32; 2],
    },
    /// The CRAs of a selection.
    Reads,
    /// A file of figures.
    FileOfFigures {
        /// Number of the [`v1::Dimension`] of a breakdown, else 0.
        dimension: i32,
    },
    /// A file of CRAs.
    FileOfCras,
    /// A file without a valid content, which will be refused.
    UnnamedFile,
    /// One CRA, which is checked once it is found.
    One,
}

impl Grant {
    pub(super) fn of<T>(callers: Callers, request: &Request<T>) -> Result<Self, Status> {
        Ok(Self { caller: callers.of(request)?, trail: Trail::of(request) })
    }

    /// Identity and perimeter of the caller, for page tokens; rights are checked with each page.
    pub(super) fn owner(&self) -> String {
        let Caller { client_id, subject, perimeter, .. } = &*self.caller;
        // Neither contains a control character.
        format!("{client_id}\n{subject}\n{}", perimeter.canonical())
    }

    /// Whether the caller may only see public figures. They cover the whole country, whatever the perimeter.
    pub(super) fn is_public(&self) -> bool {
        self.caller.sees_public_statistics_only()
    }

    /// Whether the caller's scopes allow the query.
    pub(super) fn check_scope(&self, right: Right) -> Result<(), Status> {
        match right {
            Right::Counts { .. } => self.holds(Scope::Statistics, "exact figures"),
            Right::FileOfFigures { .. } => self.holds(Scope::Statistics, "a file of figures"),
            Right::FileOfCras => self.holds(Scope::Read, "a file of CRAs"),
            Right::Reads | Right::UnnamedFile | Right::One => Ok(()),
        }
    }

    /// Whether the selection is inside the perimeter.
    pub(super) fn check_perimeter(&self, right: Right, selection: &Selection) -> Result<(), Status> {
        match right {
            Right::One => Ok(()),
            _ => self.covers(selection),
        }
    }

    /// Whether a found CRA may be shown. One outside the perimeter appears not to exist.
    pub(super) fn shows(&self, cra_id: Uuid, cra: Option<&v1::Cra>) -> Result<(), Status> {
        let perimeter = &self.caller.perimeter;
        let is_covered = match perimeter {
            Perimeter::National => true,
            Perimeter::Within(_) => cra.is_some_and(|cra| perimeter.covers_message(cra)),
        };
        if is_covered { Ok(()) } else { Err(QueryError::NoSuchCra(cra_id).into()) }
    }

    fn holds(&self, scope: Scope, what: &str) -> Result<(), Status> {
        if self.caller.may(scope) { Ok(()) } else { Err(missing(scope, what)) }
    }

    fn covers(&self, selection: &Selection) -> Result<(), Status> {
        if self.caller.perimeter.allows(selection) {
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
