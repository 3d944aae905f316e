//! Counts by the rows of a dimension.

use super::bits::{WORD_BITS, places};
use super::gather::{Sink, put};
use super::segment::Segment;
use crate::accumulator::Accumulator;
use crate::dimension::{Row, Source};
use crate::packed_fact::FactRef;
use crate::packed_fact::column_form::{code, flag, number};
use crate::rows::Rows;

impl Sink for Rows {
    type Key = Row;

    fn split(&self, segment: &Segment, group: usize, facts: u64, mut take: impl FnMut(Row, u64)) {
        let (dimension, slices) = (self.dimension(), segment.group(group));
        let mut line = |line: usize, of_line: u64| {
            if of_line & facts != 0 {
                take(dimension.row_of_line(line), of_line & facts);
            }
        };
        match dimension.source() {
            Source::Topics(topics) => {
                let first = topics.start;
                topics.for_each(|topic| line(topic - first, slices.flag(flag::TOPICS + topic)));
            }
            Source::People(lines) => {
                let first = lines.start;
                lines.for_each(|at| line(at - first, slices.has(number::PEOPLE + at)));
            }
            Source::Number(number) => {
                (0..1 << slices.number(number).len()).for_each(|at| line(at, slices.equal(number, at)));
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
        }
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
