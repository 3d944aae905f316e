//! Compares the columns of a generation with its store: each fact with its entry in the columns, the latest fact of
//! each CRA, and the sums with a count of the facts.

use std::sync::atomic::AtomicBool;

use cra_domain::selection::Selection;
use cra_eventlog::Position;

use super::DIFFERENCES_MAX;
use crate::generations::Generation;
use crate::store::{EventEffect, StoreError};
use cra_analytics::accumulator::Accumulator;
use cra_analytics::columns::{Candidates, Columns, ScanRequest, Snapshot};
use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::Fact;
use cra_analytics::filter::Filter;
use cra_analytics::packed_fact::{FactRef, PackedFact};
use cra_analytics::scope::Scope;

/// Adds the differences between a snapshot of a generation's columns and its store.
pub(super) fn compare(
    generation: &Generation,
    columns: &Columns,
    counted: &Snapshot,
    found: &mut Vec<String>,
) -> Result<(), StoreError> {
    for entry in generation.session()?.effects(Position::START..=Position(counted.position())) {
        if found.len() >= DIFFERENCES_MAX {
            return Ok(());
        }
        let (position, EventEffect { ended, began, .. }) = entry?;
        if !is_counted_as_stored(counted, position, ended, began.as_ref()) {
            found.push(format!("what the event at position {position} did is counted as something else"));
        }
        if let Some(fact) = began
            && !is_found(columns, position, &fact)
        {
            found.push(format!("CRA {} is not found at its last content", fact.cra_id));
        }
    }
    if gathered(counted, Sums::Days) != gathered(counted, Sums::Facts) {
        found.push("the sums differ from those of the facts".to_owned());
    }
    Ok(())
}

fn is_counted_as_stored(
    counted: &Snapshot,
    position: Position,
    ended: Option<u64>,
    began: Option<&Fact>,
) -> bool {
    let ends = ended.is_none_or(|from| counted.ended(from) == Some(position.0));
    ends && match (counted.fact(position.0), began.map(PackedFact::of)) {
        (None, None) => true,
        (Some(fact), Some((fixed, overflow))) => fact.is_same(&FactRef::of(&fixed, &overflow)),
        _ => false,
    }
}

/// Whether the latest fact of a CRA is this one or a later one.
fn is_found(columns: &Columns, position: Position, fact: &Fact) -> bool {
    columns.candidates(fact.cra_id).into_iter().any(|latest| latest >= position.0)
}

#[derive(Clone, Copy)]
enum Sums {
    Days,
    Facts,
}

/// Everything in force, counted in one of two ways.
fn gathered(counted: &Snapshot, sums: Sums) -> Option<cra_analytics::totals::Totals> {
    let mut gathered = Accumulator::default();
    match sums {
        Sums::Days => {
            let one = std::slice::from_mut(&mut gathered);
            let left = counted.gather_sums(Scope::Country, &(i32::MIN..=i32::MAX), |_| Some(0), one);
            if !left.is_empty() {
                return None;
            }
        }
        Sums::Facts => {
            let everything = Filter::bind(&Selection::default(), &Dictionary::default());
            let add = |gathered: &mut Accumulator, _, fact: FactRef<'_>| gathered.add(&fact);
            let cancelled = AtomicBool::new(false);
            let candidates = Candidates::Everything;
            let position = counted.position();
            let request = ScanRequest { position, filter: &everything, candidates, cancelled: &cancelled };
            gathered = counted.count(request, Accumulator::default, add, Accumulator::merge)?;
        }
    }
    Some(gathered.totals())
}
