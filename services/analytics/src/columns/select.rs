//! The facts of a segment that a query matches: a mask for each group of 64, with the cheapest and most selective conditions
//! first.

use cra_domain::selection::Bits;

use super::block::AsOf;
use super::sealed::SortKey;
use super::segment::{Groups, Segment};
use crate::bits::{WORD_BITS, lowest, places};
use crate::code_set::CodeSet;
use crate::commune_set::Coverage;
use crate::filter::Filter;
use crate::packed_fact::column_form::{code, flag, number};
use crate::packed_fact::{FactRef, STATUS_LINES, SUB_THEMES_FROM};

/// A filter at a segment.
pub(super) struct Selector<'a> {
    segment: &'a Segment,
    filter: &'a Filter,
    as_of: AsOf,
    /// The facts whose numbers are not in the slices, by group; few.
    wide: Vec<(usize, u64)>,
}

/// A list of codes of a filter, and the sort key of the facts that it is about.
struct Sorted<'a> {
    codes: Option<&'a CodeSet>,
    /// See [`code`].
    code: usize,
    key: SortKey,
    /// The sort key before it: facts that have it in common are sorted by these codes.
    within: SortKey,
}

/// The facts of a group that a filter matches, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Matched {
    /// The facts whose numbers are in the slices.
    pub(super) together: u64,
    /// The few facts with numbers that the slices do not contain.
    pub(super) singly: u64,
}

impl<'a> Selector<'a> {
    /// `None` if no day of the segment is in the filter.
    pub(super) fn new(segment: &'a Segment, filter: &'a Filter, as_of: AsOf) -> Option<Self> {
        let (first, last) = segment.days()?;
        let days = filter.days();
        if last < *days.start() || *days.end() < first {
            return None;
        }
        let mut wide: Vec<(usize, u64)> = Vec::new();
        for place in segment.overflows().wide().map(|place| place as usize) {
            let (group, bit) = (place / WORD_BITS, 1 << (place % WORD_BITS));
            match wide.last_mut() {
                Some((last, bits)) if *last == group => *bits |= bit,
                _ => wide.push((group, bit)),
            }
        }
        Some(Self { segment, filter, as_of, wide })
    }

    /// The facts of a group that match.
    #[inline]
    pub(super) fn group(&self, number: usize) -> Matched {
        let candidates = if self.is_excluded(number) { 0 } else { self.segment.in_force(self.as_of, number) };
        let wide = if self.wide.is_empty() { 0 } else { candidates & self.wide_of(number) };
        let mut together = candidates & !wide;
        if together != 0 {
            together = self.with_slices(number, together);
        }
        if together != 0 {
            together = self.with_codes(number, together);
        }
        Matched { together, singly: if wide == 0 { 0 } else { self.matching_wide(number, wide) } }
    }

    /// Whether the zone map excludes all facts of a group.
    #[inline]
    fn is_excluded(&self, group: usize) -> bool {
        let (days, (first, last)) = (self.filter.days(), self.segment.days_of_group(group));
        last < *days.start()
            || *days.end() < first
            || self.department(group) == Some(Coverage::None)
            || self.sorted().into_iter().any(|Sorted { codes, code, key, .. }| {
                self.segment.is_shared(key, group)
                    && codes.is_some_and(|codes| !has(codes, self.segment.code(code, group * WORD_BITS)))
            })
    }

    /// How many communes are selected of the department of all facts of a group; `None` if there are several departments, or if
    /// no communes are asked for.
    #[inline]
    fn department(&self, group: usize) -> Option<Coverage> {
        let communes = self.filter.communes.as_ref()?;
        let commune = || self.segment.code(code::COMMUNE, group * WORD_BITS);
        self.segment.is_shared(SortKey::Department, group).then(|| communes.department_of(commune()))
    }

    /// The lists of codes that the facts of a segment are sorted by.
    fn sorted(&self) -> [Sorted<'a>; 2] {
        let Filter { structures, advisors, .. } = self.filter;
        [
            Sorted {
                codes: structures.as_ref(),
                code: code::STRUCTURE,
                key: SortKey::Structure,
                within: SortKey::Department,
            },
            Sorted {
                codes: advisors.as_ref(),
                code: code::ADVISOR,
                key: SortKey::Advisor,
                within: SortKey::Structure,
            },
        ]
    }

    fn wide_of(&self, number: usize) -> u64 {
        let found = self.wide.binary_search_by_key(&number, |(group, _)| *group);
        found.map_or(0, |at| self.wide[at].1)
    }

    fn matching_wide(&self, number: usize, wide: u64) -> u64 {
        let mut matching = 0;
        self.segment.read(number, wide, |place, fact| {
            if self.filter.matches(&fact) {
                matching |= 1 << (place % WORD_BITS);
            }
        });
        matching
    }

