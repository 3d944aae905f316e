//! Dimensions of breakdowns: the rows of a fact, their names, and their natural order. A fact belongs to one row of
//! most dimensions, to one row per theme and sub-theme, and to the row of each age band and status with at least one of
//! its people, as a selection counts it.

mod labels;

use std::ops::Range;

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation};
use cra_domain::territory::{self, Commune};
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

use super::fact::date_of;
use super::filter::Filter;
use super::packed_fact::column_form::{code, number};
use super::packed_fact::{FactRef, PEOPLE_LINES, STATUS_LINES, SUB_THEMES_FROM, bits};

pub use labels::Name;

/// A row of a dimension. Rows of one dimension sort in their natural order, except identifiers, which sort by their
/// text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(u32);

impl Row {
    /// Different for each row of a dimension.
    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

/// The row of missing values: postal codes, EPCI and venues that a CRA does not have. It sorts first.
const NONE: Row = Row(0);

/// What of a fact says which rows it belongs to.
pub(crate) enum Source {
    /// Its topics, by bit.
    Topics(Range<usize>),
    /// Its people, by line.
    People(Range<usize>),
    /// One of its small numbers, which is the line; see [`number`].
    Number(usize),
    /// Its codes.
    Codes,
}

/// Maximum number of months in a list without gaps.
const MONTHS_MAX: usize = 1_200;

/// The dimension of a breakdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension(v1::Dimension);

impl Dimension {
    /// By month of activity.
    pub const MONTH: Self = Self(v1::Dimension::Month);

    /// Parses the contract's number in a field of a request.
    pub fn parse(field: &str, number: i32) -> Result<Self, Violation> {
        let refuse = |fault| Err(Violation::new(field, fault));
        match v1::Dimension::try_from(number) {
            Ok(v1::Dimension::Unspecified) => refuse(Fault::Required("l'axe de répartition")),
            Ok(dimension) => Ok(Self(dimension)),
            Err(_) => refuse(Question::value_unknown(number, v1::Dimension::as_str_name).into()),
        }
    }

    /// The contract's name.
    #[must_use]
    pub fn message(self) -> v1::Dimension {
        self.0
    }

    /// Whether its rows divide the people of a CRA, rather than the CRAs.
    #[must_use]
    pub fn divides_people(self) -> bool {
        matches!(self.0, v1::Dimension::Age | v1::Dimension::Status)
    }

    /// The rows of a list of the form or of the calendar, which is always shown completely; empty if rows are those
    /// that occur.
    #[must_use]
    pub fn short_list(self) -> Vec<Row> {
        use v1::Dimension as D;
        match self.0 {
            D::Channel => open_rows(|_: Channel| true),
            D::Activity => open_rows(|_: Activity| true),
            D::Duration => open_rows(|_: DurationBucket| true),
            D::Theme => open_rows(|_: Theme| true),
            D::SubTheme => open_rows(|_: SubTheme| true),
            D::Age => open_rows(|_: AgeBand| true),
            D::Status => open_rows(|_: Status| true),
            D::Weekday => (1..=7).map(Row).collect(),
            _ => Vec::new(),
        }
    }

    /// Calls a function for each row of a fact, with the number of the fact's people in that row.
    #[inline]
    pub fn each_row(self, fact: &FactRef<'_>, mut take: impl FnMut(Row, u64)) {
        use v1::Dimension as D;
        let people = u64::from(fact.participants());
        match self.0 {
            D::Theme => bits(fact.theme_set()).for_each(|theme| take(line_row::<Theme>(theme + 1), people)),
            D::SubTheme => {
                bits(fact.sub_theme_set()).for_each(|sub| take(line_row::<SubTheme>(sub + 1), people));
            }
            D::Age => each_line::<AgeBand>(&fact.people()[..STATUS_LINES], take),
            D::Status => each_line::<Status>(&fact.people()[STATUS_LINES..], take),
            _ => {
                if let Some(row) = self.only_row(fact) {
                    take(row, people);
                }
            }
        }
    }

    pub(crate) fn kind(self) -> v1::Dimension {
        self.0
    }

    /// The only row of a fact.
    fn only_row(self, fact: &FactRef<'_>) -> Option<Row> {
        match self.source() {
            Source::Codes => self.row_of_codes(|code| fact.fixed().code(code)),
            Source::Number(number) => Some(self.row_of_line(usize::from(fact.fixed().numbers()[number]))),
            Source::Topics(_) | Source::People(_) => None,
        }
    }

    /// The columns that determine the rows of a fact.
    pub(crate) fn source(self) -> Source {
        use v1::Dimension as D;
        match self.0 {
            D::Theme => Source::Topics(0..Theme::ALL.len()),
            D::SubTheme => Source::Topics(SUB_THEMES_FROM..SUB_THEMES_FROM + SubTheme::ALL.len()),
            D::Age => Source::People(0..STATUS_LINES),
            D::Status => Source::People(STATUS_LINES..PEOPLE_LINES),
            D::Channel => Source::Number(number::CHANNEL),
            D::Activity => Source::Number(number::ACTIVITY),
            D::Duration => Source::Number(number::KIND),
            _ => Source::Codes,
        }
    }

