//! An immutable snapshot of the columns: the facts that one query counts.

use std::num::NonZero;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::block::{AsOf, BLOCK_POSITIONS, Block, Place, with_days};
use super::daily_rollups::DailyRollups;
use super::delta::NewFact;
use crate::accumulator::Accumulator;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::scope::Scope;

/// Minimum number of blocks per thread that makes another thread worthwhile.
const BLOCKS_PER_THREAD_MIN: usize = 16;
/// Number of single positions per morsel.
const POSITIONS_PER_PIECE: usize = 512;
/// Minimum number of morsels per thread that makes another thread worthwhile.
const PIECES_PER_THREAD_MIN: usize = 4;

/// Progress of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// Position of the last event applied or parked.
    pub position: u64,
    /// The log's time there: the latest record so far, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// Parked events that were applied later: each changed the answers of earlier positions.
    pub retried: u64,
}

/// The facts at one watermark. Cloning copies pointers.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// `None` before the first event.
    pub(super) watermark: Option<Watermark>,
    /// Each has [`BLOCK_POSITIONS`] positions; all but the last are full.
    pub(super) blocks: Arc<Vec<Block>>,
    pub(super) daily_rollups: DailyRollups,
}

/// What a question looks at.
#[derive(Clone, Copy)]
pub enum Candidates<'a> {
    /// Every fact.
    Everything,
    /// The facts of these positions, without repetition.
    Positions(&'a [u32]),
}

/// A scan of facts.
#[derive(Clone, Copy)]
pub struct ScanRequest<'a> {
    /// The position at which the log ends for this query.
    pub position: u64,
    /// Which facts count.
    pub filter: &'a Filter,
    /// Which facts are examined.
    pub candidates: Candidates<'a>,
    /// Set when the query was cancelled.
    pub cancelled: &'a AtomicBool,
}

/// A unit of work.
#[derive(Clone, Copy)]
enum Morsel<'a> {
    Block(usize),
    Positions(&'a [u32]),
}

impl<'a> Candidates<'a> {
    fn pieces(self, snapshot: &Snapshot) -> usize {
        match self {
            Self::Everything => snapshot.blocks.len(),
            Self::Positions(positions) => positions.len().div_ceil(POSITIONS_PER_PIECE),
        }
    }

    fn morsel(self, number: usize, snapshot: &Snapshot) -> Option<Morsel<'a>> {
        match self {
            Self::Everything => (number < snapshot.blocks.len()).then_some(Morsel::Block(number)),
            Self::Positions(positions) => {
                positions.chunks(POSITIONS_PER_PIECE).nth(number).map(Morsel::Positions)
            }
        }
    }

    fn pieces_per_thread_min(self) -> usize {
        match self {
            Self::Everything => BLOCKS_PER_THREAD_MIN,
            Self::Positions(_) => PIECES_PER_THREAD_MIN,
        }
    }
}

