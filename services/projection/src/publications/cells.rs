//! Counts the base cells of a publication: every CRA in force at a position, by department and month of its day.

use std::collections::BTreeMap;

use cra_domain::territory::{self, DepartmentId};
use cra_eventlog::Position;
use cra_runtime::shutdown::Shutdown;

use super::calendar::Month;
use crate::queries::{QueryError, Snapshot};
use cra_analytics::accumulator::Accumulator;
use cra_analytics::fact::{Fact, date_of};
use cra_analytics::packed_fact::{FactRef, PackedFact};
use cra_analytics::public::{CellName, Counts, Rounding};

/// Number of positions read with one handle of the store, so that it can release memory in between.
const POSITIONS_PER_SESSION: u64 = 4_096;

/// A department and a month.
pub(super) type Cell = (DepartmentId, Month);

/// The CRAs of a cell.
#[derive(Default)]
struct Gathered {
    set: u128,
    sums: Accumulator,
}

/// The shown figures of the cells at a snapshot, up to the last month. Cells without CRAs, or without shown figures,
/// are left out. Blocks; ends early at the shutdown.
pub(super) fn count(
    snapshot: &Snapshot,
    last: Month,
    rounding: &Rounding,
    shutdown: &Shutdown,
) -> Result<BTreeMap<Cell, Counts>, QueryError> {
    let mut cells: BTreeMap<Cell, Gathered> = BTreeMap::new();
    let mut first = 1;
    while first <= snapshot.position.0 {
        if shutdown.is_requested() {
            return Err(QueryError::Stopping);
        }
        let until = snapshot.position.0.min(first + POSITIONS_PER_SESSION - 1);
        let session = snapshot.generation.session()?;
        for effect in session.effects(Position(first)..=Position(until)) {
            let (position, effect) = effect?;
            let ended = snapshot.facts.ended(position.0).is_some_and(|ended| ended <= snapshot.position.0);
            let Some(fact) = effect.began.filter(|_| !ended) else { continue };
            if let Some(cell) = cell_of(&fact).filter(|(_, month)| *month <= last) {
                cells.entry(cell).or_default().add(&fact, rounding);
            }
        }
        first = until + 1;
    }
    Ok(shown(cells, rounding))
}

/// Every CRA has a commune, and therefore a department.
fn cell_of(fact: &Fact) -> Option<Cell> {
    let communes = territory::communes();
    let department = communes.department_of(communes.at(fact.commune)?);
    Some((department, Month::of(date_of(fact.day)?)))
}

impl Gathered {
    fn add(&mut self, fact: &Fact, rounding: &Rounding) {
        let (fixed, overflow) = PackedFact::of(fact);
        self.sums.add(&FactRef::of(&fixed, &overflow));
        self.set = self.set.wrapping_add(rounding.member(fact.cra_id));
    }
}

fn shown(cells: BTreeMap<Cell, Gathered>, rounding: &Rounding) -> BTreeMap<Cell, Counts> {
    let departments = territory::communes().departments();
    let mut withheld = 0_u64;
    let mut shown = BTreeMap::new();
    for ((department, month), Gathered { set, sums }) in cells {
        let code =
            departments.get(usize::from(department.index())).map_or("", |department| department.code());
        let name = CellName { department: code, month: month.number(), set };
        let cell = rounding.show(name, &Counts::of(&sums.totals()));
        withheld += u64::from(cell.withheld);
        if !cell.counts.is_empty() {
            shown.insert((department, month), cell.counts);
        }
    }
    if withheld > 0 {
        tracing::warn!(
            withheld,
            "cells are published as empty: no draw left each of their counts enough possible values"
        );
    }
    shown
}
