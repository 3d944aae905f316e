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

use super::listing::Page;
use crate::queries::QueryError;
use crate::views::small_counts::Base;

/// Largest selection that the log of reads shows, as it comes over the wire; of others it tells the size.
const SELECTION_BYTES_MAX: usize = 2_000;

/// The caller of a question.
#[derive(Clone)]
pub(super) struct Grant(pub(super) Arc<Caller>);

/// What a request needs of the caller's grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Figures of a selection, broken down by these dimensions; 0 is none.
    Counts {
        /// Numbers of [`v1::Dimension`].
        dimensions: [i32; 2],
    },
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

    /// Whether a page may be shown: one after the first shows the position of the first, which is past.
    pub(super) fn counts_on(&self, page: &Page<impl Copy>) -> Result<(), Status> {
        if page.continues() && self.0.sees_public_statistics_only() {
            return Err(missing(Scope::Statistics, "figures of the past"));
        }
        Ok(())
    }

    /// Whether the caller's scopes let it ask such a question at all. Public figures are of now and never by advisor: a
    /// public count of each position would show where it passes a multiple of the base.
    pub(super) fn may_ask(&self, right: Right, asked: Option<&v1::Consistency>) -> Result<(), Status> {
        match right {
            Right::FileOfFigures => self.holds(Scope::Statistics, "a file of figures")?,
            Right::FileOfCras => self.holds(Scope::Read, "a file of CRAs")?,
            Right::Reads(_) => return Ok(()),
            Right::Counts { .. } | Right::UnnamedFile | Right::One => {}
        }
        if !self.0.sees_public_statistics_only() {
            return Ok(());
        }
        if asked.is_some_and(|asked| asked.as_of_position != 0 || asked.as_of_time.is_some()) {
            return Err(missing(Scope::Statistics, "figures of the past"));
        }
        match right {
            Right::Counts { dimensions } if dimensions.contains(&v1::Dimension::Advisor.into()) => {
                Err(missing(Scope::Statistics, "figures of advisors"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the selection lies within the perimeter. Public figures are of the whole country, and never of one advisor.
    pub(super) fn may_select(&self, right: Right, selection: &Selection) -> Result<(), Status> {
        match right {
            Right::One => Ok(()),
            Right::Counts { .. } if self.0.sees_public_statistics_only() => {
                if selection.message().advisor_ids.is_empty() {
                    Ok(())
                } else {
                    Err(missing(Scope::Statistics, "figures of advisors"))
                }
            }
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

    /// What figures must be rounded to for this caller; none of one who sees them as they are.
    pub(super) fn rounds_to(&self, base: Base) -> Option<Base> {
        self.0.sees_public_statistics_only().then_some(base)
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

#[cfg(test)]
mod tests {
    use cra_runtime::rejection::reason_of;

    use super::*;

    fn holder_of(scopes: &[Scope]) -> Grant {
        Grant(Arc::new(Caller { scopes: scopes.iter().copied().collect(), ..Caller::anyone() }))
    }

    #[test]
    fn who_holds_public_figures_alone_sees_them_rounded_and_of_now_only() {
        let past = v1::Consistency { as_of_position: 7, ..v1::Consistency::default() };
        let own_write = v1::Consistency { min_position: 7, ..v1::Consistency::default() };
        let public = holder_of(&[Scope::PublicStatistics]);
        assert_eq!(public.rounds_to(Base::default()), Some(Base::default()));
        let counts = Right::Counts { dimensions: [0; 2] };
        let refused = public.may_ask(counts, Some(&past)).unwrap_err();
        assert_eq!(reason_of(&refused).as_deref(), Some("SCOPE_MISSING"));
        assert!(public.may_ask(counts, Some(&own_write)).is_ok() && public.may_ask(counts, None).is_ok());

        let full = holder_of(&[Scope::PublicStatistics, Scope::Statistics]);
        assert_eq!(full.rounds_to(Base::default()), None);
        assert!(full.may_ask(counts, Some(&past)).is_ok());
    }
}
