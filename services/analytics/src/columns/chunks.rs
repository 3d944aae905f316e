//! The facts of all positions: segments of the older ones, then the blocks of the newest.

use std::collections::BTreeMap;

use super::block::{AsOf, BLOCK_POSITIONS, Block};
use super::delta::{FactDelta, Key, NewFact};
use super::segment::{SEGMENT_BLOCKS, SEGMENT_POSITIONS, Segment};
use crate::packed_fact::FactRef;

/// Positions from 1 on, without a gap.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    segments: Vec<Segment>,
    /// All but the last are full.
    blocks: Vec<Block>,
}

/// One segment or block.
#[derive(Clone, Copy)]
pub(super) enum Chunk<'a> {
    Segment(&'a Segment),
    Block(&'a Block),
}

impl Chunk<'_> {
    /// First and last day of activity; `None` without a fact.
    pub(super) fn days(self) -> Option<(i32, i32)> {
        match self {
            Self::Segment(segment) => segment.days(),
            Self::Block(block) => block.days(),
        }
    }
}

/// Where a position is.
enum Place {
    /// Segment and offset.
    Segment(usize, usize),
    /// Block and index.
    Block(usize, usize),
}

impl Chunks {
    pub(super) fn new(segments: Vec<Segment>, blocks: Vec<Block>) -> Self {
        Self { segments, blocks }
    }

