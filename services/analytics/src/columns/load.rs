//! Loads the columns from stored facts on all cores: first the blocks, then the index of CRAs. Sums follow with
//! the first query.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rayon::prelude::*;

use super::block::{BLOCK_POSITIONS, Block};
use super::chunks::Chunks;
use super::cra_index::{CraIndex, LatestFact};
use super::delta::FactDelta;
use super::segment::{SEGMENT_POSITIONS, Segment};
use super::snapshot::{Snapshot, Watermark};
use super::{Facts, POSITIONS_MAX};

/// Positions that one thread reads at a time: some full blocks.
const POSITIONS_PER_READ: u64 = 16 * BLOCK_POSITIONS as u64;

/// Effects of the events of some blocks.
#[derive(Default)]
struct Part {
    /// Until they are a segment.
    blocks: Vec<Block>,
    segment: Option<Segment>,
    /// The facts that events began.
    latest: Vec<LatestFact>,
    /// The facts that events ended, with the position of the event.
    ended: Vec<(u64, u32)>,
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
    let chunks = Arc::new(chunks(positions, read, &mut cra_index)?);
    Ok(Facts { snapshot: Snapshot { watermark, chunks, ..Snapshot::default() }, cra_index, counts: None })
}

fn chunks<E: Send>(
    positions: u64,
    read: impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync,
    cra_index: &mut CraIndex,
) -> Result<Chunks, E> {
    let of_segment = SEGMENT_POSITIONS as u64;
    let parts = (0..positions.div_ceil(of_segment)).into_par_iter().map(|number| {
        let before = number * of_segment;
        let last = positions.min(before + of_segment);
        let mut part = Part::read(before + 1..=last, &read, cra_index)?;
        if last == before + of_segment {
            part.segment = Some(Segment::of(&std::mem::take(&mut part.blocks)));
        }
        Ok(part)
    });
    let mut parts = parts.collect::<Result<Vec<_>, E>>()?;
    let latest: Vec<_> = parts.iter_mut().map(|part| std::mem::take(&mut part.latest)).collect();
    cra_index.fill(&latest);
    drop(latest);
    let (mut segments, mut blocks, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        segments.extend(part.segment);
        blocks.extend(part.blocks);
        ended.extend(part.ended);
        part.replaced.into_iter().for_each(|former| cra_index.remove(former));
    }
    let mut chunks = Chunks::new(segments, blocks);
    chunks.end_all(ended);
    Ok(chunks)
}

impl Part {
    /// Reads the effects of some events on all cores.
    fn read<E: Send>(
        positions: RangeInclusive<u64>,
        read: &(impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync),
        cra_index: &CraIndex,
    ) -> Result<Self, E> {
        let (first, last) = positions.into_inner();
        let numbers = 0..(last - first + 1).div_ceil(POSITIONS_PER_READ);
        let parts = numbers.into_par_iter().map(|number| {
            let first = first + number * POSITIONS_PER_READ;
            let mut part = Self::default();
            read(first..=last.min(first + POSITIONS_PER_READ - 1), &mut |delta| part.add(delta, cra_index))?;
            Ok(part)
        });
        let mut all = Self::default();
        for part in parts.collect::<Result<Vec<_>, E>>()? {
            all.blocks.extend(part.blocks);
            all.latest.extend(part.latest);
            all.ended.extend(part.ended);
            all.replaced.extend(part.replaced);
        }
        Ok(all)
    }

    fn add(&mut self, delta: &FactDelta, cra_index: &CraIndex) {
        if self.blocks.last().is_none_or(Block::is_full) {
            self.blocks.push(Block::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(delta.began.as_ref());
        }
        self.latest.extend(delta.latest(cra_index));
        self.replaced.extend(delta.replaced(cra_index));
        self.ended.extend(delta.end());
    }
}
