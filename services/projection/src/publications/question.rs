//! Queries that public callers may make: sums of base cells, nothing else.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use cra_contracts::v1;
use cra_domain::cra::{Fault, Question, Violation, parse_day};
use cra_domain::territory::{self, Department, DepartmentId, TerritoryKind};
use cra_runtime::identity::Scope;
use cra_runtime::rejection::{Rejection, SCOPE_MISSING};
use jiff::civil::Date;
use tonic::Status;

use super::calendar::Month;
use crate::queries::QueryError;
use cra_analytics::dimension::Dimension;
use cra_analytics::order::Order;
use cra_analytics::periods::Periods;
use cra_analytics::public::{Counts, ORDERS};

/// Departments and whole months.
#[derive(Debug)]
pub struct PublicQuestion {
    /// By index.
    departments: Vec<bool>,
    pub(super) months: RangeInclusive<Month>,
}

/// Periods of months, quarters or years.
#[derive(Debug)]
pub struct PublicSeries {
    pub(super) question: PublicQuestion,
    pub(super) periods: Periods,
}

/// Rows by region or department.
#[derive(Debug)]
pub struct PublicBreakdown {
    pub(super) question: PublicQuestion,
    pub(super) by_region: bool,
    pub(super) order_by: OrderBy,
    pub(super) largest_first: bool,
    pub(super) include_empty: bool,
    /// Maximum number of rows of the answer.
    pub(crate) rows_max: usize,
}

/// Sort keys of rows: only shown figures.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrderBy {
    Code,
    Name,
    Figure(fn(&Counts) -> u64),
}

impl PublicQuestion {
    /// Parses a query; months up to `last` are published.
    pub fn parse(
        selection: Option<&v1::Selection>,
        consistency: Option<&v1::Consistency>,
        last: Month,
    ) -> Result<Self, Status> {
        let everything = v1::Selection::default();
        let selection = selection.unwrap_or(&everything);
        let asked = Refuser { last };
        asked.only_cells(selection, consistency)?;
        let mut violations = Vec::new();
        let departments = departments(selection, &mut violations);
        let mut day = |field: &str, text: &str| {
            let day = parse_day(text);
            if day.is_none() && !text.is_empty() {
                violations.push(Violation::new(field, Fault::DateInvalid(text.to_owned())));
            }
            day
        };
        let (from, to) = (day("selection.from", &selection.from), day("selection.to", &selection.to));
        if let Some((from, to)) = from.zip(to).filter(|(from, to)| from > to) {
            let fault = Question::PeriodInverted { from, to };
            violations.push(Violation::new("selection.to", fault));
        }
        if !violations.is_empty() {
            return Err(QueryError::Invalid(violations).into());
        }
        Ok(Self { departments, months: asked.months(from, to)? })
    }

    pub(super) fn counts_department(&self, department: DepartmentId) -> bool {
        self.departments.get(usize::from(department.index())) == Some(&true)
    }

    pub(super) fn departments(&self) -> impl Iterator<Item = DepartmentId> {
        let all = territory::communes().departments().iter().map(Department::id);
        all.filter(|department| self.counts_department(*department))
    }
}

impl PublicSeries {
    /// Parses the query of a series.
    pub fn parse(request: &v1::GetTimeSeriesRequest, last: Month) -> Result<Self, Status> {
        let v1::GetTimeSeriesRequest { selection, granularity, consistency } = request;
        if matches!(request.granularity(), v1::Granularity::Day | v1::Granularity::Week) {
            return Err(Refuser { last }.refused("a series by day or week"));
        }
        let question = PublicQuestion::parse(selection.as_ref(), consistency.as_ref(), last)?;
        let everything = v1::Selection::default();
        let periods = Periods::parse(selection.as_ref().unwrap_or(&everything), *granularity)
            .map_err(QueryError::Invalid)?;
        Ok(Self { question, periods })
    }
}

impl PublicBreakdown {
    /// Parses the query of a breakdown.
    pub fn parse(request: &v1::ListBreakdownRequest, last: Month) -> Result<Self, Status> {
        let v1::ListBreakdownRequest {
            selection,
            dimension,
            order_by,
            page_size,
            page_token,
            consistency,
            include_empty,
        } = request;
        let asked = Refuser { last };
        Dimension::parse("dimension", *dimension).map_err(QueryError::from)?;
        let by_region = match request.dimension() {
            v1::Dimension::Region => true,
            v1::Dimension::Department => false,
            _ => return Err(asked.refused("a breakdown by another dimension")),
        };
        if !page_token.is_empty() {
            return Err(asked.refused("a page token"));
        }
        let (order_by, largest_first) = asked.order(order_by)?;
        let question = PublicQuestion::parse(selection.as_ref(), consistency.as_ref(), last)?;
        let rows_max =
            if *page_size == 0 { usize::MAX } else { usize::try_from(*page_size).unwrap_or(usize::MAX) };
        let include_empty = *include_empty;
        Ok(Self { question, by_region, order_by, largest_first, include_empty, rows_max })
    }
}

