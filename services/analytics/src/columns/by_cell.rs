//! Counts by the cells of a cross table. The lines of one axis are words of every group; for each line of the other axis, the facts
//! in all of these words are counted at once.

use cra_contracts::v1;
use cra_domain::cra::Duration;
use cra_domain::vocabulary::{DurationBucket, Word as _};
use fearless_simd::{Level, dispatch};
use hashbrown::HashMap;

use super::block::AsOf;
use super::by_row::{each_line, split};
use super::dense::add_slices;
use super::segment::{Groups, Segment};
use super::select::{Matched, Selector};
use super::slices::{Group, greater};
use crate::cells::{Axes, Cells, Summed};
use crate::dimension::{Dimension, Row, Source};
use crate::filter::Filter;
use crate::packed_fact::column_form::number;

/// Row and column of a cell, as far as the outer axis determines them.
type Key = (Option<Row>, Option<Row>);

/// The axes of a cross table, by the way in which they are counted.
struct Crossing {
    axes: Axes,
    /// The axis whose lines are words of every group; `None` if both axes have as many lines as there are codes.
    inner: Option<Inner>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner {
    Rows,
    Columns,
}

/// A word that is counted: the sum of a line adds, for each of its terms, the weight times the facts in the word.
struct Term {
    line: usize,
    weight: i64,
}

/// The counts of a segment: for each outer key, the facts in each term.
struct Counts {
    /// The instructions that the processor has.
    level: Level,
    terms: Vec<Term>,
    /// Where the counts of each key begin.
    keys: HashMap<Key, usize>,
    /// Some of these, because the keys of a group are mostly those of the group before.
    recent: [(Key, usize); RECENT_KEYS],
    facts: Vec<u32>,
}

/// As many as the lines of any list of the form.
const RECENT_KEYS: usize = 32;
/// A key that no fact has.
const NO_KEY: Key = (None, None);

impl Segment {
    /// Adds the facts of some groups that a filter matches to the cells.
    pub(super) fn add_cells(&self, as_of: AsOf, filter: &Filter, groups: Groups<'_>, cells: &mut Cells) {
        let Some(selector) = Selector::new(self, filter, as_of) else {
            return;
        };
        let crossing = Crossing::of(cells.axes());
        let mut counts = Counts::of(&crossing, self.group(0));
        let (mut words, mut of_keys, mut of_counts) = (Vec::new(), Vec::new(), Vec::new());
        for number in groups {
            let Matched { together, singly } = selector.group(number);
            if singly != 0 {
                self.read(number, singly, |_, fact| cells.add(&fact));
            }
            if together == 0 {
                continue;
            }
            words.clear();
            crossing.each_term(self.group(number), |_, _, word| words.push(word));
            of_keys.clear();
            crossing.keys(self, number, together, &mut of_keys);
            of_counts.clear();
            of_counts.extend(of_keys.iter().map(|(key, facts)| (counts.begin(*key), *facts)));
            counts.add(&of_counts, &words);
        }
        counts.carry(&crossing, cells);
    }
}

impl Crossing {
    fn of(axes: Axes) -> Self {
        let has_words = |dimension: Dimension| !matches!(dimension.source(), Source::Codes);
        // People are in words of the group only: an outer axis counts CRAs.
        let inner = match (has_words(axes.rows()), has_words(axes.columns())) {
            (true, false) => Some(Inner::Rows),
            (true, true) if axes.rows().divides_people() => Some(Inner::Rows),
            (_, true) => Some(Inner::Columns),
            (false, false) => None,
        };
        Self { axes, inner }
    }

    fn inner(&self) -> Option<Dimension> {
        self.inner.map(|inner| match inner {
            Inner::Rows => self.axes.rows(),
            Inner::Columns => self.axes.columns(),
        })
    }

    /// Adds every outer key of some facts of a group, once, with its facts.
    fn keys(&self, segment: &Segment, group: usize, facts: u64, keys: &mut Vec<(Key, u64)>) {
        let (rows, columns) = (self.axes.rows(), self.axes.columns());
        match self.inner {
            Some(Inner::Rows) => split(columns, segment, group, facts, |column, facts| {
                keys.push(((None, Some(column)), facts));
            }),
            Some(Inner::Columns) => split(rows, segment, group, facts, |row, facts| {
                keys.push(((Some(row), None), facts));
            }),
            None => split(rows, segment, group, facts, |row, facts| {
                split(columns, segment, group, facts, |column, facts| {
                    keys.push(((Some(row), Some(column)), facts));
                });
            }),
        }
    }