    /// Number of positions.
    pub(super) fn positions(&self) -> usize {
        let of_blocks =
            self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK_POSITIONS + last.len());
        self.segments.len() * SEGMENT_POSITIONS + of_blocks
    }

    /// Every segment and block.
    pub(super) fn all(&self) -> impl Iterator<Item = Chunk<'_>> {
        (0..self.len()).filter_map(|number| self.chunk(number)).map(|(_, chunk)| chunk)
    }

    /// Whether a segment has the position.
    pub(super) fn is_sealed(&self, position: u64) -> bool {
        position <= (self.segments.len() * SEGMENT_POSITIONS) as u64
    }

    /// Number of segments and blocks.
    pub(super) fn len(&self) -> usize {
        self.segments.len() + self.blocks.len()
    }

    /// A segment or block by its number, with the positions before it.
    pub(super) fn chunk(&self, number: usize) -> Option<(usize, Chunk<'_>)> {
        if let Some(segment) = self.segments.get(number) {
            return Some((number * SEGMENT_POSITIONS, Chunk::Segment(segment)));
        }
        let number = number - self.segments.len();
        let before = self.segments.len() * SEGMENT_POSITIONS + number * BLOCK_POSITIONS;
        self.blocks.get(number).map(|block| (before, Chunk::Block(block)))
    }

    fn place(&self, position: u64) -> Option<Place> {
        let before = usize::try_from(position.checked_sub(1)?).ok()?;
        let segment = before / SEGMENT_POSITIONS;
        if segment < self.segments.len() {
            return Some(Place::Segment(segment, before % SEGMENT_POSITIONS));
        }
        let before = before - self.segments.len() * SEGMENT_POSITIONS;
        Some(Place::Block(before / BLOCK_POSITIONS, before % BLOCK_POSITIONS))
    }

    /// The fact from a position, in force or not.
    pub(super) fn fact(&self, from: u64) -> Option<FactRef<'_>> {
        match self.place(from)? {
            Place::Segment(number, offset) => {
                let segment = &self.segments[number];
                segment.place(offset).map(|place| segment.fact(place))
            }
            Place::Block(number, index) => self.blocks.get(number)?.fact(index),
        }
    }

    /// Position of the event that ended the fact from a position.
    pub(super) fn ended(&self, from: u64) -> Option<u64> {
        match self.place(from)? {
            Place::Segment(number, offset) => self.segments[number].ended(offset),
            Place::Block(number, index) => {
                self.blocks.get(number)?.ends().position(u32::try_from(index).ok()?)
            }
        }
    }

    /// Calls a function for the keys of every fact of a segment or block, in force or not.
    pub(super) fn each_key(&self, number: usize, take: impl FnMut(Key)) {
        match self.chunk(number) {
            Some((_, Chunk::Segment(segment))) => segment.keys().for_each(take),
            Some((_, Chunk::Block(block))) => {
                block.facts().map(|(_, fact)| Key::of(fact.fixed())).for_each(take);
            }
            None => {}
        }
    }

    /// Applies what events did; see [`super::Columns::apply`].
    pub(super) fn apply(&mut self, delta: &FactDelta) {
        let began = delta.began.as_ref();
        match self.place(delta.position) {
            Some(Place::Segment(..)) | None => {}
            Some(Place::Block(number, index)) => {
                if self.blocks.last().is_none_or(Block::is_full) && self.blocks.len() == number {
                    self.blocks.push(Block::default());
                }
                if let Some(block) = self.blocks.get_mut(number) {
                    if index == block.len() {
                        block.push(began);
                    } else if let Some(began) = began {
                        block.set(index, began);
                    }
                }
            }
        }
        if let Some((from, position)) = delta.end() {
            self.end(from, position);
        }
    }

    /// Adds the facts of events at positions of segments, which had begun none. All of a segment are added at once.
    pub(super) fn set_late(&mut self, deltas: &[FactDelta]) {
        let mut late: BTreeMap<usize, Vec<(usize, &NewFact)>> = BTreeMap::new();
        for delta in deltas {
            if let Some(Place::Segment(number, offset)) = self.place(delta.position)
                && let Some(began) = &delta.began
            {
                late.entry(number).or_default().push((offset, began));
            }
        }
        for (number, late) in late {
            self.segments[number].set(&late);
        }
    }

    /// Records that the fact of a position ended at another one.
    pub(super) fn end(&mut self, from: u64, position: u32) {
        match self.place(from) {
            Some(Place::Segment(number, offset)) => self.segments[number].end(offset, position),
            Some(Place::Block(number, index)) => {
                if let Some(block) = self.blocks.get_mut(number) {
                    block.end(index, position);
                }
            }
            None => {}
        }
    }

    /// Records the ends of many facts.
    pub(super) fn end_all(&mut self, mut ends: Vec<(u64, u32)>) {
        ends.sort_unstable();
        let segment = |from: u64| usize::try_from(from.saturating_sub(1)).unwrap_or(0) / SEGMENT_POSITIONS;
        for of_segment in ends.chunk_by(|a, b| segment(a.0) == segment(b.0)) {
            match self.segments.get_mut(segment(of_segment[0].0)) {
                Some(sealed) => sealed.end_all(of_segment.iter().map(|(from, position)| {
                    (usize::try_from(from - 1).unwrap_or(0) % SEGMENT_POSITIONS, *position)
                })),
                None => of_segment.iter().for_each(|(from, position)| self.end(*from, *position)),
            }
        }
    }

    /// All of it as one segment, whatever its length; at most [`SEGMENT_POSITIONS`].
    #[cfg(test)]
    pub(super) fn sealed(&self) -> Self {
        Self { segments: vec![Segment::of(&self.blocks)], blocks: Vec::new() }
    }

    /// The blocks of the next segment, once they are full.
    pub(super) fn full(&self) -> Option<&[Block]> {
        let blocks = self.blocks.get(..SEGMENT_BLOCKS)?;
        blocks.iter().all(Block::is_full).then_some(blocks)
    }

    /// Replaces the blocks of [`Chunks::full`] by their segment; returns its number.
    pub(super) fn seal(&mut self, segment: Segment) -> usize {
        self.segments.push(segment);
        self.blocks.drain(..SEGMENT_BLOCKS);
        self.segments.len() - 1
    }
}

/// Which facts of a chunk are in force at a position; `None` if it begins later. `before` is the number of positions before
/// it, `now` the last position.
pub(super) fn as_of(position: u64, now: u64, before: usize) -> Option<AsOf> {
    if position == now {
        return Some(AsOf::Now);
    }
    let known = usize::try_from(position).unwrap_or(usize::MAX).checked_sub(before)?;
    Some(AsOf::Then { position, known })
}
