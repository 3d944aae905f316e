//! The effects of the events after a position on the CRAs of a selection, in the log's order, from the read models.

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::selection::Selection;
use cra_eventlog::Position;
use uuid::Uuid;

use super::QueryError;
use super::scan::record_in;
use crate::generations::Generation;
use crate::store::EventEffect;
use cra_analytics::fact::Fact;
use cra_analytics::filter::Filter;

/// Number of positions processed at a time.
pub(super) const POSITIONS_MAX: u64 = 1_000;

/// The effect of an event on a selection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// The CRA has this content from then on.
    Upsert(Box<v1::CraRecord>),
    /// The CRA no longer counts: corrected out of the selection, or withdrawn.
    Removal(Uuid),
}

/// A range of positions: after one, up to and including another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) after: Position,
    pub(super) until: Position,
}

/// The effects in a span, each with its position. Blocks.
pub(super) fn effects(
    generation: &Arc<Generation>,
    selection: &Selection,
    span: Span,
) -> Result<Vec<(Position, Effect)>, QueryError> {
    let mut effects = Vec::new();
    each_concerned(generation, selection, span, |position, met| {
        let effect = match met {
            Met { began: Some(fact), .. } => Effect::Upsert(Box::new(record_in(generation, &fact)?)),
            Met { ended: Some(fact), .. } => Effect::Removal(fact.cra_id),
            Met { .. } => return Ok(Next::GoOn),
        };
        effects.push((position, effect));
        Ok(Next::GoOn)
    })?;
    Ok(effects)
}

/// Whether a span has an effect on a selection. Blocks.
pub(super) fn concerns(
    generation: &Arc<Generation>,
    selection: &Selection,
    span: Span,
) -> Result<bool, QueryError> {
    let mut concerned = false;
    each_concerned(generation, selection, span, |_, _| {
        concerned = true;
        Ok(Next::Stop)
    })?;
    Ok(concerned)
}

enum Next {
    GoOn,
    Stop,
}

/// The facts of an event that match a selection: at least one.
struct Met {
    ended: Option<Fact>,
    began: Option<Fact>,
}

fn each_concerned(
    generation: &Arc<Generation>,
    selection: &Selection,
    span: Span,
    mut take: impl FnMut(Position, Met) -> Result<Next, QueryError>,
) -> Result<(), QueryError> {
    if span.until <= span.after {
        return Ok(());
    }
    let session = generation.session()?;
    // Bound again for each span: identifiers without facts may have got some since.
    let filter = Filter::bind(selection, &generation.dictionary().read());
    for effect in session.effects(span.after.next()..=span.until) {
        let (position, EventEffect { ended, began, .. }) = effect?;
        let ended = ended.map(|from| session.fact(from)).transpose()?;
        let counted = |fact: Option<Fact>| fact.filter(|fact| filter.matches_fact(fact));
        let met = Met { ended: counted(ended), began: counted(began) };
        if (met.ended.is_some() || met.began.is_some()) && matches!(take(position, met)?, Next::Stop) {
            return Ok(());
        }
    }
    Ok(())
}
