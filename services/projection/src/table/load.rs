//! The table of what a store holds, made on all cores: first the blocks, each from its own runs, then where each CRA
//! stands. Lists and sums follow when somebody asks.

use std::sync::Arc;

use cra_eventlog::Position;
use rayon::prelude::*;

use super::block::{BLOCK_POSITIONS, Block};
use super::cra_index::{CraIndex, LatestFact};
use super::view::{Place, View};
use super::{FactDelta, Facts, POSITIONS_MAX};
use crate::store::{Session, Store, StoreError};

/// Some positions, as they are read.
#[derive(Default)]
struct Read {
    block: Block,
    /// The fact that each event began.
    latest: Vec<LatestFact>,
    /// The facts that events ended, with the position of the event.
    ended: Vec<(u64, u64)>,
    /// The facts among those that another one of their CRA replaced.
    replaced: Vec<LatestFact>,
}

/// What a store holds. Blocks.
pub(super) fn facts(store: &Store) -> Result<Facts, StoreError> {
    let applied = store.session()?.applied()?;
    let positions = applied.as_ref().map_or(0, |applied| applied.position.0.min(POSITIONS_MAX));
    let mut cra_index = CraIndex::default();
    let blocks = blocks(store, positions, &mut cra_index)?;
    Ok(Facts {
        view: View { applied, blocks: Arc::new(blocks), ..View::default() },
        cra_index,
        posting_lists: None,
    })
}

fn blocks(store: &Store, positions: u64, cra_index: &mut CraIndex) -> Result<Vec<Block>, StoreError> {
    let numbers = 0..positions.div_ceil(BLOCK_POSITIONS as u64);
    let read = numbers.into_par_iter().map(|number| {
        let before = number * BLOCK_POSITIONS as u64;
        let last = positions.min(before + BLOCK_POSITIONS as u64);
        Read::of(&store.session()?, before + 1, last, cra_index)
    });
    let mut read = read.collect::<Result<Vec<_>, _>>()?;
    let latest: Vec<_> = read.iter_mut().map(|part| std::mem::take(&mut part.latest)).collect();
    cra_index.fill(&latest);
    drop(latest);
    let mut blocks = Vec::with_capacity(read.len());
    let mut ended = Vec::new();
    for part in read {
        blocks.push(part.block);
        ended.extend(part.ended);
        part.replaced.into_iter().for_each(|former| cra_index.remove(former));
    }
    for (from, at) in ended {
        if let Some(Place { block, index }) = Place::of(from)
            && let Some(block) = blocks.get_mut(block)
        {
            block.end(index, at);
        }
    }
    Ok(blocks)
}

impl Read {
    /// What the events of some positions did, of a block.
    fn of(session: &Session, first: u64, last: u64, cra_index: &CraIndex) -> Result<Self, StoreError> {
        let mut read = Self::default();
        let mut expected = first;
        for entry in session.steps(Position(first)..=Position(last)) {
            let (position, step) = entry?;
            if position.0 != expected {
                break;
            }
            read.take(&FactDelta::of(position, &step), cra_index);
            expected += 1;
        }
        if expected != last + 1 {
            return Err(StoreError::Damaged(format!("what happened at position {expected}")));
        }
        Ok(read)
    }

    fn take(&mut self, step: &FactDelta, cra_index: &CraIndex) {
        self.block.push(step.began.as_ref());
        self.latest.extend(step.latest(cra_index));
        self.replaced.extend(step.replaced(cra_index));
        self.ended.extend(step.ended.map(|from| (from, step.position.0)));
    }
}
