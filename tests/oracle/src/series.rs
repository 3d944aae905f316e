//! Figures per period: each day is assigned to its period.

use cra_contracts::v1;
use cra_contracts::v1::Granularity;
use jiff::civil::Date;

use super::figures::figures;
use super::log::Log;
use super::selected;

/// The periods of a selection with both days, in order, each restricted to the selection, including empty ones.
pub fn time_series(
    events: &[v1::CraEvent],
    selection: &v1::Selection,
    granularity: Granularity,
) -> Vec<v1::TimePoint> {
    let log = Log::of(events);
    let selected = selected(&log, selection);
    let mut periods: Vec<(String, Vec<Date>)> = Vec::new();
    let last: Date = selection.to.parse().unwrap();
    let mut day: Date = selection.from.parse().unwrap();
    while day <= last {
        let name = period(day, granularity);
        match periods.last_mut() {
            Some((of, days)) if *of == name => days.push(day),
            _ => periods.push((name, vec![day])),
        }
        day = day.tomorrow().unwrap();
    }
    let point = |(_, days): (String, Vec<Date>)| {
        let (from, to) = (days[0].to_string(), days[days.len() - 1].to_string());
        let within: Vec<_> =
            selected.iter().copied().filter(|s| from <= s.cra.date && s.cra.date <= to).collect();
        v1::TimePoint { from, to, statistics: Some(figures(&within)) }
    };
    periods.into_iter().map(point).collect()
}

/// A name that all days of one period share, and no others.
fn period(day: Date, granularity: Granularity) -> String {
    match granularity {
        Granularity::Unspecified => unreachable!("the granularity is required"),
        Granularity::Day => day.to_string(),
        Granularity::Week => format!("{:?}", (day.iso_week_date().year(), day.iso_week_date().week())),
        Granularity::Month => format!("{}-{}", day.year(), day.month()),
        Granularity::Quarter => format!("{}-{}", day.year(), (day.month() + 2) / 3),
        Granularity::Year => day.year().to_string(),
    }
}
