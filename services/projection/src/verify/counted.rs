//! Compares what a generation counts from with what it keeps: each fact with its place in the table, the latest fact of
//! each CRA, and the sums per day with a count of the facts.

use std::sync::atomic::AtomicBool;

use cra_domain::selection::Selection;
use cra_eventlog::Position;

use super::DIFFERENCES_MAX;
use crate::generations::Generation;
use crate::store::{Step, StoreError};
use crate::table::{Candidates, ScanRequest, Table, View};
use crate::views::accumulator::Accumulator;
use crate::views::dictionary::Dictionary;
use crate::views::fact::Fact;
use crate::views::filter::Filter;
use crate::views::packed_fact::{FactRef, PackedFact};
use crate::views::scope::Scope;

/// Adds the differences between a view of a generation's table and its store to those found.
pub(super) fn compare(
    generation: &Generation,
    table: &Table,
    view: &View,
    found: &mut Vec<String>,
) -> Result<(), StoreError> {
    for entry in generation.session()?.steps(Position::START..=view.position()) {
        if found.len() >= DIFFERENCES_MAX {
            return Ok(());
        }
        let (position, Step { ended, began, .. }) = entry?;
        if !is_counted_as_kept(view, position, ended, began.as_ref()) {
            found.push(format!("what the event at position {position} did is counted as something else"));
        }
        if let Some(fact) = began
            && !is_found(table, position, &fact)
        {
            found.push(format!("CRA {} is not found at its last content", fact.cra_id));
        }
    }
    if gathered(view, Sums::Days) != gathered(view, Sums::Facts) {
        found.push("the sums per day are not those of the facts".to_owned());
    }
    Ok(())
}

fn is_counted_as_kept(view: &View, position: Position, ended: Option<u64>, began: Option<&Fact>) -> bool {
    let ends = ended.is_none_or(|from| view.ended(from) == Some(position.0));
    ends && match (view.fact(position.0), began.map(PackedFact::of)) {
        (None, None) => true,
        (Some(counted), Some((fixed, overflow))) => counted.is_same(&FactRef::of(&fixed, &overflow)),
        _ => false,
    }
}

/// Whether the latest fact of a CRA is this one or a later one.
fn is_found(table: &Table, position: Position, fact: &Fact) -> bool {
    table.candidates(fact.cra_id).into_iter().any(|latest| latest >= position.0)
}

#[derive(Clone, Copy)]
enum Sums {
    Days,
    Facts,
}

/// Everything in force, counted in one of two ways.
fn gathered(view: &View, sums: Sums) -> Option<crate::views::totals::Totals> {
    let mut gathered = Accumulator::default();
    match sums {
        Sums::Days => {
            let one = std::slice::from_mut(&mut gathered);
            view.gather_days(Scope::Country, &(i32::MIN..=i32::MAX), |_| Some(0), one);
        }
        Sums::Facts => {
            let everything = Filter::bind(&Selection::default(), &Dictionary::default());
            let add = |gathered: &mut Accumulator, _, fact: FactRef<'_>| gathered.add(&fact);
            let left = AtomicBool::new(false);
            let candidates = Candidates::Everything;
            let question =
                ScanRequest { position: view.position(), filter: &everything, candidates, left: &left };
            gathered = view.count(question, Accumulator::default, add, Accumulator::merge)?;
        }
    }
    Some(gathered.totals())
}
