//! Which counts a reader of the shown numbers must hold possible, who knows every definition and how numbers are drawn.
//!
//! What such a reader knows of a cell:
//! * a shown number leaves the counts less than a base below and above it;
//! * equal counts show the same number, so counts that show different ones differ;
//! * the definitions (domain page, section 4) and the rules of the form (sections 2 and 3): parts add up to their total,
//!   a CRA has at least one theme and one participant, a sub-theme counts within its theme, and so on.
//!
//! The answer is a set of counts per figure. Two readers are thought of: one who knows only what holds for CRAs of every
//! form, and one who knows that all CRAs of the cell are of today's form.
//!
//! The sets are exact for the definitions: they bind four figures (CRAs, acts, workshops, participants of workshops), of
//! which the two counts of CRAs are tried one by one; the others follow by interval arithmetic, which is exact for sums.
//! That counts with different shown numbers differ is brought in where one of them is a part of the other, so that all
//! other parts together are not 0. Between other figures it takes one count at most from one that has others left.

use std::ops::Range;

use super::counts::{
    ACTS, AGES, CHANNELS, CRAS, Counts, DEFAULTED_WORKSHOPS, DURATIONS, FIGURES, FOLLOW_UP, FOLLOW_UP_PARTS,
    INDIVIDUAL, ONE_OFF, PEOPLE, RETURNING, STATUSES, THEMES, WORKSHOP_PARTICIPANTS, WORKSHOPS,
    lines_of_older_forms, theme_lines,
};

/// What a reader may assume about the forms of a cell's CRAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forms {
    /// Any form: 1 to 10,000 participants whatever the activity, open lines, closed themes.
    Any,
    /// Today's form: one participant except in workshops, which have at most 100, and every line filled in.
    Today,
}

impl Forms {
    /// Maximum participants of a workshop.
    fn workshop_max(self) -> u64 {
        match self {
            Self::Any => 10_000,
            Self::Today => 100,
        }
    }

    /// Maximum participants of another activity.
    fn other_max(self) -> u64 {
        match self {
            Self::Any => 10_000,
            Self::Today => 1,
        }
    }
}

/// Figures with too few possible counts; `None` if no cell of these forms shows these numbers.
///
/// For today's forms, the lines of older ones are excluded: they are 0 by definition.
pub(super) fn pinned(shown: &Counts, base: u64, forms: Forms) -> Option<Vec<usize>> {
    let sets = possible(shown, base, forms)?;
    let known_as_zero: Vec<usize> =
        if forms == Forms::Today { lines_of_older_forms().collect() } else { Vec::new() };
    let is_pinned = |figure: &usize| sets.len(*figure) < base && !known_as_zero.contains(figure);
    Some((0..FIGURES).filter(is_pinned).collect())
}

/// The possible counts of every figure; `None` if no cell of these forms shows these numbers.
pub(super) fn possible(shown: &Counts, base: u64, forms: Forms) -> Option<Sets> {
    let mut sets = Sets::new(shown, base);
    Bounds::of(shown, base, forms)?.add_to(&mut sets).then_some(sets)
}

/// A set of counts per figure.
pub(super) struct Sets(Vec<Ranges>);

impl Sets {
    fn new(shown: &Counts, base: u64) -> Self {
        Self(shown.0.iter().map(|shown| Ranges::from(shown.saturating_sub(base - 1), 2 * base)).collect())
    }

    fn add(&mut self, figure: usize, low: u64, high: u64) {
        self.0[figure].add(low, high);
    }

    /// Number of counts of a figure.
    pub(super) fn len(&self, figure: usize) -> u64 {
        self.0[figure].counts().count() as u64
    }
}

/// A union of ranges of adjacent counts.
struct Ranges {
    first: u64,
    /// Per count from the first: number of ranges that begin there, minus those that ended before.
    changes: Vec<i32>,
}

impl Ranges {
    /// No ranges yet, for counts from `first`, fewer than `counts`.
    fn from(first: u64, counts: u64) -> Self {
        Self { first, changes: vec![0; usize::try_from(counts).unwrap_or(usize::MAX)] }
    }

    fn add(&mut self, low: u64, high: u64) {
        if low > high {
            return;
        }
        let index = |count: u64| usize::try_from(count - self.first).unwrap_or(usize::MAX);
        let (from, until) = (index(low), index(high) + 1);
        self.changes[from] += 1;
        self.changes[until] -= 1;
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        let is_in = self.changes.iter().scan(0, |open, change| {
            *open += change;
            Some(*open > 0)
        });
        (self.first..).zip(is_in).filter(|(_, is_in)| *is_in).map(|(count, _)| count)
    }
}

