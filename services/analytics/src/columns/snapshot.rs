//! An immutable snapshot of the columns: the facts that one query counts.

use std::borrow::Cow;
use std::num::NonZero;
use std::ops::{Range, RangeInclusive};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use super::block::AsOf;
use super::by_day::ByDay;
use super::chunks::{Chunk, Chunks, as_of};
use super::months::month_of;
use super::rollups::Rollups;
use super::segment::{Groups, Segment};
use crate::accumulator::Accumulator;
use crate::bits::WORD_BITS;
use crate::cells::{Axes, Cells};
use crate::dimension::Dimension;
use crate::fact::FactKey;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::rows::Rows;
use crate::scope::Scope;

/// Minimum number of facts per thread that makes another thread worthwhile.
const FACTS_PER_THREAD_MIN: usize = 65_536;
/// Number of cores: asked for once, because the system reads files for the answer.
static CORES: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));
/// Groups per morsel of a segment.
const GROUPS_PER_MORSEL: usize = 1_024;

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
    pub(super) chunks: Arc<Chunks>,
    /// `None` until they are built.
    pub(super) rollups: Option<Rollups>,
}

/// Which facts a query examines: at least those that belong to the scopes.
#[derive(Clone, Copy)]
pub enum Candidates<'a> {
    /// Every fact.
    Everything,
    /// The facts that belong to one of the scopes of each set. Facts that belong to none may be examined too.
    Within(&'a [Vec<Scope>]),
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

/// The work of a scan.
pub struct Plan<'a> {
    request: ScanRequest<'a>,
    morsels: Vec<Morsel<'a>>,
    facts: usize,
}

impl Plan<'_> {
    /// About how many facts are examined.
    #[must_use]
    pub fn facts(&self) -> usize {
        self.facts
    }
}

/// A unit of work: facts of one segment or block.
struct Morsel<'a> {
    chunk: usize,
    facts: Examined<'a>,
}

/// Which facts of a segment or block are examined.
enum Examined<'a> {
    /// All of a block.
    Block,
    /// Consecutive groups of a segment.
    Groups(Range<usize>),
    /// Groups of a segment or facts of a block, by number.
    Found(Cow<'a, [u16]>),
}

