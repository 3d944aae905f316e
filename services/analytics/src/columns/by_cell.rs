//! Counts by the cells of a cross table: a row and a column of 64 facts are bitmaps, and a cell has the facts of both.

use cra_contracts::v1;
use cra_domain::cra::Duration;
use cra_domain::vocabulary::{DurationBucket, Word as _};

use super::block::AsOf;
use super::by_row::split;
use super::segment::{Groups, Segment};
use super::select::{Matched, Selector};
use super::slices::{Group, greater};
use crate::cells::{Cells, Summed};
use crate::dimension::{Dimension, Row, Source};
use crate::filter::Filter;
use crate::packed_fact::column_form::number;

/// Facts that each count as much as a weight: a sum over facts adds, for each bitmap, its weight times the facts in it.
type Weighted = Vec<(u64, i64)>;

/// One row or column of a group: its facts, and what each of them counts where this axis divides people.
struct Line {
    row: Row,
    facts: u64,
    people: Weighted,
}

impl Segment {
    /// Adds the facts of some groups that a filter matches to the cells.
    pub(super) fn add_cells(&self, as_of: AsOf, filter: &Filter, groups: Groups<'_>, cells: &mut Cells) {
        let Some(selector) = Selector::new(self, filter, as_of) else {
            return;
        };
        let axes = cells.axes();
        for (number, among) in groups {
            let Matched { together, singly } = selector.group(number, among);
            if singly != 0 {
                self.read(number, singly, |_, fact| cells.add(&fact));
            }
            if together == 0 {
                continue;
            }
            let rows = self.lines(axes.rows(), number, together);
            let columns = self.lines(axes.columns(), number, together);
            let of_facts = match axes.summed() {
                Summed::Measure(measure) => weights(measure, self.group(number)),
                Summed::PeopleOfRow | Summed::PeopleOfColumn => Vec::new(),
            };
            for row in &rows {
                for column in &columns {
                    let facts = row.facts & column.facts;
                    let weighted = match axes.summed() {
                        Summed::PeopleOfRow => &row.people,
                        Summed::PeopleOfColumn => &column.people,
                        Summed::Measure(_) => &of_facts,
                    };
                    if facts != 0 {
                        cells.add_sum(row.row, column.row, sum(weighted, facts));
                    }
                }
            }
        }
    }

    /// The rows of a dimension that some facts of a group belong to.
    fn lines(&self, dimension: Dimension, number: usize, facts: u64) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Source::People(people) = dimension.source() {
            let (group, first) = (self.group(number), people.start);
            for line in people {
                let facts = group.has(number::PEOPLE + line) & facts;
                if facts != 0 {
                    let people = bits(group.number(number::PEOPLE + line), u64::MAX).collect();
                    lines.push(Line { row: dimension.row_of_line(line - first), facts, people });
                }
            }
        } else {
            split(dimension, self, number, facts, |row, facts| {
                lines.push(Line { row, facts, people: Vec::new() });
            });
        }
        lines
    }
}

/// What each fact of a group counts in a measure.
fn weights(measure: v1::Measure, group: Group<'_>) -> Weighted {
    let (participants, returning) = (group.number(number::PARTICIPANTS), group.number(number::RETURNING));
    match measure {
        v1::Measure::Unspecified | v1::Measure::Cras => vec![(u64::MAX, 1)],
        v1::Measure::Acts => bits(participants, u64::MAX).collect(),
        v1::Measure::People => {
            // More returning people than participants count as none that came first.
            let first = !greater(returning, participants);
            let returning = bits(returning, first).map(|(facts, weight)| (facts, -weight));
            bits(participants, first).chain(returning).collect()
        }
        v1::Measure::EstimatedMinutes => {
            let of_bucket = |bucket: DurationBucket| group.equal(number::KIND, bucket.index() + 1);
            let exact = of_bucket(DurationBucket::From1To2Hours) | of_bucket(DurationBucket::From2Hours);
            let estimated = [
                (DurationBucket::UpTo30Minutes, Duration::UpTo30Minutes),
                (DurationBucket::From30MinutesTo1Hour, Duration::From30MinutesTo1Hour),
                (DurationBucket::From1HourUnrefined, Duration::OneHourOrMore),
            ];
            let estimated =
                estimated.map(|(bucket, duration)| (of_bucket(bucket), i64::from(duration.estimate())));
            bits(group.number(number::MINUTES), exact).chain(estimated).collect()
        }
    }
}

/// The slices of a number with the weight of each, for some facts.
fn bits(slices: &[u64], facts: u64) -> impl Iterator<Item = (u64, i64)> {
    slices.iter().enumerate().map(move |(bit, slice)| (slice & facts, 1 << bit))
}

fn sum(weighted: &Weighted, facts: u64) -> u64 {
    let sum: i64 =
        weighted.iter().map(|(of_weight, weight)| i64::from((of_weight & facts).count_ones()) * weight).sum();
    // No fact counts less than nothing.
    sum.unsigned_abs()
}
