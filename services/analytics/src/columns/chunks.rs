//! The facts of all positions: segments of the older ones, then the blocks of the newest.

use std::ops::RangeInclusive;

use super::block::{AsOf, BLOCK_POSITIONS, Block};
use super::delta::NewFact;
use super::segment::{Key, SEGMENT_BLOCKS, SEGMENT_POSITIONS, Segment};
use crate::packed_fact::FactRef;

/// Single positions that are looked at in one go.
const LOOKED_UP_TOGETHER: usize = 512;

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

    /// Positions that there are.
    pub(super) fn positions(&self) -> usize {
        let of_blocks =
            self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK_POSITIONS + last.len());
        self.segments.len() * SEGMENT_POSITIONS + of_blocks
    }

    /// Segments and blocks.
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
                self.blocks.get(number)?.ends().position(u16::try_from(index).ok()?)
            }
        }
    }

    /// Every fact, in force or not, with its position and keys; in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = (u32, Key)> {
        let of_segments = self.segments.iter().enumerate().flat_map(|(number, segment)| {
            segment.keys().map(move |(offset, key)| (number * SEGMENT_POSITIONS + offset, key))
        });
        let before = self.segments.len() * SEGMENT_POSITIONS;
        let of_blocks = self.blocks.iter().enumerate().flat_map(move |(number, block)| {
            let facts = block.facts();
            facts.map(move |(index, fact)| (before + number * BLOCK_POSITIONS + index, Key::of(fact.fixed())))
        });
        of_segments.chain(of_blocks).map(|(before, key)| (u32::try_from(before).unwrap_or(u32::MAX) + 1, key))
    }

    /// Gives the facts from some positions that were in force, of some days, with their positions: some together, in the order
    /// in which they are in memory. `now` is the last position.
    pub(super) fn each<'a>(
        &'a self,
        positions: &[u32],
        position: u64,
        now: u64,
        days: &RangeInclusive<i32>,
        mut take: impl FnMut(u32, FactRef<'a>),
    ) {
        let mut in_segments: Vec<(usize, u16, u32)> = Vec::new();
        for some in positions.chunks(LOOKED_UP_TOGETHER) {
            in_segments.clear();
            for from in some {
                match self.place(u64::from(*from)) {
                    Some(Place::Segment(number, offset)) => {
                        let place = self.segments[number].place(offset);
                        in_segments.extend(place.map(|place| (number, place, *from)));
                    }
                    Some(Place::Block(number, index)) => {
                        let block = self
                            .blocks
                            .get(number)
                            .filter(|block| block.day(index).is_some_and(|day| days.contains(&day)));
                        let before = (self.segments.len() * SEGMENT_POSITIONS) + number * BLOCK_POSITIONS;
                        let as_of = as_of(position, now, before);
                        if let (Some(block), Some(as_of)) = (block, as_of)
                            && block.is_in_force(index, as_of)
                            && let Some(fact) = block.fact(index)
                        {
                            take(*from, fact);
                        }
                    }
                    None => {}
                }
            }
            in_segments.sort_unstable();
            for of_segment in in_segments.chunk_by(|a, b| a.0 == b.0) {
                let number = of_segment[0].0;
                let segment = &self.segments[number];
                if let Some(as_of) = as_of(position, now, number * SEGMENT_POSITIONS) {
                    each_of_segment(segment, of_segment, as_of, days, &mut take);
                }
            }
        }
    }

    /// Applies what the event at a position did; see [`super::Columns::apply`].
    pub(super) fn apply(&mut self, position: u64, began: Option<&NewFact>, ended: Option<u64>) {
        match self.place(position) {
            Some(Place::Segment(number, offset)) => {
                if let Some(began) = began {
                    self.segments[number].set(offset, began);
                }
            }
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
            None => {}
        }
        if let Some(ended) = ended {
            self.end(ended, position);
        }
    }

    /// Notes that the fact from a position ended at another one.
    pub(super) fn end(&mut self, from: u64, position: u64) {
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

    /// Takes the segment of the blocks of [`Chunks::full`] in their place.
    pub(super) fn seal(&mut self, segment: Segment) {
        self.segments.push(segment);
        self.blocks.drain(..SEGMENT_BLOCKS);
    }
}

/// What a chunk shows when the log ends at a position; `None` when it begins later. `before` is the number of positions before
/// it, `now` the last position.
pub(super) fn as_of(position: u64, now: u64, before: usize) -> Option<AsOf> {
    if position == now {
        return Some(AsOf::Now);
    }
    let known = usize::try_from(position).unwrap_or(usize::MAX).checked_sub(before)?;
    Some(AsOf::Then { position, known })
}

fn each_of_segment<'a>(
    segment: &'a Segment,
    facts: &[(usize, u16, u32)],
    as_of: AsOf,
    days: &RangeInclusive<i32>,
    take: &mut impl FnMut(u32, FactRef<'a>),
) {
    let group_of = |place: u16| usize::from(place) / super::bits::WORD_BITS;
    for of_group in facts.chunk_by(|a, b| group_of(a.1) == group_of(b.1)) {
        let counts =
            |place: u16| days.contains(&segment.day(place.into())) && segment.is_in_force(place, as_of);
        let places = of_group.iter().map(|(_, place, _)| *place).filter(|place| counts(*place));
        let bits = places.fold(0, |bits, place| bits | 1 << (usize::from(place) % super::bits::WORD_BITS));
        let mut positions = of_group.iter();
        segment.read(group_of(of_group[0].1), bits, |place, fact| {
            let found = positions.find(|(_, other, _)| usize::from(*other) == place);
            if let Some((_, _, from)) = found {
                take(*from, fact);
            }
        });
    }
}
