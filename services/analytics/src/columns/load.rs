//! Loads the columns from stored facts on all cores: first the blocks, then the index of CRAs. Posting lists and daily sums
//! follow with the first query.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rayon::prelude::*;

use super::block::{BLOCK_POSITIONS, Block, Place};
use super::cra_index::{CraIndex, LatestFact};
use super::delta::FactDelta;
use super::snapshot::{Snapshot, Watermark};
use super::{Facts, POSITIONS_MAX};

/// Effects of the events of one block.
#[derive(Default)]
struct Part {
    block: Block,
    /// The facts that events began.
    latest: Vec<LatestFact>,
    /// The facts that events ended, with the position of the event.
    ended: Vec<(u64, u64)>,
    /// The facts among those that a later one of their CRA replaced.
    replaced: Vec<LatestFact>,
}

/// Loads all facts up to a watermark; see [`super::Columns::load`].
pub(super) fn facts<E: Send>(
    watermark: Option<Watermark>,
    read: impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync,
) -> Result<Facts, E> {
    let positions = watermark.map_or(0, |watermark| watermark.position.min(POSITIONS_MAX));
    let mut cra_index = CraIndex::default();
    let blocks = blocks(positions, read, &mut cra_index)?;
    Ok(Facts {
        snapshot: Snapshot { watermark, blocks: Arc::new(blocks), ..Snapshot::default() },
        cra_index,
        posting_lists: None,
    })
}

fn blocks<E: Send>(
    positions: u64,
    read: impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync,
    cra_index: &mut CraIndex,
) -> Result<Vec<Block>, E> {
    let numbers = 0..positions.div_ceil(BLOCK_POSITIONS as u64);
    let parts = numbers.into_par_iter().map(|number| {
        let before = number * BLOCK_POSITIONS as u64;
        let last = positions.min(before + BLOCK_POSITIONS as u64);
        let mut part = Part::default();
        read(before + 1..=last, &mut |delta| part.add(delta, cra_index))?;
        Ok(part)
    });
    let mut parts = parts.collect::<Result<Vec<_>, E>>()?;
    let latest: Vec<_> = parts.iter_mut().map(|part| std::mem::take(&mut part.latest)).collect();
    cra_index.fill(&latest);
    drop(latest);
    let mut blocks = Vec::with_capacity(parts.len());
    let mut ended = Vec::new();
    for part in parts {
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

impl Part {
    fn add(&mut self, delta: &FactDelta, cra_index: &CraIndex) {
        self.block.push(delta.began.as_ref());
        self.latest.extend(delta.latest(cra_index));
        self.replaced.extend(delta.replaced(cra_index));
        self.ended.extend(delta.ended.map(|from| (from, delta.position)));
    }
}
