//! The facts of all positions: segments of the older ones, then the blocks of the newest.

use super::bits::{WORD_BITS, places};
use super::block::{AsOf, BLOCK_POSITIONS, Block};
use super::delta::NewFact;
use super::segment::{Key, SEGMENT_BLOCKS, SEGMENT_POSITIONS, Segment};
use crate::packed_fact::FactRef;

/// Number of single positions that are looked up together. Sorted positions fill some segments, so that the facts of each of
/// their groups are read together.
const LOOKED_UP_TOGETHER: usize = 16 * SEGMENT_POSITIONS;

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

/// Where looked-up positions are, each with the number of positions before the block or the segment.
pub(super) enum At<'a, 'g> {
    /// One position.
    Block { block: &'a Block, before: usize, index: usize },
    /// Positions with a fact, as groups of 64 facts with a bit for each.
    Segment { segment: &'a Segment, before: usize, groups: &'g [(usize, u64)] },
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

    /// Looks up positions, those of segments in the order of memory.
    pub(super) fn at<'a>(&'a self, positions: &[u32], mut take: impl FnMut(At<'a, '_>)) {
        let before_blocks = self.segments.len() * SEGMENT_POSITIONS;
        let mut in_segments: Vec<(u32, u16)> = Vec::new();
        for from in positions {
            match self.place(u64::from(*from)) {
                Some(Place::Segment(number, offset)) => {
                    let place = self.segments[number].place(offset);
                    in_segments.extend(u32::try_from(number).ok().zip(place));
                }
                Some(Place::Block(number, index)) => {
                    if let Some(block) = self.blocks.get(number) {
                        take(At::Block { block, before: before_blocks + number * BLOCK_POSITIONS, index });
                    }
                }
                None => {}
            }
        }
        in_segments.sort_unstable();
        let mut groups: Vec<(usize, u64)> = Vec::new();
        for facts in in_segments.chunk_by(|a, b| a.0 == b.0) {
            groups.clear();
            for place in facts.iter().map(|(_, place)| usize::from(*place)) {
                let (group, bit) = (place / WORD_BITS, 1 << (place % WORD_BITS));
                match groups.last_mut() {
                    Some((last, bits)) if *last == group => *bits |= bit,
                    _ => groups.push((group, bit)),
                }
            }
            let number = facts[0].0 as usize;
            let (segment, before) = (&self.segments[number], number * SEGMENT_POSITIONS);
            take(At::Segment { segment, before, groups: &groups });
        }
    }

    /// Calls a function for the days of the facts of some positions that are in force now.
    pub(super) fn each_day_in_force(&self, positions: &[u32], mut take: impl FnMut(i32)) {
        for some in positions.chunks(LOOKED_UP_TOGETHER) {
            self.at(some, |at| match at {
                At::Block { block, index, .. } => {
                    if block.is_in_force(index, AsOf::Now)
                        && let Some(fact) = block.fact(index)
                    {
                        take(fact.fixed().day);
                    }
                }
                At::Segment { segment, groups, .. } => {
                    let in_force = segment.in_force(AsOf::Now);
                    for (group, facts) in groups {
                        let facts = places(facts & in_force.group(*group));
                        facts.for_each(|bit| take(segment.day(group * WORD_BITS + bit)));
                    }
                }
            });
        }
    }

    /// Calls a function for the facts of some positions that are in force now, with their positions.
    pub(super) fn each_in_force<'a>(&'a self, positions: &[u32], mut take: impl FnMut(u32, FactRef<'a>)) {
        let mut take = |before: usize, fact| take(u32::try_from(before).unwrap_or(u32::MAX) + 1, fact);
        for some in positions.chunks(LOOKED_UP_TOGETHER) {
            self.at(some, |at| match at {
                At::Block { block, before, index } => {
                    if block.is_in_force(index, AsOf::Now)
                        && let Some(fact) = block.fact(index)
                    {
                        take(before + index, fact);
                    }
                }
                At::Segment { segment, before, groups } => {
                    let in_force = segment.in_force(AsOf::Now);
                    for (group, facts) in groups {
                        let facts = facts & in_force.group(*group);
                        segment.read(*group, facts, |place, fact| take(before + segment.offset(place), fact));
                    }
                }
            });
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

    /// Records that the fact of a position ended at another one.
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

    /// Replaces the blocks of [`Chunks::full`] by their segment.
    pub(super) fn seal(&mut self, segment: Segment) {
        self.segments.push(segment);
        self.blocks.drain(..SEGMENT_BLOCKS);
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