/// A total and its parts.
type Sum = (usize, Range<usize>);

/// Sums of CRAs, except the activities, which constrain the participants too.
const SUMS_OF_CRAS: [Sum; 2] = [(CRAS, CHANNELS), (CRAS, DURATIONS)];
const SUMS_OF_ACTS: [Sum; 3] = [(ACTS, PEOPLE..RETURNING + 1), (ACTS, AGES), (ACTS, STATUSES)];
const SUM_OF_FOLLOW_UP: Sum = (FOLLOW_UP, FOLLOW_UP_PARTS);

/// The range that the shown numbers alone allow for each figure.
struct Bounds<'a> {
    shown: &'a Counts,
    low: [u64; FIGURES],
    high: [u64; FIGURES],
    forms: Forms,
}

impl<'a> Bounds<'a> {
    fn of(shown: &'a Counts, base: u64, forms: Forms) -> Option<Self> {
        let low = shown.0.map(|shown| shown.saturating_sub(base - 1));
        let high = shown.0.map(|shown| shown + base - 1);
        let mut bounds = Self { shown, low, high, forms };
        if forms == Forms::Today {
            for line in lines_of_older_forms() {
                if bounds.low[line] > 0 {
                    return None;
                }
                bounds.high[line] = 0;
            }
        }
        // A theme counts at least as much as each of its sub-themes.
        for (sub_theme, theme) in theme_lines() {
            let least = bounds.low[sub_theme] + bounds.gap(sub_theme, theme);
            bounds.low[theme] = bounds.low[theme].max(least);
        }
        THEMES.into_iter().all(|theme| bounds.low[theme] <= bounds.high[theme]).then_some(bounds)
    }

    /// Minimum difference between a part and its whole: equal counts show the same number.
    fn gap(&self, part: usize, whole: usize) -> u64 {
        u64::from(self.shown.0[part] != self.shown.0[whole])
    }

    /// Maximum of a part of a whole; `None` if it cannot be a part of it.
    fn most(&self, part: usize, whole: usize, count: u64) -> Option<u64> {
        let most = self.high[part].min(count.checked_sub(self.gap(part, whole))?);
        (self.low[part] <= most).then_some(most)
    }

    /// Maximum of each part of a total, if they can add up to it.
    fn split(&self, (total, parts): &Sum, count: u64) -> Option<Vec<u64>> {
        let most: Option<Vec<u64>> = parts.clone().map(|part| self.most(part, *total, count)).collect();
        let least: u64 = self.low[parts.clone()].iter().sum();
        most.filter(|most| (least..=most.iter().sum()).contains(&count))
    }

    /// Adds the counts of its parts that a total allows.
    fn add_split(&self, sum: &Sum, count: u64, sets: &mut Sets) {
        let Some(most) = self.split(sum, count) else { return };
        let (least, all): (u64, u64) = (self.low[sum.1.clone()].iter().sum(), most.iter().sum());
        for (part, most) in sum.1.clone().zip(most) {
            let low = self.low[part].max(count.saturating_sub(all - most));
            sets.add(part, low, most.min(count - (least - self.low[part])));
        }
    }

    /// Counts of a figure that all of these sums allow.
    fn totals(&self, figure: usize, sums: &'a [Sum]) -> impl Iterator<Item = u64> {
        let counts = self.low[figure]..=self.high[figure];
        counts.filter(move |count| sums.iter().all(|sum| self.split(sum, *count).is_some()))
    }

    /// Adds every possible count; returns whether there is one.
    fn add_to(&self, sets: &mut Sets) -> bool {
        let sum_of_follow_up = [SUM_OF_FOLLOW_UP];
        let follow_up: Vec<u64> = self.totals(FOLLOW_UP, &sum_of_follow_up).collect();
        let Some(least_acts) = follow_up.first().map(|count| count + self.gap(FOLLOW_UP, ACTS)) else {
            return false;
        };
        // A range, because each sum allows a range.
        let of_people: Vec<u64> =
            self.totals(ACTS, &SUMS_OF_ACTS).filter(|acts| *acts >= least_acts).collect();
        let Some(acts) = of_people.first().zip(of_people.last()).map(|(first, last)| (*first, *last)) else {
            return false;
        };
        let mut of_acts = Ranges::from(acts.0, acts.1 - acts.0 + 2);
        let mut some = false;
        for cras in self.totals(CRAS, &SUMS_OF_CRAS).filter(|cras| self.themes(*cras).is_some()) {
            let mut leaves_some = false;
            for workshops in self.low[WORKSHOPS]..=self.high[WORKSHOPS].min(cras) {
                if let Some((low, high)) = self.add_activities(cras, workshops, acts, sets) {
                    of_acts.add(low, high);
                    leaves_some = true;
                }
            }
            if leaves_some {
                self.add_cras(cras, sets);
                some = true;
            }
        }
        let mut most_acts = 0;
        for acts in of_acts.counts() {
            sets.add(ACTS, acts, acts);
            for sum in &SUMS_OF_ACTS {
                self.add_split(sum, acts, sets);
            }
            most_acts = acts;
        }
        for count in follow_up.into_iter().filter(|count| count + self.gap(FOLLOW_UP, ACTS) <= most_acts) {
            sets.add(FOLLOW_UP, count, count);
            self.add_split(&SUM_OF_FOLLOW_UP, count, sets);
        }
        some
    }

