//! The chart of periods: coordinates of its bars, lines and labels, for the SVG of the template. Horizontal coordinates
//! are in percent, so that the chart fits any width without shrinking its text; vertical ones are in pixels.

use cra_contracts::v1::{self, Granularity};
use cra_domain::cra::parse_day;
use cra_domain::french;
use jiff::civil::Date;

/// Pixels from the top of the picture to the top of the highest bar, and to the baseline.
const TOP: u64 = 22;
const GROUND: u64 = 210;
/// Number of labels below the bars that fit a narrow screen.
const LABELS_MAX: usize = 6;
/// Width of a bar, in percent of its period's width.
const BAR_PERCENT: u64 = 76;

pub(super) struct Chart {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<Line>,
    pub(super) labels: Vec<Label>,
    pub(super) rows: Vec<Row>,
    /// Description of the picture, in one sentence.
    pub(super) summary: String,
}

/// The bar of one period: new people at the bottom, returning people above.
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) width: String,
    pub(super) people: (u64, u64),
    pub(super) returning: (u64, u64),
    pub(super) text: String,
}

/// A line of the scale.
pub(super) struct Line {
    pub(super) y: u64,
    pub(super) text: String,
}

/// A label below the bars.
pub(super) struct Label {
    pub(super) x: String,
    pub(super) text: String,
}

/// One period in the table.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) cras: String,
    pub(super) acts: String,
    pub(super) people: String,
    pub(super) returning: String,
}

/// Computes the chart; `None` if nothing is counted.
pub(super) fn chart(step: Granularity, points: &[v1::TimePoint]) -> Option<Chart> {
    let figures = |point: &v1::TimePoint| point.statistics.clone().unwrap_or_default();
    let acts: Vec<_> = points.iter().map(|point| figures(point).acts).collect();
    let max = acts.iter().copied().max().filter(|max| *max > 0)?;
    let scale = scale(max);
    let height = |count: u64| count * (GROUND - TOP) / scale;
    let count = points.len() as u64;
    let bars = points.iter().zip(0..).map(|(point, index)| {
        let v1::Statistics { acts, people, returning_people, .. } = figures(point);
        let (lower, whole) = (height(people), height(acts));
        Bar {
            x: fraction(2 * 100 * index + (100 - BAR_PERCENT), 2 * count),
            width: fraction(BAR_PERCENT, count),
            people: (GROUND - lower, lower),
            returning: (GROUND - whole, whole.saturating_sub(lower)),
            text: format!(
                "{} : {}, dont {} déjà accompagnées",
                label(step, point, true),
                french::counted(acts, "accompagnement", "accompagnements"),
                french::thousands(returning_people)
            ),
        }
    });
    let every = points.len().div_ceil(LABELS_MAX).max(1);
    let labels = points.iter().zip(0_u64..).step_by(every).map(|(point, index)| Label {
        x: fraction(100 * index + 50, count),
        text: label(step, point, false),
    });
    let lines = (1..=4).map(|part| Line {
        y: GROUND - (GROUND - TOP) * part / 4,
        text: french::thousands(scale * part / 4),
    });
    let highest = points.iter().zip(&acts).find(|(_, acts)| **acts == max);
    let highest = highest.map_or_else(String::new, |(point, _)| label(step, point, true));
    Some(Chart {
        title: title(step).to_owned(),
        bars: bars.collect(),
        lines: lines.collect(),
        labels: labels.collect(),
        rows: points.iter().map(|point| row(step, point)).collect(),
        summary: format!(
            "Accompagnements {}. Le plus haut : {highest}, avec {}.",
            title(step).to_lowercase(),
            french::counted(max, "accompagnement", "accompagnements")
        ),
    })
}

fn row(step: Granularity, point: &v1::TimePoint) -> Row {
    let v1::Statistics { cras, acts, people, returning_people, .. } =
        point.statistics.clone().unwrap_or_default();
    Row {
        label: label(step, point, true),
        cras: french::thousands(cras),
        acts: french::thousands(acts),
        people: french::thousands(people),
        returning: french::thousands(returning_people),
    }
}

/// The smallest round number that is at least the maximum and divisible into four parts.
fn scale(max: u64) -> u64 {
    let mut magnitude = 1_u64;
    loop {
        for steps in [4, 8, 12, 20, 28] {
            let scale = magnitude.saturating_mul(steps);
            if scale >= max {
                return scale;
            }
        }
        magnitude = magnitude.saturating_mul(10);
    }
}

/// A fraction of the width with two decimals; both parameters are in hundredths of it.
fn fraction(part: u64, whole: u64) -> String {
    let hundredths = part * 100 / whole.max(1);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn title(step: Granularity) -> &'static str {
    match step {
        Granularity::Day => "Jour par jour",
        Granularity::Week => "Semaine par semaine",
        Granularity::Quarter => "Trimestre par trimestre",
        Granularity::Year => "Année par année",
        Granularity::Unspecified | Granularity::Month => "Mois par mois",
    }
}

fn label(step: Granularity, point: &v1::TimePoint, is_whole: bool) -> String {
    let Some(day) = parse_day(&point.from) else { return point.from.clone() };
    match (step, is_whole) {
        (Granularity::Day, true) => french::day(day),
        (Granularity::Week, true) => format!("semaine du {}", french::day(day)),
        (Granularity::Day | Granularity::Week, false) => day.strftime("%d/%m").to_string(),
        (Granularity::Quarter, _) => format!("T{} {}", quarter(day), day.year()),
        (Granularity::Year, _) => day.year().to_string(),
        (Granularity::Unspecified | Granularity::Month, true) => french::month(day),
        (Granularity::Unspecified | Granularity::Month, false) => day.strftime("%m/%Y").to_string(),
    }
}

fn quarter(day: Date) -> i8 {
    (day.month() - 1) / 3 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(from: &str, people: u64, returning_people: u64) -> v1::TimePoint {
        let acts = people + returning_people;
        let statistics = Some(v1::Statistics { acts, people, returning_people, ..Default::default() });
        v1::TimePoint { from: from.to_owned(), to: String::new(), statistics }
    }

    #[test]
    fn the_scale_is_round_and_four_parts_divide_it() {
        for (max, expected) in [(1, 4), (5, 8), (9, 12), (21, 28), (29, 40), (101, 120), (4_001, 8_000)] {
            assert_eq!(scale(max), expected, "{max}");
        }
    }

    #[test]
    fn bars_are_stacked_on_the_baseline_and_stay_within_the_picture() {
        let points = [point("2024-01-01", 30, 10), point("2024-02-01", 0, 0), point("2024-03-01", 1, 39)];
        let chart = chart(Granularity::Month, &points).unwrap();
        for bar in &chart.bars {
            assert_eq!(bar.people.0 + bar.people.1, GROUND);
            assert_eq!(bar.returning.0 + bar.returning.1, bar.people.0);
            assert!(bar.returning.0 >= TOP);
        }
        assert_eq!(chart.bars[0].text, "janvier 2024 : 40\u{a0}accompagnements, dont 10 déjà accompagnées");
        assert_eq!(chart.labels.len(), 3);
    }

    #[test]
    fn nothing_counted_is_no_chart() {
        assert!(chart(Granularity::Day, &[point("2024-01-01", 0, 0)]).is_none());
        assert!(chart(Granularity::Day, &[]).is_none());
    }
}
