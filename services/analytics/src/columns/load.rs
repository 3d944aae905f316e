//! Loads the columns on all cores: first segments as they were stored, and blocks from the facts; then the index of CRAs. Sums
//! follow with [`super::Columns::warm_up`].

use std::ops::RangeInclusive;
use std::sync::Arc;

use rayon::prelude::*;

use super::block::{BLOCK_POSITIONS, Block};
use super::changes::Changes;
use super::chunks::Chunks;
use super::cra_index::{CraIndex, HashKey};
use super::delta::FactDelta;
use super::segment::{SEGMENT_POSITIONS, Segment};
use super::snapshot::{Snapshot, Watermark};
use super::stored::{self, SegmentStore};
use super::{Facts, POSITIONS_MAX};

/// Positions that one thread reads at a time: some full blocks.
const POSITIONS_PER_READ: u64 = 16 * BLOCK_POSITIONS as u64;

/// The events of some positions.
#[derive(Default)]
struct Part {
    /// Until they are a segment.
    blocks: Vec<Block>,
    segment: Option<Segment>,
    changes: Changes,
}

/// Loads all facts up to a watermark; see [`super::Columns::load`].
pub(super) fn facts<E: Send>(
    watermark: Option<Watermark>,
    stored: &impl SegmentStore,
    read: impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync,
) -> Result<Facts, E> {
    let positions = watermark.map_or(0, |watermark| watermark.position.min(POSITIONS_MAX));
    let of_segment = SEGMENT_POSITIONS as u64;
    let numbers = 0..usize::try_from(positions.div_ceil(of_segment)).unwrap_or(usize::MAX);
    let key = numbers.clone().find_map(|number| stored::key_of(number, &stored.read(number)?));
    let mut cra_index = CraIndex::new(key.unwrap_or_else(HashKey::random));
    let parts = numbers.into_par_iter().map(|number| {
        let first = number as u64 * of_segment + 1;
        Part::load(number, first..=positions.min(first + of_segment - 1), stored, &read, &cra_index)
    });
    let parts = parts.collect::<Result<Vec<_>, E>>()?;
    let (mut segments, mut blocks, mut all) = (Vec::new(), Vec::new(), Vec::new());
    // Of the events whose facts are in blocks.
    let mut unsealed = Changes::default();
    for part in parts {
        if part.segment.is_none() {
            unsealed = part.changes.clone();
        }
        segments.extend(part.segment);
        blocks.extend(part.blocks);
        all.push(part.changes);
    }
    let replaced = all.iter().flat_map(Changes::replaced).collect();
    let (began, ended): (Vec<_>, Vec<_>) = all.into_iter().map(|all| (all.began, all.ended)).unzip();
    cra_index.fill(&began, &replaced);
    drop((began, replaced));
    let mut chunks = Chunks::new(segments, blocks);
    chunks.end_all(ended.into_iter().flatten().collect());
    let snapshot = Snapshot { watermark, chunks: Arc::new(chunks), ..Snapshot::default() };
    Ok(Facts { snapshot, cra_index, unsealed, ..Facts::default() })
}

impl Part {
    /// Reads a segment as it was stored, or the effects of the events of its positions.
    fn load<E: Send>(
        number: usize,
        positions: RangeInclusive<u64>,
        stored: &impl SegmentStore,
        read: &(impl Fn(RangeInclusive<u64>, &mut dyn FnMut(&FactDelta)) -> Result<(), E> + Sync),
        cra_index: &CraIndex,
    ) -> Result<Self, E> {
        let is_complete = positions.end() - positions.start() + 1 == SEGMENT_POSITIONS as u64;
        let of_stored = |bytes: Vec<u8>| stored::decode(number, cra_index.key(), &bytes);
        if let Some((segment, changes)) = stored.read(number).filter(|_| is_complete).and_then(of_stored) {
            return Ok(Self { blocks: Vec::new(), segment: Some(segment), changes });
        }
        let mut part = Self::read(positions, read, cra_index)?;
        if is_complete {
            let segment = Segment::of(&std::mem::take(&mut part.blocks));
            stored.write(number, &stored::encode(number, cra_index.key(), &segment, &part.changes));
            part.segment = Some(segment);
        }
        Ok(part)
    }

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
            all.changes.extend(part.changes);
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
        self.changes.add(delta.latest(cra_index), delta.end());
    }
}