impl Snapshot {
    /// The last position in it.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.watermark.map_or(0, |watermark| watermark.position)
    }

    /// Progress of the columns; `None` before the first event.
    #[must_use]
    pub fn watermark(&self) -> Option<Watermark> {
        self.watermark
    }

    /// Adds the facts in force of a scope, for days in a range, to the slot of each day, from the daily sums; days
    /// without a slot are skipped. Returns whether the scope has sums.
    pub fn gather_days(
        &self,
        scope: Scope,
        days: &RangeInclusive<i32>,
        slot_of: impl Fn(i32) -> Option<usize>,
        slots: &mut [Accumulator],
    ) -> bool {
        let rolled_up = self.daily_rollups.of_scope(scope);
        if let Some(sums) = rolled_up {
            sums.gather(&self.blocks, days, slot_of, slots);
        }
        // A scope that always has sums and has none has no facts.
        rolled_up.is_some() || matches!(scope, Scope::Country | Scope::Region(_) | Scope::Department(_))
    }

    /// Number of positions, including those without a fact.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * BLOCK_POSITIONS + last.len())
    }

    /// The fact of a position, in force or not.
    #[must_use]
    pub fn fact(&self, from: u64) -> Option<FactRef<'_>> {
        self.block_at(from).and_then(|(block, index)| block.fact(index))
    }

    /// Position of the event that ended the fact of a position.
    #[must_use]
    pub fn ended(&self, from: u64) -> Option<u64> {
        self.block_at(from).and_then(|(block, index)| block.ended(index))
    }

    fn block_at(&self, position: u64) -> Option<(&Block, usize)> {
        let Place { block, index } = Place::of(position)?;
        self.blocks.get(block).map(|block| (block, index))
    }

    /// Which facts of a block are in force at a position; `None` if it begins later.
    fn as_of(&self, position: u64, block: usize) -> Option<AsOf> {
        if position == self.position() {
            return Some(AsOf::Now);
        }
        let before = block * BLOCK_POSITIONS;
        let known = usize::try_from(position).unwrap_or(usize::MAX).checked_sub(before)?;
        Some(AsOf::Then { position, known: known.min(self.blocks[block].len()) })
    }

    /// Counts every matching fact on all cores: each thread starts with a `new` count, `add`s facts in any order, and
    /// the counts are `merge`d. `None` if the query was cancelled.
    pub fn count<T: Send>(
        &self,
        request: ScanRequest<'_>,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, u64, FactRef<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Option<T> {
        let ScanRequest { position, filter, candidates, cancelled } = request;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut count = new();
            while !cancelled.load(Ordering::Relaxed) {
                let Some(morsel) = candidates.morsel(next.fetch_add(1, Ordering::Relaxed), self) else {
                    break;
                };
                self.each(position, filter, morsel, |from, fact| add(&mut count, from, fact));
            }
            count
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let helpers =
            cores.min(candidates.pieces(self) / candidates.pieces_per_thread_min()).saturating_sub(1);
        let count = std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut count = work();
            for helper in helpers {
                match helper.join() {
                    Ok(part) => merge(&mut count, part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            count
        });
        (!cancelled.load(Ordering::Relaxed)).then_some(count)
    }

    #[inline]
    fn each<'a>(
        &'a self,
        position: u64,
        filter: &Filter,
        morsel: Morsel<'_>,
        mut take: impl FnMut(u64, FactRef<'a>),
    ) {
        match morsel {
            Morsel::Block(number) => {
                if let Some(as_of) = self.as_of(position, number) {
                    let first = (number * BLOCK_POSITIONS) as u64 + 1;
                    self.blocks[number].each(as_of, filter, |index, fact| take(first + index as u64, fact));
                }
            }
            Morsel::Positions(positions) => {
                let asked = filter.days();
                let of_days = with_days(&self.blocks, positions).filter(|(_, day)| asked.contains(day));
                of_days.map(|(from, _)| u64::from(from)).for_each(|from| {
                    if let Some(fact) = self.fact_as_of(position, from).filter(|it| filter.matches(it)) {
                        take(from, fact);
                    }
                });
            }
        }
    }

    /// The fact of a position, if it was in force at another one.
    #[inline]
    fn fact_as_of(&self, position: u64, from: u64) -> Option<FactRef<'_>> {
        let Place { block: number, index } = Place::of(from)?;
        let block = self.blocks.get(number)?;
        let as_of = self.as_of(position, number)?;
        if block.counts(index, as_of) { block.fact(index) } else { None }
    }

    /// Applies the effect of the event at a position; see [`super::Columns::apply`].
    pub(super) fn apply(&mut self, position: u64, began: Option<&NewFact>, ended: Option<u64>) {
        let blocks = Arc::make_mut(&mut self.blocks);
        if let Some(Place { block, index }) = Place::of(position) {
            if blocks.last().is_none_or(Block::is_full) && blocks.len() == block {
                blocks.push(Block::default());
            }
            if let Some(block) = blocks.get_mut(block) {
                if index == block.len() {
                    block.push(began);
                } else if let Some(began) = began {
                    block.set(index, began);
                }
            }
        }
        if let Some(ended) = ended.and_then(Place::of)
            && let Some(block) = blocks.get_mut(ended.block)
        {
            block.end(ended.index, position);
        }
    }
}