    /// Calls a function for each term of a group: its line, its weight and its word. The groups of a segment have the same terms.
    fn each_term(&self, group: Group<'_>, mut take: impl FnMut(usize, i64, u64)) {
        let measure = match self.axes.summed() {
            Summed::PeopleOfRow | Summed::PeopleOfColumn => None,
            Summed::Measure(measure) => Some(measure),
        };
        let source = self.inner().map(Dimension::source);
        match (measure, source) {
            (_, Some(Source::People(lines))) => {
                let first = lines.start;
                for line in lines {
                    each_bit(group.number(number::PEOPLE + line), u64::MAX, |weight, word| {
                        take(line - first, weight, word);
                    });
                }
            }
            (Some(measure), Some(source)) => {
                // Once per group, because each line has the same.
                let mut weighted = Vec::new();
                each_weight(measure, group, |weight, word| weighted.push((weight, word)));
                each_line(source, group, |line, of_line| {
                    for (weight, word) in &weighted {
                        take(line, *weight, word & of_line);
                    }
                });
            }
            (Some(measure), None) => each_weight(measure, group, |weight, word| take(0, weight, word)),
            (None, _) => unreachable!("an axis that divides people is the inner one"),
        }
    }

    /// The cell of an outer key and a line of the inner axis.
    fn cell(&self, (row, column): Key, line: usize) -> Option<(Row, Row)> {
        let of_line = self.inner().map(|inner| inner.row_of_line(line));
        Some((row.or(of_line)?, column.or(of_line)?))
    }
}

impl Counts {
    /// No counts yet, of a segment with this group.
    fn of(crossing: &Crossing, group: Group<'_>) -> Self {
        let mut terms = Vec::new();
        crossing.each_term(group, |line, weight, _| terms.push(Term { line, weight }));
        let recent = [(NO_KEY, 0); RECENT_KEYS];
        Self { level: Level::new(), terms, keys: HashMap::new(), recent, facts: Vec::new() }
    }

    /// Where the counts of a key begin.
    fn begin(&mut self, key: Key) -> usize {
        let number = |row: Option<Row>| row.map_or(0, Row::number) as usize;
        let place = (number(key.0) + number(key.1)) % RECENT_KEYS;
        if let (recent, begin) = self.recent[place]
            && recent == key
        {
            return begin;
        }
        let begin = *self.keys.entry(key).or_insert(self.facts.len());
        if begin == self.facts.len() {
            self.facts.resize(begin + self.terms.len(), 0);
        }
        self.recent[place] = (key, begin);
        begin
    }

    /// Counts the facts of each key, by where its counts begin, in each word of a group.
    fn add(&mut self, of_counts: &[(usize, u64)], words: &[u64]) {
        let (all, terms) = (&mut self.facts, self.terms.len());
        dispatch!(self.level, _simd => for (begin, facts) in of_counts {
            add_slices(&mut all[*begin..][..terms], words, *facts);
        });
    }

    /// Adds the sums to the cells. A cell without a CRA is left out.
    fn carry(&self, crossing: &Crossing, cells: &mut Cells) {
        for (key, begin) in &self.keys {
            let mut facts = &self.facts[*begin..][..self.terms.len()];
            for terms in self.terms.chunk_by(|term, next| term.line == next.line) {
                let of_line;
                (of_line, facts) = facts.split_at(terms.len());
                let weighted = terms.iter().zip(of_line);
                let sum: i64 = weighted.map(|(term, facts)| term.weight * i64::from(*facts)).sum();
                if of_line.iter().any(|facts| *facts > 0)
                    && let Some((row, column)) = crossing.cell(*key, terms[0].line)
                {
                    // No fact counts less than nothing.
                    cells.add_sum(row, column, sum.unsigned_abs());
                }
            }
        }
    }
}

/// Calls a function for each weight of a measure, with the facts that it counts: every fact is in one of them.
fn each_weight(measure: v1::Measure, group: Group<'_>, mut take: impl FnMut(i64, u64)) {
    take(i64::from(matches!(measure, v1::Measure::Unspecified | v1::Measure::Cras)), u64::MAX);
    let (participants, returning) = (group.number(number::PARTICIPANTS), group.number(number::RETURNING));
    match measure {
        v1::Measure::Unspecified | v1::Measure::Cras => {}
        v1::Measure::Acts => each_bit(participants, u64::MAX, take),
        v1::Measure::People => {
            // More returning people than participants count as none that came first.
            let first = !greater(returning, participants);
            each_bit(participants, first, &mut take);
            each_bit(returning, first, |weight, word| take(-weight, word));
        }
        v1::Measure::EstimatedMinutes => {
            let of_bucket = |bucket: DurationBucket| group.equal(number::KIND, bucket.index() + 1);
            let exact = of_bucket(DurationBucket::From1To2Hours) | of_bucket(DurationBucket::From2Hours);
            each_bit(group.number(number::MINUTES), exact, &mut take);
            for (bucket, duration) in [
                (DurationBucket::UpTo30Minutes, Duration::UpTo30Minutes),
                (DurationBucket::From30MinutesTo1Hour, Duration::From30MinutesTo1Hour),
                (DurationBucket::From1HourUnrefined, Duration::OneHourOrMore),
            ] {
                take(i64::from(duration.estimate()), of_bucket(bucket));
            }
        }
    }
}

/// Calls a function for each slice of a number, with its weight, for some facts.
fn each_bit(slices: &[u64], facts: u64, mut take: impl FnMut(i64, u64)) {
    slices.iter().enumerate().for_each(|(bit, slice)| take(1 << bit, slice & facts));
}
