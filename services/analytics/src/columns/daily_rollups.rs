//! Sums per day of the facts in force: of the country, its regions and departments, and of every commune, structure and
//! advisor with many facts. A query for such a scope adds days instead of facts.

use std::ops::RangeInclusive;
use std::sync::Arc;

use cra_domain::territory;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::block::AsOf;
use super::by_day::ByDay;
use super::chunks::{At, Chunks};
use super::scope_counts::ScopeCounts;
use super::segment::Groups;
use crate::accumulator::Accumulator;
use crate::daily_sums::DailySums;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::scope::Scope;

/// Number of facts, ended ones included, from which a commune, a structure or an advisor has daily sums: fewer facts
/// are counted singly in less than a millisecond.
pub(super) const ROLLED_UP_FROM: u32 = 16_384;

/// Number of facts of a day up to which their positions are stored: sums would take more memory than the facts.
const FEW: usize = 12;

/// Sums per scope and day; copied on write while a snapshot shares them.
#[derive(Clone, Default)]
pub(super) struct DailyRollups(Arc<HashMap<Scope, Arc<Days>>>);

/// The facts of each day, sorted by day.
#[derive(Clone, Default)]
pub(super) struct Days(Vec<(i32, Day)>);

/// A day whose facts are being read: both forms, until their number is known.
#[derive(Default)]
struct Building {
    sums: DailySums,
    /// The first positions, one more than a day of few facts has.
    few: Vec<u32>,
}

/// The facts in force of one day.
#[derive(Clone)]
enum Day {
    /// Their positions.
    Few(Vec<u32>),
    /// Their sums.
    Many(Arc<DailySums>),
}

impl DailyRollups {
    /// The days of a scope; `None` if it has no sums.
    pub(super) fn of_scope(&self, scope: Scope) -> Option<&Days> {
        self.0.get(&scope).map(|days| &**days)
    }

    /// Adds the fact of a position to scopes, which get sums if they have none.
    pub(super) fn add(
        &mut self,
        chunks: &Chunks,
        from: u32,
        fact: &FactRef<'_>,
        scopes: impl IntoIterator<Item = Scope>,
    ) {
        let daily_rollups = Arc::make_mut(&mut self.0);
        for scope in scopes {
            let days = Arc::make_mut(daily_rollups.entry(scope).or_default());
            days.day(fact.fixed().day).add(chunks, from, fact);
        }
    }

    /// Removes the fact of a position from those scopes that have sums.
    pub(super) fn remove(&mut self, from: u64, fact: &FactRef<'_>, scopes: impl IntoIterator<Item = Scope>) {
        let daily_rollups = Arc::make_mut(&mut self.0);
        for scope in scopes {
            if let Some(days) = daily_rollups.get_mut(&scope) {
                Arc::make_mut(days).day(fact.fixed().day).remove(from, fact);
            }
        }
    }

    /// The sums of all facts in force, built on all cores.
    pub(super) fn of(chunks: &Chunks, counts: &ScopeCounts) -> Self {
        let long = || {
            let long = counts.with_at_least(ROLLED_UP_FROM).into_par_iter();
            long.map(|scope| (scope, Days::of(chunks, scope))).collect::<Vec<_>>()
        };
        let (territories, long) = rayon::join(|| territories(chunks), long);
        let all = territories.into_iter().chain(long);
        Self(Arc::new(all.map(|(scope, days)| (scope, Arc::new(days))).collect()))
    }

    /// Builds the sums of a scope that has become large, including its last fact.
    pub(super) fn roll_up(&mut self, chunks: &Chunks, scope: Scope) {
        Arc::make_mut(&mut self.0).insert(scope, Arc::new(Days::of(chunks, scope)));
    }
}

/// The sums of departments, regions and the country. Departments are summed to regions and these to the country, which is a
/// fraction of the work of counting each fact three times.
fn territories(chunks: &Chunks) -> Vec<(Scope, Days)> {
    let departments = territory::communes().departments().par_iter();
    let departments = departments.map(|it| (it, Days::of(chunks, Scope::Department(it.id()))));
    let departments: Vec<_> = departments.filter(|(_, days)| !days.0.is_empty()).collect();
    let mut of_region: HashMap<_, Vec<_>> = HashMap::new();
    for (department, days) in &departments {
        of_region.entry(department.region_id()).or_default().push(days);
    }
    let of_region: Vec<_> = of_region.into_iter().collect();
    let regions = of_region.into_par_iter();
    let regions = regions.map(|(region, days)| (Scope::Region(region), Days::merged(chunks, days)));
    let regions: Vec<_> = regions.collect();
    let country = Days::merged(chunks, regions.iter().map(|(_, days)| days));
    let country = (!country.0.is_empty()).then_some((Scope::Country, country));
    let departments = departments.into_iter().map(|(it, days)| (Scope::Department(it.id()), days));
    departments.chain(regions).chain(country).collect()
}

