//! Which facts of a segment a question counts: a mask for each group of 64, the cheapest and most selective conditions first.

use super::bits::{WORD_BITS, places};
use super::block::AsOf;
use super::segment::{InForce, Segment};
use crate::code_set::CodeSet;
use crate::filter::Filter;
use crate::packed_fact::column_form::{code, flag, number};
use crate::packed_fact::{FactRef, STATUS_LINES, SUB_THEMES_FROM};

/// A filter at a segment.
pub(super) struct Selector<'a> {
    segment: &'a Segment,
    filter: &'a Filter,
    in_force: InForce<'a>,
    /// Whether some days of the segment are outside those asked for.
    is_dated: bool,
    /// The facts whose numbers are not in the slices, by group; few.
    wide: Vec<(usize, u64)>,
}

impl<'a> Selector<'a> {
    /// `None` where no day of the segment is asked for.
    pub(super) fn new(segment: &'a Segment, filter: &'a Filter, as_of: AsOf) -> Option<Self> {
        let (first, last) = segment.days()?;
        let days = filter.days();
        if last < *days.start() || *days.end() < first {
            return None;
        }
        let mut wide: Vec<(usize, u64)> = Vec::new();
        for place in segment.overflows().wide().map(usize::from) {
            let (group, bit) = (place / WORD_BITS, 1 << (place % WORD_BITS));
            match wide.last_mut() {
                Some((last, bits)) if *last == group => *bits |= bit,
                _ => wide.push((group, bit)),
            }
        }
        let is_dated = !(days.contains(&first) && days.contains(&last));
        Some(Self { segment, filter, in_force: segment.in_force(as_of), is_dated, wide })
    }

    /// The facts of a group that count, but for those of [`Selector::wide`].
    #[inline]
    pub(super) fn group(&self, number: usize) -> u64 {
        let mut facts = self.in_force.group(number);
        if !self.wide.is_empty()
            && let Ok(at) = self.wide.binary_search_by_key(&number, |(group, _)| *group)
        {
            facts &= !self.wide[at].1;
        }
        if facts != 0 {
            facts = self.with_slices(number, facts);
        }
        if facts != 0 { self.with_codes(number, facts) } else { 0 }
    }

    /// The facts that count and whose numbers are not in the slices: to be looked at one by one.
    pub(super) fn wide(&self) -> impl Iterator<Item = (usize, u64)> {
        self.wide.iter().map(|(group, facts)| {
            let mut facts = *facts & self.in_force.group(*group);
            let mut left = 0;
            self.segment.read(*group, facts, |place, fact| {
                if self.filter.matches(&fact) {
                    left |= 1 << (place % WORD_BITS);
                }
            });
            facts &= left;
            (*group, facts)
        })
    }

    fn with_slices(&self, group: usize, mut facts: u64) -> u64 {
        let (filter, group) = (self.filter, self.segment.group(group));
        let lists = [
            (filter.channels, number::CHANNEL),
            (filter.activities, number::ACTIVITY),
            (filter.durations, number::KIND),
        ];
        for (words, number) in lists {
            if let Some(words) = words {
                facts &= places(words.into()).fold(0, |any, word| any | group.equal(number, word));
            }
        }
        for (topics, first) in [(filter.themes, 0), (filter.sub_themes, SUB_THEMES_FROM)] {
            if let Some(topics) = topics {
                let topic = |topic| group.flag(flag::TOPICS + first + topic);
                facts &= places(topics.into()).fold(0, |any, it| any | topic(it));
            }
        }
        for (lines, first) in [(filter.ages, 0), (filter.statuses, STATUS_LINES)] {
            if let Some(lines) = lines {
                let people = |line| group.has(number::PEOPLE + first + line);
                facts &= places(lines.into()).fold(0, |any, line| any | people(line));
            }
        }
        facts
    }

    fn with_codes(&self, group: usize, mut facts: u64) -> u64 {
        let Filter { communes, postal_codes, structures, advisors, venues, .. } = self.filter;
        let code = |code, bit| self.segment.code(code, group * WORD_BITS + bit);
        if self.is_dated {
            let days = self.filter.days();
            facts = keep(facts, |bit| days.contains(&self.segment.day(group * WORD_BITS + bit)));
        }
        if let Some(flags) = communes {
            let is_asked =
                |commune: i64| usize::try_from(commune).is_ok_and(|at| flags.get(at) == Some(&true));
            facts = keep(facts, |bit| is_asked(code(code::COMMUNE, bit)));
        }
        if let Some(codes) = structures {
            facts = keep(facts, |bit| has(codes, code(code::STRUCTURE, bit)));
        }
        if let Some(codes) = advisors {
            facts = keep(facts, |bit| has(codes, code(code::ADVISOR, bit)));
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
    /// Gives every fact that a filter counts, by the offset of its position.
    pub(super) fn each<'a>(&'a self, as_of: AsOf, filter: &Filter, mut take: impl FnMut(usize, FactRef<'a>)) {
        let Some(selector) = Selector::new(self, filter, as_of) else {
            return;
        };
        let in_slices = (0..self.groups()).map(|group| (group, selector.group(group)));
        for (group, facts) in in_slices.chain(selector.wide()).filter(|(_, facts)| *facts != 0) {
            self.read(group, facts, |place, fact| take(self.offset(place), fact));
        }
    }
}

#[inline]
fn keep(facts: u64, is_asked: impl Fn(usize) -> bool) -> u64 {
    places(facts).filter(|bit| is_asked(*bit)).fold(0, |kept, bit| kept | 1 << bit)
}

#[inline]
fn has(codes: &CodeSet, code: i64) -> bool {
    u32::try_from(code).is_ok_and(|code| codes.contains(code))
}
