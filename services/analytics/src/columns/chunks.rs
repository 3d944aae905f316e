//! The facts of all positions: segments of the older ones, then the blocks of the newest.

use std::collections::BTreeMap;

use super::bits::WORD_BITS;
use super::block::{AsOf, BLOCK_POSITIONS, Block};
use super::delta::{FactDelta, Key, NewFact};
use super::segment::{Groups, SEGMENT_BLOCKS, SEGMENT_POSITIONS, Segment};
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::scope::Scope;

/// Number of single positions that are looked up together. Sorted positions fill some segments, so that the facts of each of
/// their groups are read together.
const LOOKED_UP_TOGETHER: usize = 4 * SEGMENT_POSITIONS;

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

    /// Calls a function for every fact of a scope that is in force now, with its position.
    pub(super) fn each_of<'a>(&'a self, scope: Scope, mut take: impl FnMut(u32, FactRef<'a>)) {
        let (sets, everything) = ([vec![scope]], Filter::of_days(i32::MIN..=i32::MAX));
        let mut take = |before: usize, fact: FactRef<'a>| {
            // A group of a segment may have facts of other scopes.
            if Key::of(fact.fixed()).is_of(scope) {
                take(u32::try_from(before).unwrap_or(u32::MAX) + 1, fact);
            }
        };
        for (before, chunk) in (0..self.len()).filter_map(|number| self.chunk(number)) {
            match chunk {
                Chunk::Segment(segment) => {
                    let all = 0..segment.groups();
                    let found = segment.find(&sets, all.clone());
                    let groups = Groups::of(found.as_deref(), all);
                    segment.each(AsOf::Now, &everything, groups, |offset, fact| take(before + offset, fact));
                }
                Chunk::Block(block) => {
                    let found = block.find(&sets);
                    let among = found.as_deref();
                    block.each(AsOf::Now, &everything, among, |index, fact| take(before + index, fact));
                }
            }
        }
    }

    /// Looks up positions, those of segments in the order of memory.
    pub(super) fn at<'a>(&'a self, positions: &[u32], mut take: impl FnMut(At<'a, '_>)) {
        let before_blocks = self.segments.len() * SEGMENT_POSITIONS;
        let mut in_segments: Vec<(usize, usize)> = Vec::new();
        for from in positions {
            match self.place(u64::from(*from)) {
                Some(Place::Segment(number, offset)) => {
                    in_segments.extend(self.segments[number].place(offset).map(|place| (number, place)));
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
            for place in facts.iter().map(|(_, place)| *place) {
                let (group, bit) = (place / WORD_BITS, 1 << (place % WORD_BITS));
                match groups.last_mut() {
                    Some((last, bits)) if *last == group => *bits |= bit,
                    _ => groups.push((group, bit)),
                }
            }
            let number = facts[0].0;
            let (segment, before) = (&self.segments[number], number * SEGMENT_POSITIONS);
            take(At::Segment { segment, before, groups: &groups });
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
                    for (group, facts) in groups {
                        let facts = facts & segment.in_force(AsOf::Now, *group);
                        segment.read(*group, facts, |place, fact| take(before + segment.offset(place), fact));
                    }
                }
            });
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
