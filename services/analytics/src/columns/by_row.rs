//! Counts by the rows of a dimension.

use cra_contracts::v1;

use super::gather::{Sink, put};
use super::sealed::SortKey;
use super::segment::Segment;
use super::slices::Group;
use crate::accumulator::Accumulator;
use crate::bits::{WORD_BITS, places};
use crate::dimension::{Dimension, Row, Source};
use crate::packed_fact::FactRef;
use crate::packed_fact::column_form::{code, flag, number};
use crate::rows::Rows;

impl Sink for Rows {
    type Key = Row;

    fn split(&self, segment: &Segment, group: usize, facts: u64, take: impl FnMut(Row, u64)) {
        split(self.dimension(), segment, group, facts, take);
    }

    fn add(&mut self, fact: &FactRef<'_>) {
        Self::add(self, fact);
    }

    fn counts(&mut self, row: Row, segment: &Segment, group: usize, facts: u64) -> &mut Accumulator {
        let of_row = self.row(row);
        for place in places(facts).map(|bit| group * WORD_BITS + bit) {
            of_row.last_day = of_row.last_day.max(segment.day(place));
            of_row.last_recorded_at = of_row.last_recorded_at.max(segment.code(code::RECORDED_AT, place));
        }
        &mut of_row.totals
    }
}

/// Calls a function for every row that some facts of a group belong to, once per row, with these facts.
pub(super) fn split(
    dimension: Dimension,
    segment: &Segment,
    group: usize,
    facts: u64,
    mut take: impl FnMut(Row, u64),
) {
    match dimension.source() {
        Source::Codes if sort_key(dimension).is_some_and(|key| segment.is_shared(key, group)) => {
            let place = group * WORD_BITS;
            if let Some(row) = dimension.row_of_codes(|code| segment.code(code, place)) {
                take(row, facts);
            }
        }
        Source::Codes => {
            let mut by_row = Vec::new();
            for bit in places(facts) {
                let place = group * WORD_BITS + bit;
                if let Some(row) = dimension.row_of_codes(|code| segment.code(code, place)) {
                    put(&mut by_row, row, bit);
                }
            }
            for (row, facts) in by_row {
                take(row, facts);
            }
        }
        source => each_line(source, segment.group(group), |line, of_line| {
            if of_line & facts != 0 {
                take(dimension.row_of_line(line), of_line & facts);
            }
        }),
    }
}

/// Calls a function for each line of a source that is not codes, with the facts of a group that belong to it.
pub(super) fn each_line(source: Source, group: Group<'_>, mut take: impl FnMut(usize, u64)) {
    match source {
        Source::Topics(topics) => {
            let first = topics.start;
            topics.for_each(|topic| take(topic - first, group.flag(flag::TOPICS + topic)));
        }
        Source::People(lines) => {
            let first = lines.start;
            lines.for_each(|line| take(line - first, group.has(number::PEOPLE + line)));
        }
        Source::Number(number) => {
            (0..1 << group.number(number).len()).for_each(|line| take(line, group.equal(number, line)));
        }
        Source::Codes => {}
    }
}

/// The sort key that determines the row of a dimension, together with those before it.
fn sort_key(dimension: Dimension) -> Option<SortKey> {
    use v1::Dimension as D;
    match dimension.kind() {
        D::Month => Some(SortKey::Month),
        D::Region | D::Department => Some(SortKey::Department),
        D::Structure => Some(SortKey::Structure),
        D::Advisor => Some(SortKey::Advisor),
        _ => None,
    }
}
