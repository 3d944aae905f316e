//! Sums per day of the facts in force now, of the country, its regions and departments, and of every commune, structure
//! and advisor that has many facts: a question that asks for such a scope adds days, not facts.

use std::ops::RangeInclusive;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::views::countable::Seen;
use crate::views::day_tally::DayTally;
use crate::views::scope::Scope;

/// Facts, ended ones included, from which on a commune, a structure or an advisor has sums of its own: fewer are counted
/// one by one in less than a millisecond.
pub(super) const ROLLED_UP_FROM: usize = 16_384;

/// Sums per scope and day; copied where they change while somebody holds them.
#[derive(Clone, Default)]
pub(super) struct Rollups(Arc<HashMap<Scope, Arc<Days>>>);

/// Sums per day that has or had facts, by day.
#[derive(Clone, Default)]
pub(super) struct Days(Vec<(i32, Arc<DayTally>)>);

impl Rollups {
    /// The days of a scope; `None` when it has no sums.
    pub(super) fn of(&self, scope: Scope) -> Option<&Days> {
        self.0.get(&scope).map(|days| &**days)
    }

    /// Counts a fact in scopes, which get sums if they have none.
    pub(super) fn add(&mut self, seen: &Seen<'_>, scopes: impl IntoIterator<Item = Scope>) {
        let rollups = Arc::make_mut(&mut self.0);
        for scope in scopes {
            let days = Arc::make_mut(rollups.entry(scope).or_default());
            days.day(seen.fixed().day).add(seen);
        }
    }

    /// Counts a fact no more, in those of the scopes that have sums.
    pub(super) fn remove(&mut self, seen: &Seen<'_>, scopes: impl IntoIterator<Item = Scope>) {
        let rollups = Arc::make_mut(&mut self.0);
        for scope in scopes {
            if let Some(days) = rollups.get_mut(&scope) {
                Arc::make_mut(days).day(seen.fixed().day).remove(seen);
            }
        }
    }
}

impl Days {
    /// The days of a range, in order.
    pub(super) fn within(&self, days: &RangeInclusive<i32>) -> impl Iterator<Item = (i32, &DayTally)> {
        let first = self.0.partition_point(|(day, _)| day < days.start());
        let last = *days.end();
        self.0[first..].iter().take_while(move |(day, _)| *day <= last).map(|(day, tally)| (*day, &**tally))
    }

    fn day(&mut self, day: i32) -> &mut DayTally {
        // Mostly one of the latest.
        let place = self.0.partition_point(|(other, _)| *other < day);
        if self.0.get(place).is_none_or(|(other, _)| *other != day) {
            self.0.insert(place, (day, Arc::default()));
        }
        Arc::make_mut(&mut self.0[place].1)
    }
}
