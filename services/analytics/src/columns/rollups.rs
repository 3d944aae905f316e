//! Sums per month of the facts in force: of the country, its regions and departments, and of every commune, structure and
//! advisor with many facts; of the country and its regions per day too. A query for such a scope adds whole months, and the
//! days that are left: from the sums of days, or fact by fact, because the facts of a month and a department are adjacent.

use std::ops::RangeInclusive;
use std::sync::Arc;

use cra_domain::territory;
use hashbrown::HashMap;
use rayon::prelude::*;

use super::block::AsOf;
use super::by_day::ByDay;
use super::chunks::{At, Chunks};
use super::months::{days_of, month_of, month_of_each};
use super::scope_counts::ScopeCounts;
use super::segment::Groups;
use crate::accumulator::Accumulator;
use crate::filter::Filter;
use crate::packed_fact::FactRef;
use crate::period_sums::PeriodSums;
use crate::scope::Scope;

/// Number of facts, ended ones included, from which a commune, a structure or an advisor has sums: fewer facts
/// are counted singly in less than a millisecond.
pub(super) const ROLLED_UP_FROM: u32 = 8_192;

/// Number of facts of a period up to which their positions are stored: sums would take more memory than the facts.
const FEW: usize = 12;

/// Sums per scope, day and month; copied on write while a snapshot shares them.
#[derive(Clone, Default)]
pub(super) struct Rollups(Arc<HashMap<Scope, Arc<Rollup>>>);

/// The facts of a scope.
#[derive(Clone)]
pub(super) struct Rollup {
    /// Of a scope with so many facts a day that they cannot be counted one by one.
    days: Option<Periods>,
    /// By [`month_of`].
    months: Periods,
}

/// The facts of each period, sorted by its number.
#[derive(Clone, Default)]
struct Periods(Vec<(i32, Period)>);

/// A period whose facts are being read: both forms, until their number is known.
#[derive(Default)]
struct Building {
    sums: PeriodSums,
    /// The first positions, one more than a period of few facts has.
    few: Vec<u32>,
}

/// The facts in force of one period.
#[derive(Clone)]
enum Period {
    /// Their positions.
    Few(Vec<u32>),
    /// Their sums.
    Many(Arc<PeriodSums>),
}

impl Rollups {
    /// The sums of a scope; `None` if it has none.
    pub(super) fn of_scope(&self, scope: Scope) -> Option<&Rollup> {
        self.0.get(&scope).map(|rollup| &**rollup)
    }

    /// Adds the fact of a position to scopes, which get sums if they have none.
    pub(super) fn add(
        &mut self,
        chunks: &Chunks,
        from: u32,
        fact: &FactRef<'_>,
        scopes: impl IntoIterator<Item = Scope>,
    ) {
        let rollups = Arc::make_mut(&mut self.0);
        for scope in scopes {
            let rollup =
                Arc::make_mut(rollups.entry(scope).or_insert_with(|| Arc::new(Rollup::empty(scope))));
            rollup.each_period(fact, |period| period.add(chunks, from, fact));
        }
    }

    /// Removes the fact of a position from those scopes that have sums.
    pub(super) fn remove(&mut self, from: u64, fact: &FactRef<'_>, scopes: impl IntoIterator<Item = Scope>) {
        let rollups = Arc::make_mut(&mut self.0);
        for scope in scopes {
            if let Some(rollup) = rollups.get_mut(&scope) {
                Arc::make_mut(rollup).each_period(fact, |period| period.remove(from, fact));
            }
        }
    }

    /// The sums of all facts in force, built on all cores.
    pub(super) fn of(chunks: &Chunks, counts: &ScopeCounts) -> Self {
        let long = || {
            let long = counts.with_at_least(ROLLED_UP_FROM).into_par_iter();
            long.map(|scope| (scope, Rollup::months_of(chunks, scope))).collect::<Vec<_>>()
        };
        let (territories, long) = rayon::join(|| territories(chunks), long);
        let all = territories.into_iter().chain(long);
        Self(Arc::new(all.map(|(scope, rollup)| (scope, Arc::new(rollup))).collect()))
    }

    /// Builds the sums of a scope that has become large, including its last fact.
    pub(super) fn roll_up(&mut self, chunks: &Chunks, scope: Scope) {
        Arc::make_mut(&mut self.0).insert(scope, Arc::new(Rollup::months_of(chunks, scope)));
    }
}

/// The sums of departments, regions and the country. Departments are summed to regions and these to the country, which is a
/// fraction of the work of counting each fact three times. Days of departments are in memory while their region is built.
fn territories(chunks: &Chunks) -> Vec<(Scope, Rollup)> {
    let all = territory::communes();
    let of_regions: Vec<_> = all
        .regions()
        .par_iter()
        .map(|region| {
            let departments = all.departments().iter().filter(|it| it.region_id() == region.id());
            let scopes = departments.map(|it| Scope::Department(it.id()));
            let departments = scopes.map(|scope| (scope, Periods::of(chunks, scope, |day| day)));
            let departments: Vec<_> = departments.filter(|(_, days)| !days.0.is_empty()).collect();
            let days = Periods::merged(chunks, departments.iter().map(|(_, days)| days), |day| day);
            let departments = departments.into_iter().map(|(scope, days)| {
                (scope, Rollup { days: None, months: Periods::merged(chunks, [&days], month_of) })
            });
            (departments.collect::<Vec<_>>(), (Scope::Region(region.id()), Rollup::with_days(chunks, days)))
        })
        .collect();
    let (departments, mut regions): (Vec<_>, Vec<_>) = of_regions.into_iter().unzip();
    regions.retain(|(_, rollup)| !rollup.months.0.is_empty());
    let days =
        Periods::merged(chunks, regions.iter().filter_map(|(_, rollup)| rollup.days.as_ref()), |day| day);
    let country = (!days.0.is_empty()).then(|| (Scope::Country, Rollup::with_days(chunks, days)));
    departments.into_iter().flatten().chain(regions).chain(country).collect()
}