impl Days {
    /// The days of the facts of a scope that are in force.
    fn of(chunks: &Chunks, scope: Scope) -> Self {
        let mut days: HashMap<i32, Building> = HashMap::new();
        chunks.each_of(scope, |from, fact| {
            let day = days.entry(fact.fixed().day).or_default();
            day.sums.add(&fact);
            if day.few.len() <= FEW {
                day.few.push(from);
            }
        });
        let mut days: Vec<_> = days.into_iter().collect();
        days.sort_unstable_by_key(|(day, _)| *day);
        // In this order, so that a query reads the sums of consecutive days from adjacent memory.
        Self(days.into_iter().map(|(day, built)| (day, built.end())).collect())
    }

    /// Adds the facts at some positions that are in force: to the sums of their day if it has many facts, otherwise to its
    /// positions.
    fn extend(&mut self, chunks: &Chunks, positions: &[u32], has_many: impl Fn(i32) -> bool) {
        chunks.each_in_force(positions, |from, fact| {
            let day = fact.fixed().day;
            if has_many(day) {
                self.day(day).sums(chunks).add(&fact);
            } else {
                self.day(day).add(chunks, from, &fact);
            }
        });
    }

    /// Adds the days of a range to the accumulators in their slots; days without a slot are skipped.
    pub(super) fn gather(
        &self,
        chunks: &Chunks,
        days: &RangeInclusive<i32>,
        slot_of: impl Fn(i32) -> Option<usize>,
        slots: &mut [Accumulator],
    ) {
        let first = self.0.partition_point(|(day, _)| day < days.start());
        let mut few = Vec::new();
        for (day, sums) in self.0[first..].iter().take_while(|(day, _)| day <= days.end()) {
            match sums {
                Day::Few(facts) => few.extend_from_slice(facts),
                Day::Many(totals) => {
                    if let Some(slot) = slot_of(*day).and_then(|slot| slots.get_mut(slot)) {
                        totals.add_to(slot);
                    }
                }
            }
        }
        let filter = Filter::of_days(days.clone());
        chunks.at(&few, |at| match at {
            At::Block { block, index, .. } => {
                if let Some(fact) = block.fact(index)
                    && let Some(slot) = slot_of(fact.fixed().day).and_then(|slot| slots.get_mut(slot))
                {
                    slot.add(&fact);
                }
            }
            At::Segment { segment, groups, .. } => {
                let groups = Groups::Listed(groups.iter());
                let mut slots = ByDay::new(segment, &groups, slots, &slot_of);
                segment.gather(AsOf::Now, &filter, groups, &mut slots);
            }
        });
    }

    fn day(&mut self, day: i32) -> &mut Day {
        // Its index if no earlier day is missing: it is there or before.
        let first = self.0.first().map_or(day, |(first, _)| *first);
        let guess = usize::try_from(i64::from(day) - i64::from(first)).unwrap_or(0);
        let place = match self.0.get(guess) {
            Some((there, _)) if *there == day => guess,
            _ => self.0[..guess.min(self.0.len())].partition_point(|(other, _)| *other < day),
        };
        if self.0.get(place).is_none_or(|(other, _)| *other != day) {
            self.0.insert(place, (day, Day::Few(Vec::new())));
        }
        &mut self.0[place].1
    }

    /// The combined days of several scopes with disjoint facts.
    fn merged<'a>(chunks: &Chunks, several: impl IntoIterator<Item = &'a Self>) -> Self {
        let (mut merged, mut few) = (Self::default(), Vec::new());
        let mut facts: HashMap<i32, usize> = HashMap::new();
        for (day, sums) in several.into_iter().flat_map(|days| &days.0) {
            let of_day = facts.entry(*day).or_default();
            match sums {
                Day::Few(positions) => {
                    few.extend_from_slice(positions);
                    *of_day += positions.len();
                }
                Day::Many(sums) => {
                    merged.day(*day).sums(chunks).merge(sums);
                    *of_day = FEW + 1;
                }
            }
        }
        // In the order of memory.
        few.sort_unstable();
        merged.extend(chunks, &few, |day| facts.get(&day).is_some_and(|facts| *facts > FEW));
        merged
    }
}

impl Building {
    fn end(self) -> Day {
        if self.few.len() <= FEW { Day::Few(self.few) } else { Day::Many(Arc::new(self.sums)) }
    }
}

impl Day {
    fn add(&mut self, chunks: &Chunks, from: u32, fact: &FactRef<'_>) {
        if let Self::Few(facts) = self
            && facts.len() < FEW
        {
            facts.push(from);
        } else {
            self.sums(chunks).add(fact);
        }
    }

    fn remove(&mut self, from: u64, fact: &FactRef<'_>) {
        match self {
            Self::Few(facts) => facts.retain(|other| u64::from(*other) != from),
            Self::Many(totals) => Arc::make_mut(totals).remove(fact),
        }
    }

    /// The sums of the day, built if it had none.
    fn sums(&mut self, chunks: &Chunks) -> &mut DailySums {
        if let Self::Few(facts) = self {
            let mut totals = DailySums::default();
            facts.iter().filter_map(|from| chunks.fact((*from).into())).for_each(|fact| totals.add(&fact));
            *self = Self::Many(Arc::new(totals));
        }
        match self {
            Self::Many(totals) => Arc::make_mut(totals),
            Self::Few(_) => unreachable!("the positions were just replaced by sums"),
        }
    }
}
