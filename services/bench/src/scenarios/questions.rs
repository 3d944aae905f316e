//! What is asked: random questions of each kind, always ones that the data can answer.

use std::collections::BTreeSet;

use cra_contracts::v1::{self, Dimension, Granularity, Measure};
use cra_domain::territory;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::generator;
use crate::rows::CraRow;
use cra_sample::draw::Draw;

/// Months of a series.
const MONTHS: i32 = 36;
/// Activities begin some time before the first record.
const FIRST_DAY: Date = Date::constant(2020, 12, 1);
/// What the draws are for.
const PURPOSE: u64 = 64;

/// A kind of question; each is timed on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray)]
pub(crate) enum Kind {
    Country,
    Region,
    Department,
    Commune,
    Structure,
    Advisor,
    /// Any choice of the fields that are no territory and no id.
    Anything,
    /// Every field at once, with what some CRA says.
    EveryField,
    Months,
    Departments,
    CrossTable,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Country => "the country, any period",
            Self::Region => "a region, any period",
            Self::Department => "a department, any period",
            Self::Commune => "a commune, any period",
            Self::Structure => "a structure, any period",
            Self::Advisor => "an advisor, any period",
            Self::Anything => "any selection, country-wide",
            Self::EveryField => "a selection of every field",
            Self::Months => "36 months, any selection, country-wide",
            Self::Departments => "breakdown by department, any selection",
            Self::CrossTable => "themes by ages, any selection, country-wide",
        }
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Statistics(v1::Selection),
    Months(v1::Selection),
    Departments(v1::Selection),
    CrossTable(v1::Selection),
}

impl Question {
    pub(crate) fn statistics(selection: &v1::Selection) -> v1::GetStatisticsRequest {
        v1::GetStatisticsRequest { selection: Some(selection.clone()), consistency: None }
    }

    pub(crate) fn months(selection: &v1::Selection) -> v1::GetTimeSeriesRequest {
        v1::GetTimeSeriesRequest {
            selection: Some(selection.clone()),
            granularity: Granularity::Month.into(),
            consistency: None,
        }
    }

    pub(crate) fn departments(selection: &v1::Selection) -> v1::ListBreakdownRequest {
        v1::ListBreakdownRequest {
            selection: Some(selection.clone()),
            dimension: Dimension::Department.into(),
            // All of them.
            page_size: 200,
            ..v1::ListBreakdownRequest::default()
        }
    }

    pub(crate) fn cross_table(selection: &v1::Selection) -> v1::GetCrossTableRequest {
        v1::GetCrossTableRequest {
            selection: Some(selection.clone()),
            rows: Dimension::Theme.into(),
            columns: Dimension::Age.into(),
            measure: Measure::Acts.into(),
            consistency: None,
        }
    }
}

/// Draws questions about some data.
pub(crate) struct Questions<'a> {
    rows: &'a [CraRow],
    communes: Vec<u16>,
    structures: Vec<u16>,
    advisors: Vec<u16>,
    draw: Draw,
}