    /// Maximum of each theme for a number of CRAs, if each can have one.
    fn themes(&self, cras: u64) -> Option<Vec<u64>> {
        let most: Option<Vec<u64>> = THEMES.map(|theme| self.most(theme, CRAS, cras)).collect();
        most.filter(|most| most.iter().sum::<u64>() >= cras)
    }

    /// Adds the counts of activities and participants for a number of CRAs and workshops; returns the possible acts.
    fn add_activities(
        &self,
        cras: u64,
        workshops: u64,
        acts: (u64, u64),
        sets: &mut Sets,
    ) -> Option<(u64, u64)> {
        let [_, individual_most, one_off_most] = self.activities(cras, workshops)?;
        let others = cras - workshops;
        let present = (
            self.low[WORKSHOP_PARTICIPANTS].max(workshops + self.gap(WORKSHOPS, WORKSHOP_PARTICIPANTS)),
            self.high[WORKSHOP_PARTICIPANTS].min(workshops * self.forms.workshop_max()),
        );
        let elsewhere = (others.max(self.gap(WORKSHOP_PARTICIPANTS, ACTS)), others * self.forms.other_max());
        let defaulted_most = self.most(DEFAULTED_WORKSHOPS, WORKSHOPS, workshops)?;
        let acts = (acts.0.max(cras + self.gap(CRAS, ACTS)), acts.1);
        let possible = (acts.0.max(present.0 + elsewhere.0), acts.1.min(present.1 + elsewhere.1));
        if present.0 > present.1 || elsewhere.0 > elsewhere.1 || possible.0 > possible.1 {
            return None;
        }
        sets.add(WORKSHOPS, workshops, workshops);
        let most_present = present.1.min(acts.1 - elsewhere.0);
        sets.add(WORKSHOP_PARTICIPANTS, present.0.max(acts.0.saturating_sub(elsewhere.1)), most_present);
        for (activity, most, other, other_most) in [
            (INDIVIDUAL, individual_most, ONE_OFF, one_off_most),
            (ONE_OFF, one_off_most, INDIVIDUAL, individual_most),
        ] {
            let low = self.low[activity].max(others.saturating_sub(other_most));
            sets.add(activity, low, most.min(others - self.low[other]));
        }
        sets.add(DEFAULTED_WORKSHOPS, self.low[DEFAULTED_WORKSHOPS], defaulted_most);
        Some(possible)
    }

    /// Maximum of each activity, if so many CRAs can include so many workshops.
    fn activities(&self, cras: u64, workshops: u64) -> Option<[u64; 3]> {
        let of = |activity| self.most(activity, CRAS, cras);
        let most = [of(WORKSHOPS)?, of(INDIVIDUAL)?, of(ONE_OFF)?];
        let others = self.low[INDIVIDUAL] + self.low[ONE_OFF]..=most[1] + most[2];
        (workshops <= most[0] && others.contains(&cras.checked_sub(workshops)?)).then_some(most)
    }

    /// Adds the counts of the breakdowns for a number of CRAs.
    fn add_cras(&self, cras: u64, sets: &mut Sets) {
        sets.add(CRAS, cras, cras);
        for sum in &SUMS_OF_CRAS {
            self.add_split(sum, cras, sets);
        }
        let Some(most) = self.themes(cras) else { return };
        let all: u64 = most.iter().sum();
        for (theme, most) in THEMES.zip(&most) {
            sets.add(theme, self.low[theme].max(cras.saturating_sub(all - most)), *most);
        }
        for (sub_theme, theme) in theme_lines() {
            let of_theme = most.get(theme - THEMES.start).copied().unwrap_or_default();
            if let Some(most) = self.most(sub_theme, theme, of_theme) {
                sets.add(sub_theme, self.low[sub_theme], most);
            }
        }
    }
}
