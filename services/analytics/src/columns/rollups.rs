//! Sums per month of the facts in force: of the country, its regions and departments, and of every commune, structure and
//! advisor with many facts; of the country and its regions per day too. A query for such a scope adds whole months, and the
//! days that are left: from the sums of days, or fact by fact, because the facts of a month and a department are adjacent.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use cra_domain::territory;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::block::AsOf;
use super::by_day::ByPeriod;
use super::chunks::{Chunk, Chunks};
use super::gather::Sink as _;
use super::months::{days_of, month_of};
use super::scope_counts::ScopeCounts;
use super::segment::Groups;
use crate::accumulator::Accumulator;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::packed_sums::PackedSums;
use crate::scope::Scope;

/// Number of facts, ended ones included, from which a commune, a structure or an advisor has sums: fewer facts
/// are counted in a fraction of a millisecond.
pub(super) const ROLLED_UP_FROM: u32 = 2_048;

/// Maps of scopes: an update copies one of them while a snapshot shares it.
const SHARDS: usize = 64;

/// Sums per scope, day and month; copied on write while a snapshot shares them.
#[derive(Clone)]
pub(super) struct Rollups(Arc<Vec<Arc<Shard>>>);

type Shard = HashMap<Scope, Arc<Rollup>>;

/// The facts of a scope.
#[derive(Clone)]
pub(super) struct Rollup {
    /// Of a scope with so many facts a day that they cannot be counted one by one.
    days: Option<Periods>,
    /// By [`month_of`].
    months: Periods,
}

/// The sums of each period that has facts, sorted by its number.
#[derive(Clone, Default)]
struct Periods(Vec<(i32, PackedSums)>);

impl Rollups {
    /// The sums of all facts in force, built on all cores.
    pub(super) fn of(chunks: &Chunks, counts: &ScopeCounts) -> Self {
        let long = || {
            let long = counts.with_at_least(ROLLED_UP_FROM).into_par_iter();
            long.map(|scope| (scope, Rollup::of_months(chunks, scope))).collect::<Vec<_>>()
        };
        let (territories, long) = rayon::join(|| territories(chunks), long);
        let mut shards = vec![Shard::new(); SHARDS];
        for (scope, rollup) in territories.into_iter().chain(long) {
            shards[shard_of(scope)].insert(scope, Arc::new(rollup));
        }
        Self(Arc::new(shards.into_iter().map(Arc::new).collect()))
    }

    /// The sums of a scope; `None` if it has none.
    pub(super) fn of_scope(&self, scope: Scope) -> Option<&Rollup> {
        self.0[shard_of(scope)].get(&scope).map(|rollup| &**rollup)
    }

    /// Adds a fact to scopes, which get sums if they have none.
    pub(super) fn add(&mut self, fact: &FactRef<'_>, scopes: impl IntoIterator<Item = Scope>) {
        for scope in scopes {
            let rollup = self.shard(scope).entry(scope).or_insert_with(|| Arc::new(Rollup::empty(scope)));
            Arc::make_mut(rollup).update(fact, Accumulator::add);
        }
    }

    /// Removes a fact from those scopes that have sums.
    pub(super) fn remove(&mut self, fact: &FactRef<'_>, scopes: impl IntoIterator<Item = Scope>) {
        for scope in scopes {
            if let Some(rollup) = self.shard(scope).get_mut(&scope) {
                Arc::make_mut(rollup).update(fact, Accumulator::remove);
            }
        }
    }

    /// Builds the sums of a scope that has become large, including its last fact.
    pub(super) fn roll_up(&mut self, chunks: &Chunks, scope: Scope) {
        let rollup = Arc::new(Rollup::of_months(chunks, scope));
        self.shard(scope).insert(scope, rollup);
    }

    fn shard(&mut self, scope: Scope) -> &mut Shard {
        Arc::make_mut(&mut Arc::make_mut(&mut self.0)[shard_of(scope)])
    }
}

fn shard_of(scope: Scope) -> usize {
    let number = match scope {
        Scope::Country => 0,
        Scope::Region(id) => id.index().into(),
        Scope::Department(id) => id.index().into(),
        Scope::Commune(id) => id.index().into(),
        Scope::Structure(code) | Scope::Advisor(code) => code as usize,
    };
    number % SHARDS
}

/// The sums of departments, regions and the country. Departments are summed to regions and these to the country, which is a
/// fraction of the work of counting each fact three times.
fn territories(chunks: &Chunks) -> Vec<(Scope, Rollup)> {
    let all = territory::communes();
    let of_regions: Vec<_> = all
        .regions()
        .par_iter()
        .map(|region| {
            let mut of_region = BTreeMap::<i32, Accumulator>::new();
            let departments = all.departments().iter().filter(|it| it.region_id() == region.id());
            let departments: Vec<_> = departments
                .map(|department| {
                    let scope = Scope::Department(department.id());
                    let days = by_period(chunks, scope, |day| day);
                    let months = Periods::months_of(&days);
                    for (day, sums) in days {
                        of_region.entry(day).or_default().merge(sums);
                    }
                    (scope, Rollup { days: None, months })
                })
                .collect();
            (departments, (Scope::Region(region.id()), Rollup::of_days(of_region)))
        })
        .collect();
    let mut of_country = BTreeMap::<i32, Accumulator>::new();
    let days = of_regions.iter().filter_map(|(_, (_, region))| region.days.as_ref());
    for (day, sums) in days.flat_map(|days| &days.0) {
        sums.add_to(of_country.entry(*day).or_default());
    }
    let country = (Scope::Country, Rollup::of_days(of_country));
    let (departments, regions): (Vec<_>, Vec<_>) = of_regions.into_iter().unzip();
    let all = departments.into_iter().flatten().chain(regions).chain([country]);
    all.filter(|(_, rollup)| !rollup.months.0.is_empty()).collect()
}