    fn with_slices(&self, group: usize, mut facts: u64) -> u64 {
        let (filter, group) = (self.filter, self.segment.group(group));
        keep_any(&mut facts, filter.channels, |word| group.equal(number::CHANNEL, word));
        keep_any(&mut facts, filter.activities, |word| group.equal(number::ACTIVITY, word));
        keep_any(&mut facts, filter.durations, |word| group.equal(number::KIND, word));
        keep_any(&mut facts, filter.sub_themes, |topic| group.flag(flag::TOPICS + SUB_THEMES_FROM + topic));
        keep_any(&mut facts, filter.themes, |topic| group.flag(flag::TOPICS + topic));
        keep_any(&mut facts, filter.ages, |line| group.has(number::PEOPLE + line));
        keep_any(&mut facts, filter.statuses, |line| group.has(number::PEOPLE + STATUS_LINES + line));
        facts
    }

    fn with_codes(&self, group: usize, mut facts: u64) -> u64 {
        let Filter { communes, postal_codes, venues, .. } = self.filter;
        let code = |code, bit| self.segment.code(code, group * WORD_BITS + bit);
        let (days, (first, last)) = (self.filter.days(), self.segment.days_of_group(group));
        if !(days.contains(&first) && days.contains(&last)) {
            facts = keep(facts, |bit| days.contains(&self.segment.day(group * WORD_BITS + bit)));
        }
        if let Some(communes) = communes
            && self.department(group) != Some(Coverage::All)
        {
            facts = keep(facts, |bit| communes.contains(code(code::COMMUNE, bit)));
        }
        for Sorted { codes, code: of_facts, key, within } in self.sorted() {
            let Some(codes) = codes.filter(|_| !self.segment.is_shared(key, group)) else {
                continue;
            };
            facts = if self.segment.is_shared(within, group) {
                keep_runs(facts, |bit| code(of_facts, bit), |code| has(codes, code))
            } else {
                keep(facts, |bit| has(codes, code(of_facts, bit)))
            };
        }
        if let Some(codes) = postal_codes {
            facts = keep(facts, |bit| has(codes, code(code::POSTAL_CODE, bit)));
        }
        if let Some(codes) = venues {
            // One more than its code; 0 without one.
            facts = keep(facts, |bit| has(codes, code(code::VENUE, bit) - 1));
        }
        facts
    }
}

impl Segment {
    /// Calls a function for every fact of some groups that a filter matches, with the offset of its position.
    pub(super) fn each<'a>(
        &'a self,
        as_of: AsOf,
        filter: &Filter,
        groups: Groups<'_>,
        mut take: impl FnMut(usize, FactRef<'a>),
    ) {
        self.each_matched(as_of, filter, groups, |group, matched| {
            self.read(group, matched, |place, fact| take(self.offset(place), fact));
        });
    }

    /// As [`Segment::each`], but with the day of activity only, which needs no other column.
    pub(super) fn each_day(
        &self,
        as_of: AsOf,
        filter: &Filter,
        groups: Groups<'_>,
        mut take: impl FnMut(usize, i32),
    ) {
        self.each_matched(as_of, filter, groups, |group, matched| {
            for place in places(matched).map(|bit| group * WORD_BITS + bit) {
                take(self.offset(place), self.day(place));
            }
        });
    }

    fn each_matched(
        &self,
        as_of: AsOf,
        filter: &Filter,
        groups: Groups<'_>,
        mut take: impl FnMut(usize, u64),
    ) {
        let Some(selector) = Selector::new(self, filter, as_of) else {
            return;
        };
        for group in groups {
            let Matched { together, singly } = selector.group(group);
            if together | singly != 0 {
                take(group, together | singly);
            }
        }
    }
}

/// Keeps the facts of any word of a list; all if there is no list.
#[inline]
fn keep_any(facts: &mut u64, words: Bits, of_word: impl Fn(usize) -> u64) {
    // Mostly nothing is left after the first lists, and each of the others would read more memory.
    if let Some(words) = words.filter(|_| *facts != 0) {
        *facts &= places(words.into()).fold(0, |any, word| any | of_word(word));
    }
}

#[inline]
fn keep(facts: u64, is_asked: impl Fn(usize) -> bool) -> u64 {
    places(facts).filter(|bit| is_asked(*bit)).fold(0, |kept, bit| kept | 1 << bit)
}

/// As [`keep`], of facts that are sorted by a code: one test per code, and a search for the next one.
fn keep_runs(facts: u64, code: impl Fn(usize) -> i64, is_asked: impl Fn(i64) -> bool) -> u64 {
    let (mut kept, mut left) = (0, facts);
    while left != 0 {
        let (first, end) = (left.trailing_zeros() as usize, WORD_BITS - left.leading_zeros() as usize);
        let of_first = code(first);
        let (mut of_run, mut after) = (first, end);
        while of_run + 1 < after {
            let middle = usize::midpoint(of_run, after);
            if code(middle) == of_first { of_run = middle } else { after = middle }
        }
        let run = left & lowest(after);
        left &= !run;
        if is_asked(of_first) {
            kept |= run;
        }
    }
    kept
}

#[inline]
fn has(codes: &CodeSet, code: i64) -> bool {
    u32::try_from(code).is_ok_and(|code| codes.contains(code))
}