impl<'a> Questions<'a> {
    /// About rows, at least one.
    pub(crate) fn about(rows: &'a [CraRow], seed: u64) -> Self {
        let distinct = |of: fn(&CraRow) -> u16| {
            rows.iter().map(of).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        Self {
            rows,
            communes: distinct(|row| row.commune),
            structures: distinct(|row| row.structure),
            advisors: distinct(|row| row.advisor),
            draw: Draw::of(seed, PURPOSE, 0),
        }
    }

    /// One more.
    pub(crate) fn draw(&mut self, kind: Kind) -> Question {
        let Self { rows, communes, structures, advisors, draw } = self;
        let period = any_period(draw);
        let commune = |draw: &mut Draw| {
            let index = large_or_small(draw, rows, communes, |row| row.commune);
            &territory::communes().all()[usize::from(index)]
        };
        Question::Statistics(match kind {
            Kind::Country => period,
            Kind::Region => v1::Selection { region_codes: vec![commune(draw).region().to_owned()], ..period },
            Kind::Department => {
                v1::Selection { department_codes: vec![commune(draw).department().to_owned()], ..period }
            }
            Kind::Commune => v1::Selection { commune_codes: vec![commune(draw).code().to_owned()], ..period },
            Kind::Structure => {
                let structure = large_or_small(draw, rows, structures, |row| row.structure);
                v1::Selection { structure_ids: vec![structure_id(structure)], ..period }
            }
            Kind::Advisor => {
                let advisor = large_or_small(draw, rows, advisors, |row| row.advisor);
                v1::Selection { advisor_ids: vec![advisor_id(advisor)], ..period }
            }
            Kind::Anything => anything(draw),
            Kind::EveryField => {
                let row = *draw.one_of(rows);
                every_field(draw, &row)
            }
            Kind::Months => return Question::Months(anything_in_months(draw)),
            Kind::Departments => return Question::Departments(anything(draw)),
            Kind::CrossTable => return Question::CrossTable(anything(draw)),
        })
    }
}

/// One that many CRAs have, or any.
fn large_or_small(draw: &mut Draw, rows: &[CraRow], all: &[u16], of: fn(&CraRow) -> u16) -> u16 {
    if draw.chance(500) { of(draw.one_of(rows)) } else { *draw.one_of(all) }
}

fn structure_id(number: u16) -> String {
    format!("structure-{number:04}")
}

fn advisor_id(number: u16) -> String {
    format!("conseiller-{number:04}")
}

/// Between two days of the data's years, or at any time.
fn any_period(draw: &mut Draw) -> v1::Selection {
    if draw.chance(250) {
        return v1::Selection::default();
    }
    let mut days = [random_day(draw), random_day(draw)];
    days.sort_unstable();
    let [from, to] = days.map(|day| day.to_string());
    v1::Selection { from, to, ..v1::Selection::default() }
}

fn random_day(draw: &mut Draw) -> Date {
    let since_the_first = i64::try_from(draw.below(generator::DAYS)).unwrap_or_default();
    FIRST_DAY.saturating_add(since_the_first.days())
}

/// Each field that is no territory and no id, or not, with some of its values.
fn anything(draw: &mut Draw) -> v1::Selection {
    let period = any_period(draw);
    let open: Vec<_> = Theme::ALL.iter().copied().filter(|theme| theme.term().open).collect();
    v1::Selection {
        channels: some_of(draw, Channel::ALL, 3),
        activities: some_of(draw, Activity::ALL, 2),
        themes: some_of(draw, &open, 8),
        sub_themes: if draw.chance(200) { some_of(draw, SubTheme::ALL, 6) } else { Vec::new() },
        durations: some_of(draw, DurationBucket::ALL, 4),
        ages: some_of(draw, AgeBand::ALL, 3),
        statuses: some_of(draw, Status::ALL, 3),
        ..period
    }
}

fn anything_in_months(draw: &mut Draw) -> v1::Selection {
    let to = FIRST_DAY.saturating_add((MONTHS + 12).months()).first_of_month();
    let to = to.saturating_sub((1 + i32::from(draw.chance(500)) * 31).days()).last_of_month();
    let from = to.first_of_month().saturating_sub((MONTHS - 1).months());
    v1::Selection { from: from.to_string(), to: to.to_string(), ..anything(draw) }
}

/// Up to so many values of a list, or none of them, which restricts nothing.
fn some_of<W: Word>(draw: &mut Draw, list: &[W], most: u32) -> Vec<i32> {
    if draw.chance(400) {
        return Vec::new();
    }
    let count = draw.between(1, most);
    let numbers: BTreeSet<_> = (0..count).map(|_| draw.one_of(list).number()).collect();
    numbers.into_iter().collect()
}

/// Every field of one CRA, with a second value where the field is a list.
fn every_field(draw: &mut Draw, row: &CraRow) -> v1::Selection {
    let commune = &territory::communes().all()[usize::from(row.commune)];
    let period = any_period(draw);
    let with_another = |draw: &mut Draw, number: u8, count: u32| {
        let numbers = BTreeSet::from([i32::from(number), i32::try_from(draw.between(1, count)).unwrap_or(1)]);
        numbers.into_iter().collect::<Vec<_>>()
    };
    let present = |counts: &[u8; 5]| {
        let present = (1..).zip(counts).filter(|(_, people)| **people > 0).map(|(number, _)| number);
        present.collect::<Vec<i32>>()
    };
    let chosen = |bits: u32| (1..32).filter(|number| bits >> number & 1 == 1).collect::<Vec<i32>>();
    let postal_code = (row.postal_code > 0).then(|| format!("{:05}", row.postal_code));
    let venue = (row.venue > 0).then(|| format!("lieu-{:04}-{}", row.advisor, row.venue));
    v1::Selection {
        region_codes: vec![commune.region().to_owned()],
        department_codes: vec![commune.department().to_owned()],
        epci_codes: commune.epci().map(str::to_owned).into_iter().collect(),
        commune_codes: vec![commune.code().to_owned()],
        postal_codes: postal_code.into_iter().collect(),
        structure_ids: vec![structure_id(row.structure)],
        advisor_ids: vec![advisor_id(row.advisor)],
        venue_ids: venue.into_iter().collect(),
        channels: with_another(draw, row.channel, 4),
        activities: with_another(draw, row.activity, 3),
        themes: chosen(row.themes),
        sub_themes: chosen(row.sub_themes.into()),
        durations: with_another(draw, row.duration, 5),
        ages: present(&row.ages),
        statuses: present(&row.statuses),
        ..period
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Generator;
    use crate::rows::rows_in_force;

    fn selection(question: &Question) -> &v1::Selection {
        match question {
            Question::Statistics(selection)
            | Question::Months(selection)
            | Question::Departments(selection)
            | Question::CrossTable(selection) => selection,
        }
    }

    #[test]
    fn a_series_is_36_whole_months() {
        let mut draw = Draw::of(1, PURPOSE, 1);
        for _ in 0..20 {
            let selection = anything_in_months(&mut draw);
            let [from, to]: [Date; 2] = [&selection.from, &selection.to].map(|day| day.parse().unwrap());
            assert_eq!((from, to), (from.first_of_month(), to.last_of_month()));
            let months = (i32::from(to.year()) - i32::from(from.year())) * 12 + i32::from(to.month())
                - i32::from(from.month());
            assert_eq!(months + 1, MONTHS);
        }
    }

    #[test]
    fn the_same_seed_asks_the_same() {
        let rows = rows_in_force(&Generator::new(1, 1_000));
        let asked = |seed| {
            let mut questions = Questions::about(&rows, seed);
            (0..5).map(|_| selection(&questions.draw(Kind::Anything)).clone()).collect::<Vec<_>>()
        };
        assert_eq!(asked(1), asked(1));
        assert_ne!(asked(1), asked(2));
    }
}