/// A part of the facts that a query examines.
enum Part<'a> {
    /// Groups of a segment, of which the filter must be evaluated.
    Segment { segment: &'a Segment, before: usize, as_of: AsOf, groups: Groups<'a> },
    /// A fact in force that the filter matches.
    Fact { from: u64, fact: FactRef<'a> },
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

    /// Adds the facts in force of a scope, for days in a range, to the slot of each day, from the sums of its months and days;
    /// days without a slot are skipped. Returns the days that are left to be counted: all of them for a scope without sums,
    /// and for every scope until the sums are built.
    pub fn gather_sums(
        &self,
        scope: Scope,
        days: &RangeInclusive<i32>,
        slot_of: impl Fn(i32) -> Option<usize>,
        slots: &mut [Accumulator],
    ) -> Vec<RangeInclusive<i32>> {
        let Some(rollups) = &self.rollups else {
            return vec![days.clone()];
        };
        match (rollups.of_scope(scope), scope) {
            (Some(sums), _) => sums.gather(days, slot_of, slots),
            // A scope that always has sums and has none has no facts.
            (None, Scope::Country | Scope::Region(_) | Scope::Department(_)) => Vec::new(),
            (None, Scope::Commune(_) | Scope::Structure(_) | Scope::Advisor(_)) => vec![days.clone()],
        }
    }

    /// Number of positions, including those without a fact.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.chunks.positions()
    }

    /// The fact of a position, in force or not.
    #[must_use]
    pub fn fact(&self, from: u64) -> Option<FactRef<'_>> {
        self.chunks.fact(from)
    }

    /// Position of the event that ended the fact of a position.
    #[must_use]
    pub fn ended(&self, from: u64) -> Option<u64> {
        self.chunks.ended(from)
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
        let filter = request.filter;
        let work = |count: &mut T, part: Part<'_>| match part {
            Part::Segment { segment, before, as_of, groups } => {
                segment.each(as_of, filter, groups, |offset, fact| {
                    add(count, position_at(before + offset), fact);
                });
            }
            Part::Fact { from, fact } => add(count, from, fact),
        };
        self.run(&self.plan(request), new, work, merge)
    }

    /// As [`Snapshot::count`], for what needs the keys of the facts only.
    pub fn keys<T: Send>(
        &self,
        request: ScanRequest<'_>,
        new: impl Fn() -> T + Sync,
        add: impl Fn(&mut T, FactKey) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Option<T> {
        let filter = request.filter;
        let work = |count: &mut T, part: Part<'_>| match part {
            Part::Segment { segment, before, as_of, groups } => {
                segment.each_day(as_of, filter, groups, |offset, day| {
                    add(count, FactKey { day, from: position_at(before + offset) });
                });
            }
            Part::Fact { from, fact } => add(count, FactKey { day: fact.fixed().day, from }),
        };
        self.run(&self.plan(request), new, work, merge)
    }

    /// Gathers the matching facts by the slot of each fact's day; days without a slot are skipped, and the days of a slot are
    /// consecutive. `None` if the query was cancelled.
    pub fn gather(
        &self,
        plan: &Plan<'_>,
        slots: usize,
        slot_of: impl Fn(i32) -> Option<usize> + Sync,
    ) -> Option<Vec<Accumulator>> {
        let work = |slots: &mut Vec<Accumulator>, part: Part<'_>| match part {
            Part::Segment { segment, as_of, groups, .. } => {
                let mut slots = ByDay::new(segment, &groups, slots, &slot_of);
                segment.gather(as_of, plan.request.filter, groups, &mut slots);
            }
            Part::Fact { fact, .. } => {
                if let Some(slot) = slot_of(fact.fixed().day).and_then(|slot| slots.get_mut(slot)) {
                    slot.add(&fact);
                }
            }
        };
        let merge = |own: &mut Vec<Accumulator>, other: Vec<Accumulator>| {
            own.iter_mut().zip(other).for_each(|(own, other)| own.merge(other));
        };
        self.run(plan, || vec![Accumulator::default(); slots], work, merge)
    }

    /// Adds the matching facts to the rows of a dimension. `None` if the query was cancelled.
    pub fn rows(&self, request: ScanRequest<'_>, dimension: Dimension) -> Option<Rows> {
        let work = |rows: &mut Rows, part: Part<'_>| match part {
            Part::Segment { segment, as_of, groups, .. } => {
                segment.gather(as_of, request.filter, groups, rows);
            }
            Part::Fact { fact, .. } => rows.add(&fact),
        };
        self.run(&self.plan(request), || Rows::of(dimension), work, Rows::merge)
    }

    /// Adds the matching facts to the cells of a cross table. `None` if the query was cancelled.
    pub fn cells(&self, request: ScanRequest<'_>, axes: Axes) -> Option<Cells> {
        let work = |cells: &mut Cells, part: Part<'_>| match part {
            Part::Segment { segment, as_of, groups, .. } => {
                segment.add_cells(as_of, request.filter, groups, cells);
            }
            Part::Fact { fact, .. } => cells.add(&fact),
        };
        self.run(&self.plan(request), || Cells::of(axes), work, Cells::merge)
    }

    /// Processes the parts of a query on all cores.
    fn run<T: Send>(
        &self,
        plan: &Plan<'_>,
        new: impl Fn() -> T + Sync,
        work: impl Fn(&mut T, Part<'_>) + Sync,
        merge: impl Fn(&mut T, T),
    ) -> Option<T> {
        let Plan { request, morsels, facts } = plan;
        let next = AtomicUsize::new(0);
        let work = || {
            let mut count = new();
            while !request.cancelled.load(Ordering::Relaxed) {
                let Some(morsel) = morsels.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                self.each_part(morsel, *request, |part| work(&mut count, part));
            }
            count
        };
        let helpers = CORES.min(*facts / FACTS_PER_THREAD_MIN).saturating_sub(1);
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
        (!request.cancelled.load(Ordering::Relaxed)).then_some(count)
    }

    /// The work of a query. Segments and blocks of other days are left out.
    #[must_use]
    pub fn plan<'a>(&'a self, request: ScanRequest<'a>) -> Plan<'a> {
        let sets = match request.candidates {
            Candidates::Everything => &[][..],
            Candidates::Within(sets) => sets,
        };
        let days = request.filter.days();
        let is_asked = |(first, last): (i32, i32)| first <= *days.end() && *days.start() <= last;
        let months = month_of(*days.start())..=month_of(*days.end());
        let (mut morsels, mut facts) = (Vec::new(), 0);
        let chunks = (0..self.chunks.len()).filter_map(|number| Some((number, self.chunks.chunk(number)?.1)));
        for (chunk, of_chunk) in chunks.filter(|(_, chunk)| chunk.days().is_some_and(is_asked)) {
            let (groups, found, facts_per_entry) = match of_chunk {
                Chunk::Segment(segment) => {
                    let groups = segment.groups_of_months(months.clone());
                    (groups.clone(), segment.find(sets, groups), WORD_BITS)
                }
                Chunk::Block(block) => (0..0, block.find(sets), 1),
            };
            match (found, of_chunk) {
                (Some(found), _) => {
                    facts += found.len() * facts_per_entry;
                    if !found.is_empty() {
                        morsels.push(Morsel { chunk, facts: Examined::Found(found) });
                    }
                }
                (None, Chunk::Segment(_)) => {
                    facts += groups.len() * facts_per_entry;
                    morsels.extend(groups.clone().step_by(GROUPS_PER_MORSEL).map(|first| Morsel {
                        chunk,
                        facts: Examined::Groups(first..groups.end.min(first + GROUPS_PER_MORSEL)),
                    }));
                }
                (None, Chunk::Block(block)) => {
                    facts += block.len();
                    morsels.push(Morsel { chunk, facts: Examined::Block });
                }
            }
        }
        Plan { request, morsels, facts }
    }

    /// The parts of a morsel at the position of a query.
    fn each_part(&self, morsel: &Morsel<'_>, request: ScanRequest<'_>, mut take: impl FnMut(Part<'_>)) {
        let ScanRequest { position, filter, .. } = request;
        let Some((before, chunk)) = self.chunks.chunk(morsel.chunk) else {
            return;
        };
        let Some(as_of) = as_of(position, self.position(), before) else {
            return;
        };
        let (found, groups) = match &morsel.facts {
            Examined::Found(found) => (Some(&found[..]), 0..0),
            Examined::Groups(groups) => (None, groups.clone()),
            Examined::Block => (None, 0..0),
        };
        match chunk {
            Chunk::Segment(segment) => {
                take(Part::Segment { segment, before, as_of, groups: Groups::of(found, groups) });
            }
            Chunk::Block(block) => block.each(as_of, filter, found, |index, fact| {
                take(Part::Fact { from: position_at(before + index), fact });
            }),
        }
    }
}

/// The position after so many others.
fn position_at(before: usize) -> u64 {
    before as u64 + 1
}