impl Rollup {
    /// No facts yet.
    fn empty(scope: Scope) -> Self {
        let has_days = matches!(scope, Scope::Country | Scope::Region(_));
        Self { days: has_days.then(Periods::default), months: Periods::default() }
    }

    fn months_of(chunks: &Chunks, scope: Scope) -> Self {
        Self { days: None, months: Periods::of(chunks, scope, month_of_each()) }
    }

    fn with_days(chunks: &Chunks, days: Periods) -> Self {
        let months = Periods::merged(chunks, [&days], month_of);
        Self { days: Some(days), months }
    }

    /// Calls a function for the day and the month of a fact.
    fn each_period(&mut self, fact: &FactRef<'_>, mut change: impl FnMut(&mut Period)) {
        let day = fact.fixed().day;
        if let Some(days) = &mut self.days {
            change(days.period(day));
        }
        change(self.months.period(month_of(day)));
    }

    /// Adds the days of a range to the accumulators in their slots; days without a slot are skipped, and the days of a slot
    /// are consecutive. Returns the days that are left to be counted fact by fact.
    pub(super) fn gather(
        &self,
        chunks: &Chunks,
        days: &RangeInclusive<i32>,
        slot_of: impl Fn(i32) -> Option<usize>,
        slots: &mut [Accumulator],
    ) -> Vec<RangeInclusive<i32>> {
        let (mut few, mut left) = (Vec::new(), Vec::<RangeInclusive<i32>>::new());
        let mut add = |period: &Period, slot: Option<usize>| match period {
            Period::Few(facts) => few.extend_from_slice(facts),
            Period::Many(sums) => {
                if let Some(slot) = slot.and_then(|slot| slots.get_mut(slot)) {
                    sums.add_to(slot);
                }
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
        left
    }
}

impl Periods {
    /// The facts of a scope that are in force, by the period of each day.
    fn of(chunks: &Chunks, scope: Scope, mut period_of: impl FnMut(i32) -> i32) -> Self {
        let mut periods: HashMap<i32, Building> = HashMap::new();
        chunks.each_of(scope, |from, fact| {
            let period = periods.entry(period_of(fact.fixed().day)).or_default();
            period.sums.add(&fact);
            if period.few.len() <= FEW {
                period.few.push(from);
            }
        });
        let mut periods: Vec<_> = periods.into_iter().collect();
        periods.sort_unstable_by_key(|(number, _)| *number);
        // In this order, so that a query reads the sums of consecutive periods from adjacent memory.
        Self(periods.into_iter().map(|(number, built)| (number, built.end())).collect())
    }

    /// The periods of a range.
    fn between(&self, numbers: &RangeInclusive<i32>) -> &[(i32, Period)] {
        let first = self.0.partition_point(|(number, _)| number < numbers.start());
        let of_range = self.0[first..].partition_point(|(number, _)| number <= numbers.end());
        &self.0[first..][..of_range]
    }

    fn period(&mut self, number: i32) -> &mut Period {
        // Its index if no earlier period is missing: it is there or before.
        let first = self.0.first().map_or(number, |(first, _)| *first);
        let guess = usize::try_from(i64::from(number) - i64::from(first)).unwrap_or(0);
        let at = match self.0.get(guess) {
            Some((there, _)) if *there == number => guess,
            _ => self.0[..guess.min(self.0.len())].partition_point(|(other, _)| *other < number),
        };
        if self.0.get(at).is_none_or(|(other, _)| *other != number) {
            self.0.insert(at, (number, Period::Few(Vec::new())));
        }
        &mut self.0[at].1
    }

    /// The combined periods of several scopes with disjoint facts, by the period of each of their days.
    fn merged<'a>(
        chunks: &Chunks,
        several: impl IntoIterator<Item = &'a Self>,
        period_of: impl Fn(i32) -> i32,
    ) -> Self {
        let (mut merged, mut few) = (Self::default(), Vec::new());
        let mut facts: HashMap<i32, usize> = HashMap::new();
        for (day, sums) in several.into_iter().flat_map(|days| &days.0) {
            let period = period_of(*day);
            let of_period = facts.entry(period).or_default();
            match sums {
                Period::Few(positions) => {
                    few.extend_from_slice(positions);
                    *of_period += positions.len();
                }
                Period::Many(sums) => {
                    merged.period(period).sums(chunks).merge(sums);
                    *of_period += FEW + 1;
                }
            }
        }
        // In the order of memory.
        few.sort_unstable();
        chunks.each_in_force(&few, |from, fact| {
            let number = period_of(fact.fixed().day);
            let period = merged.period(number);
            if facts.get(&number).is_some_and(|facts| *facts > FEW) {
                period.sums(chunks).add(&fact);
            } else {
                period.add(chunks, from, &fact);
            }
        });
        merged
    }
}

impl Building {
    fn end(self) -> Period {
        if self.few.len() <= FEW { Period::Few(self.few) } else { Period::Many(Arc::new(self.sums)) }
    }
}

impl Period {
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

    /// The sums of the period, built if it had none.
    fn sums(&mut self, chunks: &Chunks) -> &mut PeriodSums {
        if let Self::Few(facts) = self {
            let mut totals = PeriodSums::default();
            facts.iter().filter_map(|from| chunks.fact((*from).into())).for_each(|fact| totals.add(&fact));
            *self = Self::Many(Arc::new(totals));
        }
        match self {
            Self::Many(totals) => Arc::make_mut(totals),
            Self::Few(_) => unreachable!("the positions were just replaced by sums"),
        }
    }
}
