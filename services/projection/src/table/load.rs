//! The table of what a store holds, made on all cores: first the blocks, each from its own runs, then where each CRA
//! stands. Lists and sums follow when somebody asks.

use std::sync::Arc;

use cra_eventlog::Position;
use rayon::prelude::*;

use super::block::{BLOCK_POSITIONS, Block};
use super::ids::Ids;
use super::view::{Place, View};
use super::{Brought, Facts, POSITIONS_MAX};
use crate::store::{Session, Store, StoreError};

/// The fact from a position, and the position of the event that ended it.
type End = (u64, u64);

/// What a store holds. Blocks.
pub(super) fn facts(store: &Store) -> Result<Facts, StoreError> {
    let applied = store.session()?.applied()?;
    let positions = applied.as_ref().map_or(0, |applied| applied.position.0.min(POSITIONS_MAX));
    let blocks = blocks(store, positions)?;
    let ids = Ids::of(&blocks);
    Ok(Facts { view: View { applied, blocks: Arc::new(blocks), ..View::default() }, ids, lists: None })
}

fn blocks(store: &Store, positions: u64) -> Result<Vec<Block>, StoreError> {
    let numbers = 0..positions.div_ceil(BLOCK_POSITIONS as u64);
    let read = numbers.into_par_iter().map(|number| {
        let before = number * BLOCK_POSITIONS as u64;
        let last = positions.min(before + BLOCK_POSITIONS as u64);
        block(&store.session()?, before + 1, last)
    });
    let (mut blocks, ends): (Vec<Block>, Vec<Vec<End>>) =
        read.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    for (from, at) in ends.into_iter().flatten() {
        if let Some(Place { block, index }) = Place::of(from)
            && let Some(block) = blocks.get_mut(block)
        {
            block.end(index, at);
        }
    }
    Ok(blocks)
}

/// The block of some positions, and what their events ended.
fn block(session: &Session, first: u64, last: u64) -> Result<(Block, Vec<End>), StoreError> {
    let (mut block, mut ends) = (Block::default(), Vec::new());
    let mut expected = first;
    for entry in session.steps(Position(first)..=Position(last)) {
        let (position, step) = entry?;
        if position.0 != expected {
            break;
        }
        block.push(step.began.as_ref().map(Brought::of).as_ref());
        ends.extend(step.ended.map(|from| (from, position.0)));
        expected += 1;
    }
    if expected != last + 1 {
        return Err(StoreError::Damaged(format!("what happened at position {expected}")));
    }
    Ok((block, ends))
}