/// A query, and the last month that it may include.
struct Refuser {
    last: Month,
}

impl Refuser {
    fn refused(&self, what: &str) -> Status {
        refused(what, Some(self.last))
    }

    /// Refuses what base cells cannot answer.
    fn only_cells(
        &self,
        selection: &v1::Selection,
        consistency: Option<&v1::Consistency>,
    ) -> Result<(), Status> {
        if consistency.is_some_and(|consistency| *consistency != v1::Consistency::default()) {
            return Err(self.refused("a position or time of the log (consistency)"));
        }
        let v1::Selection {
            from: _,
            to: _,
            region_codes: _,
            department_codes: _,
            epci_codes,
            commune_codes,
            postal_codes,
            structure_ids,
            advisor_ids,
            venue_ids,
            channels,
            activities,
            themes,
            sub_themes,
            durations,
            ages,
            statuses,
        } = selection;
        let texts = [epci_codes, commune_codes, postal_codes, structure_ids, advisor_ids, venue_ids];
        let words = [channels, activities, themes, sub_themes, durations, ages, statuses];
        if texts.iter().any(|it| !it.is_empty()) || words.iter().any(|it| !it.is_empty()) {
            return Err(self.refused("another field of the selection"));
        }
        Ok(())
    }

    fn months(&self, from: Option<Date>, to: Option<Date>) -> Result<RangeInclusive<Month>, Status> {
        let is_whole = from.is_none_or(|day| Month::of(day).first_day() == Some(day))
            && to.is_none_or(|day| Month::of(day).last_day() == Some(day));
        if !is_whole {
            return Err(self.refused("a part of a month"));
        }
        let (first, last) = (from.map_or(Month::FIRST, Month::of), to.map_or(self.last, Month::of));
        let published = Month::FIRST..=self.last;
        if !published.contains(&first) || !published.contains(&last) {
            return Err(self.refused("a month that is not published"));
        }
        Ok(first..=last)
    }

    fn order(&self, text: &str) -> Result<(OrderBy, bool), Status> {
        let text = if text.is_empty() { Order::DEFAULT } else { text };
        Order::parse(text).map_err(|violation| Status::from(QueryError::from(violation)))?;
        let (largest_first, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let figure =
            ORDERS.iter().find(|(known, _)| *known == name).map(|(_, figure)| OrderBy::Figure(*figure));
        let order = match name {
            "code" => Some(OrderBy::Code),
            "name" => Some(OrderBy::Name),
            _ => figure,
        };
        order
            .map(|order| (order, largest_first))
            .ok_or_else(|| self.refused("an order by a figure that is not public"))
    }
}

/// The refusal of a query that public callers may not make.
pub(crate) fn refused(what: &str, last: Option<Month>) -> Status {
    let months = last.map_or_else(String::new, |last| format!(" from {} to {last}", Month::FIRST));
    let message = format!(
        "the token grants public figures only, and {what} needs statistics:read; public figures may be asked of the \
         country, of regions or of departments over whole published months{months}: GetStatistics, GetTimeSeries by \
         month, quarter or year, ListBreakdown by region or department, with region_codes, department_codes, from and to"
    );
    Rejection::new(SCOPE_MISSING, message).with("scope", Scope::Statistics.name()).into()
}

/// The departments that every given field contains, by index.
fn departments(selection: &v1::Selection, violations: &mut Vec<Violation>) -> Vec<bool> {
    let communes = territory::communes();
    let mut known = |field: &str, kind, codes: &[String], is_known: &dyn Fn(&str) -> bool| {
        let unknown = codes.iter().enumerate().find(|(_, code)| !is_known(code));
        violations.extend(unknown.map(|(index, code)| {
            Violation::new(
                format!("selection.{field}[{index}]"),
                Question::TerritoryUnknown { kind, found: code.clone() },
            )
        }));
    };
    let is_region = |code: &str| communes.region(code).is_some();
    known("region_codes", TerritoryKind::Region, &selection.region_codes, &is_region);
    let is_department = |code: &str| communes.department(code).is_some();
    known("department_codes", TerritoryKind::Department, &selection.department_codes, &is_department);
    let regions: HashSet<&str> = selection.region_codes.iter().map(String::as_str).collect();
    let departments: HashSet<&str> = selection.department_codes.iter().map(String::as_str).collect();
    let is_asked = |codes: &HashSet<&str>, code: &str| codes.is_empty() || codes.contains(code);
    let all = communes.departments().iter();
    all.map(|it| is_asked(&regions, it.region()) && is_asked(&departments, it.code())).collect()
}
