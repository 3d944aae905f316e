//! Output of `cra watch`: a page that is redrawn in place, or a line per change without a terminal.

use cra_contracts::v1;

use super::frame::{snapshot, title};
use super::statistics;
use super::text::{Tone, instant, left, thousands, toned, width};
use crate::style::Style;

/// Progress of the figures since the watch started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress<'a> {
    pub(crate) first: &'a v1::Statistics,
    pub(crate) now: &'a v1::WatchStatisticsResponse,
}

/// Below this number of lines the snapshot is not shown.
const FIGURES_MIN: usize = 8;

/// Heading of the lines of changes.
pub(crate) fn head(selection: &v1::Selection, style: Style) -> String {
    title("Comptes-rendus d'activité", selection, style)
}

/// The statistics, truncated to `rows` lines: the last line shows the state of the watch, those before it the snapshot.
pub(crate) fn page(
    selection: &v1::Selection,
    progress: Progress<'_>,
    lost: bool,
    rows: usize,
    style: Style,
) -> String {
    let Progress { now, .. } = progress;
    let none = v1::Statistics::default();
    let page = statistics::figures(selection, now.statistics.as_ref().unwrap_or(&none), style);
    let lines: Vec<_> = page.lines().collect();
    let shown = snapshot(now.snapshot.as_ref(), style);
    let taken = 1 + shown.lines().count();
    let (room, shown) = if rows < taken + FIGURES_MIN {
        (rows.saturating_sub(1), "")
    } else {
        (rows - taken, shown.as_str())
    };
    let mut text: String = lines.iter().take(room).map(|line| format!("{line}\n")).collect();
    text += shown;
    let state = if lost { "connexion perdue, nouvel essai" } else { "en direct" };
    let hidden = match lines.len().saturating_sub(room) {
        0 => String::new(),
        _ => " · la suite : cra stats".to_owned(),
    };
    let since = signed(cras(now), progress.first.cras);
    let foot = format!("{state} · {since} CRA depuis le début · Ctrl-C termine{hidden}");
    let tone = if lost { Tone::Bad } else { Tone::Good };
    text += &toned(style, tone, left(&foot, style.columns).trim_end());
    text + "\n"
}

pub(crate) fn line(progress: Progress<'_>, style: Style) -> String {
    let Progress { first, now } = progress;
    let none = v1::Statistics::default();
    let statistics = now.statistics.as_ref().unwrap_or(&none);
    let snapshot = now.snapshot.clone().unwrap_or_default();
    let parts = [
        format!("position {}", thousands(snapshot.position)),
        format!("{} CRA ({})", thousands(statistics.cras), signed(statistics.cras, first.cras)),
        format!("{} accompagnements", thousands(statistics.acts)),
        format!("{} personnes", thousands(statistics.people)),
        instant(snapshot.recorded_at.as_ref()),
    ];
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if width(&line) + width(gap) + width(&part) <= style.columns {
            line += &format!("{gap}{part}");
        }
    }
    line
}

fn cras(answer: &v1::WatchStatisticsResponse) -> u64 {
    answer.statistics.as_ref().map_or(0, |statistics| statistics.cras)
}

/// The difference with its sign; corrections and withdrawals can lower a figure.
fn signed(now: u64, first: u64) -> String {
    if now < first {
        format!("−{}", thousands(first - now))
    } else {
        format!("+{}", thousands(now - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::text::assert_fits;

    fn style(columns: usize) -> Style {
        Style { columns, colour: false }
    }

    fn of(cras: u64) -> v1::Statistics {
        v1::Statistics { cras, acts: cras * 2, people: cras, ..v1::Statistics::default() }
    }

    fn answer(cras: u64) -> v1::WatchStatisticsResponse {
        let snapshot = v1::Snapshot {
            position: cras,
            recorded_at: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
            ..v1::Snapshot::default()
        };
        v1::WatchStatisticsResponse { statistics: Some(of(cras)), snapshot: Some(snapshot) }
    }

    #[test]
    fn a_change_is_a_line_with_the_increase_since_the_start() {
        let (first, now) = (of(1_990), answer(2_001));
        let progress = Progress { first: &first, now: &now };
        let expected = "position 2 001  2 001 CRA (+11)  4 002 accompagnements  2 001 personnes  \
                        1er mars 2024 à 13:00:00 (heure de Paris)";
        assert_eq!(line(progress, style(140)).replace('\u{202f}', " "), expected);
        let more = of(2_002);
        assert!(line(Progress { first: &more, now: &now }, style(120)).contains("(−1)"));
        for columns in [60, 80, 120] {
            assert!(width(&line(progress, style(columns))) <= columns);
        }
    }

    #[test]
    fn the_page_never_has_more_lines_than_the_screen() {
        let (first, now) = (of(1), answer(2));
        let progress = Progress { first: &first, now: &now };
        for rows in [1, 5, 24, 200] {
            for columns in [60, 80, 120] {
                let text = page(&v1::Selection::default(), progress, false, rows, style(columns));
                assert!(text.lines().count() <= rows, "{rows}: {text}");
                assert_fits(&text, columns);
                assert!(text.contains("+1 CRA depuis le début"), "{text}");
                let shows_time = text.contains("(heure de Paris)");
                assert_eq!(shows_time, rows >= 24, "{rows} {columns} {text}");
            }
        }
    }

    #[test]
    fn a_lost_connection_is_shown_on_the_page() {
        let (first, now) = (of(1), answer(2));
        let progress = Progress { first: &first, now: &now };
        let text = page(&v1::Selection::default(), progress, true, 24, style(80));
        assert!(text.contains("connexion perdue"), "{text}");
    }
}