    /// The row of a line of the source, counted from 0.
    pub(crate) fn row_of_line(self, line: usize) -> Row {
        use v1::Dimension as D;
        match self.0 {
            D::Theme => line_row::<Theme>(line + 1),
            D::SubTheme => line_row::<SubTheme>(line + 1),
            D::Age => line_row::<AgeBand>(line),
            D::Status => line_row::<Status>(line),
            D::Channel => line_row::<Channel>(line + 1),
            D::Activity => line_row::<Activity>(line + 1),
            _ => line_row::<DurationBucket>(line),
        }
    }

    /// The row of a fact by its codes; see [`code`].
    #[inline]
    pub(crate) fn row_of_codes(self, of: impl Fn(usize) -> i64) -> Option<Row> {
        use v1::Dimension as D;
        let number = |code: usize| u32::try_from(of(code)).unwrap_or(u32::MAX);
        let communes = territory::communes();
        let commune = || u16::try_from(of(code::COMMUNE)).ok().and_then(|index| communes.at(index));
        let date = || i32::try_from(of(code::DAY)).ok().and_then(date_of);
        Some(match self.0 {
            D::Region => Row(u32::from(communes.get(commune()?).region_id().index())),
            D::Department => Row(u32::from(communes.department_of(commune()?).index())),
            D::Epci => epci_row(communes.get(commune()?)),
            D::Commune => Row(number(code::COMMUNE)),
            D::PostalCode => Row(number(code::POSTAL_CODE)),
            D::Structure => Row(number(code::STRUCTURE)),
            D::Advisor => Row(number(code::ADVISOR)),
            // One more than its code, 0 without one: as the row.
            D::Venue => Row(number(code::VENUE)),
            D::Month => month_row(date()?),
            D::Weekday => weekday_row(date()?),
            _ => return None,
        })
    }

    /// The rows that exist even without CRAs, as far as the selection allows them; empty if the dimension is not a
    /// fixed list.
    #[must_use]
    pub fn fixed_rows(self, filter: &Filter) -> Vec<Row> {
        use v1::Dimension as D;
        let communes = territory::communes().all().iter();
        let left = communes.filter(|commune| filter.allows_commune(commune));
        let mut rows: Vec<Row> = match self.0 {
            D::Region => left.map(|commune| Row(u32::from(commune.region_id().index()))).collect(),
            D::Department => left.map(|commune| Row(u32::from(commune.department_id().index()))).collect(),
            D::Epci => left.map(epci_row).filter(|row| *row != NONE).collect(),
            D::Commune => left.map(|commune| Row(u32::from(commune.id().index()))).collect(),
            D::PostalCode => left
                .flat_map(Commune::postal_codes)
                .filter_map(|code| code.parse().ok())
                .filter(|code| filter.leaves_postal_code(*code))
                .map(Row)
                .collect(),
            D::Channel => open_rows(|channel: Channel| filter.leaves_channel(channel)),
            D::Activity => open_rows(|activity: Activity| filter.leaves_activity(activity)),
            D::Duration => open_rows(|bucket: DurationBucket| filter.leaves_duration(bucket)),
            D::Month => months(filter),
            _ => self.short_list(),
        };
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

fn word_row<W: Word>(word: W) -> Row {
    line_row::<W>(word.index() + 1)
}

/// Row of a line of the totals, where 0 is "unspecified": shown last.
fn line_row<W: Word>(line: usize) -> Row {
    let rank = if line == 0 { W::ALL.len() } else { line - 1 };
    Row(u32::try_from(rank).unwrap_or(u32::MAX))
}

fn each_line<W: Word>(people: &[u32], mut take: impl FnMut(Row, u64)) {
    let lines = people.iter().enumerate();
    // Unspecified people come last.
    for (line, people) in lines.clone().skip(1).chain(lines.take(1)).filter(|(_, people)| **people > 0) {
        take(line_row::<W>(line), u64::from(*people));
    }
}

fn open_rows<W: Word>(is_left: impl Fn(W) -> bool) -> Vec<Row> {
    W::ALL.iter().filter(|word| word.term().open && is_left(**word)).map(|word| word_row(*word)).collect()
}

fn epci_row(commune: &Commune) -> Row {
    commune.epci_id().map_or(NONE, |id| Row(u32::from(id.index()) + 1))
}

/// Months since year -9999, so that they sort.
fn month_row(day: Date) -> Row {
    let months = (i32::from(day.year()) + 9_999) * 12 + i32::from(day.month()) - 1;
    Row(months.cast_unsigned())
}

/// Monday is 1 (source: ISO 8601).
fn weekday_row(day: Date) -> Row {
    Row(u32::from(day.weekday().to_monday_one_offset().cast_unsigned()))
}

/// The months of a selection with both days, if they are not too many to list.
fn months(filter: &Filter) -> Vec<Row> {
    let (Some(first), Some(last)) = filter.bounds() else {
        return Vec::new();
    };
    let (Some(first), Some(last)) = (date_of(first), date_of(last)) else {
        return Vec::new();
    };
    (month_row(first).0..=month_row(last).0).take(MONTHS_MAX).map(Row).collect()
}

#[cfg(test)]
mod tests;
