//! Loads the columns from stored facts on all cores: first the blocks, then the index of CRAs. Posting lists and daily sums
//! follow with the first query.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rayon::prelude::*;

use super::block::Block;
use super::chunks::Chunks;
use super::cra_index::{CraIndex, LatestFact};
use super::delta::FactDelta;
use super::segment::{SEGMENT_POSITIONS, Segment};
use super::snapshot::{Snapshot, Watermark};
use super::{Facts, POSITIONS_MAX};

/// Effects of the events of one block.
#[derive(Default)]
struct Part {
    /// Until they are a segment.
    blocks: Vec<Block>,
    segment: Option<Segment>,
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
    let chunks = Arc::new(chunks(positions, read, &mut cra_index)?);
    Ok(Facts {
        snapshot: Snapshot { watermark, chunks, ..Snapshot::default() },
        cra_index,
        posting_lists: None,
    })
}

fn chunks<E: Send>(
    positions: u64,
    read: impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync,
    cra_index: &mut CraIndex,
) -> Result<Chunks, E> {
    let of_segment = SEGMENT_POSITIONS as u64;
    let numbers = 0..positions.div_ceil(of_segment);
    let parts = numbers.into_par_iter().map(|number| {
        let before = number * of_segment;
        let last = positions.min(before + of_segment);
        let mut part = Part::default();
        read(before + 1..=last, &mut |delta| part.add(delta, cra_index))?;
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
    for (from, at) in ended {
        chunks.end(from, at);
    }
    Ok(chunks)
}

impl Part {
    fn add(&mut self, delta: &FactDelta, cra_index: &CraIndex) {
        if self.blocks.last().is_none_or(Block::is_full) {
            self.blocks.push(Block::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            block.push(delta.began.as_ref());
        }
        self.latest.extend(delta.latest(cra_index));
        self.replaced.extend(delta.replaced(cra_index));
        self.ended.extend(delta.ended.map(|from| (from, delta.position)));
    }
}