/// Counts the facts of a scope that are in force by the period of each fact's day.
fn by_period(chunks: &Chunks, scope: Scope, period_of: impl Fn(i32) -> i32) -> BTreeMap<i32, Accumulator> {
    let (sets, filter) = ([vec![scope]], Filter::of_days(i32::MIN..=i32::MAX));
    let filter = filter.only(filter.days(), &sets[0]);
    let mut periods = ByPeriod::new(period_of);
    for chunk in chunks.all() {
        match chunk {
            Chunk::Segment(segment) => {
                let all = 0..segment.groups();
                let found = segment.find(&sets, all.clone());
                segment.gather(AsOf::Now, &filter, Groups::of(found.as_deref(), all), &mut periods);
            }
            Chunk::Block(block) => {
                let found = block.find(&sets);
                block.each(AsOf::Now, &filter, found.as_deref(), |_, fact| periods.add(&fact));
            }
        }
    }
    periods.sums
}

impl Rollup {
    /// No facts yet.
    fn empty(scope: Scope) -> Self {
        let has_days = matches!(scope, Scope::Country | Scope::Region(_));
        Self { days: has_days.then(Periods::default), months: Periods::default() }
    }

    /// The sums of the months of a scope.
    fn of_months(chunks: &Chunks, scope: Scope) -> Self {
        Self { days: None, months: Periods::of(by_period(chunks, scope, month_of)) }
    }

    /// The sums of days, and of their months.
    fn of_days(days: BTreeMap<i32, Accumulator>) -> Self {
        let months = Periods::months_of(&days);
        Self { days: Some(Periods::of(days)), months }
    }

    /// Changes the sums of the day and the month of a fact.
    fn update(&mut self, fact: &FactRef<'_>, change: impl Fn(&mut Accumulator, &FactRef<'_>)) {
        let day = fact.fixed().day;
        if let Some(days) = &mut self.days {
            days.period(day).update(|sums| change(sums, fact));
        }
        self.months.period(month_of(day)).update(|sums| change(sums, fact));
    }

    /// Adds the days of a range to the accumulators in their slots; days without a slot are skipped, and the days of a slot
    /// are consecutive. Returns the days that are left to be counted fact by fact.
    pub(super) fn gather(
        &self,
        days: &RangeInclusive<i32>,
        slot_of: impl Fn(i32) -> Option<usize>,
        slots: &mut [Accumulator],
    ) -> Vec<RangeInclusive<i32>> {
        let mut left = Vec::<RangeInclusive<i32>>::new();
        let mut add = |sums: &PackedSums, slot: Option<usize>| {
            if let Some(slot) = slot.and_then(|slot| slots.get_mut(slot)) {
                sums.add_to(slot);
            }
        };
        for (month, sums) in self.months.between(&(month_of(*days.start())..=month_of(*days.end()))) {
            let of_month = days_of(*month);
            let (first, last) = (*of_month.start(), *of_month.end());
            let slot = slot_of(first).filter(|slot| slot_of(last) == Some(*slot));
            if slot.is_some() && days.contains(&first) && days.contains(&last) {
                add(sums, slot);
                continue;
            }
            let (first, last) = (first.max(*days.start()), last.min(*days.end()));
            match (&self.days, left.last_mut()) {
                (Some(days), _) => {
                    days.between(&(first..=last)).iter().for_each(|(day, sums)| add(sums, slot_of(*day)));
                }
                (None, Some(before)) if *before.end() + 1 == first => *before = *before.start()..=last,
                (None, _) => left.push(first..=last),
            }
        }
        left
    }
}

impl Periods {
    fn of(all: impl IntoIterator<Item = (i32, Accumulator)>) -> Self {
        Self(all.into_iter().map(|(number, sums)| (number, PackedSums::of(sums))).collect())
    }

    /// The months of days in their order.
    fn months_of(days: &BTreeMap<i32, Accumulator>) -> Self {
        let mut months: Vec<(i32, Accumulator)> = Vec::new();
        for (day, sums) in days {
            let month = month_of(*day);
            match months.last_mut() {
                Some((last, own)) if *last == month => own.merge(sums.clone()),
                _ => months.push((month, sums.clone())),
            }
        }
        Self::of(months)
    }

    /// The periods of a range.
    fn between(&self, numbers: &RangeInclusive<i32>) -> &[(i32, PackedSums)] {
        let first = self.0.partition_point(|(number, _)| number < numbers.start());
        let of_range = self.0[first..].partition_point(|(number, _)| number <= numbers.end());
        &self.0[first..][..of_range]
    }

    fn period(&mut self, number: i32) -> &mut PackedSums {
        let at = self.0.binary_search_by_key(&number, |(number, _)| *number).unwrap_or_else(|at| {
            self.0.insert(at, (number, PackedSums::default()));
            at
        });
        &mut self.0[at].1
    }
}
