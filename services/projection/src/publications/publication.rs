//! A publication: the shown base cells, and answers as sums of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use cra_contracts::v1;
use cra_domain::collation;
use cra_domain::event::timestamp_message;
use cra_domain::territory::{self, DepartmentId};
use jiff::civil::Date;
use ring::digest;

use super::calendar::{Closing, Month};
use super::cells::Cell;
use super::question::{OrderBy, PublicBreakdown, PublicQuestion, PublicSeries};
use super::source::Source;
use cra_analytics::periods::Period;
use cra_analytics::public::{Base, Counts};

/// Length of the digest at the end of a name, in bytes.
const DIGEST_BYTES: usize = 6;

/// The published figures of the log as of a closing.
#[derive(Debug)]
pub struct Publication {
    closing: Closing,
    source: Source,
    base: Base,
    name: String,
    /// Non-empty cells.
    cells: BTreeMap<Cell, Counts>,
}

impl Publication {
    pub(super) fn new(closing: Closing, source: Source, base: Base, cells: BTreeMap<Cell, Counts>) -> Self {
        let mut content = digest::Context::new(&digest::SHA256);
        content.update(&base.get().to_be_bytes());
        for ((department, month), counts) in &cells {
            content.update(&department.index().to_be_bytes());
            content.update(&month.number().to_be_bytes());
            counts.all().for_each(|count| content.update(&count.to_be_bytes()));
        }
        let mut name = format!("{}_{}_", closing.at.strftime("%Y%m%dT%H%M%SZ"), source.definitions);
        for byte in &content.finish().as_ref()[..DIGEST_BYTES] {
            // Writing to a `String` cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Self { closing, source, base, name, cells }
    }

    /// The closing, the definitions, and a digest of the figures: equal names mean equal figures.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn closing(&self) -> Closing {
        self.closing
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The last published month.
    #[must_use]
    pub fn last_month(&self) -> Month {
        self.closing.month
    }

    /// The snapshot of every answer of this publication.
    #[must_use]
    pub fn snapshot(&self) -> v1::Snapshot {
        v1::Snapshot {
            definitions: self.source.definitions.clone(),
            publication: Some(v1::Publication {
                name: self.name.clone(),
                closed_at: Some(timestamp_message(self.closing.at)),
                from: text(Month::FIRST.first_day()),
                to: text(self.closing.month.last_day()),
            }),
            ..v1::Snapshot::default()
        }
    }

    /// The figures of a query.
    #[must_use]
    pub fn statistics(&self, question: &PublicQuestion) -> v1::Statistics {
        self.sum(question.departments(), &question.months).to_statistics(self.base)
    }

    /// The figures per period of whole months.
    #[must_use]
    pub fn series(&self, series: &PublicSeries) -> Vec<v1::TimePoint> {
        let point = |period: &Period| {
            let months = Month::of(period.from)..=Month::of(period.to);
            let sum = self.sum(series.question.departments(), &months);
            v1::TimePoint {
                from: period.from.to_string(),
                to: period.to.to_string(),
                statistics: Some(sum.to_statistics(self.base)),
            }
        };
        series.periods.all().iter().map(point).collect()
    }

    /// The rows of a query in the requested order: the non-empty ones, or all of them. Their number depends only on
    /// shown figures.
    #[must_use]
    pub fn breakdown(&self, breakdown: &PublicBreakdown) -> Vec<v1::BreakdownRow> {
        let communes = territory::communes();
        let mut rows: BTreeMap<&str, (&str, Counts)> = BTreeMap::new();
        for department in communes.departments() {
            if !breakdown.question.counts_department(department.id()) {
                continue;
            }
            let (code, label) = if breakdown.by_region {
                let region = communes.region(department.region());
                (department.region(), region.map_or("", |region| region.name()))
            } else {
                (department.code(), department.name())
            };
            let sum = self.sum(std::iter::once(department.id()), &breakdown.question.months);
            rows.entry(code).or_insert((label, Counts::default())).1 += &sum;
        }
        if !breakdown.include_empty {
            rows.retain(|_, (_, counts)| !counts.is_empty());
        }
        let mut rows: Vec<_> = rows.into_iter().collect();
        let largest_first = breakdown.largest_first;
        // Stable: equal rows keep the order of their codes.
        match breakdown.order_by {
            OrderBy::Code if largest_first => rows.reverse(),
            OrderBy::Code => {}
            OrderBy::Name => sort_by_key(&mut rows, largest_first, |(_, (label, _))| collation::key(label)),
            OrderBy::Figure(figure) => {
                sort_by_key(&mut rows, largest_first, |(_, (_, counts))| figure(counts));
            }
        }
        let to_message = |(code, (label, counts)): (&str, (&str, Counts))| v1::BreakdownRow {
            code: code.to_owned(),
            label: label.to_owned(),
            statistics: Some(counts.to_statistics(self.base)),
            ..v1::BreakdownRow::default()
        };
        rows.into_iter().map(to_message).collect()
    }

    fn sum(&self, departments: impl Iterator<Item = DepartmentId>, months: &RangeInclusive<Month>) -> Counts {
        let mut sum = Counts::default();
        for department in departments {
            let cells = (department, *months.start())..=(department, *months.end());
            for (_, counts) in self.cells.range(cells) {
                sum += counts;
            }
        }
        sum
    }
}

fn text(day: Option<Date>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

fn sort_by_key<T, K: Ord>(rows: &mut [T], largest_first: bool, key: impl Fn(&T) -> K) {
    if largest_first {
        rows.sort_by_cached_key(|row| std::cmp::Reverse(key(row)));
    } else {
        rows.sort_by_cached_key(key);
    }
}
